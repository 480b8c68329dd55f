"""What a person sees of the guard in a terminal. Values in, renderables out."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aquatrade.event_log import StoredEvent
from operations.guard_answers import Standing
from sidecars.common.moments import ms_of
from sidecars.common.pages.formats import age, cash, price_number, signed_cash
from sidecars.guard import views
from sidecars.guard.danger import DangerStatus
from sidecars.guard.model import Approval, ApprovalStatus, Reconciliation
from sidecars.guard.views_events import event_row

TONES = {"good": "green", "caution": "yellow", "bad": "red", "ok": "green", "stale": "yellow",
         "failing": "red", "off": "", "calm": "", "near": "yellow", "over": "red",
         "unknown": ""}  # fmt: skip


def moment_text(moment: datetime) -> str:
    """'2026-03-14 09:00 UTC'."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def status_screen(standing: Standing) -> RenderableType:
    """The whole of `aquatrade guard status`."""
    state, now = standing.state, standing.money.at
    words = views.STATE_WORDS[state.state]
    parts: list[RenderableType] = [
        Text.assemble((words.word.upper(), f"bold {TONES[words.tone]}"), f"  {words.meaning}"),
        Text(
            f"since {moment_text(state.since)} ({_age(state.since, now)}), profile {state.profile}"
        ),
        *(Text(f"- {line}") for line in dict.fromkeys(state.reasons)),
    ]
    parts += [
        Text(f"- {each.text}; lift it: aquatrade guard resume {each.rule}") for each in state.held
    ]
    untold = state.danger.status in (DangerStatus.DANGER, DangerStatus.NOT_TOLD)
    if untold and not state.danger.refuses:  # else it is one of the reasons
        parts.append(Text(f"- {state.danger.text}"))
    if state.recovery_until is not None:
        factor, until = state.recovery_factor, moment_text(state.recovery_until)
        parts.append(Text(f"- stakes are multiplied by {factor:g} until {until}"))
    parts += [Text(), _money(standing)]
    if standing.limits:
        parts.append(_limits(standing))
    parts += [_bots(standing, now), *_reconciled(standing, now)]
    return Group(*parts)


def approvals_screen(approvals: Sequence[Approval], currency: str, now: datetime) -> RenderableType:
    """Those that wait, with what to type; then the answered ones."""
    waiting, answered = views.waiting(approvals), views.answered(approvals)
    parts: list[RenderableType] = [] if waiting else [Text("Nothing waits for a yes or no.")]
    for each in waiting:
        score = "none" if each.score is None else f"{each.score:g}"
        stop = "none" if each.stop_rate is None else price_number(each.stop_rate)
        more = "more of " if each.is_increase else ""
        parts += [
            Text(f"{each.id}  {each.bot}: {more}{each.pair} {each.side}, "
                 f"{cash(each.stake, currency)}", style="bold"),
            Text(f"  price {price_number(each.rate)}, stop {stop}, score {score}, signal "
                 f"{each.tag or 'without tag'} of {moment_text(each.candle)}"),
            *(Text(f"  - {reason.text}") for reason in each.reasons),
            Text(f"  expires {moment_text(each.expires_at)} ({_age(each.expires_at, now)})"),
            Text(f"  aquatrade guard approve {each.id}    aquatrade guard reject {each.id}"),
        ]  # fmt: skip
    parts += [Text(_answered(each, now)) for each in answered]
    return Group(*parts)


def event_lines(events: Iterable[StoredEvent]) -> RenderableType:
    """One event a line, in the order given."""
    lines = []
    for stored in events:
        row, event = event_row(stored), stored.event
        about = event.origin if event.pair is None else f"{event.origin} {event.pair}"
        lines.append(
            Text.assemble(
                f"{event.at:%Y-%m-%d %H:%M:%S}  #{stored.seq}  ",
                (row.word, TONES[row.tone]),
                f"  {about}: {event.text}",
            )
        )
    return Group(*lines) if lines else Text("No such events.")


def reconciliation_screen(found: Reconciliation) -> RenderableType:
    """What a look at the exchanges has found."""
    if found.passed:
        return Text("Exchanges and bots agree.", style="green")
    return Group(
        *(Text(f"{each.account}: {each.text}", style="red") for each in found.mismatches),
        *(Text(f"{name}: {text}", style="red") for name, text in found.errors.items()),
    )


def _money(standing: Standing) -> Text:
    money, currency = standing.money, standing.currency
    periods = (
        ("today", money.profit_day), ("week", money.profit_week), ("month", money.profit_month),
    )  # fmt: skip
    said = ", ".join(
        f"{name} {'not known' if value is None else signed_cash(value, currency)}"
        for name, value in periods
    )
    paper = " on paper" if views.is_all_paper(standing.bots) else ""
    open_assets = views.shares(money.exposure_by_asset, money.equity)
    exposed = ", ".join(f"{share.label} {cash(share.money, currency)}" for share in open_assets)
    return Text(
        f"Equity{paper} {cash(money.equity, currency)} of {cash(money.capital, currency)} capital; "
        f"{said}\nOpen: {exposed or 'nothing'}"
    )


def _limits(standing: Standing) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("limit")
    table.add_column("now", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("used")
    for limit in standing.limits:
        bar = views.limit_bar(limit)
        table.add_row(bar.label, bar.value, bar.limit, Text(bar.word, style=TONES[bar.tone]))
    return table


def _bots(standing: Standing, now: datetime) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("bot", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("condition")
    for heading in ("equity", "today", "at stake", "open"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("seen")
    currency = standing.currency
    notes = []
    for row in map(views.bot_row, standing.bots):
        bot = row.bot
        day = "not known" if bot.profit_day is None else signed_cash(bot.profit_day, currency)
        table.add_row(
            bot.name,
            bot.stage.value,
            Text(row.condition, style=TONES[row.tone]),
            cash(row.equity, currency),
            day,
            cash(bot.at_stake, currency),
            str(bot.open_trades),
            "never" if bot.seen_at is None else _age(bot.seen_at, now),
        )
        if bot.error is not None:
            notes.append(Text(f"{bot.name}: {bot.error}"))
        notes += [
            Text(f"{bot.name}: locked until {moment_text(lock.until)}: {lock.reason}")
            for lock in bot.locks
        ]
    return Group(table, *(Padding(note, (0, 0, 0, 1)) for note in notes))


def _reconciled(standing: Standing, now: datetime) -> list[RenderableType]:
    state = standing.state
    agreement = views.agreement(state)
    when = "" if state.reconciled_at is None else f", compared {_age(state.reconciled_at, now)}"
    line = Text.assemble("Exchange against bots: ", (agreement.word, TONES[agreement.tone]), when)
    mismatches = [Text(f"- {each.account}: {each.text}") for each in state.mismatches]
    errors = [Text(f"- {name}: {text}") for name, text in state.reconcile_errors.items()]
    return [line, *mismatches, *errors]


def _answered(each: Approval, now: datetime) -> str:
    by = "" if each.answered_by is None else f" by {each.answered_by}"
    at = "" if each.answered_at is None else f", {_age(each.answered_at, now)}"
    word = "may enter" if each.status is ApprovalStatus.APPROVED else each.status.value
    return f"{each.id}  {each.bot}: {each.pair} {each.side}: {word}{by}{at}"


def _age(moment: datetime, now: datetime) -> str:
    return age(ms_of(moment), ms_of(now))
