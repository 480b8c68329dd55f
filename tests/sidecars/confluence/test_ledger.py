from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.ledger import (
    Availability,
    market_is_complete,
    merged,
    resume_from,
    rows_to_write,
)
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles, without_days
from tests.sidecars.confluence.scored_days import score_all

DAYS = 60
CLOSE_MS = FIRST_DAY_MS + DAYS * MS_PER_DAY
MINUTE_MS = 60_000


def availability(
    now_ms: int, answering_since_ms: int | None = None, alive_until_ms: int | None = None
) -> Availability:
    return Availability(now_ms, MINUTE_MS, answering_since_ms, alive_until_ms)


@pytest.mark.parametrize("known", [True, False])
def test_backfilled_records_get_the_declared_delay(known: bool) -> None:
    given_at = availability(CLOSE_MS + 10 * MS_PER_DAY).of(CLOSE_MS, pair_is_known=known)
    assert given_at == CLOSE_MS + MINUTE_MS


@given(seconds_late=st.floats(0, 59.9))
def test_a_record_made_before_its_delay_is_over_is_available_when_it_is_made(
    seconds_late: float,
) -> None:
    now_ms = CLOSE_MS + round(seconds_late * 1000)
    given_at = availability(now_ms).of(CLOSE_MS, pair_is_known=True)
    assert now_ms + 1000 <= given_at <= now_ms + 2000
    assert given_at % 1000 == 0


def test_what_a_service_that_was_answering_did_not_have_is_available_only_now() -> None:
    now_ms = CLOSE_MS + 10 * MINUTE_MS
    late = availability(now_ms, answering_since_ms=CLOSE_MS - MINUTE_MS)
    assert late.of(CLOSE_MS, pair_is_known=True) == late.live_ms > now_ms
    # The same record, had the service only been started after its time.
    started_after = availability(now_ms, answering_since_ms=CLOSE_MS + 5 * MINUTE_MS)
    assert started_after.of(CLOSE_MS, pair_is_known=True) == CLOSE_MS + MINUTE_MS
    # Killed while it was late: the next process knows that an earlier one was asked without it.
    killed = availability(now_ms, now_ms, alive_until_ms=CLOSE_MS + 2 * MINUTE_MS)
    assert killed.of(CLOSE_MS, pair_is_known=True) == killed.live_ms
    assert killed.of(CLOSE_MS, pair_is_known=False) == CLOSE_MS + MINUTE_MS
    # Killed before its time: nobody was answered about that day.
    early = availability(now_ms, now_ms, alive_until_ms=CLOSE_MS + MINUTE_MS // 2)
    assert early.of(CLOSE_MS, pair_is_known=True) == CLOSE_MS + MINUTE_MS


def candles_of(days: int, late: bool) -> dict[str, DailyCandles]:
    candles = {"BTC/USDT": seeded_candles(1, days), "ETH/USDT": seeded_candles(2, days)}
    if late:
        candles["ETH/USDT"] = seeded_candles(2, days - 1)
    return candles


def test_a_day_is_written_once_and_a_degraded_one_is_revised_once() -> None:
    pairs = ["BTC/USDT", "ETH/USDT"]
    with_hole = score_all(pairs, "BTC/USDT", pairs, candles_of(DAYS, late=True))["BTC/USDT"]
    now = availability(CLOSE_MS + 20 * MINUTE_MS)
    first = {row.as_of_ms: row for row in rows_to_write(with_hole, "f", {}, now)}
    assert "without ETH/USDT" in first[CLOSE_MS].degraded
    assert not rows_to_write(with_hole, "f", first, now)

    whole = score_all(pairs, "BTC/USDT", pairs, candles_of(DAYS, late=False))["BTC/USDT"]
    later = availability(CLOSE_MS + 90 * MINUTE_MS)
    (revision,) = rows_to_write(whole, "f", first, later)
    assert (revision.as_of_ms, revision.revision) == (CLOSE_MS, 1)
    assert revision.available_at_ms == later.live_ms
    assert revision.degraded == "[]"
    assert not rows_to_write(whole, "f", {**first, CLOSE_MS: revision}, later)


def test_a_record_that_was_whole_is_never_revised() -> None:
    pairs = ["BTC/USDT", "ETH/USDT"]
    days = score_all(pairs, "BTC/USDT", pairs, candles_of(DAYS, late=False))["BTC/USDT"]
    now = availability(CLOSE_MS + 20 * MINUTE_MS)
    known = {
        row.as_of_ms: replace(row, total=row.total + 1, readings="[]")
        for row in rows_to_write(days, "f", {}, now)
    }
    assert not rows_to_write(days, "f", known, now)


def test_where_to_go_on_from() -> None:
    candles = seeded_candles(1, 100)
    end_ms = FIRST_DAY_MS + 100 * MS_PER_DAY
    assert resume_from(DailyCandles.from_rows([]), 5) == 5
    assert resume_from(candles, 5) == end_ms
    young_hole = without_days(candles, 92, 94)
    assert resume_from(young_hole, 5) == FIRST_DAY_MS + 92 * MS_PER_DAY
    assert resume_from(without_days(candles, 60, 62), 5) == end_ms


@given(first=st.sets(st.integers(0, 40)), second=st.sets(st.integers(0, 40)))
def test_what_was_known_first_stays(first: set[int], second: set[int]) -> None:
    rows = {seed: seeded_candles(seed, 41).rows() for seed in (1, 2)}
    known = DailyCandles.from_rows([rows[1][day] for day in sorted(first)])
    more = DailyCandles.from_rows([rows[2][day] for day in sorted(second)])
    expected = [rows[1][day] if day in first else rows[2][day] for day in sorted(first | second)]
    assert merged(known, more).rows() == expected


def test_the_market_waits_for_those_that_were_there_yesterday() -> None:
    last_open_ms = CLOSE_MS - MS_PER_DAY
    names = ["BTC/USDT", "ETH/USDT"]
    assert market_is_complete(last_open_ms, "BTC/USDT", names, candles_of(DAYS, late=False))
    assert not market_is_complete(last_open_ms, "BTC/USDT", names, candles_of(DAYS, late=True))
    gone = {**candles_of(DAYS, late=False), "ETH/USDT": seeded_candles(2, DAYS - 2)}
    assert market_is_complete(last_open_ms, "BTC/USDT", names, gone)
    assert np.all(np.diff(gone["ETH/USDT"].open_time_ms) == MS_PER_DAY)


def test_the_past_of_a_pair_counts_as_if_it_had_always_been_known() -> None:
    """Days before its first record were answered to nobody, however long the service answers."""
    pairs = ["BTC/USDT", "ETH/USDT"]
    days = score_all(pairs, "BTC/USDT", pairs, candles_of(DAYS, late=False))["BTC/USDT"]
    now = availability(CLOSE_MS + 20 * MINUTE_MS, alive_until_ms=CLOSE_MS + 10 * MINUTE_MS)
    (present,) = rows_to_write(days, "f", {}, now, from_ms=CLOSE_MS)
    assert present.as_of_ms == CLOSE_MS
    rest = rows_to_write(days, "f", {CLOSE_MS: present}, now)
    assert [row.as_of_ms for row in rest] == days.as_of_ms[14:-1].tolist()
    assert all(row.available_at_ms == row.as_of_ms + MINUTE_MS for row in rest)
    # A day after the first record is another thing: it was asked for, and not there.
    missed = {row.as_of_ms: row for row in rest[:-1]}
    (late,) = (row for row in rows_to_write(days, "f", missed, now) if row.as_of_ms < CLOSE_MS)
    assert late.available_at_ms == now.live_ms
