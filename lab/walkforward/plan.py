"""Which folds a walk has, what each of them rests on, and its name in the folder of results."""

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from lab.evidence_runner import REPOSITORY, STRATEGIES, BacktestRequest
from lab.matrix.costs import CostError, parse_costs
from lab.matrix.fingerprint import code_of, versions_of
from lab.matrix.periods import Period
from lab.statistics.folds import Fold, Mode, walk_forward_folds
from lab.suite_plan import (
    CONFIGS,
    FUTURES,
    SPOT,
    Bot,
    SuiteError,
    TradingMode,
    Wish,
    bots_of,
    read_bots,
    recorded_pairs,
    request_of,
    strategy_class,
)
from lab.walkforward.cut import candle_files, candle_length, cut_digests, first_and_last
from lab.walkforward.fold_run import FoldJob
from lab.walkforward.search import SearchWish

LOSSES = REPOSITORY / "user_data" / "hyperopts"
FORMAT = 1  # of the key, and of what is stored under it
ONE_DAY = timedelta(days=1)
OWN_DEFAULTS = "defaults"  # of a strategy without presets
PLACES = frozenset({"datadir", "strategy_path", "timerange"})  # say nothing of the content
# What turns candles into a result, besides what a backtest of the matrix rests on.
ENGINE = ("cut.py", "fold_run.py", "returns.py", "search.py")


class WalkError(ValueError):
    """The walk cannot be made so; one clear line."""


@dataclass(frozen=True, slots=True)
class WalkWish:
    """What is asked for. strategy: NAME or NAME:PRESET; pairs: none: those of its bot. cost: of
    one side, as lab.matrix.costs reads it."""

    datadir: Path
    strategy: str
    period: Period
    pairs: tuple[str, ...] = ()
    train_months: int = 2
    test_months: int = 1
    mode: Mode = "rolling"
    embargo_days: int = 0
    search: SearchWish = field(default_factory=SearchWish)
    cost: str = "binance"
    wallet: float = 5000.0
    strategies: Path = STRATEGIES
    losses: Path = LOSSES


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """The folds to run, in order."""

    strategy: str
    preset: str
    pairs: tuple[str, ...]
    timeframe: str
    cost: str
    wish: WalkWish
    jobs: tuple[FoldJob, ...]


def plan_walk(wish: WalkWish, configs: Path = CONFIGS) -> WalkPlan:
    """The folds, the same for the same wish and files. Raises WalkError."""
    if not wish.datadir.is_dir():
        raise WalkError(f"--data {wish.datadir}: no such folder, expected a freqtrade datadir")
    name, _, preset = wish.strategy.partition(":")
    try:
        cls = strategy_class(name, wish.strategies)
    except SuiteError as error:
        raise WalkError(str(error)) from None
    preset = _preset(cls, preset)
    rules = getattr(cls, "PRESETS", {}).get(preset)
    timeframe = (rules and rules.timeframe) or cls.timeframe
    if candle_length(timeframe) > ONE_DAY:
        raise WalkError(f"{name} has candles of {timeframe}, expected a day or shorter")
    bot, mode, pairs = _traded(wish, cls, preset, timeframe, configs)
    cost_text, fee_rate = _cost(wish.cost)
    request = _request(wish, name, preset if rules else None, bot, pairs, fee_rate)
    startup = int((rules and rules.startup_candles) or cls.startup_candle_count)
    return WalkPlan(
        strategy=name,
        preset=preset,
        pairs=pairs,
        timeframe=timeframe,
        cost=cost_text,
        wish=wish,
        jobs=_jobs(wish, request, mode, timeframe, startup),
    )


def _preset(cls: Any, wanted: str) -> str:
    presets = getattr(cls, "PRESETS", None)
    if presets is None:
        if wanted:
            raise WalkError(f"{cls.__name__} has no presets, expected its name alone")
        return OWN_DEFAULTS
    chosen = wanted or str(cls.DEFAULT_PRESET)
    if chosen not in presets:
        raise WalkError(
            f"{cls.__name__} has no preset {chosen!r}, expected one of {', '.join(presets)}"
        )
    return chosen


def _traded(
    wish: WalkWish, cls: Any, preset: str, timeframe: str, configs: Path
) -> tuple[Bot | None, TradingMode, tuple[str, ...]]:
    """The bot that ships the preset, spot or futures, and the pairs that the folder has."""
    modes = {FUTURES if ":" in pair else SPOT for pair in wish.pairs} or {SPOT}
    if len(modes) > 1:
        raise WalkError("--pair: some are spot, some perpetuals; expected one kind")
    mode: TradingMode = FUTURES if FUTURES in modes else SPOT
    bot: Bot | None = None
    if hasattr(cls, "PRESETS"):
        shipped = read_bots(configs).get(cls.__name__, [])
        on_spot, *on_futures = bots_of(shipped, preset, cls.DEFAULT_PRESET)
        bot = on_spot if mode == SPOT else next(iter(on_futures), None)
    if mode == FUTURES and bot is None:
        raise WalkError(f"{cls.__name__} {preset}: no bot ships it on futures")
    has = recorded_pairs(wish.datadir, timeframe, mode)
    missing = [pair for pair in wish.pairs if pair not in has]
    if missing:
        raise WalkError(
            f"--data {wish.datadir}: no {timeframe} candles of {', '.join(missing)}, "
            f"which {cls.__name__} trades on"
        )
    wanted = wish.pairs or (bot.pairs if bot and bot.pairs else has)
    pairs = tuple(dict.fromkeys(pair for pair in wanted if pair in has))
    if not pairs:
        raise WalkError(f"--data {wish.datadir}: no {timeframe} candles of any of its pairs")
    return bot, mode, pairs


def _cost(text: str) -> tuple[str, float]:
    try:
        models = parse_costs(text)
    except CostError as error:
        raise WalkError(str(error)) from None
    if len(models) > 1 or models[0].gap or models[0].delay:
        raise WalkError(f"--cost {text}: a search charges one fee and one slippage, as 0.1%+5bps")
    return models[0].text, models[0].fee_rate


def _request(
    wish: WalkWish,
    name: str,
    preset: str | None,
    bot: Bot | None,
    pairs: tuple[str, ...],
    fee_rate: float,
) -> BacktestRequest:
    if preset is not None:
        base = Wish(wish.datadir, wallet=wish.wallet)
        made = request_of(base, name, preset, bot, pairs, 0.0, True, wish.strategies)
        return replace(made, fee_rate=fee_rate, timerange=None)
    return BacktestRequest(
        datadir=wish.datadir,
        pairs=pairs,
        fee_rate=fee_rate,
        aquatrade={},
        max_open_trades=len(pairs),
        wallet=wish.wallet,
        strategy=name,
        strategy_path=wish.strategies,
        config={"stake_amount": "unlimited", "enable_protections": True},
    )


def _jobs(
    wish: WalkWish, request: BacktestRequest, mode: TradingMode, timeframe: str, startup: int
) -> tuple[FoldJob, ...]:
    _check_search(wish)
    detail = str(request.config.get("timeframe_detail", timeframe))
    finest = min(candle_length(timeframe), candle_length(detail))
    files = candle_files(wish.datadir, request.pairs, mode, finest)
    try:
        folds = _folds(wish, files, request.pairs, timeframe, startup)
    except ValueError as error:
        raise WalkError(str(error)) from None
    common = _common_content(wish, request)
    digests = cut_digests(files, [fold.test_end for fold in folds])
    return tuple(
        FoldJob(
            key=_key(common, fold, digest),
            fold=fold,
            request=request,
            timeframe=timeframe,
            capital=wish.wallet,
            search=wish.search,
            losses=wish.losses,
        )
        for fold, digest in zip(folds, digests, strict=True)
    )


def _folds(
    wish: WalkWish, files: Sequence[Path], pairs: Sequence[str], timeframe: str, startup: int
) -> tuple[Fold, ...]:
    """Raises ValueError."""
    names = {pair.replace("/", "_").replace(":", "_") for pair in pairs}
    traded = [
        file
        for file in files
        if file.name.split("-")[0] in names and file.stem.split("-")[1] == timeframe
    ]
    first, last = first_and_last(traded)
    earliest = pd.Timestamp(first + startup * candle_length(timeframe)).ceil("D").to_pydatetime()
    since = wish.period.since or earliest
    if since < earliest:
        raise ValueError(
            f"--period begins on {since:%Y-%m-%d}, but candles begin on {first:%Y-%m-%d} and the "
            f"strategy looks back on {startup}: expected {earliest:%Y-%m-%d} or later"
        )
    until = min(wish.period.until or last, _midnight(last))
    return walk_forward_folds(
        since,
        max(until, since + ONE_DAY),
        train=pd.DateOffset(months=wish.train_months),
        test=pd.DateOffset(months=wish.test_months),
        mode=wish.mode,
        embargo=timedelta(days=wish.embargo_days),
    )


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _check_search(wish: WalkWish) -> None:
    found = wish.losses / f"{wish.search.loss}.py"
    if not found.is_file() and not _is_freqtrade_loss(wish.search.loss):
        raise WalkError(
            f"--loss {wish.search.loss}: no such file in {wish.losses}, and none of freqtrade's"
        )


def _is_freqtrade_loss(name: str) -> bool:
    from freqtrade.constants import HYPEROPT_LOSS_BUILTIN

    return name in HYPEROPT_LOSS_BUILTIN


def _common_content(wish: WalkWish, request: BacktestRequest) -> dict[str, Any]:
    """What all folds rest on, but for their windows and candles."""
    loss = wish.losses / f"{wish.search.loss}.py"
    return {
        "format": FORMAT,
        "request": {
            each.name: getattr(request, each.name)
            for each in fields(request)
            if each.name not in PLACES
        },
        "search": asdict(wish.search),
        "loss": _digest(loss) if loss.is_file() else "",
        "code": code_of(request),
        "engine": [_digest(Path(__file__).with_name(name)) for name in ENGINE],
        "versions": [versions_of(), _optimizer_version()],
    }


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@functools.cache
def _optimizer_version() -> str:
    return importlib.metadata.version("optuna")


def _key(common: dict[str, Any], fold: Fold, candles: str) -> str:
    """SHA-256 of all that a fold's result depends on; its number is no part of that."""
    windows = [fold.train_timerange, fold.test_timerange]
    content = {**common, "windows": windows, "candles": candles}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
