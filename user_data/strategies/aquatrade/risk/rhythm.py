"""When and how often: entries an hour and a day, rest after a stop, the valve, streaks, hours."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from aquatrade.risk.model import Book, ClosedTrade, Entry, Position, Reason
from aquatrade.risk.profile import QuietHours
from aquatrade.risk.question import Question, reduction, refusal, rounded_down

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRID_FAMILY = "grid"  # its fills do not count for the valve; the limits by asset hold for it


def entries_within(entries_at: Sequence[datetime], at: datetime, span: timedelta) -> int:
    """How many of the entries, oldest first, are younger than the span."""
    return len(entries_at) - bisect_right(entries_at, at - span)


def judge_frequency(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Overtrading: entries in the last hour and the last 24 hours, increases among them."""
    profile, book = question.profile, question.book
    for rule, span, limit, name in (
        ("entries_hour", HOUR, profile.max_entries_per_hour, "the last hour"),
        ("entries_day", DAY, profile.max_entries_per_day, "the last 24 hours"),
    ):
        if limit is None:
            continue
        count = entries_within(book.entries_at, book.at, span)
        if count >= limit:
            text = f"{count} entries in {name}, limit {limit}"
            reasons.append(refusal(rule, text, float(count), float(limit)))
    return stake


def minutes_since_stop(closed: Sequence[ClosedTrade], pair: str, at: datetime) -> float | None:
    """Minutes since the newest stop-loss on the pair; None if there was none."""
    for trade in reversed(closed):
        if trade.was_stopped and trade.pair == pair:
            return (at - trade.closed_at).total_seconds() / 60.0
    return None


def judge_rest(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Revenge trades: no new position on a pair soon after a stop-loss on it."""
    limit = question.profile.rest_after_stop_minutes
    if limit is None or question.own:
        return stake
    pair = question.entry.pair
    minutes = minutes_since_stop(question.book.closed, pair, question.book.at)
    if minutes is not None and minutes < limit:
        text = f"{pair} was stopped {minutes:.0f} min ago, rest of {limit:g} min"
        reasons.append(refusal("rest", text, minutes, limit))
    return stake


def entries_of_others(book: Book, entry: Entry, since: datetime) -> Iterator[tuple[datetime, str]]:
    """When other bots entered the entry's asset, or added to it, since then, and which: now, where
    one has an entry order open. The other leg of a hedge (same family, other side) is no other
    bet, and grids neither count nor are held up.
    """
    for one in book.positions:
        if one.asset == entry.asset and _is_other_bet(one, entry):
            at = max(one.opened_at, one.last_entry_at or one.opened_at)
            if one.pending_stake > 0.0:
                at = book.at
            if at > since:
                yield at, one.bot
    for trade in reversed(book.closed):
        if trade.closed_at <= since:
            break
        if trade.pair.partition("/")[0] == entry.asset and _is_other_bet(trade, entry):
            at = trade.opened_at or trade.closed_at
            if at > since:
                yield at, trade.bot


def _is_other_bet(other: Position | ClosedTrade, entry: Entry) -> bool:
    if other.bot == entry.bot or other.family == GRID_FAMILY:
        return False
    is_hedge = other.family == entry.family and other.side not in (None, entry.side)
    return not is_hedge


def judge_valve(question: Question, stake: float, reasons: list[Reason]) -> float:
    """The correlation valve: two bots never enter one asset at about the same time."""
    limit, entry, book = question.profile.valve_minutes, question.entry, question.book
    if limit is None or question.own or entry.family == GRID_FAMILY:
        return stake
    entries = entries_of_others(book, entry, book.at - timedelta(minutes=limit))
    at, bot = max(entries, default=(None, ""))
    if at is not None:
        minutes = (book.at - at).total_seconds() / 60.0
        text = f"{bot} entered {entry.asset} {minutes:.0f} min ago, valve of {limit:g} min"
        reasons.append(refusal("valve", text, minutes, limit))
    return stake


def judge_holder(question: Question, stake: float, reasons: list[Reason]) -> float:
    """One bot alone holds an asset; grids neither count nor are held up."""
    entry = question.entry
    if not question.profile.one_bot_per_asset or question.own or entry.family == GRID_FAMILY:
        return stake
    holders = sorted(
        {
            one.bot
            for one in question.book.positions
            if one.asset == entry.asset and _is_other_bet(one, entry)
        }
    )
    if holders:
        text = f"{entry.asset} is held by {', '.join(holders)}"
        reasons.append(refusal("holder", text, float(len(holders)), 0.0))
    return stake


def wins_in_a_row(closed: Sequence[ClosedTrade], bot: str, enough: int) -> int:
    """How many of a bot's newest closed trades won, one after the other; counts to `enough`."""
    count = 0
    for trade in reversed(closed):
        if trade.bot != bot:
            continue
        if count >= enough or not trade.profit > 0.0:
            break
        count += 1
    return count


def judge_streak(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Smaller stakes after many wins in a row, until the next loss."""
    rule = question.profile.win_streak
    if rule is None or rule.factor >= 1.0:
        return stake
    wins = wins_in_a_row(question.book.closed, question.entry.bot, rule.wins)
    if wins < rule.wins:
        return stake
    text = f"{wins} wins in a row: stake x {rule.factor:g} until the next loss"
    reasons.append(reduction("streak", text, float(wins), float(rule.wins)))
    return rounded_down(stake * rule.factor)


def is_quiet(rule: QuietHours, at: datetime) -> bool:
    """Whether the moment is in one of the windows; one that ends before it starts goes over 0."""
    hour = at.astimezone(UTC).hour
    return any(
        start <= hour < end if start < end else hour >= start or hour < end
        for start, end in rule.windows
    )


def judge_hours(question: Question, stake: float, reasons: list[Reason]) -> float:
    """In quiet hours a signal needs a better score. A strategy without scores has none to raise."""
    rule, entry = question.profile.quiet_hours, question.entry
    if rule is None or entry.score_needed is None or not is_quiet(rule, question.book.at):
        return stake
    needed = entry.score_needed + rule.extra_points
    if entry.score is None:
        reasons.append(refusal("hours", f"no score, quiet hours need {needed:g}", None, needed))
    elif not entry.score >= needed:
        text = f"score {entry.score:g}, quiet hours need {needed:g}"
        reasons.append(refusal("hours", text, entry.score, needed))
    return stake
