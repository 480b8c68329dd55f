"""The rules over an entry: those of the profile for the whole fleet, and the guard's own. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import (
    Book,
    Decision,
    Market,
    Reason,
    RiskState,
    Verdict,
    most_severe,
)
from sidecars.guard.book import allotment_now, at_stake, unpriced
from sidecars.guard.danger import danger_now
from sidecars.guard.fleet import Fleet, Rules, holds_something, purse_of
from sidecars.guard.model import CheckRequest, GuardState, Stage
from sidecars.guard.refusals import GuardRefusal
from sidecars.guard.reservations import Moment, unseen
from sidecars.guard.settings import BotSettings
from sidecars.guard.states import Against
from sidecars.guard.unasked import RULE as UNASKED

TOLERANCE = 1e-9
UNSEEN_ORDER = "reservation"
# A bot that was not read for so many polls (and seconds) is not known well enough.
STALE_POLLS = 6
STALE_SECONDS = 30.0
# What a clock may seem to be off because HTTP tells whole seconds.
CLOCK_RESOLUTION_SECONDS = 1.5


def configured(rules: Rules, name: str) -> BotSettings:
    """The settings of a bot. Raises GuardRefusal."""
    bot = rules.settings.bot(name)
    if bot is None:
        raise GuardRefusal(404, "unknown_bot", f"bot {ascii(name)[:60]} is not configured")
    return bot


def judge(
    rules: Rules,
    fleet: Fleet,
    request: CheckRequest,
    bot: BotSettings,
    book: Book,
    now: Moment,
    standing: Sequence[Against],
) -> Verdict:
    """The verdict of all rules together, a person's yes aside. standing: against the state."""
    purse = purse_of(bot)
    own = list(_own_reasons(rules, fleet, request, bot, now, standing))
    stake, allotted = _within_allotment(fleet, request, bot)
    entry = replace(request.entry, stake=stake)
    danger = danger_now(rules.settings.danger, fleet.danger, now.at, now.steady_s)
    market = Market(correlations=fleet.correlations, danger=danger.text if danger.refuses else None)
    state = fleet.risk.get(purse, RiskState())
    verdict = judge_entry(rules.profile, state, book, entry, market, Scope.FLEET)
    reasons = (*own, *allotted, *verdict.reasons)
    decision = most_severe([verdict.decision, *(reason.decision for reason in reasons)])
    return Verdict(decision, 0.0 if decision is Decision.REJECT else verdict.stake, reasons)


def _own_reasons(
    rules: Rules,
    fleet: Fleet,
    request: CheckRequest,
    bot: BotSettings,
    now: Moment,
    standing: Sequence[Against],
) -> Iterator[Reason]:
    """What only the guard can say: its state, and whether it knows the bots well enough."""
    for each in standing:
        if each.state is GuardState.HALTED:  # trips are a rule of the profile, and judged there
            yield _refusal(each.rule, each.text)
    if request.entry.exchange != bot.exchange:
        yield _refusal(
            "exchange",
            f"bot {bot.name} says that it trades on {ascii(request.entry.exchange)[:40]}, "
            f"configured is {bot.exchange}",
        )
    yield from _same_bot(fleet, request, bot)
    yield from _unseen_order(fleet, request)
    yield from _known_well(rules, fleet, bot, now)
    yield from _others_known(rules, fleet, bot, now)
    unasked = fleet.unasked.get(bot.name)
    if unasked is not None and bot.stage is not Stage.PAPER:
        yield _refusal(UNASKED, f"{unasked.text}; until a person has looked and resumes")
    for name, pair in unpriced(rules, fleet, purse_of(bot)):
        yield _refusal("book", f"no price is known of {pair}, which bot {name} holds")


def _same_bot(fleet: Fleet, request: CheckRequest, bot: BotSettings) -> Iterator[Reason]:
    """Whoever asks has to trade with the money that the bot that is read trades with."""
    if bot.stage is Stage.PAPER and not request.dry_run:
        text = f"bot {bot.name} asks for real money, configured is paper"
        yield _refusal("stage", text)
    snapshot = fleet.snapshots.get(bot.name)
    if snapshot is not None and snapshot.is_dry_run != request.dry_run:
        asks, reads = (
            "paper" if is_dry_run else "real money"
            for is_dry_run in (request.dry_run, snapshot.is_dry_run)
        )
        text = f"bot {bot.name} asks for {asks}, and at {bot.url} it trades {reads}: two bots?"
        yield _refusal("stage", text)


def _unseen_order(fleet: Fleet, request: CheckRequest) -> Iterator[Reason]:
    """No increase while it is not known what became of the last one."""
    entry = request.entry
    if not entry.is_increase:
        return
    last = unseen(fleet.reservations, entry.bot, entry.pair, entry.side)
    if last is not None:
        what = "increase" if last.is_increase else "entry"
        yield _refusal(
            UNSEEN_ORDER, f"the order of the last {what} ({last.id}) has not been seen yet"
        )


def _known_well(rules: Rules, fleet: Fleet, bot: BotSettings, now: Moment) -> Iterator[Reason]:
    snapshot = fleet.snapshots.get(bot.name)
    if snapshot is None:
        return  # not ACTIVE then, and said so
    yield from _stale(rules, fleet, bot, now, "")
    skew, allowed = snapshot.clock_skew_seconds, rules.profile.max_clock_skew_seconds
    if skew is not None and allowed is not None:
        allowed += CLOCK_RESOLUTION_SECONDS
        if not abs(skew) <= allowed:
            text = (
                f"the clock of bot {bot.name} is {abs(skew):.1f} s "
                f"{'ahead of' if skew > 0 else 'behind'} the guard's, limit {allowed:g} s"
            )
            yield _refusal("clock", text, abs(skew), allowed)


def _others_known(rules: Rules, fleet: Fleet, bot: BotSettings, now: Moment) -> Iterator[Reason]:
    """What others hold is part of the book: nobody enters by one that is of long ago."""
    for other in rules.bots_of(purse_of(bot)):
        if other.name != bot.name and holds_something(fleet, other.name):
            yield from _stale(rules, fleet, other, now, ", and holds positions or promises")


def _stale(
    rules: Rules, fleet: Fleet, bot: BotSettings, now: Moment, more: str
) -> Iterator[Reason]:
    poll = fleet.polls.get(bot.name)
    if poll is None or poll.good_at_s is None:
        return  # not ACTIVE then, and said so
    age = now.steady_s - poll.good_at_s
    limit = max(STALE_POLLS * rules.settings.poll_seconds, STALE_SECONDS)
    if age > limit:
        why = "" if poll.error is None else f": {poll.error}"
        text = f"bot {bot.name} was last read {age:.0f} s ago{more}, limit {limit:.0f} s{why}"
        yield _refusal("book", text, age, limit)


def _within_allotment(
    fleet: Fleet, request: CheckRequest, bot: BotSettings
) -> tuple[float, tuple[Reason, ...]]:
    """The stake, or what of it the bot's allotment still holds."""
    wanted, least = request.entry.stake, request.entry.min_stake
    allotment = allotment_now(bot, fleet.snapshots.get(bot.name))
    used = at_stake(fleet, bot.name)
    left = allotment - used
    if wanted <= left + TOLERANCE * allotment:
        return wanted, ()
    lost = "" if allotment >= bot.allotment else f" ({bot.allotment - allotment:.8g} of it lost)"
    text = (
        f"{used:.8g} at stake and {wanted:.8g} more, the allotment of bot {bot.name} is "
        f"{bot.allotment:.8g}{lost}"
    )
    fits = left > TOLERANCE * bot.allotment and left >= least
    decision = Decision.REDUCE if fits else Decision.REJECT
    reason = Reason("allotment", decision, text, used + wanted, allotment)
    return (left if fits else wanted), (reason,)


def _refusal(
    rule: str, text: str, value: float | None = None, limit: float | None = None
) -> Reason:
    return Reason(rule, Decision.REJECT, text, value, limit)
