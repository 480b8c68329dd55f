"""The suggested fleet's spot part as one portfolio: python -m operations.command_line fleet

Each bot is backtested with its own allotment as `user_data/config/fleet-*.json` give it; their
daily values are added. Beside it: the same signals in one bot with one wallet, and holding BTC.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.misc import deep_merge_dicts

from lab.evidence_runner import BacktestRequest
from lab.one_bot import Candidates, one_wallet
from lab.suite import BITCOIN
from lab.suite_equity import (
    LEFT_OPEN,
    CapitalFigures,
    capital_figures,
    daily_equity,
    held_equity,
    slice_equity,
)
from lab.suite_plan import (
    CONFIGS,
    Bot,
    SuiteError,
    Wish,
    bot_from,
    daily_closes,
    recorded_pairs,
    request_of,
    strategy_class,
)
from lab.suite_run import Run, RunError, run_apart

FIRST = datetime(2021, 1, 1, tzinfo=UTC)
LAST = datetime(2024, 12, 31, tzinfo=UTC)
YEARS = (2021, 2022, 2023, 2024)
TIMERANGE = "20210101-20250101"
SLOTS_OF_ONE_BOT = 10
COSTS_PCT = (0.1, 0.3)


@dataclass(frozen=True, slots=True)
class Member:
    """A bot of the fleet: its layer, and what it may spend."""

    name: str
    strategy: str
    preset: str
    allotment: float
    bot: Bot
    pairs: tuple[str, ...]
    timeframe: str


@dataclass(frozen=True, slots=True)
class FleetRow:
    """A curve of the comparison; percentages of the capital at the beginning of the stretch."""

    name: str
    cost_pct: float
    trades: int | None
    whole: CapitalFigures
    by_year_pct: Mapping[int, float]
    note: str = ""


def read_members(datadir: Path, configs: Path = CONFIGS) -> list[Member]:
    """The bots of the fleet. Raises SuiteError for a layer without its bot or without candles."""
    layers = sorted(configs.glob("fleet-*.json"))
    if not layers:
        raise SuiteError(f"{configs}: no fleet-*.json in it, expected a layer for each bot")
    return [_member(file, datadir, configs) for file in layers]


def _member(file: Path, datadir: Path, configs: Path) -> Member:
    layer = json.loads(file.read_text(encoding="utf-8"))
    strategy, capital = layer.get("strategy"), layer.get("available_capital")
    if not isinstance(strategy, str) or not isinstance(capital, int | float) or capital <= 0:
        raise SuiteError(f"{file.name}: expected the keys strategy and available_capital")
    below: dict[str, Any] | None = None
    for shipped in sorted(configs.glob("bot-*.json")):
        content = json.loads(shipped.read_text(encoding="utf-8"))
        if content["strategy"] == strategy and below is None:
            below = content
    if below is None:
        raise SuiteError(f"{file.name}: no bot-*.json trades {strategy}")
    cls = strategy_class(strategy)
    bot = bot_from(deep_merge_dicts(layer, below), file.name)
    preset = str(bot.aquatrade.get("preset", cls.DEFAULT_PRESET))
    if preset not in cls.PRESETS:
        raise SuiteError(f"{file.name}: {strategy} has no preset {preset!r}")
    timeframe = cls.PRESETS[preset].timeframe or cls.timeframe
    has = recorded_pairs(datadir, timeframe)
    pairs = tuple(pair for pair in bot.pairs if pair in has)
    if not pairs:
        raise SuiteError(f"--data {datadir}: no {timeframe} candles of a pair of {file.name}")
    name = file.stem.removeprefix("fleet-")
    return Member(name, strategy, preset, float(capital), bot, pairs, timeframe)


def request_for(
    member: Member, datadir: Path, cost_pct: float, *, as_traded: bool
) -> BacktestRequest:
    """The backtest of a bot with its allotment, or of its candidates for one wallet."""
    wish = Wish(datadir, costs_pct=(cost_pct,), wallet=member.allotment)
    request = request_of(
        wish, member.strategy, member.preset, member.bot, member.pairs, cost_pct, as_traded
    )
    return BacktestRequest(
        **{
            **{key: getattr(request, key) for key in BacktestRequest.__slots__},
            "timerange": TIMERANGE,
        }
    )


def run_fleet(
    members: Sequence[Member],
    datadir: Path,
    costs_pct: Sequence[float],
    slots: int,
    say: Callable[[str], None],
) -> list[FleetRow]:
    """Backtest all bots at all costs and join them. Raises SuiteError."""
    rows: list[FleetRow] = []
    closes = {
        pair: daily_closes(datadir, pair, member.timeframe)
        for member in members
        for pair in (*member.pairs, *((BITCOIN,) if _has_bitcoin(datadir) else ()))
    }
    for cost_pct in costs_pct:
        equities, candidates = [], []
        for member in members:
            run = _run(member, datadir, cost_pct, True, say)
            equity = daily_equity(run.orders, closes, member.allotment, FIRST, LAST)
            equities.append(equity)
            name = f"{member.name}: {member.strategy} {member.preset}"
            rows.append(row_of(name, cost_pct, equity, _closed(run.trades)))
            apart = _run(member, datadir, cost_pct, False, say)
            candidates.append(Candidates(member.name, apart.trades, apart.orders))
        trades = sum(row.trades or 0 for row in rows[-len(members) :])
        rows.append(row_of("fleet", cost_pct, sum_of(equities), trades))
        rows.append(
            row_of("fleet, shares restored each January", cost_pct, restored(equities), trades)
        )
        capital = sum(member.allotment for member in members)
        together = one_wallet(candidates, capital, slots)
        equity = daily_equity(together.orders, closes, capital, FIRST, LAST)
        note = f"{together.missed} entries found no slot"
        name = f"one bot, one wallet, {slots} slots"
        rows.append(row_of(name, cost_pct, equity, _closed(together.trades), note))
    held = held_equity({BITCOIN: closes[BITCOIN]}, FIRST, LAST + pd.Timedelta("1D"))
    if held is not None:
        rows.append(row_of("hold BTC", 0.0, held, None))
    return rows


def _has_bitcoin(datadir: Path) -> bool:
    return any(datadir.glob(f"{BITCOIN.replace('/', '_')}-*.feather"))


def _run(
    member: Member, datadir: Path, cost_pct: float, as_traded: bool, say: Callable[[str], None]
) -> Run:
    how = "its allotment" if as_traded else "all its signals"
    try:
        run = run_apart(request_for(member, datadir, cost_pct, as_traded=as_traded))
    except RunError as error:
        raise SuiteError(f"{member.name}: {error}") from None
    say(
        f"{member.name} at {cost_pct:g} %, {how}: {len(run.trades)} trades, "
        f"{run.seconds:.0f} s, {run.peak_mb:.0f} MB"
    )
    return run


def _closed(trades: pd.DataFrame) -> int:
    return int((trades["exit_reason"] != LEFT_OPEN).sum())


def sum_of(equities: Sequence[pd.Series]) -> pd.Series:
    """The value of all bots together; they never pass money to each other."""
    total: pd.Series = pd.concat(list(equities), axis="columns").sum(axis="columns")
    return total


def restored(equities: Sequence[pd.Series]) -> pd.Series:
    """The same if every January each bot gets its share of the whole again."""
    table = pd.concat(list(equities), axis="columns")
    shares = table.iloc[0] / table.iloc[0].sum()
    value, before = float(table.iloc[0].sum()), table.iloc[0]
    parts: list[pd.Series] = [table.iloc[:1].sum(axis="columns")]
    for _, days in table.iloc[1:].groupby(pd.DatetimeIndex(table.index[1:]).year):
        parts.append(value * (days / before * shares).sum(axis="columns"))
        value, before = float(parts[-1].iloc[-1]), days.iloc[-1]
    joined: pd.Series = pd.concat(parts)
    return joined


def row_of(
    name: str, cost_pct: float, equity: pd.Series, trades: int | None, note: str = ""
) -> FleetRow:
    """Figures of a curve of daily values."""
    by_year = {}
    for year in YEARS:
        since, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        part = slice_equity(equity, since, until)
        if len(part) > 1:
            by_year[year] = 100.0 * float(part.iloc[-1] / part.iloc[0] - 1.0)
    return FleetRow(name, cost_pct, trades, capital_figures(equity), by_year, note)
