"""What the risk rules inside a bot cost of a backtest's time.

BuyTheDip with every rule of a bot on, on seeded candles which crash often enough that trades are
made. Measured inside one run: the seconds of the processor that pass in the rules over those of all
the rest. Two whole runs, with and without rules, differ by more than that for reasons of their own;
they are printed beside it and must make the same number of trades.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aquatrade.bot_callbacks import GatedCallbacks
from aquatrade.bot_risk import BotRisk
from benchmarks.strategy_speed import HOURS, PAIRS, seeded_candles
from lab.evidence_runner import BacktestRequest, run_backtest

GOAL_PCT = 5.0
ROUNDS = 3
CALIBRATION_CALLS = 200_000
# Where freqtrade comes into the rules during a run; none of them calls another.
DOORS = (
    (BotRisk, "look"),
    (BotRisk, "take_frame"),
    (BotRisk, "entry_of"),
    (BotRisk, "stake_for"),
    (GatedCallbacks, "confirm_trade_entry"),
)
# So wide that the same trades are made.
WIDE: dict[str, Any] = {
    "name": "wide",
    "risk_per_trade_pct": 90.0,
    "max_order": 1e6,
    "day": {"limit_pct": 95.0},
    "week": {"limit_pct": 95.0},
    "month": {"limit_pct": 95.0},
    "max_exposure_pct": 100.0,
    "max_pair_pct": 100.0,
    "max_heat_pct": 100.0,
    "max_open_positions": 50,
    "correlation": {"block_above": 1.0, "link_above": 1.0, "max_open_in_cluster": 50},
    "max_entries_per_hour": 1000,
    "max_entries_per_day": 1000,
    "rest_after_stop_minutes": None,
    "max_atr_ratio": 1000.0,
}


class Stopwatch:
    """Counts calls, and the processor's seconds in them."""

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            try:
                return function(*arguments, **kwargs)
            finally:
                self.seconds += time.process_time() - started
                self.calls += 1

        return timed


def main() -> int:
    """Measure and print the BENCH line; returns the exit code."""
    logging.disable(logging.WARNING)
    per_call = _seconds_per_empty_call()
    costs_pct = []
    with tempfile.TemporaryDirectory() as folder:
        datadir = seeded_candles(Path(folder))
        without, trades = _run(datadir, None)
        sys.stdout.write(f"without rules: {without:.2f} s, {trades} trades\n")
        for _ in range(ROUNDS):
            with _stopwatch_at_the_doors() as watch:
                whole, trades_with = _run(datadir, WIDE)
            if trades_with != trades:
                raise RuntimeError(f"{trades_with} trades with the rules, expected {trades}")
            inside = max(0.0, watch.seconds - watch.calls * per_call)
            costs_pct.append(100.0 * inside / (whole - watch.seconds))
            sys.stdout.write(
                f"with rules: {whole:.2f} s, {inside:.2f} s of it in {watch.calls:,} calls\n"
            )
    cost_pct = min(costs_pct)
    sys.stdout.write(f"{HOURS * len(PAIRS) / whole:,.0f} candles a second with the rules\n")
    verdict = "ok" if cost_pct < GOAL_PCT else "short"
    sys.stdout.write(
        f"BENCH risk_in_backtest_cost value={cost_pct:.2f} unit=% goal={GOAL_PCT} {verdict}\n"
    )
    return 0


@contextmanager
def _stopwatch_at_the_doors() -> Iterator[Stopwatch]:
    watch = Stopwatch()
    originals = [(owner, name, getattr(owner, name)) for owner, name in DOORS]
    for owner, name, function in originals:
        setattr(owner, name, watch.around(function))
    try:
        yield watch
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)


def _seconds_per_empty_call() -> float:
    """What the stopwatch itself adds to each call that it counts."""
    watch = Stopwatch()
    empty = watch.around(lambda: None)
    for _ in range(CALIBRATION_CALLS):
        empty()
    return watch.seconds / watch.calls


def _run(datadir: Path, risk: dict[str, Any] | None) -> tuple[float, int]:
    request = BacktestRequest(
        datadir=datadir,
        pairs=PAIRS,
        fee_rate=0.001,
        aquatrade={"risk": risk},
        max_open_trades=len(PAIRS),
        wallet=10_000.0,
        timerange="20220201-20231231",
        config={"timeframe": "1h"},
    )
    started = time.process_time()
    trades = run_backtest(request)
    spent = time.process_time() - started
    if trades.empty:
        raise RuntimeError("no trade was made: nothing was measured")
    return spent, len(trades)


if __name__ == "__main__":
    sys.exit(main())
