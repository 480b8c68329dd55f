"""`aquatrade why`: what became of a signal, from the guard, a bot's own log, and the bots."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from freqtrade_client import FtRestClient

from aquatrade.event_log import Event, EventLog
from operations.guard_answers import read_events
from operations.guard_http import GuardCommandError, GuardHttp, guard_at
from operations.why_bot import BotError, ask_bot
from operations.why_words import candle_lines, story_lines
from sidecars.common.clock import SystemClock
from sidecars.common.moments import iso_ms, ms_of
from sidecars.common.settings_file import SettingsError
from sidecars.guard.command import read_passwords, read_rules
from sidecars.guard.pages_input import InputError, read_candle, read_pair
from sidecars.guard.views_why import Story, stories

MOST_EVENTS = 500  # of a pair, where no candle is named
LAST_CANDLES = 5
BOT_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. candle: its open, None: the last ones; bot: None: all."""

    pair: str
    candle: datetime | None
    bot: str | None


class WhyError(Exception):
    """There is no answer; one line that says why."""


def read_question(pair: str, candle: str | None, bot: str | None) -> Question:
    """What somebody typed. Raises WhyError."""
    try:
        return Question(read_pair(pair), None if candle is None else read_candle(candle), bot)
    except InputError as error:
        raise WhyError(str(error)) from None


def why_lines(
    question: Question, url: str | None, database: Path | None, config: Path | None
) -> list[str]:
    """The whole answer. database: a bot's own log in place of the guard's. config: the guard's
    settings, which name the bots that can be asked themselves.

    Raises WhyError where nobody could be asked.
    """
    lines: list[str] = []
    problem = None
    try:
        found = _from_guard(question, guard_at(url)) if database is None else _from_file(
            question, database
        )  # fmt: skip
        lines += _told(question, found)
    except GuardCommandError as error:
        if config is None:
            hint = "--database FILE asks a bot's own log"
            raise WhyError(f"{error}; {hint}") from None
        problem = str(error)
        lines.append(f"No guard: {problem}")
    if config is not None:
        lines += ["", *_from_bots(question, config, os.environ)]
    return lines


def _told(question: Question, events: Sequence[Event]) -> Iterable[str]:
    found = [story for story in stories(events) if question.bot in (None, story.bot)]
    shown = _last_candles(found) if question.candle is None else found
    if not shown:
        of = "" if question.candle is None else f", candle of {iso_ms(ms_of(question.candle))}"
        by = "" if question.bot is None else f" by {question.bot}"
        return [f"{question.pair}{of}: nothing was said{by}; no bot told of a signal on it."]
    return story_lines(shown)


def _last_candles(found: Sequence[Story]) -> list[Story]:
    newest = sorted({story.candle_ms for story in found}, reverse=True)[:LAST_CANDLES]
    return [story for story in found if story.candle_ms in newest]


def _from_guard(question: Question, guard: GuardHttp) -> list[Event]:
    if question.candle is None:
        answer = guard.get("/v1/events", newest=1, limit=MOST_EVENTS, pair=question.pair)
        return [stored.event for stored in reversed(read_events(answer))]
    answer = guard.get("/v1/why", pair=question.pair, candle=iso_ms(ms_of(question.candle)))
    return [stored.event for stored in read_events(answer)]


def _from_file(question: Question, file: Path) -> list[Event]:
    """Of a bot's own risk database, which is only read. Raises WhyError."""
    if not file.is_file():
        raise WhyError(f"{file}: there is no such file, expected a bot's X-risk.sqlite")
    engine = sa.create_engine(f"sqlite:///file:{quote(str(file.resolve()))}?mode=ro&uri=true")
    try:
        if "risk_events" not in sa.inspect(engine).get_table_names():
            raise WhyError(f"{file}: holds no risk events, expected a bot's X-risk.sqlite")
        log = EventLog(engine)
        if question.candle is not None:
            return [stored.event for stored in log.about(question.pair, question.candle)]
        return [stored.event for stored in reversed(log.newest(MOST_EVENTS, pair=question.pair))]
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise WhyError(f"{file}: cannot be read ({reason})") from None
    finally:
        engine.dispose()


def _from_bots(question: Question, config: Path, environment: Mapping[str, str]) -> Iterable[str]:
    """What the bots of the guard's settings saw themselves. Raises WhyError for settings."""
    try:
        settings = read_rules(config, environment).settings
        passwords = read_passwords(settings, environment)
    except SettingsError as error:
        raise WhyError(str(error)) from None
    names = [bot.name for bot in settings.bots]
    if question.bot is not None and question.bot not in names:
        raise WhyError(f"bot {question.bot}: expected one of {', '.join(names)}")
    now = SystemClock().now()
    for bot in settings.bots:
        if question.bot not in (None, bot.name):
            continue
        client = FtRestClient(
            bot.url, bot.username, passwords[bot.name], timeout=BOT_TIMEOUT_SECONDS
        )
        try:
            seen = ask_bot(client, question.pair, question.candle, now)
        except BotError as error:
            yield f"{bot.name}  {error}"
        else:
            yield from candle_lines(bot.name, question.pair, seen)
