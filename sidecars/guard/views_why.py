"""What became of a signal, told from the events of its candle. Pure; page and command share it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aquatrade.event_log import Event
from sidecars.common.moments import ms_of
from sidecars.guard.views_events import KIND_WORDS, became_tone, verdict_of

GUARD = "guard"  # the origin of the guard's own events
_DECISION_WORDS = {
    "APPROVE": ("allowed", "ok"),
    "REDUCE": ("allowed, reduced", "stale"),
    "REJECT": ("refused", "failing"),
}


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One thing that was said: a text, or the reasons of a verdict where there are several."""

    at_ms: int
    word: str
    text: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """What became of a candle of a pair in one bot. tone: of the badge."""

    bot: str
    pair: str
    candle_ms: int
    word: str
    tone: str
    conclusion: str
    lines: tuple[StoryLine, ...]


def stories(events: Sequence[Event]) -> list[Story]:
    """One for each bot and candle, the newest candle first. events: oldest first."""
    told: dict[tuple[datetime, str, str], list[Event]] = {}
    for event in events:
        if event.pair is not None and event.candle is not None:
            told.setdefault((event.candle, event.pair, bot_of(event)), []).append(event)
    keys = sorted(told, key=lambda key: (-ms_of(key[0]), key[1], key[2]))
    return [_story(bot, pair, candle, told[candle, pair, bot]) for candle, pair, bot in keys]


def bot_of(event: Event) -> str:
    """Whose candle an event is about: the guard's own events say so in their data."""
    if event.origin == GUARD:
        return str(event.data.get("bot", GUARD))
    return event.origin


def _story(bot: str, pair: str, candle: datetime, events: Sequence[Event]) -> Story:
    word, tone, conclusion = _conclusion(events)
    lines = tuple(_line(event) for event in events)
    return Story(bot, pair, ms_of(candle), word, tone, conclusion, lines)


def _conclusion(events: Sequence[Event]) -> tuple[str, str, str]:
    """The bot's word on what became of the signal, else the last verdict, else the last word."""
    signals = [event for event in events if event.kind == "signal"]
    if signals:
        became = str(signals[-1].data.get("became", "seen"))
        return became, became_tone(became), signals[-1].text
    verdicts = [event for event in events if event.kind == "verdict"]
    if verdicts:
        word, tone = _decision(verdicts[-1].data)
        return word, tone, verdicts[-1].text
    last = events[-1]
    return KIND_WORDS.get(last.kind, last.kind), "off", last.text


def _decision(data: Mapping[str, Any]) -> tuple[str, str]:
    return _DECISION_WORDS.get(str(verdict_of(data).get("decision")), ("judged", "off"))


def _line(event: Event) -> StoryLine:
    word = KIND_WORDS.get(event.kind, event.kind.replace("_", " ").capitalize())
    if event.kind != "verdict":
        return StoryLine(ms_of(event.at), word, event.text)
    decision, _ = _decision(event.data)
    who = "by the guard" if event.origin == GUARD else "in the bot"
    word = f"{decision} {who}".capitalize()
    reasons = tuple(_reasons(event.data))
    # Several reasons are a list, and then the text that joins them says nothing more.
    if len(reasons) > 1:
        return StoryLine(ms_of(event.at), word, "", reasons)
    return StoryLine(ms_of(event.at), word, event.text)


def _reasons(data: Mapping[str, Any]) -> list[str]:
    found = verdict_of(data).get("reasons")
    if not isinstance(found, list):
        return []
    return [str(each["text"]) for each in found if isinstance(each, dict) and "text" in each]
