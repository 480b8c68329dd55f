"""The real ccxt against a local server: settlements in pages, their spans, open interest, lies."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, Observation
from sidecars.common.source_errors import SourceError
from sidecars.confluence import ccxt_exchange
from sidecars.confluence.derivatives import CcxtDerivatives, check_settlements, pct_per_8_hours
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.confluence.local_swaps import LocalSwaps, Settlements, swaps_running

START = 18_200 * MS_PER_DAY
DAYS = 90
END = START + DAYS * MS_PER_DAY
NOW = END + 5_000
SYMBOL = "BTC/USDT:USDT"


def every(hours: int, days: int = DAYS, rate: str = "0.00010000") -> Settlements:
    # Binance's settlements are some milliseconds late.
    steps = days * 24 // hours + 1
    return [(START + step * hours * MS_PER_HOUR + step % 4, rate) for step in range(steps)]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_exchange, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(ccxt_exchange, "LONGEST_WAIT_SECONDS", 0.002)


@pytest.fixture
async def swaps() -> AsyncIterator[LocalSwaps]:
    async with swaps_running(LocalSwaps(every(8))) as server:
        yield server


@pytest.fixture
async def feed(swaps: LocalSwaps) -> AsyncIterator[CcxtDerivatives]:
    made = CcxtDerivatives("binance", SYMBOL, swaps.ccxt_config, 0.5, JumpingClock.at_ms(NOW))
    yield made
    await made.close()


async def test_settlements_come_in_pages_as_per_cent_of_8_hours(
    swaps: LocalSwaps, feed: CcxtDerivatives
) -> None:
    answer = await feed.read(START, END)
    assert [each.as_of_ms for each in answer.observations] == [
        moment for moment, _ in swaps.settlements if moment < END
    ]
    for each in answer.observations:
        assert each == Observation(
            "funding_rate_pct:BTC", each.as_of_ms, each.as_of_ms, 0.01, "binance"
        )
    assert sum(path.endswith("fundingRate") for path in swaps.requests) == 3
    assert not answer.notes


@pytest.mark.parametrize("hours", [4, 1])
async def test_shorter_spans_are_told_per_8_hours_too(
    swaps: LocalSwaps, feed: CcxtDerivatives, hours: int
) -> None:
    swaps.settlements = every(hours, 20)
    answer = await feed.read(START, START + 20 * MS_PER_DAY)
    assert len(answer.observations) == 20 * 24 // hours
    expected = [0.01 * 8 / hours] * len(answer.observations)
    assert [each.value for each in answer.observations] == pytest.approx(expected)


async def test_the_span_of_the_first_that_is_asked_for_is_read_from_the_one_before(
    swaps: LocalSwaps, feed: CcxtDerivatives
) -> None:
    swaps.settlements = every(4, 20)
    since, until = START + 10 * MS_PER_DAY, START + 10 * MS_PER_DAY + MS_PER_HOUR
    (only,) = (await feed.read(since, until)).observations
    assert only.as_of_ms == since
    assert only.value == pytest.approx(0.02)


async def test_a_settlement_that_is_late_is_waited_for(
    swaps: LocalSwaps, feed: CcxtDerivatives
) -> None:
    # Before the close at 00:00 the last one is that of 16:00.
    swaps.settlements = [each for each in every(8) if each[0] < END - 9 * MS_PER_HOUR]
    with pytest.raises(SourceError, match=r"funding: no settlement after .* yet"):
        await feed.read(START, END)


async def test_before_the_listing_there_is_nothing(
    swaps: LocalSwaps, feed: CcxtDerivatives
) -> None:
    swaps.settlements = []
    assert (await feed.read(START, END)).observations == []
    swaps.settlements = every(8)
    early = await feed.read(START - 400 * MS_PER_DAY, END)
    assert len(early.observations) == 3 * DAYS


async def test_open_interest_is_known_from_when_it_came(
    swaps: LocalSwaps, feed: CcxtDerivatives
) -> None:
    swaps.open_interest = [
        {"symbol": "BTCUSDT", "sumOpenInterest": "2.0", "sumOpenInterestValue": value,
         "timestamp": str(moment)}
        for value, moment in (("100.5", END - MS_PER_HOUR), ("101.5", END))
    ]  # fmt: skip
    last = (await feed.read(START, END)).observations[-1]
    assert last == Observation("open_interest_usd:BTC", END, NOW + 1_000, 101.5, "binance")


@pytest.mark.parametrize("status", [503, 400])
async def test_open_interest_that_cannot_be_had_is_a_note(
    swaps: LocalSwaps, feed: CcxtDerivatives, status: int
) -> None:
    def trouble(path: str) -> web.StreamResponse | None:
        wrong = path.endswith("openInterestHist")
        return web.json_response({"code": -1, "msg": "no"}, status=status) if wrong else None

    swaps.trouble = trouble
    answer = await feed.read(START, END)
    assert len(answer.observations) == 3 * DAYS
    assert answer.notes[0].startswith(f"open interest of {SYMBOL}: ")


async def test_what_does_not_pass_is_an_error_of_one_line(
    swaps: LocalSwaps, feed: CcxtDerivatives
) -> None:
    swaps.trouble = lambda path: (
        web.Response(status=503, text="<html>\n</html>") if path.endswith("Rate") else None
    )
    with pytest.raises(SourceError) as caught:
        await feed.read(START, END)
    assert "\n" not in str(caught.value)
    assert swaps.requests.count("/fapi/v1/fundingRate") == ccxt_exchange.ATTEMPTS


async def test_a_symbol_that_there_is_not_is_said() -> None:
    async with swaps_running(LocalSwaps([])) as swaps:
        feed = CcxtDerivatives(
            "binance", "ETH/USDT:USDT", swaps.ccxt_config, 0.5, JumpingClock.at_ms(NOW)
        )
        with pytest.raises(SourceError, match="binance has no market ETH/USDT:USDT"):
            await feed.read(START, END)
        await feed.close()


def test_settings_that_are_not_for_the_exchange_are_refused() -> None:
    with pytest.raises(SourceError, match=r"key 'derivatives.ccxt_config' is not for binance"):
        CcxtDerivatives("binance", SYMBOL, {"options": 5}, 0.5, JumpingClock.at_ms(NOW))


def settled(moment: object = START, rate: object = 0.0001) -> dict[str, Any]:
    return {"timestamp": moment, "fundingRate": rate, "symbol": SYMBOL}


@pytest.mark.parametrize(
    "rows",
    [
        {}, None, "text", [5], [settled(None)], [settled("1")], [settled(True)], [settled(-5)],
        [settled(rate=None)], [settled(rate="0.1")], [settled(rate=float("nan"))],
        [settled(rate=float("inf"))], [settled(rate=0.06)], [settled(rate=-0.06)],
        [settled(NOW + 3_600_000)], [settled(START - 1)], [settled(), settled()],
        [settled(START + 2), settled(START + 1)],
    ],
)  # fmt: skip
def test_lies_are_refused_whole(rows: object) -> None:
    with pytest.raises(SourceError) as caught:
        check_settlements(rows, START, NOW)
    assert caught.value.kind == "malformed"
    assert "\n" not in str(caught.value)


def test_spans_over_a_hole() -> None:
    hours = [0, 4, 8, 28, 32, 40, 48]
    found = pct_per_8_hours([(START + each * MS_PER_HOUR, 0.0001) for each in hours])
    assert [span for _, span, _ in found] == [4, 4, 4, 4, 4, 8, 8]
    assert [rate for _, _, rate in found] == pytest.approx([0.02] * 5 + [0.01] * 2)
    assert pct_per_8_hours([]) == []
    assert [each[:2] for each in pct_per_8_hours([(START, 0.0001)])] == [(START, 8)]


@given(span=st.sampled_from([1, 2, 4, 8]), rates=st.lists(st.floats(-0.01, 0.01), min_size=2))
def test_a_day_costs_the_same_however_often_it_settles(span: int, rates: list[float]) -> None:
    found = pct_per_8_hours(
        [(START + place * span * MS_PER_HOUR, rate) for place, rate in enumerate(rates)]
    )
    paid = sum(rate_pct * span / 8 for _, _, rate_pct in found)
    assert paid == pytest.approx(100 * sum(rates), abs=1e-9)
