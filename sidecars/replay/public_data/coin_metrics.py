"""Stand-in of the Coin Metrics community API v4: /timeseries/asset-metrics.

Shapes as on https://docs.coinmetrics.io/api/v4: values are strings, `time` the start of the day,
pages by next_page_token. Days that are over, from 2019 on.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from sidecars.common.moments import moment_at, ms_of
from sidecars.common.observations import MS_PER_DAY
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import json_answer, value_between, whole_number_of

PATH = "/timeseries/asset-metrics"
FIRST_DAY_MS = ms_of(datetime(2019, 1, 1, tzinfo=UTC))
FLOWS = {"btc": (25_000.0, 60_000.0), "eth": (220_000.0, 620_000.0)}
ADDRESSES = {
    "btc": (620_000.0, 1_050_000.0),
    "eth": (380_000.0, 640_000.0),
    "xrp": (20_000.0, 60_000.0),
    "ltc": (250_000.0, 420_000.0),
    "doge": (50_000.0, 160_000.0),
    "ada": (25_000.0, 70_000.0),
}
PRICES_USD = {"btc": (58_000.0, 72_000.0), "eth": (2_200.0, 3_600.0)}
METRICS = ("FlowInExNtv", "FlowOutExNtv", "AdrActCnt", "PriceUSD")


def _asset_metrics(request: StandInRequest) -> StandInAnswer:
    query = request.query
    assets = [each for each in query.get("assets", "").lower().split(",") if each]
    metrics = [each for each in query.get("metrics", "").split(",") if each]
    unknown = [each for each in assets if each not in ADDRESSES]
    if (unknown or not assets) and query.get("ignore_unsupported_errors") != "true":
        value = ",".join(unknown)
        return _refusal(400, "bad_parameter", f"Bad parameter 'assets'. Value '{value}' is wrong.")
    known = [each for each in assets if each in ADDRESSES]
    lacking = [
        f"'{metric}' with frequency '1d' for asset '{asset}'"
        for asset in known
        for metric in metrics
        if _range_of(asset, metric) is None
    ]
    if lacking and query.get("ignore_forbidden_errors") != "true":
        message = f"Requested metric {lacking[0]} is not available with supplied credentials."
        return _refusal(403, "forbidden", message)
    rows = [
        row
        for asset in known
        for row in _rows(asset, metrics, query.get("start_time", ""), request.now_ms)
    ]
    return _page(request, rows)


def _page(request: StandInRequest, rows: list[dict[str, str]]) -> StandInAnswer:
    size = min(10_000, max(1, whole_number_of(request.query, "page_size", 100)))
    offset_text = request.query.get("next_page_token", "0.0").removeprefix("0.")
    offset = int(offset_text) if offset_text.isdigit() else 0
    answer: dict[str, object] = {"data": rows[offset : offset + size]}
    if offset + size < len(rows):
        token = f"0.{offset + size}"
        asked = "&".join(f"{name}={value}" for name, value in request.query.items())
        answer["next_page_token"] = token
        answer["next_page_url"] = (
            f"https://community-api.coinmetrics.io/v4{PATH}?{asked}&next_page_token={token}"
        )
    return json_answer(answer)


def _rows(asset: str, metrics: list[str], start: str, now_ms: int) -> Iterator[dict[str, str]]:
    first_ms = max(FIRST_DAY_MS, _start_ms(start))
    first_ms = -(-first_ms // MS_PER_DAY) * MS_PER_DAY
    for day_ms in range(first_ms, now_ms - MS_PER_DAY + 1, MS_PER_DAY):
        row = {"asset": asset, "time": f"{moment_at(day_ms):%Y-%m-%dT00:00:00}.000000000Z"}
        for metric in metrics:
            if _range_of(asset, metric) is not None:
                row[metric] = _value(asset, metric, day_ms)
        yield row


def _start_ms(text: str) -> int:
    try:
        return ms_of(datetime.fromisoformat(text[:10]).replace(tzinfo=UTC))
    except ValueError:
        return 0


def _range_of(asset: str, metric: str) -> tuple[float, float] | None:
    if metric not in METRICS:
        return None
    ranges = {"AdrActCnt": ADDRESSES, "PriceUSD": PRICES_USD}.get(metric, FLOWS)
    return ranges.get(asset)


@lru_cache(maxsize=50_000)
def _value(asset: str, metric: str, day_ms: int) -> str:
    low, high = _range_of(asset, metric) or (0.0, 0.0)
    value = value_between(f"{asset} {metric}", day_ms, low, high)
    return str(round(value)) if metric == "AdrActCnt" else f"{value:.8f}"


def _refusal(status: int, kind: str, message: str) -> StandInAnswer:
    return json_answer({"error": {"type": kind, "message": message}}, status)


STAND_IN = StandIn(key="coin_metrics", routes={PATH: _asset_metrics})
