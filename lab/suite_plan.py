"""What the suite measures: every strategy, each of its presets, the pairs that the folder has."""

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from aquatrade.presets import Preset
from lab.evidence_runner import REPOSITORY, STRATEGIES, BacktestRequest
from lab.suite_targets import SPECIFIED_COINS

CONFIGS = REPOSITORY / "user_data" / "config"
QUOTE = "USDT"
STAKE_USD = 200.0
STAKES_TO_LOSE = 1000  # of each pair: ten thousand trades at a round trip of 0.6 % lose 60
UNTIL = "2025-01-01"  # what comes after judges the strategies; nobody tunes on it
SPECIFIED = "specified"
# What a bot's file says of trading itself; addresses, names and orders are no part of a backtest.
BOT_KEYS = (
    "stake_amount", "position_adjustment_enable", "max_entry_position_adjustment",
    "timeframe_detail", "timeframe",
)  # fmt: skip


TradingMode = Literal["spot", "futures"]
SPOT: TradingMode = "spot"
FUTURES: TradingMode = "futures"


class SuiteError(ValueError):
    """The suite cannot be run so; one clear line."""


@dataclass(frozen=True, slots=True)
class Bot:
    """How a strategy is shipped: the part of its bot's file that a backtest follows."""

    file: str | None
    pairs: tuple[str, ...]
    max_open_trades: int
    aquatrade: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    trading_mode: TradingMode = SPOT


@dataclass(frozen=True, slots=True)
class Job:
    """One preset at one cost. as_traded: its bot's wallet, slots, sizing and protections; else a
    stake and a slot for every pair, so that no trade depends on another."""

    strategy: str
    preset: str
    cost_pct: float
    as_traded: bool
    pairs: tuple[str, ...]
    left_out: tuple[str, ...]  # pairs of the list that the folder has no such candles of
    timeframe: str
    capital: float
    request: BacktestRequest


def strategy_class(name: str, folder: Path = STRATEGIES) -> Any:
    """The class in NAME.py. Raises SuiteError where there is none."""
    file = folder / f"{name}.py"
    if not file.is_file():
        known = ", ".join(strategy_names(folder))
        raise SuiteError(f"strategy {name!r} is unknown, expected one of {known}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise SuiteError(f"{file} cannot be read as a module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def strategy_names(folder: Path = STRATEGIES) -> tuple[str, ...]:
    """Strategies of the folder: one a file, named as the file."""
    return tuple(sorted(file.stem for file in folder.glob("[A-Z]*.py")))


def recorded_pairs(datadir: Path, timeframe: str, mode: TradingMode = SPOT) -> tuple[str, ...]:
    """Pairs that the folder has candles of this timeframe of; of perpetuals, also what funding is
    reckoned with."""
    if mode == SPOT:
        files = datadir.glob(f"*_{QUOTE}-{timeframe}.feather")
        return tuple(sorted(file.stem.rsplit("-", 1)[0].replace("_", "/") for file in files))
    pairs = []
    for file in sorted((datadir / FUTURES).glob(f"*_{QUOTE}_{QUOTE}-{timeframe}-futures.feather")):
        name = file.name.split("-", 1)[0]
        charged = ("1h-mark", "1h-funding_rate")
        if all(file.with_name(f"{name}-{kind}.feather").is_file() for kind in charged):
            pairs.append(perpetual(name.split("_", 1)[0]))
    return tuple(pairs)


def perpetual(coin: str) -> str:
    """The linear perpetual of a coin, as freqtrade names it."""
    return f"{coin}/{QUOTE}:{QUOTE}"


def read_bots(folder: Path = CONFIGS) -> dict[str, list[Bot]]:
    """The shipped bots by strategy."""
    bots: dict[str, list[Bot]] = {}
    for file in sorted(folder.glob("bot-*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        bots.setdefault(str(content["strategy"]), []).append(bot_from(content, file.name))
    return bots


def bot_from(content: Mapping[str, Any], file: str | None) -> Bot:
    """The part of a bot's layers that a backtest follows."""
    return Bot(
        file=file,
        pairs=tuple(content.get("exchange", {}).get("pair_whitelist", ())),
        max_open_trades=int(content["max_open_trades"]),
        aquatrade=dict(content.get("aquatrade", {})),
        config={key: content[key] for key in BOT_KEYS if key in content},
        trading_mode=content.get("trading_mode", SPOT),
    )


def bots_of(bots: Sequence[Bot], preset: str, default_preset: str) -> tuple[Bot | None, ...]:
    """On spot the bot that ships this preset, else the strategy's first one (None without any);
    on futures only one that ships it."""

    def shipping(mode: TradingMode) -> list[Bot]:
        ships = [bot for bot in bots if bot.aquatrade.get("preset", default_preset) == preset]
        return [bot for bot in ships if bot.trading_mode == mode]

    on_spot = [*shipping(SPOT), *(bot for bot in bots if bot.trading_mode == SPOT), None]
    return (on_spot[0], *shipping(FUTURES)[:1])


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of the suite; None: all of it."""

    datadir: Path
    strategy: str | None = None
    preset: str | None = None
    costs_pct: tuple[float, ...] = (0.1, 0.3)
    wallet: float = 5000.0


def plan_suite(
    wish: Wish, strategies: Path = STRATEGIES, configs: Path = CONFIGS
) -> tuple[list[Job], list[str]]:
    """The jobs, and a line for each preset that the folder cannot carry. Raises SuiteError."""
    if not wish.datadir.is_dir():
        raise SuiteError(f"--data {wish.datadir}: no such folder, expected a freqtrade datadir")
    if not any(wish.datadir.glob(f"*_{QUOTE}-*.feather")):
        raise SuiteError(
            f"--data {wish.datadir}: no file like BTC_{QUOTE}-1h.feather, expected a datadir"
        )
    names = strategy_names(strategies) if wish.strategy is None else (wish.strategy,)
    bots = read_bots(configs)
    jobs: list[Job] = []
    notes: list[str] = []
    presets_seen: set[str] = set()
    for name in names:
        cls = strategy_class(name, strategies)
        presets_seen |= set(cls.PRESETS)
        for preset in cls.PRESETS:
            if wish.preset in (None, preset):
                for bot in bots_of(bots.get(name, []), preset, cls.DEFAULT_PRESET):
                    jobs += _jobs_of(wish, cls, preset, bot, notes, strategies)
    if wish.preset is not None and wish.preset not in presets_seen:
        known = ", ".join(sorted(presets_seen))
        raise SuiteError(f"preset {wish.preset!r} is unknown, expected one of {known}")
    return jobs, notes


def _jobs_of(
    wish: Wish, cls: Any, preset: str, bot: Bot | None, notes: list[str], folder: Path
) -> list[Job]:
    rules: Preset = cls.PRESETS[preset]
    timeframe = rules.timeframe or cls.timeframe
    mode = bot.trading_mode if bot else SPOT
    has = recorded_pairs(wish.datadir, timeframe, mode)
    coins = SPECIFIED_COINS.get(cls.__name__) if preset.startswith(SPECIFIED) else None
    if coins and mode == SPOT:
        wanted = tuple(f"{coin}/{QUOTE}" for coin in coins)
    else:
        wanted = bot.pairs if bot else has
    pairs = tuple(pair for pair in wanted if pair in has)
    left_out = tuple(pair for pair in wanted if pair not in has)
    if not pairs:
        notes.append(f"{cls.__name__} {preset}: no {timeframe} candles of {', '.join(wanted)}")
        return []
    if left_out:
        notes.append(f"{cls.__name__} {preset}: no {timeframe} candles of {', '.join(left_out)}")
    is_grid = cls.FAMILY == "grid"  # its stakes are those of its levels: there is no other
    jobs = []
    for cost_pct in wish.costs_pct:
        for as_traded in (True,) if is_grid else (True, False):
            request = request_of(
                wish, cls.__name__, preset, bot, pairs, cost_pct, as_traded, folder
            )
            capital = wish.wallet if as_traded else STAKE_USD * len(pairs)
            jobs.append(
                Job(
                    cls.__name__, preset, cost_pct, as_traded, pairs, left_out, timeframe,
                    capital, request,
                )
            )  # fmt: skip
    return jobs


def request_of(
    wish: Wish,
    strategy: str,
    preset: str,
    bot: Bot | None,
    pairs: tuple[str, ...],
    cost_pct: float,
    as_traded: bool,
    folder: Path = STRATEGIES,
) -> BacktestRequest:
    """The backtest of a job."""
    section: dict[str, object] = {**(bot.aquatrade if bot else {}), "preset": preset}
    for no_part in ("risk", "guard", "scores", "live_confirmations"):
        section.pop(no_part, None)
    if not as_traded:
        section["sizing"] = {"method": "fixed", "stake_usd": STAKE_USD}
    slots = bot.max_open_trades if as_traded and bot else len(pairs)
    return BacktestRequest(
        datadir=wish.datadir,
        pairs=pairs,
        fee_rate=cost_pct / 100.0,
        aquatrade=section,
        max_open_trades=slots,
        # Without a wallet of its own: enough for every stake at any time, whatever was lost.
        wallet=wish.wallet if as_traded else STAKE_USD * len(pairs) * STAKES_TO_LOSE,
        strategy=strategy,
        strategy_path=folder,
        timerange=f"-{UNTIL.replace('-', '')}",
        config={**(bot.config if bot else {}), "enable_protections": as_traded},
        trading_mode=bot.trading_mode if bot else SPOT,
    )


def candle_file(datadir: Path, pair: str, timeframe: str) -> Path:
    """Where freqtrade keeps a pair's candles."""
    name = f"{pair.replace('/', '_').replace(':', '_')}-{timeframe}"
    if ":" in pair:
        return datadir / FUTURES / f"{name}-futures.feather"
    return datadir / f"{name}.feather"


def daily_closes(datadir: Path, pair: str, timeframe: str) -> pd.Series:
    """A pair's last close of each UTC day, indexed by the day; from daily candles if there are."""
    file = candle_file(datadir, pair, "1d")
    if not file.is_file():
        file = candle_file(datadir, pair, timeframe)
    frame = pd.read_feather(file, columns=["date", "close"])
    frame = frame[frame["date"] < pd.Timestamp(UNTIL, tz="UTC")]
    closes: pd.Series = frame.groupby(frame["date"].dt.floor("D"))["close"].last()
    return closes
