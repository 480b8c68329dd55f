"""The circuit breakers on losses: what a look at the book trips, and what ends a trip.

Time only counts forwards: a clock that goes back opens no period again and ends no trip. A trip
with an end has no other: no hand lifts it. A book that cannot be believed changes nothing.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from aquatrade.canonical_json import canonical_json
from aquatrade.risk.breaker_texts import (
    STOP_EQUITY,
    consequence,
    end_text,
    loss_text,
    moment_text,
    stop_equity_text,
)
from aquatrade.risk.model import Book, Change, Period, RiskState, Trip
from aquatrade.risk.periods import (
    loss_pct,
    next_period_start,
    restarted,
    rolled_marks,
    shifted_back,
)
from aquatrade.risk.profile import LossLimit, RiskProfile
from aquatrade.risk.sanity import book_faults

CLOCK = "clock"
CLOCK_WENT_BACK = "the clock went back"  # how the error of such a clock begins
NOT_HASHED = frozenset({"name", "kill_file", "paper_days"})  # they limit no loss
ROUNDING_PCT = 1e-9  # a loss of just the limit is a breach, whatever rounding makes of it
CLOCK_TOLERANCE = timedelta(minutes=5)  # looks may come out of order by the time a poll takes
FIRST_YEAR, LAST_YEAR = 1970, 9000  # between them no arithmetic on moments fails


def observe(profile: RiskProfile, state: RiskState, book: Book) -> tuple[RiskState, list[Change]]:
    """Look at the book: begin periods, end trips that are over, trip what is breached.

    Never raises. A book that cannot be believed is told once (kind "error") and changes nothing
    else. A rule that has tripped does not trip again before its trip has ended.
    """
    fault = measuring_fault(book)
    if fault is not None:
        return _told_error(state, fault)
    now = book.at if state.last_at is None else max(book.at, state.last_at)
    state, changes = _told_error(state, _clock_fault(state, book))
    state = replace(state, marks=rolled_marks(state, book, now))
    state, ended = _ended_by_time(state, book, now)
    tripped = (*_lost_too_much(profile, state, book, now), *_too_low(profile, state, book, now))
    changes += ended
    changes += [Change("trip", trip.rule, trip.text, trip.value, trip.limit) for trip in tripped]
    state = replace(
        state,
        trips=(*state.trips, *tripped),
        last_at=now,
        last_equity=book.equity,
        last_profit=book.profit,
    )
    if state.recovery_until is not None and now >= state.recovery_until:
        state = replace(state, recovery_until=None, recovery_factor=1.0)
        changes.append(Change("recovery_end", "recovery", "recovery is over: whole stakes again"))
    return state, changes


def resume(
    profile: RiskProfile, state: RiskState, book: Book, rule: str | None
) -> tuple[RiskState, list[Change]]:
    """Lift trips by hand: that of one rule, or (None) all that a hand may lift. Never raises.

    What stays is told with its reason (kind "error"): a trip that ends by time, one that needs
    other limits, equity that is still too low, a book that cannot be believed. The loss of a
    lifted rule's period counts from the present on, so that it does not trip again at once.

    Rule "clock" lifts nothing: it says that a clock which was ahead is right now, so that periods
    and trips, which wait for the latest moment ever seen, count from the present moment.
    """
    fault = measuring_fault(book)
    if fault is None and book.equity <= 0.0:
        fault = "equity is not above 0"
    if rule == CLOCK:
        return _clock_set_back(state, book, fault)
    asked = [trip for trip in state.trips if rule in (None, trip.rule)]
    if not asked:
        return state, [_not_resumed(rule or "all", "no such trip is active")]
    changes = []
    for trip in asked:
        obstacle = fault or _obstacle(profile, trip, book)
        if obstacle is not None:
            changes.append(_not_resumed(trip.rule, obstacle))
            continue
        now = book.at if state.last_at is None else max(book.at, state.last_at)
        state, change = _ended(state, trip, now, "a person said so")
        state = replace(state, marks=restarted(state.marks, trip.rule, book, now))
        changes.append(change)
    return state, changes


def stake_factor(state: RiskState, now: datetime) -> float:
    """What stakes are multiplied by while a recovery lasts; 1.0 otherwise."""
    if state.recovery_until is None or now >= state.recovery_until:
        return 1.0
    return state.recovery_factor


def families_to_close(state: RiskState) -> Literal["nothing", "all"] | tuple[str, ...]:
    """Whose positions the active trips close."""
    families: set[str] = set()
    for trip in state.trips:
        if trip.close == "all":
            return "all"
        if not isinstance(trip.close, str):
            families.update(trip.close)
    return tuple(sorted(families)) if families else "nothing"


def profile_hash(profile: RiskProfile) -> str:
    """Equal for equal limits; what limits nothing (name, kill file, paper days) is no part.

    Nor is what stands at its default: a release that knows one more limit changes no hash.
    """
    limits = profile.model_dump(mode="json", exclude=set(NOT_HASHED), exclude_defaults=True)
    return hashlib.sha256(canonical_json(limits).encode("ascii")).hexdigest()


def for_one_bot(profile: RiskProfile) -> RiskProfile:
    """The profile without the equity at which all bots stop: one bot's is always under it."""
    return profile.model_copy(update={"stop_equity": None})


def for_all_bots(profile: RiskProfile) -> RiskProfile:
    """The profile without the losses that each bot has to itself."""
    periods = {"day": profile.day, "week": profile.week, "month": profile.month}
    own = {name for name, limit in periods.items() if limit is not None and limit.each_bot_alone}
    return profile.model_copy(update=dict.fromkeys(own))


def book_is_usable(book: Book) -> bool:
    """Whether its numbers make sense, so that an entry may be judged by it."""
    return not book_faults(book) and measuring_fault(book) is None


def clock_is_behind(state: RiskState, now: datetime) -> bool:
    """Whether the clock went back further than looks may come out of order."""
    return state.last_at is not None and now < state.last_at - CLOCK_TOLERANCE


def measuring_fault(book: Book) -> str | None:
    """Why no loss can be measured by the book; None: it can.

    Equity or cash under 0 is no reason, nor an odd trade of the past: then the loss is at its
    worst, not unknown.
    """
    equity = 1.0 if book.equity <= 0.0 else book.equity
    faults = book_faults(replace(book, equity=equity, free=0.0, closed=()))
    if not faults and not FIRST_YEAR <= book.at.year <= LAST_YEAR:
        faults = [f"the book is of {book.at}, expected a moment of this age"]
    return faults[0] if faults else None


# -- trips ----------------------------------------------------------------------------------------


def _lost_too_much(
    profile: RiskProfile, state: RiskState, book: Book, now: datetime
) -> tuple[Trip, ...]:
    limits = {Period.DAY: profile.day, Period.WEEK: profile.week, Period.MONTH: profile.month}
    active = {trip.rule for trip in state.trips}
    tripped = []
    for period, limit in limits.items():
        mark = state.marks.get(period)
        if limit is None or mark is None or period.value in active:
            continue
        loss = loss_pct(mark, book.profit)
        if loss >= limit.limit_pct - ROUNDING_PCT:
            text = loss_text(period.value, loss, mark.equity, limit.limit_pct)
            tripped.append(_loss_trip(profile, period, limit, loss, text, now))
    return tuple(tripped)


def _loss_trip(
    profile: RiskProfile, period: Period, limit: LossLimit, loss: float, text: str, now: datetime
) -> Trip:
    until = None
    if limit.resume == "next_period":
        until = next_period_start(period, now)
    elif limit.resume == "after_hours":
        until = now + timedelta(hours=limit.off_hours)
    close = limit.close if isinstance(limit.close, str) else tuple(limit.close)
    needs_other_config = profile_hash(profile) if limit.resume == "config_change" else None
    end = consequence(close, until, needs_other_config=needs_other_config is not None)
    return Trip(
        rule=period.value,
        at=now,
        value=loss,
        limit=limit.limit_pct,
        text=f"{text}: {end}",
        close=close,
        until=until,
        needs_other_config=needs_other_config,
        recovery_hours=limit.recovery_hours,
        recovery_factor=limit.recovery_factor,
    )


def _too_low(profile: RiskProfile, state: RiskState, book: Book, now: datetime) -> tuple[Trip, ...]:
    limit = profile.stop_equity
    if limit is None or book.equity > limit:
        return ()
    if any(trip.rule == STOP_EQUITY for trip in state.trips):
        return ()
    end = consequence("all", None, needs_other_config=False)
    text = f"{stop_equity_text(book.equity, limit)}: {end}"
    return (Trip(STOP_EQUITY, now, book.equity, limit, text, close="all", until=None),)


# -- ends -----------------------------------------------------------------------------------------


def _ended_by_time(state: RiskState, book: Book, now: datetime) -> tuple[RiskState, list[Change]]:
    changes = []
    for trip in state.trips:
        if trip.until is None or now < trip.until:
            continue
        mark = next((mark for mark in state.marks.values() if mark.period == trip.rule), None)
        state, change = _ended(state, trip, now, "its time is over")
        changes.append(change)
        # The pause was the price of this mark's loss. The mark of a period that began meanwhile
        # stays: what was lost in that is not paid for.
        if mark is not None and mark.started <= trip.at:
            state = replace(state, marks=restarted(state.marks, trip.rule, book, now))
    return state, changes


def _ended(state: RiskState, trip: Trip, now: datetime, why: str) -> tuple[RiskState, Change]:
    state = replace(state, trips=tuple(one for one in state.trips if one is not trip))
    recovery_until = None
    if trip.recovery_hours > 0.0:
        recovery_until = now + timedelta(hours=trip.recovery_hours)
        factor = trip.recovery_factor
        if state.recovery_until is not None and state.recovery_until > now:
            recovery_until = max(recovery_until, state.recovery_until)
            factor = min(factor, state.recovery_factor)
        state = replace(state, recovery_until=recovery_until, recovery_factor=factor)
    text = end_text(trip, why, recovery_until, state.recovery_factor)
    return state, Change("resume", trip.rule, text, trip.value, trip.limit)


def _obstacle(profile: RiskProfile, trip: Trip, book: Book) -> str | None:
    if trip.until is not None:
        return f"it ends at {moment_text(trip.until)}, no hand ends it"
    if trip.needs_other_config == profile_hash(profile):
        return "the limits in the config are still those that tripped"
    limit = profile.stop_equity
    if trip.rule == STOP_EQUITY and limit is not None and book.equity <= limit:
        return stop_equity_text(book.equity, limit)
    return None


def _not_resumed(rule: str, why: str) -> Change:
    return Change("error", rule, f"{rule} not resumed: {why}")


# -- books and clocks that are wrong --------------------------------------------------------------


def _told_error(state: RiskState, error: str | None) -> tuple[RiskState, list[Change]]:
    changes = [Change("error", "book", error)] if error and error != state.error else []
    return replace(state, error=error), changes


def _clock_fault(state: RiskState, book: Book) -> str | None:
    if state.last_at is None or not clock_is_behind(state, book.at):
        return None
    latest = moment_text(state.last_at)
    return f"{CLOCK_WENT_BACK} behind {latest}: until then no period begins and no trip ends"


def _clock_set_back(
    state: RiskState, book: Book, fault: str | None
) -> tuple[RiskState, list[Change]]:
    if fault is None and (state.last_at is None or book.at >= state.last_at):
        fault = "the clock is not behind the latest look"
    if fault is not None or state.last_at is None:
        return state, [_not_resumed(CLOCK, fault or "nothing was looked at yet")]
    ahead, now = state.last_at - book.at, book.at
    state = replace(
        state,
        marks=shifted_back(state.marks, now),
        trips=tuple(_shifted(trip, now) for trip in state.trips),
        recovery_until=None if state.recovery_until is None else state.recovery_until - ahead,
        last_at=now,
        error=None,
    )
    return state, [Change("resume", CLOCK, f"time counts from {moment_text(now)} again")]


def _shifted(trip: Trip, now: datetime) -> Trip:
    """A trip of a moment that is still to come, as one of the present: it lasts as long."""
    if trip.at <= now:
        return trip
    if trip.until is None:
        return replace(trip, at=now)
    until = trip.until - (trip.at - now)
    text = trip.text.replace(moment_text(trip.until), moment_text(until))
    return replace(trip, at=now, until=until, text=text)
