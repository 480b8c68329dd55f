"""What is true of everything that an adapter gives, whatever the source sent."""

import math
import re

from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Event, Headline, Transfer, describes_future

ASSET_SERIES = frozenset(
    {
        "social_volume",
        "social_ratio",
        "social_polarity",
        "exchange_inflow_coins",
        "exchange_outflow_coins",
        "active_addresses",
        "price_usd",
        "whales_accumulating",
        "funding_rate_pct",
        "open_interest_usd",
    }
)
MARKET_SERIES = frozenset(
    {
        "fear_greed",
        "btc_dominance_pct",
        "total_market_cap_usd",
        "btc_price_usd",
        "sp500",
        "dollar_index",
        "us10y_yield_pct",
        "stablecoin_supply_usd",
        "defi_tvl_usd",
    }
)
DIRECTIONS = ("to_exchange", "from_exchange", "between_exchanges", "between_wallets")
ASSET = re.compile(r"[A-Z0-9]{1,20}")
LONGEST_LINE = 500


def check_batch(batch: Batch, now_ms: int) -> None:
    """Raises AssertionError with one line that says what is wrong with which item."""
    for reading in batch.readings:
        name, _, asset = reading.series.partition(":")
        known = ASSET.fullmatch(asset) and name in ASSET_SERIES
        assert known or reading.series in MARKET_SERIES, f"unknown series: {reading}"
        assert type(reading.value) is float, f"value: expected a float, got {reading!r}"
        assert math.isfinite(reading.value), f"value: expected a finite number, got {reading}"
        _check_times(reading, reading.as_of_ms, reading.published_ms, now_ms)
    for event in batch.events:
        _check_event(event, now_ms)
    for line in batch.rejected:
        _check_line(line)


def check_error(error: SourceError, key: str | None = None) -> None:
    """One line of bearable length, of a known kind, without the key."""
    assert error.kind in ("unavailable", "limited", "refused", "malformed"), error.kind
    _check_line(str(error))
    assert key is None or key not in str(error), f"shows the key: {error}"


def _check_event(event: Event, now_ms: int) -> None:
    _check_times(event, event.as_of_ms, event.published_ms, now_ms)
    assert isinstance(event.event_id, str) and event.event_id, f"event_id: {event}"
    if isinstance(event, Headline):
        assert math.isfinite(event.reach) and event.reach > 0, f"reach: {event}"
        assert -1 <= event.polarity <= 1, f"polarity: {event}"
        assert list(event.assets) == sorted(set(event.assets)), f"assets: {event}"
    if isinstance(event, Transfer):
        assert math.isfinite(event.amount_usd) and event.amount_usd > 0, f"amount_usd: {event}"
        assert event.direction in DIRECTIONS, f"direction: {event}"


def _check_times(item: object, as_of_ms: int, published_ms: int, now_ms: int) -> None:
    assert type(as_of_ms) is int and type(published_ms) is int, f"times, expected ms: {item}"
    assert published_ms >= as_of_ms, f"published before it is as of: {item}"
    assert as_of_ms > 0, f"as_of_ms: expected a moment after 1970: {item}"
    assert not describes_future(published_ms, now_ms), f"from the future (now {now_ms}): {item}"


def _check_line(line: str) -> None:
    assert line and "\n" not in line and "\r" not in line, f"expected one line: {line[:200]!r}"
    assert len(line) <= LONGEST_LINE, f"expected {LONGEST_LINE} characters at most: {line[:200]!r}"
    line.encode()  # half a surrogate pair can be written to no log
