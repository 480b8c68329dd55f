"""What each strategy's reviewers hold it to, and why a preset loses that does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.suite_equity import CapitalFigures, TradeFigures

Figure = Callable[[TradeFigures, CapitalFigures, int], float | None]


@dataclass(frozen=True, slots=True)
class Target:
    """`figure` has to lie from low to high; a bound of None is none. text: as it was asked for."""

    text: str
    figure: Figure
    unit: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what came of it; met is None where there is no figure to judge."""

    target: Target
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether the figure lies within the target's bounds."""
        if self.value is None:
            return None
        above = self.target.low is None or self.value >= self.target.low
        return above and (self.target.high is None or self.value <= self.target.high)


def _win(trades: TradeFigures, _: CapitalFigures, __: int) -> float | None:
    return trades.win_pct


def _a_week(trades: TradeFigures, _: CapitalFigures, __: int) -> float | None:
    return trades.trades_a_week


def _a_pair_and_week(trades: TradeFigures, _: CapitalFigures, pairs: int) -> float | None:
    return trades.trades_a_week / pairs


def _sales_a_week(trades: TradeFigures, _: CapitalFigures, __: int) -> float | None:
    return trades.sales_a_week


def _profit_factor(trades: TradeFigures, _: CapitalFigures, __: int) -> float | None:
    return trades.profit_factor


def _winner_to_loser(trades: TradeFigures, _: CapitalFigures, __: int) -> float | None:
    return trades.winner_to_loser


TARGETS: Mapping[str, tuple[Target, ...]] = {
    "BuyTheDip": (
        Target("win > 60 %", _win, "%", low=60.0),
        Target("3 to 5 trades a week", _a_week, "", 3.0, 5.0),
    ),
    "SmaTrend": (
        Target("win > 60 %", _win, "%", low=60.0),
        Target("2 to 4 trades a week", _a_week, "", 2.0, 4.0),
    ),
    "GridTrader": (
        Target("win > 55 %", _win, "%", low=55.0),
        Target("15 to 25 round trips a week", _sales_a_week, "", 15.0, 25.0),
    ),
    "Scalper": (
        Target("win > 52 %", _win, "%", low=52.0),
        Target("40 or more trades a week", _a_week, "", low=40.0),
    ),
    "Momentum": (
        Target("win 35 to 50 %", _win, "%", 35.0, 50.0),
        Target("mean winner 2 to 4 x mean loser", _winner_to_loser, "", 2.0, 4.0),
        Target("profit factor 1.3 to 2.0", _profit_factor, "", 1.3, 2.0),
        Target("2 to 5 trades a pair and week", _a_pair_and_week, "", 2.0, 5.0),
    ),
}

# The pairs that a rule was asked for; of other presets the bot's own pairs are taken.
SPECIFIED_COINS: Mapping[str, tuple[str, ...]] = {
    "BuyTheDip": ("BTC", "ETH", "SOL"),
    "MaCrossover": ("BTC",),
    "GridTrader": ("BTC", "ETH", "SOL"),
    "Scalper": ("ETH",),
    "Momentum": ("BTC", "ETH", "SOL", "AVAX", "LINK"),
}

WHY_IT_LOSES: Mapping[tuple[str, str], str] = {
    ("BuyTheDip", "specified"): "the entry has no edge of its own, and a stop of 2 % lies within "
    "what these coins move in an hour: two of three trades are sold at the low of the dip",
    ("SmaTrend", "specified_4h"): "giving back half of an open profit of two ATR closes a trend "
    "before it has become one, and what the few long ones earn is all that this rule can earn",
    ("SmaTrend", "specified_1d"): "a golden cross of daily means comes late, and the stop of two "
    "ATR takes it out before the trend goes on",
    ("MaCrossover", "specified"): "before costs a crossing of 5m means earns nothing at all, and "
    "each of its thousands of trades pays two fees",
    ("GridTrader", "specified"): "a level earns its step and the inventory loses the fall; each "
    "stop of the whole grid sells the low",
    ("Scalper", "specified"): "before costs the bounce is worth a few hundredths of a percent, a "
    "round trip costs 0.2 % or more",
    ("Momentum", "specified"): "by the time that all conditions hold on 1h the move is over: it "
    "loses before costs",
}


def judge(
    strategy: str, trades: TradeFigures, capital: CapitalFigures, pairs: int
) -> tuple[Verdict, ...]:
    """The strategy's targets against the figures of a run over so many pairs."""
    return tuple(
        Verdict(target, target.figure(trades, capital, pairs))
        for target in TARGETS.get(strategy, ())
    )
