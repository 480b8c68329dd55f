"""Every strategy and preset on recorded candles, in freqtrade's backtester: python -m lab.suite

One backtest at a time, each in a process of its own; figures over all years, the years up to 2023
and 2024 apart, beside holding the same pairs and holding BTC.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from lab.suite_equity import (
    CapitalFigures,
    TradeFigures,
    capital_figures,
    daily_equity,
    held_equity,
    slice_equity,
    trade_figures,
)
from lab.suite_plan import (
    FUTURES,
    QUOTE,
    SPOT,
    Job,
    SuiteError,
    TradingMode,
    candle_file,
    daily_closes,
    perpetual,
)
from lab.suite_run import Run, RunError, run_apart

BITCOIN = f"BTC/{QUOTE}"
LAST_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2025, 1, 1, tzinfo=UTC)
WHOLE, EARLIER, LAST = "all years", "to 2023", "2024"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of a run; holding is None where the folder has no candles of it."""

    since: datetime
    until: datetime
    trades: TradeFigures
    capital: CapitalFigures
    hold_pairs: CapitalFigures | None
    hold_bitcoin: CapitalFigures | None
    short_trades: TradeFigures | None = None  # those of `trades` that sold first; None on spot


@dataclass(frozen=True, slots=True)
class Row:
    """One backtest of the suite; periods by name: all years, to 2023, 2024."""

    strategy: str
    preset: str
    cost_pct: float
    as_traded: bool
    timeframe: str
    pairs: tuple[str, ...]
    capital_usd: float
    lost_when_measured: bool
    evidence: str
    seconds: float
    peak_mb: float
    periods: Mapping[str, Period]
    trading_mode: TradingMode = SPOT


@dataclass(frozen=True, slots=True)
class Results:
    """All rows, and a line for each preset or pair that could not be measured."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


RESULTS = TypeAdapter(Results)


def run_suite(
    jobs: Sequence[Job],
    evidence: Callable[[str, str], tuple[bool, str]],
    say: Callable[[str], None],
) -> Results:
    """Run all jobs; one that fails becomes a note. evidence: (lost, words) of a preset."""
    rows, notes = [], []
    for number, job in enumerate(jobs, 1):
        how = "as traded" if job.as_traded else "per stake"
        where = f"{job.request.trading_mode}, " if job.request.trading_mode == FUTURES else ""
        name = f"{job.strategy} {job.preset}, {where}{job.cost_pct:g} % a side, {how}"
        try:
            run = run_apart(job.request)
        except RunError as error:
            notes.append(f"{name}: {error}")
            say(f"{number}/{len(jobs)} {notes[-1]}")
            continue
        lost, words = evidence(job.strategy, job.preset)
        rows.append(row_of(job, run, lost, words))
        say(
            f"{number}/{len(jobs)} {name}: {len(run.trades)} trades, "
            f"{run.seconds:.0f} s, {run.peak_mb:.0f} MB"
        )
    return Results(tuple(rows), tuple(notes))


def row_of(job: Job, run: Run, lost: bool, evidence: str) -> Row:
    """The figures of a run."""
    datadir = job.request.datadir
    closes = {pair: daily_closes(datadir, pair, job.timeframe) for pair in job.pairs}
    equity = daily_equity(run.orders, closes, job.capital, run.start, run.end)
    is_futures = job.request.trading_mode == FUTURES
    held_bitcoin = perpetual("BTC") if is_futures else BITCOIN
    bitcoin = closes.get(held_bitcoin)
    if bitcoin is None and candle_file(datadir, held_bitcoin, job.timeframe).is_file():
        bitcoin = daily_closes(datadir, held_bitcoin, job.timeframe)
    periods = {}
    for name, since, until in spans(run.start, run.end):
        part = slice_equity(equity, since, until)
        if len(part) < 2:
            continue
        if not job.as_traded:
            # Stakes are the same whatever was lost before: each stretch begins with all of them.
            part = part - part.iloc[0] + job.capital
        periods[name] = Period(
            since,
            until,
            trade_figures(run.trades, run.orders, since, until),
            capital_figures(part),
            _held(closes, since, until),
            None if bitcoin is None else _held({held_bitcoin: bitcoin}, since, until),
            _short_figures(run, since, until) if is_futures else None,
        )
    return Row(
        strategy=job.strategy,
        preset=job.preset,
        cost_pct=job.cost_pct,
        as_traded=job.as_traded,
        timeframe=job.timeframe,
        trading_mode=job.request.trading_mode,
        pairs=job.pairs,
        capital_usd=job.capital,
        lost_when_measured=lost,
        evidence=evidence,
        seconds=run.seconds,
        peak_mb=run.peak_mb,
        periods=periods,
    )


def spans(start: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """Names and bounds of the periods of a run; those that it does not reach are left out."""
    until = min(END, end)
    bounds = [(WHOLE, start, until), (EARLIER, start, LAST_YEAR), (LAST, LAST_YEAR, until)]
    return [
        (name, max(start, since), min(until, upper))
        for name, since, upper in bounds
        if max(start, since) < min(until, upper)
    ]


def _short_figures(run: Run, since: datetime, until: datetime) -> TradeFigures:
    short = run.trades["is_short"].astype(bool)
    orders = run.orders[run.orders["is_short"].astype(bool)]
    return trade_figures(run.trades[short], orders, since, until)


def _held(
    closes: Mapping[str, pd.Series], since: datetime, until: datetime
) -> CapitalFigures | None:
    equity = held_equity(closes, since, until)
    return None if equity is None else capital_figures(equity)


def write_results(results: Results, file: Path) -> None:
    """As JSON, every figure unrounded."""
    file.write_bytes(RESULTS.dump_json(results, indent=1))


def read_results(files: Sequence[Path]) -> Results:
    """Results of several files as one. Raises SuiteError."""
    parts = []
    for file in files:
        try:
            parts.append(RESULTS.validate_json(file.read_bytes()))
        except OSError as error:
            raise SuiteError(f"--results {file}: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SuiteError(f"--results {file}: {where}: {first['msg']}") from None
    return Results(
        tuple(row for part in parts for row in part.rows),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )
