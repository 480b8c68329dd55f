"""A guard that is slow, lies or is dead, and a strategy that raises: no entry, exits go on."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.processes import Child, free_port
from tests.rehearsal.fleet_market import MARKET_START, quiet_market
from tests.rehearsal.fleet_rig import FleetRig
from tests.rehearsal.probe_hands import rules_of, said
from tests.rehearsal.scripted_process import answers

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).with_name("faulty_guard.py")
PAIRS = ("AAA/USDT", "BBB/USDT")
HELD, WANTED = PAIRS
BOT = "lone"
STAKE = 200.0
# A client that got no answer does not ask again for so long; longer after each failure.
REST_SECONDS = 0.6
CALLBACKS = ("bot_loop_start", "populate_indicators", "populate_entry_trend", "custom_entry_price",
             "custom_stake_amount", "confirm_trade_entry")  # fmt: skip
PROFILE: dict[str, Any] = {
    "name": "rehearsal",
    "max_atr_ratio": None,
    "max_clock_skew_seconds": None,
    "max_exchange_silence_minutes": None,
    "rest_after_stop_minutes": None,
}


class FaultyGuard:
    """The scripted guard as a process, and the mode it is in."""

    def __init__(self, rig: FleetRig) -> None:
        self._rig = rig
        self._port = free_port()
        self._mode = rig.road.folder / "mode"
        self.url = f"http://127.0.0.1:{self._port}"
        self._child: Child | None = None

    def be(self, mode: str) -> None:
        self._mode.write_text(mode)
        stage = self._rig.road.stage
        if mode == "dead":
            assert self._child is not None
            stage.stop(self._child, hard=True)
            self._child = None
        elif self._child is None:
            self._child = stage.start("guard", [str(SCRIPT), str(self._port), str(self._mode)])
            stage.wait_for("faulty guard", lambda: answers(self.url), 30)

    def times_asked(self, mode: str) -> int:
        """How many checks came while it was in this mode."""
        asked = self._mode.with_suffix(".asked")
        return asked.read_text().count(f'"mode": "{mode}"') if asked.exists() else 0


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FleetRig, FaultyGuard]]:
    folder = tmp_path_factory.mktemp("lone")
    datadir = quiet_market(folder / "data", PAIRS, days=2)
    with FleetRig(folder, datadir, PAIRS, MARKET_START.replace(day=5)) as rig:
        guard = FaultyGuard(rig)
        guard.be("ok")
        rig.add_bot(
            BOT,
            {
                "available_capital": 1000,
                "aquatrade": {
                    "sizing": {"method": "fixed", "stake_usd": STAKE},
                    "risk": PROFILE,
                    "guard": {"url": guard.url, "timeout_seconds": 1.5},
                },
            },
        )
        rig.start_bots()
        yield rig, guard


def hold_one(rig: FleetRig) -> None:
    """With all in order an entry is made."""
    for _ in range(10):
        rig.script(BOT, enter=[HELD], leave=[WANTED])
        rig.run_candles(1)
        wanted_left = bought(rig, WANTED) - sold(rig, WANTED)
        if bought(rig, HELD) > sold(rig, HELD) and not wanted_left:
            return
        time.sleep(REST_SECONDS)  # the bot may still rest from the last fault
    raise AssertionError(f"no entry with all in order\n{rig.log(BOT)[-3000:]}")


def bought(rig: FleetRig, pair: str) -> int:
    return count(rig, pair, "BUY")


def sold(rig: FleetRig, pair: str) -> int:
    return count(rig, pair, "SELL")


def count(rig: FleetRig, pair: str, side: str) -> int:
    symbol = pair.replace("/", "")
    return sum(
        order["side"] == side and float(order["filled_amount"]) > 0
        for order in rig.orders(symbol=symbol)
    )


def check_that_only_exits_happen(rig: FleetRig, **script: Any) -> None:
    """One candle in which an entry and an exit are wanted."""
    entries, exits = bought(rig, WANTED), sold(rig, HELD)
    rig.script(BOT, enter=[WANTED], leave=[HELD], **script)
    rig.run_candles(1)
    assert bought(rig, WANTED) == entries, f"an entry was made\n{rig.log(BOT)[-3000:]}"
    assert sold(rig, HELD) == exits + 1, f"no exit was made\n{rig.log(BOT)[-3000:]}"


def test_without_a_good_answer(lone: tuple[FleetRig, FaultyGuard], counts: Any) -> None:
    rig, guard = lone
    for fault in counts.guard_faults:
        guard.be("ok")
        hold_one(rig)
        guard.be(fault)
        asked = guard.times_asked(fault)
        began = time.monotonic()
        check_that_only_exits_happen(rig)
        assert time.monotonic() - began < 20, "the loop was held up"
        if fault != "dead":
            assert guard.times_asked(fault) == asked + 1, fault
        refused = rig.events(BOT, kind="verdict", pair=WANTED)[-1]
        assert said(refused)["decision"] == "REJECT"
        assert rules_of(refused) == ["guard"]
    assert rig.agreement().disagreements == ()


@pytest.mark.parametrize("callback", CALLBACKS)
def test_a_callback_that_raises(lone: tuple[FleetRig, FaultyGuard], callback: str) -> None:
    rig, guard = lone
    guard.be("ok")
    hold_one(rig)
    check_that_only_exits_happen(rig, raises=[callback])
    assert f"scripted failure in {callback}" in rig.log(BOT)


def test_candles_that_come_too_late(lone: tuple[FleetRig, FaultyGuard]) -> None:
    rig, guard = lone
    guard.be("ok")
    hold_one(rig)
    late = {"damage": "stale", "rows": 5}
    rig.exchange.tell("faults", {"kind": "bad_klines", "parameters": late})
    rig.run_candles(6)
    check_that_only_exits_happen(rig)
    refused = rig.events(BOT, kind="verdict", pair=WANTED)[-1]
    assert rules_of(refused) == ["data"]
    rig.exchange.forget_faults()
    hold_one(rig)
