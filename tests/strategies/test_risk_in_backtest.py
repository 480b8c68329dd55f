"""The rules inside freqtrade's backtester: candles written by hand, what must come out, and why.

The hand-made rows begin on 2024-01-20 at 04:00 UTC; hour 20 of them is midnight. 10,000 USDT.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import LocalTrade

from tests.strategies.candle_tables import FEE_RATE, HOUR, PAIR, Row, flat, move
from tests.strategies.candle_tables import path as straight
from tests.strategies.risk_rig import FIRST, QUIET, Runner, trades_of

MIDNIGHT = datetime(2024, 1, 21, tzinfo=UTC)
DAY_LIMIT = {"limit_pct": 5.0, "close": "all", "resume": "next_period"}
BIG = {"method": "fixed", "stake_usd": 6_000.0}
# A crash that is bought at 88, falls on, and 5.6 % of 10,000 is lost with the close at 80.
FALL = [move(100, 88), *straight(88, 84, 80, 76)]


def section(day: dict[str, Any] | None = None, **rules: Any) -> dict[str, Any]:
    return {"sizing": BIG, "risk": {**QUIET, "day": day or DAY_LIMIT, **rules}}


def two_crashes_later() -> list[Row]:
    """Back at 100 at noon, and two crashes that rebound at once: seen at hour 17 and hour 24."""
    dip = [move(100, 88), move(88, 100)]
    noon = [*[flat(76)] * 2, *straight(76, 88, 100), *[flat(100)] * 8]
    return [*FALL, *noon, *dip, *[flat(100)] * 5, *dip, *[flat(100)] * 3]


def test_a_lost_day_closes_locks_and_comes_back_tomorrow_at_half_size(tmp_path: Path) -> None:
    day = {**DAY_LIMIT, "recovery_hours": 48.0, "recovery_factor": 0.5}
    content = Runner(tmp_path, {PAIR: two_crashes_later()}, section(day)).run()
    # In at hour 1. The close at 80 is known at hour 3: out at that open. The crash of hour 17 is
    # locked out; the one of hour 24 is bought, with half of 6,000.
    assert trades_of(content) == [
        (1, 88.0, 3, 80.0, "risk_day"),
        (24, 88.0, 25, 100.0, "above_mean"),
    ]
    stakes = content["results"]["stake_amount"].tolist()
    assert stakes == pytest.approx([6_000.0, 3_000.0], rel=1e-6)
    (lock,) = content["locks"]
    assert (lock.pair, lock.side, lock.lock_end_time) == ("*", "*", MIDNIGHT)
    loss_pct = 100.0 * 6_000 * (1 - 80 / 88 * (1 - FEE_RATE) + FEE_RATE) / 10_000
    assert lock.reason.startswith("bot risk: ")
    assert f"{loss_pct:.2f} %" in lock.reason and "limit 5 %" in lock.reason


def test_after_an_hour_off_the_next_crash_is_bought(tmp_path: Path) -> None:
    day = {**DAY_LIMIT, "resume": "after_hours", "off_hours": 1.0}
    content = Runner(tmp_path, {PAIR: two_crashes_later()}, section(day)).run()
    assert [trade[0] for trade in trades_of(content)] == [1, 17, 24]
    (lock,) = content["locks"]
    assert lock.lock_end_time == FIRST + 4 * HOUR


def test_without_the_section_nothing_of_it_happens(tmp_path: Path) -> None:
    content = Runner(tmp_path, {PAIR: two_crashes_later()}, {"sizing": BIG, "risk": None}).run()
    assert [trade[4] for trade in trades_of(content)][:1] != ["risk_day"]
    assert content["locks"] == []
    strategy = Runner(tmp_path, {PAIR: FALL}, {"sizing": BIG}).strategy
    assert strategy.risk is None
    assert "confirm_trade_entry" not in vars(strategy)


def test_a_limit_that_closes_nothing_keeps_the_position_and_locks(tmp_path: Path) -> None:
    content = Runner(
        tmp_path, {PAIR: two_crashes_later()}, section({**DAY_LIMIT, "close": "nothing"})
    ).run()
    trades = trades_of(content)
    assert trades[0][:2] == (1, 88.0)
    assert trades[0][4] == "above_mean"
    assert [lock.pair for lock in content["locks"]] == ["*"]


@pytest.mark.parametrize(("families", "closes"), [(["dip"], True), (["momentum"], False)])
def test_only_the_named_families_are_closed(
    families: list[str], closes: bool, tmp_path: Path
) -> None:
    content = Runner(
        tmp_path, {PAIR: two_crashes_later()}, section({**DAY_LIMIT, "close": families})
    ).run()
    assert (trades_of(content)[0][4] == "risk_day") is closes


def test_what_waits_for_a_person_is_off_until_the_end(tmp_path: Path) -> None:
    content = Runner(
        tmp_path, {PAIR: two_crashes_later()}, section({**DAY_LIMIT, "resume": "by_hand"})
    ).run()
    assert trades_of(content) == [(1, 88.0, 3, 80.0, "risk_day")]
    assert content["locks"][0].lock_end_time.year >= 2100


def test_a_run_leaves_nothing_for_the_next_one(tmp_path: Path) -> None:
    """Hyperopt runs one strategy object again and again: each run is the first one."""
    runner = Runner(
        tmp_path, {PAIR: two_crashes_later()}, section({**DAY_LIMIT, "resume": "by_hand"})
    )
    first = runner.run()
    assert runner.strategy.risk.state.trips
    assert "custom_exit" in vars(runner.strategy)
    again = runner.run()
    assert trades_of(again) == trades_of(first)
    assert len(again["locks"]) == 1
    # What a tripped run put on the strategy is gone when the next one begins.
    runner.strategy.risk.world._run = None
    LocalTrade.reset_trades()
    runner.strategy.risk.look(datetime(2024, 1, 18, tzinfo=UTC))
    assert "custom_exit" not in vars(runner.strategy)
    assert runner.strategy.use_exit_signal and not runner.strategy.risk.state.trips


def test_the_same_trades_with_or_without_rules_that_are_never_met(tmp_path: Path) -> None:
    wide = {**QUIET, "day": {"limit_pct": 99.0}, "max_exposure_pct": 99.0}
    with_rules = Runner(tmp_path, {PAIR: two_crashes_later()}, {"sizing": BIG, "risk": wide}).run()
    without = Runner(tmp_path, {PAIR: two_crashes_later()}, {"sizing": BIG}).run()
    assert trades_of(with_rules) == trades_of(without)
    assert with_rules["locks"] == []


def test_a_refused_entry_is_not_made_and_a_reduced_one_is_smaller(tmp_path: Path) -> None:
    few = Runner(tmp_path, {PAIR: FALL}, section(max_exposure_pct=10.0)).run()
    assert trades_of(few) == []
    small = Runner(tmp_path, {PAIR: FALL}, section(max_order=500.0)).run()
    assert small["results"]["stake_amount"].tolist() == pytest.approx([500.0], rel=1e-6)


# -- a strategy with callbacks of its own ----------------------------------------------------------

STEPS = [*straight(100, 110), *[flat(110)] * 2, *straight(110, 100, 95), *[flat(95)] * 6]


def scripted(tmp_path: Path, rules: dict[str, Any], **script: Any) -> Runner:
    return Runner(
        tmp_path,
        {PAIR: STEPS},
        {"sizing": {"method": "fixed", "stake_usd": 1_000.0}, "risk": {**QUIET, **rules}},
        strategy="Scripted",
        scripted={"enter_at": 110.0, **script},
    )


def orders_of(content: dict[str, Any]) -> list[tuple[bool, float]]:
    """(is entry, stake) of each filled order of the first trade."""
    orders = content["results"].iloc[0]["orders"]
    return [(one["ft_is_entry"], round(one["amount"] * one["safe_price"], 1)) for one in orders]


def test_increases_go_through_the_gate_and_reductions_pass(tmp_path: Path) -> None:
    free = scripted(tmp_path, {}, add_at=96.0, add_stake=300.0).run()
    entries = [stake for is_entry, stake in orders_of(free) if is_entry]
    assert entries[:2] == pytest.approx([1_000.0, 300.0], abs=0.5) and len(entries) > 4
    # 1,000 are 10 % of the equity: nothing may be added to them, but half may be sold.
    held = scripted(tmp_path, {"max_exposure_pct": 10.1}, add_at=96.0, add_stake=300.0).run()
    assert [stake for is_entry, stake in orders_of(held) if is_entry] == pytest.approx(
        [1_000.0], abs=0.5
    )
    less = scripted(tmp_path, {"max_exposure_pct": 10.1}, reduce_at=95.0).run()
    assert sum(not is_entry for is_entry, _ in orders_of(less)) > 2


def test_an_increase_is_reduced_to_what_may_be_ordered(tmp_path: Path) -> None:
    content = scripted(tmp_path, {"max_order": 1_000.0}, add_at=96.0, add_stake=2_500.0).run()
    stakes = [stake for is_entry, stake in orders_of(content) if is_entry]
    assert len(stakes) > 2
    assert max(stakes) <= 1_000.1


@pytest.mark.parametrize(
    "callback",
    ["custom_stake_amount", "confirm_trade_entry", "custom_entry_price", "bot_loop_start"],
)
def test_a_callback_that_raises_enters_nothing(callback: str, tmp_path: Path) -> None:
    assert len(scripted(tmp_path, {}).run()["results"]) == 1
    assert len(scripted(tmp_path, {}, raises=[callback]).run()["results"]) == 0


def test_an_adjustment_that_raises_adds_nothing_and_the_exit_goes_on(tmp_path: Path) -> None:
    runner = scripted(
        tmp_path,
        {"day": {"limit_pct": 1.2, "close": "all"}},
        raises=["adjust_trade_position", "custom_exit"],
        add_at=96.0,
        add_stake=300.0,
    )
    content = runner.run()
    assert [stake for is_entry, stake in orders_of(content) if is_entry] == pytest.approx(
        [1_000.0], abs=0.5
    )
    assert trades_of(content)[0][4] == "risk_day"


def test_the_strategys_own_no_is_kept(tmp_path: Path) -> None:
    assert len(scripted(tmp_path, {}, declines=True).run()["results"]) == 0


def test_its_own_exits_are_back_after_a_trip(tmp_path: Path) -> None:
    """use_exit_signal is off in the script's strategy: only while everything must go it is on."""
    runner = scripted(tmp_path, {"day": {**DAY_LIMIT, "limit_pct": 1.2}})
    content = runner.run()
    assert trades_of(content)[0][4] == "risk_day"
    runner.strategy.risk._forget()
    assert not runner.strategy.use_exit_signal
    assert runner.strategy.order_types["exit"] == "limit"
    assert type(runner.strategy).custom_exit is type(runner.strategy).__dict__["custom_exit"]


@pytest.mark.parametrize("limit_pct", [3.0, 90.0])
def test_an_entry_order_that_waits_is_cancelled_by_a_trip(limit_pct: float, tmp_path: Path) -> None:
    """Two pairs: one loses the day, while the other's order rests far below the market."""
    runner = Runner(
        tmp_path,
        {PAIR: STEPS, "ETH/USDT": [*straight(100, 110), *[flat(110)] * 11]},
        {
            "sizing": {"method": "fixed", "stake_usd": 4_000.0},
            "risk": {**QUIET, "day": {"limit_pct": limit_pct, "close": "nothing"}},
        },
        strategy="Scripted",
        scripted={"enter_at": 110.0, "rests": ["ETH/USDT"]},
        unfilledtimeout={"entry": 6_000, "exit": 6_000, "unit": "minutes"},
    )
    content = runner.run()
    assert content["timedout_entry_orders"] == (1 if limit_pct < 90.0 else 0)
    assert [trade[4] for trade in trades_of(content)] == ["force_exit"]


def test_an_order_that_is_replaced_has_its_approval_and_a_larger_one_has_none(
    tmp_path: Path,
) -> None:
    """Freqtrade asks confirm_trade_entry again for the order in the old one's place."""
    runner = Runner(
        tmp_path,
        {PAIR: [*straight(100, 110), *[flat(110)] * 11]},
        {"sizing": {"method": "fixed", "stake_usd": 1_000.0}, "risk": QUIET},
        strategy="Scripted",
        scripted={"enter_at": 110.0, "rests": [PAIR], "replace_factor": 2.0},
    )
    content = runner.run()
    assert content["replaced_entry_orders"] == 1
    assert content["results"]["stake_amount"].tolist() == pytest.approx([1_000.0], rel=1e-4)
    risk = runner.strategy.risk
    assert not risk.allows(PAIR, "long", 1.0)
