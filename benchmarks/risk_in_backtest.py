"""What the risk rules inside a bot cost of a backtest's time.

BuyTheDip with every rule of a bot on, against the same strategy without the section; both on the
same seeded candles, which crash often enough that trades are made, in one process and in turns. The
fastest of each counts, in seconds of the processor: what else the machine does is no part of them.
"""

import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.strategy_speed import HOURS, PAIRS, seeded_candles
from lab.evidence_runner import BacktestRequest, run_backtest

GOAL_PCT = 5.0
ROUNDS = 9
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


def main() -> int:
    """Measure and print the BENCH line; returns the exit code."""
    logging.disable(logging.WARNING)
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory() as folder:
        datadir = seeded_candles(Path(folder))
        for _ in range(ROUNDS):
            for name, risk in (("without", None), ("with", WIDE)):
                spent, trades = _seconds(datadir, risk)
                seconds[name].append(spent)
                sys.stdout.write(f"{name} rules: {spent:.2f} s, {trades} trades\n")
    cost_pct = 100.0 * (min(seconds["with"]) / min(seconds["without"]) - 1.0)
    candles = HOURS * len(PAIRS)
    sys.stdout.write(f"{candles / min(seconds['with']):,.0f} candles a second with the rules\n")
    verdict = "ok" if cost_pct < GOAL_PCT else "short"
    sys.stdout.write(
        f"BENCH risk_in_backtest_cost value={cost_pct:.2f} unit=% goal={GOAL_PCT} {verdict}\n"
    )
    return 0


def _seconds(datadir: Path, risk: dict[str, Any] | None) -> tuple[float, int]:
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
