"""What BuyTheDip's presets earned on recorded candles: python -m lab.evidence DATADIR

Runs freqtrade's own backtester for each preset, fee and list of pairs, and prints one table beside
the figures of the research that the presets come from, a table by year, and holding the coins.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from lab.evidence_runner import BacktestRequest, run_backtest
from lab.results import equity_figures, hold_outcome, read_closes

STAKE_USD = 200.0
SLOTS_AS_TRADED = 10
MAJORS = ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK", "AVAX")
THREE = ("BTC", "ETH", "SOL")
BOOTSTRAP_DRAWS = 2000
BOOTSTRAP_SEED = 20241231
FIRST_DAY = datetime(2018, 1, 1, tzinfo=UTC)
LAST_DAY = datetime(2024, 12, 31, 23, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reference:
    """Figures of the research engine for the same rule: mean net % a trade and its interval."""

    trades: int
    mean_pct: float
    interval_pct: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class EvidenceRun:
    """One line of the table. `coins` empty: every coin that the folder has hourly candles of.

    wallet_usd None: every pair has a slot and a stake of its own, trades are independent of each
    other. With a wallet it is run as it is traded: its size, ten slots, 2 % at risk, protections.
    """

    preset: str
    fee_pct: float
    coins: tuple[str, ...] = ()
    rsi_method: str = "simple"
    wallet_usd: float | None = None
    reference: Reference | None = None


RUNS = (
    EvidenceRun("crash", 0.1, reference=Reference(413, 3.02, (2.3, 3.5))),
    EvidenceRun("crash", 0.3, reference=Reference(413, 2.61, (1.9, 3.1))),
    EvidenceRun("crash", 0.3, wallet_usd=5000.0),
    EvidenceRun("crash", 0.3, MAJORS, reference=Reference(140, 2.64)),
    EvidenceRun("crash_often", 0.1),
    EvidenceRun("crash_often", 0.3, reference=Reference(1000, 1.1, (0.4, 1.7))),
    EvidenceRun("specified", 0.1, THREE, "wilder", reference=Reference(169, -0.38, (-0.79, 0.05))),
    EvidenceRun("specified", 0.3, THREE, "wilder", reference=Reference(169, -0.78, (-1.17, -0.36))),
    EvidenceRun("specified", 0.1, (), "wilder", reference=Reference(826, -0.21, (-0.47, 0.06))),
    EvidenceRun("specified", 0.1, THREE),
    EvidenceRun("specified", 0.3, THREE),
    EvidenceRun("specified", 0.1, THREE, wallet_usd=1000.0),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Figures of a run. A trade's percentages are of its stake; total and drawdown of the capital,
    which is all stakes together, or the wallet."""

    run: EvidenceRun
    pairs: int
    trades: int
    win_pct: float
    mean_pct: float
    interval_pct: tuple[float, float]
    profit_factor: float | None
    total_pct: float
    drawdown_pct: float
    sharpe: float | None
    by_year_pct: Mapping[int, tuple[float, int]] = field(default_factory=dict)

    @property
    def agrees(self) -> bool | None:
        """Whether the mean lies in the reference's interval; None without one."""
        if self.run.reference is None or self.run.reference.interval_pct is None:
            return None
        low, high = self.run.reference.interval_pct
        return low <= self.mean_pct <= high


def measure(run: EvidenceRun, trades: pd.DataFrame, pairs: int) -> Evidence:
    """Figures of freqtrade's trades (profit_ratio, open_date, close_date). ValueError if none."""
    if trades.empty:
        raise ValueError(f"preset {run.preset} made no trade: is this the right folder?")
    ratio = trades["profit_ratio"].to_numpy(dtype=np.float64)
    losses = -ratio[ratio < 0].sum()
    if run.wallet_usd is None:
        gains = trades["profit_ratio"] / pairs
    else:
        gains = trades["profit_abs"] / run.wallet_usd
    daily = gains.groupby(trades["close_date"].dt.floor("D")).sum().resample("1D").sum()
    equity = pd.concat([pd.Series([1.0]), 1.0 + daily.cumsum()])
    total_pct, drawdown_pct, sharpe = equity_figures(equity)
    if equity.min() <= 0.0:
        # Fixed stakes have lost all of the capital: returns of what is left mean nothing.
        drawdown_pct, sharpe = 100.0, None
    years = trades["open_date"].dt.year
    return Evidence(
        run=run,
        pairs=pairs,
        trades=len(trades),
        win_pct=float((ratio > 0).mean() * 100),
        mean_pct=float(ratio.mean() * 100),
        interval_pct=monthly_interval_pct(trades),
        profit_factor=float(ratio[ratio > 0].sum() / losses) if losses > 0 else None,
        total_pct=total_pct,
        drawdown_pct=drawdown_pct,
        sharpe=sharpe,
        by_year_pct={
            int(year): (float(part.mean() * 100), len(part))
            for year, part in trades["profit_ratio"].groupby(years)
        },
    )


def monthly_interval_pct(trades: pd.DataFrame) -> tuple[float, float]:
    """95 % interval of the mean trade in %, by a seeded bootstrap over the months of entry.

    Whole months are drawn: trades of one crash stand or fall together.
    """
    months = trades["open_date"].dt.tz_localize(None).dt.to_period("M")
    grouped = trades["profit_ratio"].groupby(months)
    sums = grouped.sum().to_numpy(dtype=np.float64)
    counts = np.asarray(grouped.count(), dtype=np.float64)
    drawn = np.random.default_rng(BOOTSTRAP_SEED).integers(
        0, len(sums), (BOOTSTRAP_DRAWS, len(sums))
    )
    means = 100.0 * sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def run_evidence(run: EvidenceRun, datadir: Path) -> Evidence:
    """Backtest and measure. Raises freqtrade's OperationalException, ValueError."""
    pairs = tuple(f"{coin}/USDT" for coin in run.coins) or recorded_pairs(datadir)
    as_traded = run.wallet_usd is not None
    section: dict[str, object] = {"preset": run.preset, "rsi_method": run.rsi_method}
    if not as_traded:
        section["sizing"] = {"method": "fixed", "stake_usd": STAKE_USD}
    trades = run_backtest(
        BacktestRequest(
            datadir=datadir,
            pairs=pairs,
            fee_rate=run.fee_pct / 100.0,
            aquatrade=section,
            max_open_trades=SLOTS_AS_TRADED if as_traded else len(pairs),
            # Without one: enough for a stake of every pair at any time, whatever was lost before.
            wallet=run.wallet_usd or STAKE_USD * len(pairs) * 20,
            config={"enable_protections": as_traded},
        )
    )
    closed = trades[trades["exit_reason"] != "force_exit"]
    return measure(run, closed, len(pairs))


def recorded_pairs(datadir: Path) -> tuple[str, ...]:
    """Pairs against USDT that have hourly candles in the folder."""
    names = (file.name.removesuffix("-1h.feather") for file in datadir.glob("*_USDT-1h.feather"))
    return tuple(sorted(name.replace("_", "/") for name in names))


def evidence_table(rows: Sequence[Evidence]) -> Table:
    """All runs beside their references."""
    table = Table(
        title="BuyTheDip in freqtrade's backtester; a stake a pair unless it has a wallet"
    )
    for heading in ("preset", "pairs", "RSI", "cost a side"):
        table.add_column(heading)
    figures = ("trades", "win", "mean net [95 %]", "PF", "total", "max DD", "Sharpe", "research")
    for heading in figures:
        table.add_column(heading, justify="right")
    for row in rows:
        low, high = row.interval_pct
        table.add_row(
            _name(row.run),
            str(row.pairs),
            row.run.rsi_method if row.run.preset == "specified" else "-",
            f"{row.run.fee_pct:g} %",
            str(row.trades),
            f"{row.win_pct:.0f} %",
            f"{row.mean_pct:+.2f} % [{low:+.2f}, {high:+.2f}]",
            "-" if row.profit_factor is None else f"{row.profit_factor:.2f}",
            f"{row.total_pct:+.0f} %",
            f"{row.drawdown_pct:.1f} %",
            "-" if row.sharpe is None else f"{row.sharpe:.2f}",
            _reference_text(row),
        )
    return table


def _name(run: EvidenceRun) -> str:
    wallet = "" if run.wallet_usd is None else f", {run.wallet_usd:,.0f} USD as traded"
    return run.preset + wallet


def _reference_text(row: Evidence) -> str:
    reference = row.run.reference
    if reference is None:
        return "-"
    text = f"{reference.trades}: {reference.mean_pct:+.2f} %"
    if reference.interval_pct is not None:
        low, high = reference.interval_pct
        text += f" [{low:+.2f}, {high:+.2f}] {'within' if row.agrees else 'OUTSIDE'}"
    return text


def year_table(rows: Sequence[Evidence]) -> Table:
    """Mean net % a trade and number of trades, by year of entry."""
    years = sorted({year for row in rows for year in row.by_year_pct})
    table = Table(title="Mean net % a trade (trades), by year of entry")
    table.add_column("run")
    for year in years:
        table.add_column(str(year), justify="right")
    for row in rows:
        cells = (row.by_year_pct.get(year) for year in years)
        rsi = f" {row.run.rsi_method}" if row.run.preset == "specified" else ""
        table.add_row(
            f"{_name(row.run)}, {row.pairs} pairs, {row.run.fee_pct:g} %{rsi}",
            *("-" if cell is None else f"{cell[0]:+.1f} ({cell[1]})" for cell in cells),
        )
    return table


def holding_table(datadir: Path) -> Table:
    """Buying once and never selling, over the same years."""
    table = Table(title=f"Holding {FIRST_DAY:%Y-%m-%d} to {LAST_DAY:%Y-%m-%d}")
    for heading in ("coins", "total", "max DD", "Sharpe"):
        table.add_column(heading, justify="right")
    for name, pairs in (
        ("BTC", ("BTC/USDT",)),
        ("BTC ETH SOL", tuple(f"{coin}/USDT" for coin in THREE)),
        ("all", recorded_pairs(datadir)),
    ):
        closes = {pair: read_closes(datadir, pair, "1h") for pair in pairs}
        held = hold_outcome(name, closes, FIRST_DAY, LAST_DAY)
        sharpe = "-" if held.sharpe is None else f"{held.sharpe:.2f}"
        table.add_row(name, f"{held.total_pct:+.0f} %", f"{held.max_drawdown_pct:.0f} %", sharpe)
    return table


def main(
    datadir: Annotated[Path, typer.Argument(help="freqtrade datadir with 1h candles")],
    preset: Annotated[str | None, typer.Option(help="only the runs of this preset")] = None,
) -> None:
    """Measure BuyTheDip's presets on recorded candles and print the tables."""
    if not recorded_pairs(datadir):
        raise typer.BadParameter(f"{datadir} has no *_USDT-1h.feather, expected a datadir")
    logging.disable(logging.WARNING)
    console = Console(width=None if Console().is_terminal else 190)
    rows = []
    for run in RUNS:
        if preset is None or run.preset == preset:
            rows.append(run_evidence(run, datadir))
            console.print(f"{run.preset} at {run.fee_pct:g} %: {rows[-1].trades} trades")
    if not rows:
        raise typer.BadParameter(f"no run of preset {preset!r}")
    console.print(evidence_table(rows))
    console.print(year_table(rows))
    console.print(holding_table(datadir))


if __name__ == "__main__":
    typer.run(main)
