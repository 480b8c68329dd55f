"""What a person sees of a demo: tables and progress. Text in, renderables out; decides nothing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from aquatrade.entry_context import CONTEXT_KEY, FILL_KEY_PREFIX
from lab.agreement import Agreement
from lab.parity import Parity, Unmatched, why_exit_differs
from lab.results import Outcome
from lab.trades import BotBooks
from lab.window import Window

NONE = "-"
DISAGREEMENTS_SHOWN = 20
FONT_FACES = re.compile(r"@font-face\s*{[^}]*}")


def figure(value: float | None, unit: str = "", *, sign: bool = False, digits: int = 2) -> str:
    """A number for a table; what does not exist is a dash, never a zero."""
    if value is None:
        return NONE
    return f"{value:{'+' if sign else ''}.{digits}f}{unit}"


@contextmanager
def step(console: Console, text: str) -> Iterator[None]:
    """Show that something is under way; a tick when it is done."""
    with console.status(text):
        yield
    console.print(f"[green]✓[/] {text}")


def comparison(
    outcomes: Sequence[Outcome], start: datetime, end: datetime, wallet: str
) -> RenderableType:
    """The strategies' backtests beside holding. wallet: what the percentages are of, in words."""
    table = Table(
        title=f"Backtests {start:%Y-%m-%d} to {end:%Y-%m-%d}, 0.1 % fee and 0.05 % slippage a side",
        caption=f"{wallet}\nSharpe, drawdown: daily equity; a backtest's moves when a trade ends",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    table.add_column("run", no_wrap=True)
    for heading in ("trades", "win", "mean trade", "profit factor", "total", "max DD", "Sharpe"):
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        table.add_row(
            outcome.name,
            str(outcome.trades) if outcome.win_rate_pct is not None else NONE,
            figure(outcome.win_rate_pct, " %", digits=0),
            figure(outcome.mean_trade_pct, " %", sign=True),
            figure(outcome.profit_factor),
            figure(outcome.total_pct, " %", sign=True, digits=1),
            figure(outcome.max_drawdown_pct, " %", digits=1),
            figure(outcome.sharpe),
        )
    return table


def _decoded(context: Mapping[str, str], key: str) -> dict[str, object]:
    """A JSON value of a trade's custom data; empty where the trade has none."""
    decoded = json.loads(context.get(key, "{}"))
    return decoded if isinstance(decoded, dict) else {}


def why(enter_tag: str, context: Mapping[str, str]) -> str:
    """The entry's tag with the readings behind it."""
    entry = _decoded(context, CONTEXT_KEY)
    readings = [
        form.format(value)
        for form, key in (("RSI {:.0f}", "rsi"), ("vol {:.1f}x", "volume_ratio"))
        if isinstance(value := entry.get(key), float)
    ]
    return " ".join([enter_tag, *readings])


def score_text(context: Mapping[str, str]) -> str:
    """Score at entry with its confidence, or why there was none."""
    entry = _decoded(context, CONTEXT_KEY)
    score, confidence = entry.get("score"), entry.get("score_confidence")
    if isinstance(score, float):
        known = f" ({confidence:.0%})" if isinstance(confidence, float) else ""
        return f"{score:.0f}{known}{', vetoed' if entry.get('score_vetoed') else ''}"
    return str(entry.get("score_unavailable") or NONE)


def slippage_text(context: Mapping[str, str]) -> str:
    """Mean slippage over the trade's fills; positive is a cost."""
    fills = [_decoded(context, key) for key in context if key.startswith(FILL_KEY_PREFIX)]
    known = [value for fill in fills if isinstance(value := fill.get("slippage_pct"), float)]
    return figure(fmean(known), " %", sign=True, digits=3) if known else NONE


def trades(books: BotBooks) -> RenderableType:
    """The live trades, each with the score at entry and why it was made."""
    table = Table(
        title="Traded live-mode against the replay exchange",
        caption="Score: points of 100 (how much of it could be judged)",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    # A narrow terminal takes its lines from the words, never from the figures.
    table.add_column("pair", no_wrap=True, min_width=5)
    table.add_column("entered", no_wrap=True, min_width=11)
    table.add_column("why")
    table.add_column("score", no_wrap=True, min_width=8)
    for heading in ("entry", "exit", "profit", "slippage"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=8)
    table.add_column("exit reason")
    for trade_id, trade in zip(books.trade_ids, books.trades, strict=True):
        context = books.context.get(trade_id, {})
        profit_pct = None if trade.profit_ratio is None else trade.profit_ratio * 100
        table.add_row(
            trade.pair.split("/")[0],
            f"{trade.opened:%m-%d %H:%M}",
            why(trade.enter_tag, context),
            score_text(context),
            f"{trade.open_rate:.5g}",
            f"{trade.close_rate:.5g}" if trade.close_rate else "open",
            figure(profit_pct, " %", sign=True),
            slippage_text(context),
            trade.exit_reason or NONE,
        )
    return table


def follow(
    console: Console,
    steps: Iterator[datetime],
    window: Window,
    counts: Callable[[], tuple[int, int]],
) -> None:
    """Show the replayed time running; counts() gives (open, closed) trades."""
    total = (window.end - window.start) / timedelta(hours=1)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("trading", total=total)
        for moment in steps:
            now_open, closed = counts()
            progress.update(
                task,
                completed=(moment - window.start) / timedelta(hours=1),
                description=f"{moment:%Y-%m-%d %H:%M}  {now_open} open, {closed} closed",
            )


def parity(result: Parity, window: Window, loop_seconds: int) -> RenderableType:
    """Of the backtest's trades, how many the live code made, and why the rest differ."""
    share = result.share_made_live
    lines: list[RenderableType] = [
        Text(
            f"backtest of {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}: "
            f"{result.backtest_count} trades; the live code made {len(result.pairings)} of them"
            + ("" if share is None else f" ({share:.0%})")
            + f" and {len(result.only_live)} others"
        )
    ]
    both = result.profits_of_both()
    if both is not None:
        lines.append(
            Text(
                f"mean profit of the trades that both made: backtest {both[0]:+.2%}, "
                f"live {both[1]:+.2%} (looking at the price every {loop_seconds} s)"
            )
        )
    for name, difference in (
        ("entry", result.entry_difference_bp()),
        ("exit on the same candle", result.exit_difference_bp(stops=False)),
        ("exit by stop, same candle", result.exit_difference_bp(stops=True)),
    ):
        if difference is not None:
            mean, median = difference
            lines.append(
                Text(f"{name}: live worse by {mean:+.1f} bp on average, median |{median:.1f}| bp")
            )
    elsewhere = [
        pairing for pairing in result.pairings
        if not pairing.same_exit_candle
    ]  # fmt: skip
    lines += [
        Text(
            f"  exit of {pairing.backtest.pair}: backtest {pairing.backtest.exit_reason} "
            f"{_when(pairing.backtest.closed)}, live {pairing.live.exit_reason} "
            f"{_when(pairing.live.closed)}: {why_exit_differs(pairing)}"
        )
        for pairing in elsewhere
    ]
    lines += _unmatched("only in the backtest", result.only_backtest)
    lines += _unmatched("only live", result.only_live)
    return Panel(Group(*lines), title="Parity: one code path, two worlds")


def _when(moment: datetime | None) -> str:
    return NONE if moment is None else f"{moment:%m-%d %H:%M}"


def _unmatched(label: str, unmatched: Sequence[Unmatched]) -> list[RenderableType]:
    return [
        Text(f"  {label}: {one.trade.pair} {_when(one.trade.opened)}: {one.reason}")
        for one in unmatched
    ]


def proof(agreement: Agreement, folder: Path) -> RenderableType:
    """Whether freqtrade's database and the exchange's ledger agree."""
    summary = (
        f"{agreement.orders} orders ({agreement.filled_orders} with fills), "
        f"{agreement.turnover_quote.normalize():f} USDT turned over, {agreement.assets} balances"
    )
    if agreement.disagreements:
        shown = "\n".join(agreement.disagreements[:DISAGREEMENTS_SHOWN])
        return Panel(
            Text(f"{summary}\n{len(agreement.disagreements)} disagreements:\n{shown}"),
            title="Bot and ledger DISAGREE",
            border_style="red",
        )
    dropped = (
        f"; {agreement.dropped_unfilled} entries cancelled without a fill, which freqtrade deletes"
        if agreement.dropped_unfilled
        else ""
    )
    note = (
        f"\n{agreement.fees_not_kept} exit fees taken from the ledger: freqtrade keeps only "
        "that of a trade's first exit order"
        if agreement.fees_not_kept
        else ""
    )
    return Panel(
        Text(
            f"{summary}: equal to the last 0.00000001{dropped}{note}\nlogs and databases: {folder}"
        ),
        title="Freqtrade's database and the exchange's ledger agree",
        border_style="green",
    )


def save_picture(console: Console, path: Path) -> None:
    """Write what the console has recorded as SVG; its fonts are the viewer's own."""
    svg = console.export_svg(title="aquatrade demo")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FONT_FACES.sub("", svg), encoding="utf-8")
