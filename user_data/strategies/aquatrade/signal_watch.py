"""What became of each signal of a closed candle, and why: live and in dry-run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from freqtrade.exchange import timeframe_to_seconds

from aquatrade.event_log import Event
from aquatrade.guard_client import Signal
from aquatrade.risk.model import Decision, Entry, Verdict

ENTERED, REFUSED, APPROVED = "entered", "refused", "not ordered"
OPEN, LOCKED, NO_SLOT, NO_MONEY = "already open", "locked", "no free slot", "no money"
EXPIRED, UNTRIED = "expired", "not tried"
# Once it is known, it stays: what comes later is another story.
FINAL = frozenset({ENTERED, OPEN})
BY_STRATEGY = ("strategy",)  # the rules of a signal that the strategy itself did not take
# These only say that nothing else has happened.
WEAK = frozenset({EXPIRED, UNTRIED})


@dataclass(frozen=True, slots=True)
class Seen:
    """A signal on the last closed candle of a pair."""

    pair: str
    side: str  # "long" | "short"
    candle: datetime  # its open
    closed: datetime
    tag: str


@dataclass(frozen=True, slots=True)
class Became:
    """kind: one of the words above; text: for a person, with the numbers."""

    kind: str
    text: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a signal: asked from freqtrade only for candles that have one.

    opened_at: of the pair's open trade, None without one.
    """

    opened_at: datetime | None
    lock: str | None  # reason of the lock that holds the pair
    free_slots: float
    free_money: float
    stake_needed: float  # what freqtrade wants to be free before it asks for a stake


@dataclass
class _Story:
    candle: datetime
    verdict: Became | None = None
    told: Became | None = None
    judged_words: tuple[str, ...] = field(default_factory=tuple)


def signal_of(frame: Any, pair: str, timeframe: str) -> Seen | None:
    """The signal of the last candle, as freqtrade reads it; None without one."""
    if not len(frame) or "date" not in frame:
        return None
    last = frame.iloc[-1]
    wanted = {name: _is_set(last, name) for name in
              ("enter_long", "exit_long", "enter_short", "exit_short")}  # fmt: skip
    is_long = wanted["enter_long"] and not (wanted["exit_long"] or wanted["enter_short"])
    is_short = wanted["enter_short"] and not (wanted["exit_short"] or wanted["enter_long"])
    if not (is_long or is_short):
        return None
    opened: datetime = last["date"].to_pydatetime()
    tag = last.get("enter_tag")
    return Seen(
        pair=pair,
        side="long" if is_long else "short",
        candle=opened,
        closed=opened + timedelta(seconds=timeframe_to_seconds(timeframe)),
        tag=tag if isinstance(tag, str) else "",
    )


def _is_set(row: Any, column: str) -> bool:
    return bool(row.get(column) == 1)


def became(
    seen: Seen, verdict: Became | None, around: Around, now: datetime, until: datetime
) -> Became:
    """What a signal has come to, from the strongest sign to the weakest. Pure."""
    if around.opened_at is not None:
        if around.opened_at >= seen.closed:
            return Became(ENTERED, f"entered at {around.opened_at:%Y-%m-%d %H:%M:%S} UTC")
        return Became(OPEN, f"a trade is open since {around.opened_at:%Y-%m-%d %H:%M} UTC")
    if around.lock is not None:
        return Became(LOCKED, f"locked: {around.lock}", ("lock",))
    if verdict is not None:
        return verdict
    if around.free_slots <= 0:
        return Became(NO_SLOT, "all of max_open_trades are open", ("max_open_trades",))
    if not around.free_money >= around.stake_needed:
        text = f"{around.free_money:.2f} free, {around.stake_needed:.2f} needed"
        return Became(NO_MONEY, text, ("free",))
    if now > until:
        return Became(EXPIRED, f"too late after {until:%H:%M:%S} UTC")
    return Became(UNTRIED, "freqtrade has not tried it: paused, or not at its turn yet")


class SignalWatch:
    """Keeps one story for each pair: that of its last signal."""

    def __init__(
        self,
        origin: str,
        timeframe: str,
        frame_of: Callable[[str], Any],
        around: Callable[[Seen], Around],
        until_of: Callable[[datetime], datetime],
        told_before: Callable[[str, datetime], Became | None],
        standing_tags: frozenset[str] = frozenset(),
    ) -> None:
        """frame_of: analysed candles of a pair. until_of: when a candle's signal is too late.
        told_before: what an earlier process said about a signal. standing_tags: of signals that
        stand on every candle; of these only what was entered or refused by a rule is told."""
        self._origin = origin
        self._timeframe = timeframe
        self._frame_of = frame_of
        self._around = around
        self._until_of = until_of
        self._told_before = told_before
        self._standing_tags = standing_tags
        self._stories: dict[tuple[str, str], _Story] = {}

    def judged(self, entry: Entry, signal: Signal, verdict: Verdict, now: datetime) -> Event | None:
        """Take in a verdict; an event if it says something new about its candle."""
        story = self._story(entry.pair, entry.side.value, signal.candle)
        words = (verdict.decision.value, str(entry.is_increase),
                 *(f"{one.rule} {one.decision}" for one in verdict.reasons))  # fmt: skip
        if not entry.is_increase:
            rules = tuple(one.rule for one in verdict.reasons if one.decision is Decision.REJECT)
            kind = REFUSED if verdict.decision is Decision.REJECT else APPROVED
            text = verdict.text if kind == REFUSED else "allowed, but no order was made"
            story.verdict = Became(kind, text, rules)
        if words == story.judged_words:
            return None
        story.judged_words = words
        return Event(
            at=now,
            origin=self._origin,
            kind="verdict",
            text=f"{entry.pair} {entry.side.value}: {verdict.decision.value} "
            f"{verdict.stake:.2f} of {entry.stake:.2f}"
            + (f": {verdict.text}" if verdict.text else ""),
            pair=entry.pair,
            candle=signal.candle,
            data={"verdict": verdict, "entry": entry, "tag": signal.tag},
        )

    def declined(self, pair: str, side: str, candle: datetime, why: str) -> None:
        """The strategy itself would not enter after all."""
        self._story(pair, side, candle).verdict = Became(REFUSED, why, BY_STRATEGY)

    def look(self, pairs: Sequence[str], now: datetime) -> list[Event]:
        """What is new about the signals that freqtrade has analysed."""
        events = []
        for pair in pairs:
            seen = signal_of(self._frame_of(pair), pair, self._timeframe)
            if seen is not None:
                event = self._told(seen, now)
                if event is not None:
                    events.append(event)
        return events

    def _told(self, seen: Seen, now: datetime) -> Event | None:
        story = self._story(seen.pair, seen.side, seen.candle)
        if story.told is not None and story.told.kind in FINAL:
            return None
        outcome = became(seen, story.verdict, self._around(seen), now, self._until_of(seen.candle))
        if seen.tag in self._standing_tags and (
            outcome.kind not in (ENTERED, REFUSED) or outcome.rules == BY_STRATEGY
        ):
            return None
        last = story.told
        if last is not None and (
            (outcome.kind, outcome.rules) == (last.kind, last.rules) or outcome.kind in WEAK
        ):
            return None
        story.told = outcome
        return Event(
            at=now,
            origin=self._origin,
            kind="signal",
            text=f"{seen.pair} {seen.side} signal {outcome.kind}: {outcome.text}",
            pair=seen.pair,
            candle=seen.candle,
            data={"side": seen.side, "tag": seen.tag, "became": outcome.kind,
                  "rules": list(outcome.rules), "text": outcome.text},
        )  # fmt: skip

    def _story(self, pair: str, side: str, candle: datetime) -> _Story:
        story = self._stories.get((pair, side))
        if story is None or story.candle != candle:
            story = _Story(candle, told=self._told_before(pair, candle))
            self._stories[(pair, side)] = story
        return story
