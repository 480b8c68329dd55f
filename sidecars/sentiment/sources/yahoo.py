"""Yahoo Finance charts: S&P 500 futures, the dollar index, the ten-year Treasury yield.

    GET https://query1.finance.yahoo.com/v8/finance/chart/{symbol}?interval=15m&range=5d
    GET .../{symbol}?interval=1d&period1=SECONDS&period2=SECONDS        history

Yahoo documents neither the address nor a limit; the shape is the one that
https://github.com/ranaroussi/yfinance reads. Without the User-Agent of a browser it answers 429.

`timestamp` holds the starts of the bars. A close counts from the end of its bar, that of the bar
which is still forming from `regularMarketTime`, the time of the last trade (exchanges hand their
prices on ten to fifteen minutes late). A close of null is a bar without a trade: no value. A
daily close counts from 00:00 UTC after its day; these markets close before that.

ES=F is the front future: where its contract changes, four times a year, the price steps by the
difference of the contracts. ^TNX is in per cent (4.25), as `us10y_yield_pct` is.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from pydantic import Field

from sidecars.common.fetch import RateLimit
from sidecars.common.observations import MS_PER_DAY, MS_PER_MINUTE, MS_PER_SECOND
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Source, SourceContext, SourceEntry, SourceFacts
from sidecars.sentiment.market_values import (
    AnswerShape,
    BatchBuilder,
    RefusedValueError,
    answer_of,
    ask_each,
    end_of_day_ms,
    moment_of_seconds,
    number,
    shown,
    since,
)

SYMBOLS: Mapping[str, str] = {
    "sp500": "ES=F",
    "dollar_index": "DX-Y.NYB",
    "us10y_yield_pct": "^TNX",
}
BAR_MS = 15 * MS_PER_MINUTE
SESSION_WITHIN_MS = 6 * MS_PER_DAY
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)

FACTS = SourceFacts(
    name="Yahoo Finance",
    series=tuple(SYMBOLS),
    poll_seconds=900.0,
    stale_seconds=75 * 3600.0,  # from Thursday's close over Good Friday to Sunday's opening
    licence="personal use; not a documented API",
    home="https://finance.yahoo.com/",
)


class _Meta(AnswerShape):
    symbol: str
    data_granularity: str = Field(alias="dataGranularity")
    regular_market_time: Any = Field(alias="regularMarketTime")


class _Quote(AnswerShape):
    close: list[Any]


class _Indicators(AnswerShape):
    quote: list[_Quote] = Field(min_length=1)


class _Chart(AnswerShape):
    meta: _Meta
    timestamp: list[Any]
    indicators: _Indicators


class _Charts(AnswerShape):
    result: list[_Chart] = Field(min_length=1)


class _Answer(AnswerShape):
    chart: _Charts


def read_bars(body: bytes, now_ms: int, series: str) -> Batch:
    """Closes of 15 minutes; as of and published at the end of the bar. Raises SourceError."""
    chart = _chart_of(body, series, "15m")
    builder = BatchBuilder(FACTS.name, now_ms)
    last_trade_ms = _last_trade_ms(chart)
    by_moment: dict[int, float] = {}
    for place, (start, close) in enumerate(_closes(chart)):
        with builder.item(f"{SYMBOLS[series]}[{place}]"):
            start_ms = moment_of_seconds(start)
            builder.check_not_future(start_ms)
            end_ms = start_ms + BAR_MS
            as_of_ms = end_ms if end_ms <= last_trade_ms else max(start_ms, last_trade_ms)
            # Of the forming bar and the last trade, which come as two rows, the later one stays.
            by_moment[as_of_ms] = number(close)
    for as_of_ms, value in by_moment.items():
        with builder.item(SYMBOLS[series]):
            builder.add(series, value, as_of_ms)
    return builder.batch()


def read_days(body: bytes, now_ms: int, series: str) -> Batch:
    """Closes of finished days (UTC); as of and published at 00:00 after them.

    Empty where no day is finished yet. Raises SourceError.
    """
    chart = _chart_of(body, series, "1d")
    builder = BatchBuilder(FACTS.name, now_ms)
    done: set[int] = set()
    for place, (start, close) in enumerate(_closes(chart)):
        with builder.item(f"{SYMBOLS[series]}[{place}]"):
            start_ms = moment_of_seconds(start)
            builder.check_not_future(start_ms)
            end_ms = end_of_day_ms(start_ms)
            # A second row of a day is its last trade, perhaps of the next session already.
            if end_ms > now_ms or end_ms in done:
                builder.pass_over()
                continue
            builder.add(series, number(close), end_ms)
            done.add(end_ms)
    return builder.batch()


def _chart_of(body: bytes, series: str, granularity: str) -> _Chart:
    chart = answer_of(_Answer, FACTS.name, body).chart.result[0]
    symbol, meta = SYMBOLS[series], chart.meta
    if meta.symbol != symbol or meta.data_granularity != granularity:
        raise SourceError(
            f"{FACTS.name}: got {shown(meta.symbol)} in steps of {shown(meta.data_granularity)}, "
            f"expected {symbol} in steps of {granularity}",
            "malformed",
        )
    starts, closes = len(chart.timestamp), len(chart.indicators.quote[0].close)
    if starts != closes:
        raise SourceError(
            f"{FACTS.name}: {symbol}: got {starts} times and {closes} closes, expected as many",
            "malformed",
        )
    return chart


def _closes(chart: _Chart) -> list[tuple[object, object]]:
    pairs = zip(chart.timestamp, chart.indicators.quote[0].close, strict=True)
    return [(start, close) for start, close in pairs if close is not None]


def _last_trade_ms(chart: _Chart) -> int:
    try:
        return moment_of_seconds(chart.meta.regular_market_time)
    except RefusedValueError as error:
        where = f"{FACTS.name}: {chart.meta.symbol}: regularMarketTime"
        raise SourceError(f"{where}: {error}", "malformed") from None


class Yahoo:
    """Keeps to Source. A symbol that fails does not take the others along."""

    facts = FACTS

    def __init__(self, context: SourceContext) -> None:
        self._fetcher = context.fetcher

    async def poll(self, now_ms: int) -> Batch:
        """The last five days in bars of 15 minutes."""
        return await ask_each([partial(self._bars, series, now_ms) for series in SYMBOLS])

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Daily closes."""
        each = [partial(self._days, series, since_ms, now_ms) for series in SYMBOLS]
        return await ask_each(each)

    async def _bars(self, series: str, now_ms: int) -> Batch:
        body = await self._fetcher.body(_path(series), {"interval": "15m", "range": "5d"})
        return read_bars(body, now_ms, series)

    async def _days(self, series: str, since_ms: int, now_ms: int) -> Batch:
        query = {
            "interval": "1d",
            # Some days more, so that there is a session in it: without one the answer has no shape.
            "period1": str(max(since_ms - SESSION_WITHIN_MS, 0) // MS_PER_SECOND),
            "period2": str(now_ms // MS_PER_SECOND),
        }
        body = await self._fetcher.body(_path(series), query)
        return since(read_days(body, now_ms, series), since_ms)


def _path(series: str) -> str:
    return f"/v8/finance/chart/{quote(SYMBOLS[series], safe='=')}"


def make(context: SourceContext) -> Source:
    return Yahoo(context)


def headers(_: str | None) -> Mapping[str, str]:
    """A browser's."""
    return {"User-Agent": BROWSER, "Accept": "application/json"}


ENTRY = SourceEntry(
    key="yahoo",
    facts=FACTS,
    base_url="https://query1.finance.yahoo.com",
    limit=RateLimit(requests=10, per_seconds=60.0),
    make=make,
    headers=headers,
)
