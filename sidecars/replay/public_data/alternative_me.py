"""Stand-in of alternative.me: GET /fng/?limit=N, as on https://api.alternative.me/fng/."""

from sidecars.common.observations import MS_PER_DAY, MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import (
    json_answer,
    value_between,
    whole_number_of,
)

FIRST_DAY_MS = 1_517_443_200_000  # 2018-02-01
CLASSES = (
    (24, "Extreme Fear"),
    (46, "Fear"),
    (54, "Neutral"),
    (75, "Greed"),
    (100, "Extreme Greed"),
)


def _index(request: StandInRequest) -> StandInAnswer:
    today_ms = request.now_ms - request.now_ms % MS_PER_DAY
    known_days = max(0, (today_ms - FIRST_DAY_MS) // MS_PER_DAY + 1)
    asked = whole_number_of(request.query, "limit", 1)
    days = known_days if asked == 0 else min(asked, known_days)
    data = [_day(today_ms - back * MS_PER_DAY) for back in range(days)]
    if data:
        left_ms = today_ms + MS_PER_DAY - request.now_ms
        data[0]["time_until_update"] = str(left_ms // MS_PER_SECOND)
    return json_answer({"name": "Fear and Greed Index", "data": data, "metadata": {"error": None}})


def _day(day_ms: int) -> dict[str, str]:
    value = round(value_between("fear_greed", day_ms, 8.0, 92.0))
    return {
        "value": str(value),
        "value_classification": next(name for top, name in CLASSES if value <= top),
        "timestamp": str(day_ms // MS_PER_SECOND),
    }


STAND_IN = StandIn(key="alternative_me", routes={"/fng/": _index})
