"""What a person types into the pages, checked: moments, pairs, numbers. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from sidecars.guard.views_events import KIND_WORDS, EventFilter

LONGEST_REASON = 200
LARGEST_SEQ = 2**63 - 1
_PAIR = re.compile(r"[A-Z0-9._-]{1,24}/[A-Z0-9._-]{1,24}(:[A-Z0-9._-]{1,24})?")


class InputError(ValueError):
    """What was typed cannot be understood; the text is one line for a person."""


def given(query: Mapping[str, str], name: str) -> str | None:
    """What was typed, without space around it; None for nothing."""
    return query.get(name, "").strip() or None


def read_pair(text: str) -> str:
    """'BTC/USDT'. Raises InputError."""
    pair = text.upper()
    if not _PAIR.fullmatch(pair):
        raise InputError(f"pair: got {_shown(text)}, expected one like BTC/USDT")
    return pair


def read_candle(text: str) -> datetime:
    """The open of a candle; a moment without a time zone is UTC. Raises InputError."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"candle: got {_shown(text)}, expected the moment of its open like 2026-03-14T09:00Z"
        ) from None
    if moment.year < 2009:  # before it there was nothing to trade
        raise InputError(f"candle: got {_shown(text)}, expected a moment from 2009 on")
    return moment


def read_filter(query: Mapping[str, str]) -> EventFilter:
    """Which events a person asks for. Raises InputError."""
    kind, bot, pair = given(query, "kind"), given(query, "bot"), given(query, "pair")
    if kind is not None and kind not in KIND_WORDS:
        raise InputError(f"kind: got {_shown(kind)}, expected one of {', '.join(KIND_WORDS)}")
    return EventFilter(kind, bot, None if pair is None else read_pair(pair))


def read_before(query: Mapping[str, str]) -> int | None:
    """The number before which events are asked for. Raises InputError."""
    text = given(query, "before")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text[:20]) > LARGEST_SEQ:
        raise InputError(f"before: got {_shown(text)}, expected the number of an event")
    return int(text)


def read_reason(text: str) -> str:
    """Why somebody stops all. Raises InputError."""
    reason = " ".join(text.split())
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise InputError(f"A reason is at most {LONGEST_REASON} characters of plain text.")
    return reason


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
