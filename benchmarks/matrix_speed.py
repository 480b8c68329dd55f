"""A matrix of 6 strategies, 10 pairs and 4 periods against the freqtrade calls that it replaces.

`aquatrade matrix` runs as it is typed, from a cold start, with two processes. Of the plain
`freqtrade backtesting` calls, one after the other, every twentieth is run, and the mean of these
stands for the others; each has to make the trades of its cell. Candles are seeded, or those that
AQUATRADE_DATA names.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from freqtrade.data.btanalysis import load_backtest_data

from benchmarks.strategy_speed import seeded_candles
from lab.evidence_runner import REPOSITORY, STRATEGIES, backtest_config
from lab.matrix.costs import all_costs
from lab.matrix.periods import all_periods
from lab.matrix.plan import Cell, MatrixWish, plan_matrix
from lab.matrix.store import MatrixStore

GOAL_RATIO = 1.6
WORKERS = 2
EVERY = 20  # of the plain calls; the rest is taken to be like it
STRATEGY_NAMES = ("BuyTheDip", "CrossMomentum", "MaCrossover", "Momentum", "Scalper", "SmaTrend")
COINS = ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LINK", "AVAX", "LTC")
PAIRS = tuple(f"{coin}/USDT" for coin in COINS)
PERIODS = ("2023Q1", "2023Q2", "2023Q3", "2023Q4")
# Two months each: recorded 5m candles of all these pairs are of 2024 alone.
RECORDED = ("20240101-20240301", "20240301-20240501", "20240501-20240701", "20240701-20240901")
COST = "binance"
# Until the end of 2023, with what the strategies look back on before it.
SEEDED = (("5m", "2022-11-01", 426 * 288), ("1h", "2022-01-01", 730 * 24),
          ("4h", "2021-01-01", 1095 * 6), ("1d", "2020-01-01", 1461))  # fmt: skip
DATA = "AQUATRADE_DATA"
MATRIX = "from operations.command_line import main; main()"
PLAIN = """
import sys
from freqtrade.main import main
from lab.evidence_runner import offline_markets
with offline_markets(sys.argv[1].split(",")):
    main(sys.argv[2:])
"""


def main() -> int:
    """Measure and print the BENCH line; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        datadir = _datadir(folder)
        periods = RECORDED if os.environ.get(DATA) else PERIODS
        wish = MatrixWish(datadir, all_periods(periods), all_costs([COST]), STRATEGY_NAMES, PAIRS)
        cells = plan_matrix(wish).cells
        if len(cells) != len(STRATEGY_NAMES) * len(PAIRS) * len(periods):
            raise RuntimeError(f"only {len(cells)} cells: has {datadir} all candles?")
        seconds = _matrix_seconds(datadir, periods, folder / "matrix.sqlite")
        _say(f"matrix: {len(cells)} cells in {seconds:.0f} s")
        sampled = cells[::EVERY]
        plain = [_plain_seconds(cell, folder) for cell in sampled]
    whole = sum(plain) / len(plain) * len(cells)
    _say(
        f"plain: {len(plain)} calls in {sum(plain):.0f} s, so {whole:.0f} s for all of them, "
        "one after the other"
    )
    ratio = whole / seconds
    verdict = "ok" if ratio >= GOAL_RATIO else "short"
    _say(f"BENCH matrix_speed value={ratio:.1f} unit=ratio goal={GOAL_RATIO} {verdict}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _datadir(folder: Path) -> Path:
    if recorded := os.environ.get(DATA):
        return Path(recorded).resolve() / "binance"
    datadir = folder / "data"
    datadir.mkdir()
    for timeframe, start, count in SEEDED:
        seeded_candles(datadir, PAIRS, count, timeframe, start)
    return datadir


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(STRATEGIES)])}


def _run(arguments: list[str], folder: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    spent = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments[2:5])}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return spent


def _matrix_seconds(datadir: Path, periods: tuple[str, ...], store: Path) -> float:
    arguments = ["matrix", "--data", str(datadir), "--store", str(store), "--cost", COST]
    arguments += [word for name in STRATEGY_NAMES for word in ("--strategy", name)]
    arguments += [word for pair in PAIRS for word in ("--pair", pair)]
    arguments += [word for period in periods for word in ("--period", period)]
    return _run(["-c", MATRIX, *arguments, "--workers", str(WORKERS)], store.parent)


def _plain_seconds(cell: Cell, folder: Path) -> float:
    """Of the call that makes this cell, which has to make its trades. Raises RuntimeError."""
    request = cell.request
    with tempfile.TemporaryDirectory(dir=folder) as name:
        home = Path(name)
        (home / "backtest_results").mkdir()
        (home / "config.json").write_text(json.dumps(backtest_config(request)))
        arguments = [
            "backtesting", "-c", "config.json", "--userdir", ".",
            "--datadir", str(request.datadir), "--strategy", request.strategy,
            "--strategy-path", str(STRATEGIES), "--timerange", str(request.timerange),
            "--cache", "none", "--export", "trades",
        ]  # fmt: skip
        spent = _run(["-c", PLAIN, ",".join(request.pairs), *arguments], home)
        theirs = load_backtest_data(home / "backtest_results")
    store = MatrixStore(folder / "matrix.sqlite")
    ours = store.trades(cell.key)
    store.close()
    if ours is None or len(ours) != len(theirs) or not _same_profits(ours, theirs):
        raise RuntimeError(f"{cell.name}: the cell's trades are not those of the plain call")
    _say(f"plain {cell.name}: {spent:.1f} s, {len(theirs)} trades, as in the matrix")
    return spent


def _same_profits(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    if theirs.empty:
        return True
    # The file of the plain call has eight decimals.
    return bool(np.allclose(ours["profit_ratio"], theirs["profit_ratio"], rtol=0.0, atol=1e-7))


if __name__ == "__main__":
    sys.exit(main())
