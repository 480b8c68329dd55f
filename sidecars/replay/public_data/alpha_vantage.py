"""Stand-in of Alpha Vantage: GET /query?function=TREASURY_YIELD, as its documentation shows it."""

from datetime import date, timedelta

from sidecars.common.moments import moment_at
from sidecars.common.observations import MS_PER_HOUR
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import json_answer, value_between

FIRST_DAY = date(2015, 1, 1)
# Days of the year on which there is no value.
CLOSED = frozenset({(1, 1), (6, 19), (7, 4), (12, 25)})
PUBLISHED_HOUR = 21
MATURITIES = {
    "3month": "3-Month",
    "2year": "2-Year",
    "5year": "5-Year",
    "7year": "7-Year",
    "10year": "10-Year",
    "30year": "30-Year",
}


def _query(request: StandInRequest) -> StandInAnswer:
    if not request.query.get("apikey"):
        return json_answer(
            {
                "Error Message": "the parameter apikey is invalid or missing. Please claim your "
                "free API key on (https://www.alphavantage.co/support/#api-key)."
            }
        )
    name = MATURITIES.get(request.query.get("maturity", "10year"))
    asked = (request.query.get("function"), request.query.get("interval", "monthly"))
    if asked != ("TREASURY_YIELD", "daily") or name is None:
        return json_answer(
            {"Error Message": "Invalid API call. Please retry or visit the documentation."}
        )
    return json_answer(
        {
            "name": f"{name} Treasury Constant Maturity Rate",
            "interval": "daily",
            "unit": "percent",
            "data": _days(request.now_ms),
        }
    )


def _days(now_ms: int) -> list[dict[str, str]]:
    """Newest first, weekdays only; a day is there once the next working day has told it."""
    newest = _working_day_before(moment_at(now_ms - PUBLISHED_HOUR * MS_PER_HOUR).date())
    rows: list[dict[str, str]] = []
    for back in range((newest - FIRST_DAY).days + 1):
        day = newest - timedelta(days=back)
        if day.weekday() < 5:
            rows.append({"date": day.isoformat(), "value": _value(day)})
    return rows


def _working_day_before(told_on: date) -> date:
    """The day that was told last: on `told_on` itself, or on the last working day before it."""
    telling = told_on
    while not _is_working(telling):
        telling -= timedelta(days=1)
    day = telling - timedelta(days=1)
    while not _is_working(day):
        day -= timedelta(days=1)
    return day


def _is_working(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in CLOSED


def _value(day: date) -> str:
    if not _is_working(day):
        return "."
    return f"{value_between('us10y_yield_pct', day.toordinal() * 24 * MS_PER_HOUR, 3.6, 4.7):.2f}"


STAND_IN = StandIn(key="alpha_vantage", routes={"/query": _query})
