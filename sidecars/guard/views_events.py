"""Events of the log as rows for a page, and the address of a page of them. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aquatrade.event_log import StoredEvent
from sidecars.common.moments import iso_ms, ms_of

KIND_WORDS = {
    "verdict": "Verdict",
    "signal": "Signal",
    "trip": "Limit tripped",
    "resume": "Resumed",
    "recovery_end": "Recovery over",
    "approval": "Approval",
    "reservation": "Reservation",
    "mismatch": "Mismatch",
    "mismatch_end": "Mismatch gone",
    "state": "State",
    "kill": "Stopped by hand",
    "danger": "Macro danger",
    "action": "Action",
    "error": "Error",
}
_KIND_TONES = {
    "trip": "failing",
    "kill": "failing",
    "mismatch": "failing",
    "error": "failing",
    "resume": "ok",
    "recovery_end": "ok",
    "mismatch_end": "ok",
    "action": "stale",
    "danger": "stale",
}
_DECISION_TONES = {"APPROVE": "ok", "REDUCE": "stale", "REJECT": "failing"}
# What a bot says a signal became; what is not here is worth a look.
_BECAME_TONES = {"entered": "ok", "already open": "off", "refused": "failing"}
LONGEST_DATA = 4000


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event. tone: of its badge: "ok", "stale", "off", "failing"."""

    seq: int
    at_ms: int
    word: str
    tone: str
    origin: str
    pair: str | None
    candle: str | None  # ISO
    candle_ms: int | None
    text: str
    data: str  # JSON, "" for none


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for; None: all."""

    kind: str | None = None
    bot: str | None = None
    pair: str | None = None

    def address(self, before: int | None = None) -> str:
        """The page of these events, from the newest one or from those before a number."""
        parts: list[tuple[str, str]] = [
            (name, value)
            for name, value in (("kind", self.kind), ("bot", self.bot), ("pair", self.pair))
            if value is not None
        ]
        if before is not None:
            parts.append(("before", str(before)))
        return f"/events?{urlencode(parts)}" if parts else "/events"

    @property
    def is_any(self) -> bool:
        """Whether something is left out."""
        return (self.kind, self.bot, self.pair) != (None, None, None)


def event_row(stored: StoredEvent) -> EventRow:
    """One event as it is shown."""
    event = stored.event
    decision = verdict_of(event.data).get("decision")
    word = KIND_WORDS.get(event.kind, event.kind.replace("_", " ").capitalize())
    tone = _KIND_TONES.get(event.kind, "off")
    if event.kind == "verdict" and decision in _DECISION_TONES:
        word, tone = str(decision).capitalize(), _DECISION_TONES[str(decision)]
    if event.kind == "signal":
        tone = became_tone(event.data.get("became"))
    candle_ms = None if event.candle is None else ms_of(event.candle)
    data = json.dumps(event.data, indent=1, ensure_ascii=False, default=str) if event.data else ""
    return EventRow(
        seq=stored.seq,
        at_ms=ms_of(event.at),
        word=word,
        tone=tone,
        origin=event.origin,
        pair=event.pair,
        candle=None if candle_ms is None else iso_ms(candle_ms),
        candle_ms=candle_ms,
        text=event.text,
        data=data if len(data) <= LONGEST_DATA else f"{data[:LONGEST_DATA]} …",
    )


def verdict_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The verdict in an event's data: a bot's stands under a name of its own, the guard's bare."""
    inner = data.get("verdict")
    return inner if isinstance(inner, Mapping) else data


def became_tone(became: object) -> str:
    """The tone of the badge of a signal that became this."""
    return _BECAME_TONES.get(str(became), "stale")


def event_rows(events: Sequence[StoredEvent]) -> list[EventRow]:
    """All of them, in the order given."""
    return [event_row(event) for event in events]
