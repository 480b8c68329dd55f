"""Which events people are told of, and how urgently. Pure."""

from aquatrade.event_log import StoredEvent
from sidecars.common.alert import LONGEST_TITLE, Alert, Level, cut
from sidecars.guard.states import MISMATCHES_IN_A_ROW
from sidecars.guard.unasked import RULE as UNASKED
from sidecars.guard.words import ORIGIN

# An act that fails so often is worth a message.
FAILED_ATTEMPTS = 3
_LEVELS = {
    "trip": Level.CRITICAL,
    "kill": Level.CRITICAL,
    "mismatch_end": Level.WARNING,
    "resume": Level.WARNING,
    "error": Level.WARNING,
    "danger": Level.WARNING,
    "recovery_end": Level.INFO,
}


def alert_of(stored: StoredEvent) -> Alert | None:
    """The alert of an event; None: nobody has to be told."""
    event = stored.event
    level = _level(stored)
    if level is None:
        return None
    who = "Guard" if event.origin == ORIGIN else f"Bot {event.origin}"
    title = cut(f"{who}: {event.text}", LONGEST_TITLE)
    hint = ""
    if event.kind == "approval":
        hint = f"\naquatrade guard approve {event.data.get('approval', '')}"
    text = f"{event.text}\n{event.at:%Y-%m-%d %H:%M:%S} UTC{hint}"
    return Alert(level, f"guard:{stored.seq}:{stored.hash[:16]}", title, text)


def _level(stored: StoredEvent) -> Level | None:
    event = stored.event
    data = event.data
    if event.kind == "approval":
        return Level.WARNING if data.get("status") == "waiting" else None
    if event.kind == "mismatch":  # the first look may have been between two of its answers
        times = data.get("times", MISMATCHES_IN_A_ROW)
        return Level.CRITICAL if times >= MISMATCHES_IN_A_ROW else Level.WARNING
    if event.kind == "error" and data.get("rule") == UNASKED:
        return Level.WARNING if data.get("paper") else Level.CRITICAL
    if event.kind == "state":
        return Level.WARNING if data.get("to") == "HALTED" else Level.INFO
    if event.kind == "action":
        is_stuck = data.get("error") is not None and data.get("attempt") == FAILED_ATTEMPTS
        return Level.WARNING if is_stuck else None
    return _LEVELS.get(event.kind)
