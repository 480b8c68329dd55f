"""What the on-chain adapters check alike."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, Reading
from sidecars.common.settings_file import SettingsError
from sidecars.common.sources import Batch
from sidecars.onchain.exchange_labels import ETHEREUM, exchange_labels
from sidecars.onchain.sources.checks import (
    MOST_TRANSFER_USD,
    DailyReadings,
    checked_amount_usd,
    labels_from,
    merged,
    price_from,
    shown,
)
from sidecars.onchain.token_names import token_of, tokens_of_interest

NOW_MS = 1_722_868_641_000


@given(st.lists(st.tuples(st.integers(-3, 4), st.integers(0, 3)), max_size=8))
def test_a_day_counts_once_at_its_end_and_never_before(days: list[tuple[int, int]]) -> None:
    midnight_ms = NOW_MS - NOW_MS % MS_PER_DAY
    readings = DailyReadings(NOW_MS)
    expected: dict[int, float] = {}
    for day, value in days:
        start_ms = midnight_ms + day * MS_PER_DAY
        readings.take("defi_tvl_usd", start_ms, float(value))
        if day < 0:
            expected.setdefault(start_ms + MS_PER_DAY, float(value))
    told = {each.as_of_ms: each.value for each in readings.batch().readings}
    assert told == expected
    assert all(each.as_of_ms <= NOW_MS for each in readings.batch().readings)
    assert len(readings.rejected) == len([day for day, _ in days if day > 0]) + (
        len([day for day, _ in days if day < 0]) - len(expected)
    )


@given(st.one_of(st.text(max_size=200), st.integers(), st.lists(st.text())))
def test_what_is_shown_is_one_short_line_of_ascii(value: Any) -> None:
    text = shown(value)
    assert text.isascii() and text.isprintable() and len(text) <= 60


def test_amounts_beyond_all_coins_are_refused() -> None:
    assert checked_amount_usd(MOST_TRANSFER_USD) == MOST_TRANSFER_USD
    for amount in (MOST_TRANSFER_USD + 1, Decimal(-1)):
        with pytest.raises(ValueError, match="expected 0 to"):
            checked_amount_usd(amount)


@pytest.mark.parametrize("price", [None, 0, -1.0, float("nan"), float("inf"), True, "60000"])
def test_a_price_that_is_none_is_no_price(price: Any) -> None:
    assert price_from({"btc_price_usd": lambda: price}, "btc_price_usd") is None


def test_a_price_is_asked_for_each_time() -> None:
    prices = iter([60_000, 61_000.5])
    options = {"btc_price_usd": lambda: next(prices)}
    assert [price_from(options, "btc_price_usd") for _ in range(2)] == [60_000.0, 61_000.5]


def test_labels_come_from_the_option(tmp_path: Path) -> None:
    table = exchange_labels()
    assert labels_from({"exchange_labels": table}) is table
    file = tmp_path / "labels.csv"
    address = "0x4e83362442b8d1bec281594cea3050c8eb01311c"
    file.write_text(f"address,label,blockchain\n{address},Mine,ethereum\n", encoding="utf-8")
    assert labels_from({"exchange_labels": str(file)}).label_of(ETHEREUM, address) == "Mine"
    assert labels_from({}).label_of(ETHEREUM, address) is None
    with pytest.raises(SettingsError):
        labels_from({"exchange_labels": str(tmp_path / "absent.csv")})


def test_batches_are_merged_in_order() -> None:
    readings = [Reading("defi_tvl_usd", moment, moment, 1.0) for moment in (1, 2)]
    batches = [Batch((readings[0],), rejected=("a",)), Batch((readings[1],), rejected=("b",))]
    assert merged(batches) == Batch(tuple(readings), (), ("a", "b"))


@pytest.mark.parametrize(
    ("symbol", "token"),
    [("wbtc", "BTC"), ("WETH", "ETH"), ("usdt", "USDT"), ("1inch", "1INCH"), ("xrp", "XRP")],
)
def test_tokens_have_one_name(symbol: str, token: str) -> None:
    assert token_of(symbol) == token


@pytest.mark.parametrize("symbol", ["", "a b", "\u0131nch", "x" * 21, "usd-t"])
def test_what_is_no_symbol_is_no_token(symbol: str) -> None:
    assert token_of(symbol) is None


def test_tokens_of_interest_are_the_assets_and_stablecoins() -> None:
    tokens = tokens_of_interest(("BTC",))
    assert {"BTC", "USDT", "USDC"} <= tokens and "ETH" not in tokens
