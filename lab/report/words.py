"""What the figures of a backtest come to in plain words: verdicts, what was measured, caveats."""

from collections.abc import Mapping

import pandas as pd

from lab.report.costs import Costs
from lab.report.equity import REALISED, Curve
from lab.report.figures import (
    DRAWDOWN,
    FEWEST_TRADES,
    PROFIT_FACTOR,
    QUARTER_RETURN,
    SHARPE,
    WIN_RATE,
    CapitalFigures,
    Grade,
    Measure,
    TradeFigures,
)
from lab.report.source import Backtest

# Spot taker fee of Binance and MEXC is 0.1 %: what is not above that has no slippage in it.
FEE_WITHOUT_SLIPPAGE = 0.00105
FEW_TRADES = 100
BEST_TRADES = 5
ONE_YEAR_DAYS = 365


def graded(
    trades: TradeFigures, capital: CapitalFigures
) -> list[tuple[Measure, float | None, Grade | None]]:
    """The headline figures that have grades."""
    values = [
        (WIN_RATE, trades.win_rate_pct),
        (PROFIT_FACTOR, trades.profit_factor),
        (SHARPE, capital.sharpe),
        (DRAWDOWN, capital.drawdown_pct),
        (QUARTER_RETURN, capital.quarter_pct),
    ]
    return [(each, value, None if value is None else each.grade(value)) for each, value in values]


def red_flags(trades: TradeFigures, capital: CapitalFigures) -> list[str]:
    """One line for each figure that is beyond its limit."""
    return [
        f"{measure.name} {value:.2f}, {'above' if measure.less else 'below'} {measure.flag:g}"
        for measure, value, _ in graded(trades, capital)
        if value is not None and measure.is_flag(value)
    ]


def verdicts(
    backtest: Backtest,
    trades: TradeFigures,
    capital: CapitalFigures,
    held: Mapping[str, CapitalFigures],
) -> list[str]:
    """Two or three sentences for somebody who reads nothing else."""
    low, high = trades.interval_pct
    earned = (
        f"{backtest.name} made {trades.trades} trades in {backtest.days:.0f} days: "
        f"{capital.total_pct:+.1f} % on {backtest.capital:,.0f} {backtest.currency}, at worst "
        f"{capital.drawdown_pct:.1f} % below an earlier high."
    )
    if trades.trades < FEWEST_TRADES:
        told = f"Fewer than {FEWEST_TRADES} trades: no verdict."
    else:
        told = (
            f"A trade made {trades.mean_pct:+.2f} % of its stake after costs, with 95 % confidence "
            f"{low:+.2f} to {high:+.2f} %: {_worth(low, high)}."
        )
    sentences = [earned, told]
    bitcoin = held.get("hold BTC")
    if bitcoin is not None:
        sentences.append(
            f"Holding BTC over the same days: {bitcoin.total_pct:+.0f} %, at worst "
            f"{bitcoin.drawdown_pct:.0f} % below a high{_sharpes(capital, bitcoin)}."
        )
    return sentences


def _worth(low: float, high: float) -> str:
    if low > 0:
        return "more than chance"
    return "it loses" if high < 0 else "that may be chance"


def _sharpes(own: CapitalFigures, held: CapitalFigures) -> str:
    if own.sharpe is None or held.sharpe is None:
        return ""
    return f"; Sharpe {held.sharpe:.2f} against {own.sharpe:.2f}"


def measured(backtest: Backtest, curve: Curve) -> list[tuple[str, str]]:
    """What was run, as label and value."""
    stats = backtest.stats
    slots = stats.get("max_open_trades_setting", stats.get("max_open_trades"))
    pairs = [str(pair) for pair in stats.get("pairlist", [])]
    detail = stats.get("timeframe_detail")
    lines = [
        ("strategy", backtest.strategy),
        ("preset", backtest.preset or "not said"),
        ("from", f"{backtest.start:%Y-%m-%d %H:%M} UTC"),
        ("to", f"{backtest.end:%Y-%m-%d %H:%M} UTC, {backtest.days:.0f} days"),
        ("candles", f"{stats['timeframe']}{f', filled on {detail}' if detail else ''}"),
        ("pairs", f"{len(pairs)}: {', '.join(pairs)}"),
        ("cost of a side", f"{100 * backtest.fee_rate:.3g} % (fee and slippage in one)"),
        ("wallet", f"{backtest.capital:,.0f} {backtest.currency}"),
        ("slots", "unlimited" if slots == -1 else str(slots)),
        ("protections", "on" if stats.get("enable_protections") else "off"),
        ("market", str(stats.get("trading_mode", "spot"))),
        ("valued by", curve.source),
        ("result file", backtest.file.name),
    ]
    return lines


def caveats(
    backtest: Backtest,
    trades: TradeFigures,
    capital: CapitalFigures,
    curve: Curve,
    costs: Costs | None,
) -> list[str]:
    """What to know before believing it, the ones that this backtest gives cause for first."""
    lines = []
    if trades.trades < FEW_TRADES:
        lines.append(f"{trades.trades} trades are few: intervals are wide, grades are weak.")
    if trades.left_open:
        were = "trade was" if trades.left_open == 1 else "trades were"
        lines.append(f"{trades.left_open} {were} open at the end and counted at the last price.")
    lines += _within_days(backtest, capital)
    if curve.source == REALISED:
        lines.append("Open positions are not valued: Sharpe and drawdown look too good.")
    if backtest.fee_rate <= FEE_WITHOUT_SLIPPAGE:
        lines.append(
            f"A side costs {100 * backtest.fee_rate:.3g} %: that is a fee without slippage. Give "
            "freqtrade both in --fee."
        )
    if backtest.days < ONE_YEAR_DAYS:
        lines.append(
            f"{backtest.days:.0f} days: figures of a year are extrapolated, markets of one kind."
        )
    lines += _concentration(backtest)
    if costs is not None and costs.break_even_pct is not None:
        lines.append(
            f"The same trades earn nothing once a side costs {costs.break_even_pct:.2f} %."
        )
    return [
        *lines,
        "A backtest fills a stop at its price; live, a fast market fills it lower.",
        "Pairs that people still trade flatter every backtest: those that died are missing.",
        "One result says nothing of how many were tried before it was chosen.",
    ]


def _within_days(backtest: Backtest, capital: CapitalFigures) -> list[str]:
    """Where freqtrade's wallet, which is valued at each candle, fell deeper than daily closes."""
    recorded = backtest.stats.get("wallet_stats") or {}
    fallen = 100.0 * float(recorded.get("max_relative_drawdown", 0.0))
    if fallen < capital.drawdown_pct + 0.1:
        return []
    return [f"Within days it was deeper: {fallen:.1f} % below a high, valued at each candle."]


def _concentration(backtest: Backtest) -> list[str]:
    """Where a few trades or one month made the profit."""
    profit = backtest.trades["profit_abs"]
    total = float(profit.sum())
    if total <= 0 or len(profit) <= 2 * BEST_TRADES:
        return []
    lines = []
    best = float(profit.nlargest(BEST_TRADES).sum())
    if best > 0.5 * total:
        lines.append(
            f"The {BEST_TRADES} best of {len(profit)} trades made {100 * best / total:.0f} % of "
            "the profit."
        )
    by_month: pd.Series = profit.groupby(backtest.trades["close_date"].dt.strftime("%Y-%m")).sum()
    if len(by_month) > 2 and float(by_month.max()) > 0.5 * total:
        share = 100 * float(by_month.max()) / total
        lines.append(f"One month, {by_month.idxmax()}, made {share:.0f} % of the profit.")
    return lines
