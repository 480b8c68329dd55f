"""Stand-in of Yahoo's charts: GET /v8/finance/chart/{symbol}, bars of 15 minutes and of days.

Bars exist while the market is open, a few of them without a trade (null), and a row off the grid
at the end holds the last trade, as with the real one. Sessions are those of summer (UTC).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sidecars.common.moments import moment_at
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import (
    header_of,
    json_answer,
    value_between,
    whole_number_of,
)

BAR_MS = 15 * MS_PER_MINUTE
LATE_MS = 10 * MS_PER_MINUTE
RANGES_DAYS = {"1d": 1, "5d": 5, "1mo": 30, "3mo": 91, "6mo": 182, "1y": 365, "2y": 730}
VALID_RANGES = [*RANGES_DAYS, "5y", "10y", "ytd", "max"]
EVERY_EMPTY_BAR = 29


@dataclass(frozen=True, slots=True)
class _Market:
    name: str
    kind: str
    exchange: str
    currency: str
    low: float
    high: float
    is_open: Callable[[int], bool]
    day_starts_ms: int


def _minute_of_week(moment_ms: int) -> int:
    moment = moment_at(moment_ms)
    return moment.weekday() * 1440 + moment.hour * 60 + moment.minute


def _around_the_clock(moment_ms: int) -> bool:
    """Sunday 22:00 to Friday 21:00, without the hour from 21:00 to 22:00."""
    minute = _minute_of_week(moment_ms)
    hour = minute // 60 % 24
    return hour != 21 and (minute < 4 * 1440 + 21 * 60 or minute >= 6 * 1440 + 22 * 60)


def _office_hours(moment_ms: int) -> bool:
    """12:20 to 19:00 on weekdays; bars start at 12:15."""
    minute = _minute_of_week(moment_ms)
    return minute < 5 * 1440 and 12 * 60 + 15 <= minute % 1440 < 19 * 60


MARKETS = {
    "ES=F": _Market(
        "E-Mini S&P 500", "FUTURE", "CME", "USD", 5_000.0, 6_000.0, _around_the_clock, 4
    ),
    "DX-Y.NYB": _Market(
        "US Dollar Index", "INDEX", "NYB", "USD", 100.0, 107.0, _around_the_clock, 4
    ),
    "^TNX": _Market(
        "CBOE Interest Rate 10 Year T No", "INDEX", "CGI", "USD", 3.6, 4.7, _office_hours, 12
    ),
}


def _chart(request: StandInRequest) -> StandInAnswer:
    if not header_of(request.headers, "User-Agent").startswith("Mozilla/"):
        return StandInAnswer(body=b"Too Many Requests\r\n", content_type="text/html", status=429)
    symbol = request.match["symbol"]
    market = MARKETS.get(symbol)
    if market is None:
        return _error("Not Found", "No data found, symbol may be delisted", 404)
    interval = request.query.get("interval", "1d")
    if interval not in ("15m", "1d"):
        return _error("Bad Request", f"Invalid input - interval={interval} is not supported.", 422)
    last_trade_ms = _last_trade_ms(market, request.now_ms)
    first_ms, last_ms = _span(request)
    starts = _starts(market, interval, first_ms, min(last_ms, last_trade_ms))
    result = _result(symbol, market, interval, starts, last_trade_ms)
    result["meta"]["range"] = request.query.get("range", "")
    return json_answer({"chart": {"result": [result], "error": None}})


def _error(code: str, description: str, status: int) -> StandInAnswer:
    error = {"code": code, "description": description}
    return json_answer({"chart": {"result": None, "error": error}}, status)


def _span(request: StandInRequest) -> tuple[int, int]:
    if "period1" in request.query:
        now_seconds = request.now_ms // MS_PER_SECOND
        first = whole_number_of(request.query, "period1", now_seconds)
        last = whole_number_of(request.query, "period2", now_seconds)
        return first * MS_PER_SECOND, last * MS_PER_SECOND
    days = RANGES_DAYS.get(request.query.get("range", "1d"), max(RANGES_DAYS.values()))
    return request.now_ms - days * MS_PER_DAY, request.now_ms


def _last_trade_ms(market: _Market, now_ms: int) -> int:
    """The last whole second of trading that the source may show by now."""
    moment_ms = (now_ms - LATE_MS) // MS_PER_SECOND * MS_PER_SECOND
    while not market.is_open(moment_ms):
        moment_ms = moment_ms // MS_PER_MINUTE * MS_PER_MINUTE - MS_PER_SECOND
    return moment_ms


def _starts(market: _Market, interval: str, first_ms: int, last_ms: int) -> list[int]:
    if interval == "15m":
        grid = range(-(-first_ms // BAR_MS) * BAR_MS, last_ms + 1, BAR_MS)
        starts = [start_ms for start_ms in grid if market.is_open(start_ms)]
    else:
        opens_ms = market.day_starts_ms * MS_PER_HOUR
        days = range(
            -(-(first_ms - opens_ms) // MS_PER_DAY), (last_ms - opens_ms) // MS_PER_DAY + 1
        )
        starts = [day * MS_PER_DAY + opens_ms for day in days]
        starts = [start_ms for start_ms in starts if moment_at(start_ms).weekday() < 5]
    return starts


def _result(
    symbol: str, market: _Market, interval: str, starts: list[int], last_trade_ms: int
) -> dict[str, Any]:
    def price(moment_ms: int) -> float:
        return round(value_between(symbol, moment_ms, market.low, market.high), 4)

    def close(start_ms: int) -> float | None:
        if interval == "15m" and start_ms // BAR_MS % EVERY_EMPTY_BAR == 0:
            return None
        length_ms = BAR_MS if interval == "15m" else 17 * MS_PER_HOUR
        return price(min(start_ms + length_ms, last_trade_ms))

    rows = [(start_ms, close(start_ms)) for start_ms in starts]
    if interval == "15m" and rows:
        rows.append((last_trade_ms, price(last_trade_ms)))
    closes = [value for _, value in rows]
    opened = moment_at(last_trade_ms).replace(hour=0, minute=0, second=0, microsecond=0)
    day_start, day_end = int(opened.timestamp()), int((opened + timedelta(days=1)).timestamp())
    period = {"timezone": "EDT", "start": day_start, "end": day_end, "gmtoffset": -14_400}
    meta = {
        "currency": market.currency,
        "symbol": symbol,
        "exchangeName": market.exchange,
        "fullExchangeName": market.exchange,
        "instrumentType": market.kind,
        "firstTradeDate": 969_249_600,
        "regularMarketTime": last_trade_ms // MS_PER_SECOND,
        "hasPrePostMarketData": False,
        "gmtoffset": -14_400,
        "timezone": "EDT",
        "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": price(last_trade_ms),
        "fiftyTwoWeekHigh": market.high,
        "fiftyTwoWeekLow": market.low,
        "regularMarketDayHigh": market.high,
        "regularMarketDayLow": market.low,
        "regularMarketVolume": 0,
        "shortName": market.name,
        "chartPreviousClose": price(last_trade_ms - MS_PER_DAY),
        "previousClose": price(last_trade_ms - MS_PER_DAY),
        "scale": 3,
        "priceHint": 2,
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "dataGranularity": interval,
        "validRanges": VALID_RANGES,
    }
    quote = {"open": closes, "high": closes, "low": closes, "close": closes}
    volume = [None if value is None else 0 for value in closes]
    indicators: dict[str, object] = {"quote": [{**quote, "volume": volume}]}
    if interval == "1d":
        indicators["adjclose"] = [{"adjclose": closes}]
    times = [start_ms // MS_PER_SECOND for start_ms, _ in rows]
    return {"meta": meta, "timestamp": times, "indicators": indicators}


STAND_IN = StandIn(key="yahoo", routes={"/v8/finance/chart/{symbol}": _chart})
