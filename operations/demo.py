"""`aquatrade demo`: the main job from candles to ledger, with no key and no network.

Past: exchange and score sidecar up, candles downloaded, scores backfilled, BuyTheDip backtested.
Rehearsal: a stretch of history with dips in it is traded live-mode on the lock-step clock.
Proof: the bot's database against the exchange's ledger, the live trades against a backtest.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from rich.console import Console

from aquatrade.config_check import check
from lab.agreement import Agreement
from lab.parity import Parity, compare_trades
from lab.results import Outcome, backtest_outcome, hold_outcome, read_closes
from lab.trades import BotBooks, TradeRecord, backtest_trades, held_trades, read_bot_books
from lab.window import Window, busiest_window
from operations import screens
from operations.conductor import Conductor
from operations.demo_plan import Plan
from operations.ledger_client import agreement_of
from operations.processes import Stage
from operations.road import QUOTE, SHIPPED_LAYERS, STARTING_BALANCE_USDT, Exchange, Road

STRATEGY = "BuyTheDip"
TIMEFRAME = timedelta(hours=1)
# 0.1 % fee and 0.05 % slippage on each side; freqtrade knows only one number.
COST_RATE_PER_SIDE = 0.0015
REHEARSAL_SPAN = timedelta(days=3)
PARTICIPANTS = 3  # bot, score sidecar, conductor
MAX_OPEN_TRADES = 10
MARKER = ".aquatrade-demo"  # stands in a folder that a demo made, and that the next may empty
# How often the rehearsed bot looks at the market, in replayed seconds.
LOOP_SECONDS = 120
# The rules as they were asked for are about these three.
SPECIFIED_PAIRS = (f"BTC/{QUOTE}", f"ETH/{QUOTE}", f"SOL/{QUOTE}")

RUNS: Mapping[str, Mapping[str, object]] = {
    "crash": {"preset": "crash"},
    "specified": {"preset": "specified", "accept_negative_evidence": True},
    "specified, score >= 60": {
        "preset": "specified",
        "accept_negative_evidence": True,
        "scores": {"filter": True, "threshold": 60},
    },
}


class DemoError(RuntimeError):
    """The demo cannot go on; the message is one clear line."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the first half leaves behind."""

    outcomes: tuple[Outcome, ...]
    crash_trades: tuple[TradeRecord, ...]
    datadir: Path


@dataclass(frozen=True, slots=True)
class Rehearsed:
    window: Window
    books: BotBooks
    agreement: Agreement
    parity: Parity


def run_demo(plan: Plan, folder: Path, console: Console, picture: Path | None = None) -> bool:
    """Run the whole road; True when the books agree.

    Raises ConfigRefused before anything starts, DemoError and ProcessFailedError later.

    picture: where to save the last screen as SVG; the console must then record.
    """
    check(SHIPPED_LAYERS, os.environ)
    empty_work_folder(folder)
    past = _run_past(plan, folder / "past", console)
    wallet = _wallet_words(plan)
    console.print(screens.comparison(past.outcomes, plan.backtest_start, plan.end, wallet))
    window = busiest_window(
        past.crash_trades, earliest=plan.fine_from, latest=plan.end, span=REHEARSAL_SPAN
    )
    if window is None:
        raise DemoError(
            f"no dip between {plan.fine_from:%Y-%m-%d} and {plan.end:%Y-%m-%d} to rehearse; "
            "choose another --seed or --data with more history"
        )
    rehearsed = _run_rehearsal(plan, window, past.datadir, folder / "rehearsal", console)
    if picture is not None:
        console.export_text(clear=True)  # the picture shows the last screen alone
    console.print(screens.comparison(past.outcomes, plan.backtest_start, plan.end, wallet))
    console.print(screens.trades(rehearsed.books))
    console.print(screens.parity(rehearsed.parity, window, LOOP_SECONDS))
    console.print(screens.proof(rehearsed.agreement, folder))
    if picture is not None:
        screens.save_picture(console, picture)
    return not rehearsed.agreement.disagreements


def _wallet_words(plan: Plan) -> str:
    market = "" if plan.source.datadir else "; synthetic candles, no edge is planted in them"
    return (
        f"of {STARTING_BALANCE_USDT} {QUOTE}: up to {MAX_OPEN_TRADES} trades at once, "
        f"200 {QUOTE} or 2 % at risk each{market}"
    )


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Nobody else uses `folder` meanwhile. Raises DemoError when somebody does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"--work {folder}: another demo is at work in it; wait, or name another folder"
            ) from None
        yield


def empty_work_folder(folder: Path) -> None:
    """Make `folder` an empty one of ours. Raises DemoError rather than delete what is not."""
    marker = folder / MARKER
    try:
        if folder.exists() and any(folder.iterdir()) and not marker.is_file():
            raise DemoError(
                f"--work {folder}: has files in it that no demo made; name an empty or a new folder"
            )
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        marker.touch()
    except OSError as error:
        raise DemoError(f"--work {folder}: {error.strerror}; name a folder to write to") from error


def _run_past(plan: Plan, folder: Path, console: Console) -> Past:
    road = Road(folder, plan.source, plan.pairs)
    # The stage is left first: what the pool's threads wait for ends, and then they do.
    with ThreadPoolExecutor(2) as pool, road.stage as stage:
        with screens.step(console, "replay exchange"):
            # The sidecar shares its clock; without a second participant nobody makes it jump.
            exchange = road.start_exchange(plan.end, participants=2)
        scores = pool.submit(road.start_confluence, exchange, plan.history_start)
        config = road.bot_config("past", exchange, {})
        with screens.step(console, f"candles of {len(plan.pairs)} pairs, scores backfilled"):
            _download(road, stage, config, plan)
            url = scores.result()
        with screens.step(console, f"{len(RUNS)} backtests of {STRATEGY}"):
            exports = _backtests(road, exchange, url, plan, pool)
    datadir = road.datadir
    outcomes = [backtest_outcome(name, export, STRATEGY) for name, export in exports.items()]
    return Past(
        outcomes=(*outcomes, *_holding(datadir, plan)),
        crash_trades=tuple(backtest_trades(exports["crash"], STRATEGY)),
        datadir=datadir,
    )


def _backtests(
    road: Road, exchange: Exchange, url: str, plan: Plan, pool: ThreadPoolExecutor
) -> dict[str, Path]:
    """One result folder for each of RUNS; as many at once as the pool has workers."""
    jobs = {}
    for number, (name, overrides) in enumerate(RUNS.items()):
        pairs = plan.pairs
        if overrides["preset"] == "specified":
            pairs = tuple(pair for pair in SPECIFIED_PAIRS if pair in plan.pairs) or plan.pairs
        config = road.bot_config(f"run-{number}", exchange, _bot_overrides(overrides, url), pairs)
        jobs[name] = pool.submit(
            _backtest, road, config, plan.backtest_start, plan.end, road.datadir, f"run-{number}"
        )
    return {name: job.result() for name, job in jobs.items()}


def _bot_overrides(overrides: Mapping[str, object], url: str) -> dict[str, object]:
    return {"aquatrade": _with_url(overrides, url), "max_open_trades": MAX_OPEN_TRADES}


def _with_url(overrides: Mapping[str, object], url: str) -> dict[str, object]:
    scores = overrides.get("scores", {})
    assert isinstance(scores, Mapping)
    return {**overrides, "scores": {**scores, "url": url}}


def _download(road: Road, stage: Stage, config: Path, plan: Plan) -> None:
    # 60 days before the backtest warm its longest mean up.
    start = plan.backtest_start - timedelta(days=60)
    stage.run(
        "download",
        [
            "-m", "freqtrade", *road.freqtrade_arguments("download-data", config),
            "--timeframes", "1h", "--timerange", f"{start:%Y%m%d}-{plan.end:%Y%m%d}",
        ],
    )  # fmt: skip


def _backtest(
    road: Road, config: Path, start: datetime, end: datetime, datadir: Path, name: str
) -> Path:
    """Run freqtrade's backtester on the candles in `datadir`; returns the folder of its result."""
    folder = road.folder / name
    folder.mkdir()
    road.stage.run(
        name,
        [
            "-m", "freqtrade", *road.freqtrade_arguments("backtesting", config),
            "--strategy-path", str(road.strategies), "--datadir", str(datadir),
            "--timerange", f"{int(start.timestamp())}-{int(end.timestamp())}",
            "--fee", str(COST_RATE_PER_SIDE),
            "--export", "trades", "--backtest-directory", str(folder),
            "--enable-protections", "--cache", "none",
        ],
    )  # fmt: skip
    return folder


def _holding(datadir: Path, plan: Plan) -> list[Outcome]:
    closes = {pair: read_closes(datadir, pair, "1h") for pair in plan.pairs}
    bitcoin = f"BTC/{QUOTE}"
    rows: list[tuple[str, dict[str, pd.Series]]] = [(f"hold all {len(closes)} equally", closes)]
    if bitcoin in closes:
        rows.insert(0, ("hold BTC", {bitcoin: closes[bitcoin]}))
    return [hold_outcome(name, part, plan.backtest_start, plan.end) for name, part in rows]


def _run_rehearsal(
    plan: Plan, window: Window, datadir: Path, folder: Path, console: Console
) -> Rehearsed:
    road = Road(folder, plan.source, plan.pairs)
    with road.stage as stage:
        exchange = road.start_exchange(window.start, participants=PARTICIPANTS)
        if exchange.lockstep_port is None:
            raise DemoError("the exchange has no lock-step clock")
        with screens.step(console, f"scores up to {window.start:%Y-%m-%d %H:%M}, bot starts"):
            url = road.start_confluence(exchange, plan.history_start)
            overrides = _bot_overrides(RUNS["crash"], url)
            overrides["internals"] = {"process_throttle_secs": LOOP_SECONDS}
            config = road.bot_config("live", exchange, overrides)
            road.start_bot(exchange, config)
            conductor = Conductor(exchange.lockstep_port, stage.check)
        screens.follow(
            console, conductor.steps(window.end, TIMEFRAME), window, lambda: _trade_counts(road)
        )
        books = read_bot_books(road.bot_database)
        agreement = agreement_of(exchange, books, QUOTE)
        conductor.close()
        backtest = _backtest(road, config, window.start, window.end, datadir, "parity")
    parity = compare_trades(
        backtest_trades(backtest, STRATEGY), held_trades(books), TIMEFRAME, MAX_OPEN_TRADES
    )
    return Rehearsed(window, books, agreement, parity)


def _trade_counts(road: Road) -> tuple[int, int]:
    """(open, closed) trades in the bot's database; none before it has made one."""
    if not road.bot_database.is_file():
        return 0, 0
    trades = read_bot_books(road.bot_database).trades
    closed = sum(1 for trade in trades if trade.closed is not None)
    return len(trades) - closed, closed
