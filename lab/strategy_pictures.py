"""What a strategy's capital did beside holding BTC, as a small picture.

python -m lab.strategy_pictures DATADIR STRATEGY FILE.svg PAIR [PAIR...] [--fee-pct 0.3] [...]
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import pandas as pd
import typer
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lab.evidence_runner import BacktestRequest, run_backtest
from lab.results import read_closes
from lab.suite_equity import daily_equity, orders_of

CAPITAL = 10_000.0
HOLDING = "BTC/USDT"


def equity_of(trades: pd.DataFrame, datadir: Path, timeframe: str, capital: float) -> pd.Series:
    """The capital at the end of each day from the first trade to the last."""
    orders = orders_of(trades)
    first, last = orders["at"].min(), orders["at"].max()
    days = pd.date_range(first.floor("D") - pd.Timedelta("1D"), last.floor("D"), freq="D")
    equity = pd.Series(capital, index=days)
    for pair, own in orders.groupby("pair"):
        closes = read_closes(datadir, str(pair), timeframe).resample("1D").last()
        # A close at midnight belongs to the day that it ends.
        closes = closes.shift(freq="-1D") if timeframe == "1d" else closes
        equity += daily_equity(own, {str(pair): closes}, 0.0, first, last)
    return equity


def draw(equity: pd.Series, holding: pd.Series, title: str, file: Path) -> None:
    """Both as multiples of their first value, weekly, on a logarithmic scale; and the drawdown."""
    mpl.rcParams["svg.hashsalt"] = "aquatrade"
    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    held = holding.reindex(equity.index).ffill().bfill()
    for values, colour, name in ((held, "#9aa4af", "holding BTC"), (equity, "#2da44e", "strategy")):
        weekly = (values / values.iloc[0]).iloc[:: max(1, len(values) // 380)]
        above.plot(weekly.index, weekly, color=colour, linewidth=1.4, label=name)
        fallen = (100.0 * (values / values.cummax() - 1.0)).reindex(weekly.index)
        below.plot(fallen.index, fallen, color=colour, linewidth=1.0)
    above.set_yscale("log")
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
    above.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    above.set_title(title, loc="left", fontsize=10)
    above.legend(frameon=False, fontsize=9)
    below.set_ylabel("drawdown %", fontsize=9)
    for axes in (above, below):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})


def main(
    datadir: Annotated[Path, typer.Argument(help="freqtrade datadir")],
    strategy: Annotated[str, typer.Argument(help="name of the strategy")],
    file: Annotated[Path, typer.Argument(help="the picture, .svg or .png")],
    pairs: Annotated[list[str], typer.Argument(help="pairs, or ALL that the folder has")],
    timeframe: Annotated[str, typer.Option(help="of the candles that value a position")] = "1d",
    preset: Annotated[str | None, typer.Option(help="of the strategy")] = None,
    fee_pct: Annotated[float, typer.Option(help="fee and slippage of a side in percent")] = 0.3,
    timerange: Annotated[str | None, typer.Option(help="as freqtrade's")] = None,
    slots: Annotated[int, typer.Option(help="trades at a time")] = 5,
) -> None:
    """Backtest a strategy and draw its capital."""
    logging.disable(logging.WARNING)
    chosen = _pairs(pairs, datadir, timeframe)
    trades = run_backtest(
        BacktestRequest(
            datadir=datadir,
            pairs=chosen,
            fee_rate=fee_pct / 100.0,
            aquatrade={"preset": preset},
            max_open_trades=slots,
            wallet=CAPITAL,
            strategy=strategy,
            timerange=timerange,
        )
    )
    if trades.empty:
        raise typer.BadParameter(f"{strategy} made no trade on {datadir}")
    equity = equity_of(trades, datadir, timeframe, CAPITAL)
    holding = read_closes(datadir, HOLDING, timeframe).resample("1D").last()
    draw(equity, holding, f"{strategy}, {len(trades)} trades, {fee_pct:g} % a side", file)


def _pairs(pairs: Sequence[str], datadir: Path, timeframe: str) -> tuple[str, ...]:
    if list(pairs) != ["ALL"]:
        return tuple(pairs)
    ending = f"-{timeframe}.feather"
    names = (file.name.removesuffix(ending) for file in datadir.glob(f"*_USDT{ending}"))
    return tuple(sorted(name.replace("_", "/") for name in names))


if __name__ == "__main__":
    typer.run(main)
