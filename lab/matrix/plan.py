"""The cells of a matrix: strategies and presets, by pairs, by periods, by cost models."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.evidence_runner import STRATEGIES, BacktestRequest
from lab.matrix.costs import CostModel
from lab.matrix.fingerprint import Fingerprint, fingerprint_of, key_of
from lab.matrix.periods import Period
from lab.suite_plan import (
    CONFIGS,
    FUTURES,
    QUOTE,
    SPOT,
    STAKE_USD,
    Bot,
    SuiteError,
    TradingMode,
    Wish,
    bots_of,
    candle_file,
    read_bots,
    recorded_pairs,
    request_of,
    strategy_class,
    strategy_names,
)

ALL_PRESETS = "*"


class MatrixError(ValueError):
    """The matrix cannot be run so; one clear line."""


@dataclass(frozen=True, slots=True)
class MatrixWish:
    """What is asked for.

    strategies: NAME (its default preset), NAME:PRESET or NAME:*; none: all, default presets.
    pairs: none: those of the strategy's bot that the folder has.
    """

    datadir: Path
    periods: tuple[Period, ...]
    costs: tuple[CostModel, ...]
    strategies: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    together: bool = False
    as_traded: bool = True
    wallet: float = 5000.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One backtest. key: a hash of all that its result depends on."""

    key: str
    strategy: str
    preset: str
    pairs: tuple[str, ...]
    period: Period
    cost: CostModel
    timeframe: str
    capital: float
    request: BacktestRequest
    prints: Fingerprint
    candle_bytes: int = 0  # how long it takes, roughly

    @property
    def name(self) -> str:
        """For people."""
        pairs = self.pairs[0] if len(self.pairs) == 1 else f"{len(self.pairs)} pairs"
        return f"{self.strategy} {self.preset}, {pairs}, {self.period.name}, {self.cost.text}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells, and a line for what was asked for and cannot be."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...]


def plan_matrix(wish: MatrixWish, strategies: Path = STRATEGIES, configs: Path = CONFIGS) -> Plan:
    """The cells, the same for the same wish and files. Raises MatrixError."""
    if not wish.datadir.is_dir():
        raise MatrixError(f"--data {wish.datadir}: no such folder, expected a freqtrade datadir")
    bots = read_bots(configs)
    cells: list[Cell] = []
    notes: list[str] = []
    for cls, preset in _chosen(wish.strategies, strategies):
        for bot, pairs in _lists(wish, cls, preset, bots, notes):
            cells += _cells(wish, cls, preset, bot, pairs, strategies)
    if not cells:
        raise MatrixError("; ".join(["no cell can be run", *notes]))
    return Plan(tuple(cells), tuple(dict.fromkeys(notes)))


def _chosen(wanted: Sequence[str], folder: Path) -> list[tuple[Any, str]]:
    """Classes and presets, each once, in the order that they are named."""
    found: dict[tuple[str, str], Any] = {}
    for text in wanted or strategy_names(folder):
        name, _, preset = text.partition(":")
        try:
            cls = strategy_class(name, folder)
        except SuiteError as error:
            raise MatrixError(str(error)) from None
        presets = (preset or cls.DEFAULT_PRESET,)
        if preset == ALL_PRESETS:
            presets = tuple(cls.PRESETS)
        elif preset and preset not in cls.PRESETS:
            known = ", ".join(cls.PRESETS)
            raise MatrixError(f"{name} has no preset {preset!r}, expected one of {known}")
        found.update({(name, each): cls for each in presets})
    return [(cls, preset) for (_, preset), cls in found.items()]


def _lists(
    wish: MatrixWish, cls: Any, preset: str, bots: Mapping[str, list[Bot]], notes: list[str]
) -> Iterator[tuple[Bot | None, tuple[str, ...]]]:
    """Bots with the pairs that they are to trade and that the folder has; the rest is noted."""
    name = f"{cls.__name__} {preset}"
    on_spot, *on_futures = bots_of(bots.get(cls.__name__, []), preset, cls.DEFAULT_PRESET)
    asked: dict[TradingMode, tuple[str, ...]] = {
        SPOT: tuple(pair for pair in wish.pairs if ":" not in pair),
        FUTURES: tuple(pair for pair in wish.pairs if ":" in pair),
    }
    if asked[FUTURES] and not on_futures:
        notes.append(f"{name}: no bot ships it on futures, {', '.join(asked[FUTURES])} left out")
    timeframe = cls.PRESETS[preset].timeframe or cls.timeframe
    for bot, mode in ((on_spot, SPOT), *((bot, FUTURES) for bot in on_futures)):
        has = recorded_pairs(wish.datadir, timeframe, mode)
        wanted = asked[mode]
        if not wish.pairs and mode == SPOT:
            wanted = bot.pairs if bot else has
        missing = [pair for pair in wanted if pair not in has]
        if missing:
            notes.append(f"{name}: no {timeframe} candles of {', '.join(missing)}")
        pairs = tuple(dict.fromkeys(pair for pair in wanted if pair in has))
        if pairs:
            yield bot, pairs
    if not wish.pairs and not any(wish.datadir.glob(f"*_{QUOTE}-{timeframe}.feather")):
        notes.append(f"{name}: the folder has no {timeframe} candles")


def _cells(
    wish: MatrixWish, cls: Any, preset: str, bot: Bot | None, pairs: tuple[str, ...], folder: Path
) -> Iterator[Cell]:
    timeframe = cls.PRESETS[preset].timeframe or cls.timeframe
    # The stakes of a grid are those of its levels: there is no other.
    as_traded = wish.as_traded or cls.FAMILY == "grid"
    base = Wish(wish.datadir, wallet=wish.wallet)
    for group in (pairs,) if wish.together else tuple((pair,) for pair in pairs):
        request = request_of(base, cls.__name__, preset, bot, group, 0.0, as_traded, folder)
        prints = fingerprint_of(request)
        size = sum(candle_file(wish.datadir, pair, timeframe).stat().st_size for pair in group)
        for period in wish.periods:
            for cost in wish.costs:
                asked = replace(request, timerange=period.timerange, fee_rate=cost.fee_rate)
                yield Cell(
                    key=key_of(asked, cost, prints),
                    strategy=cls.__name__,
                    preset=preset,
                    pairs=group,
                    period=period,
                    cost=cost,
                    timeframe=timeframe,
                    capital=wish.wallet if as_traded else STAKE_USD * len(group),
                    request=asked,
                    prints=prints,
                    candle_bytes=size,
                )
