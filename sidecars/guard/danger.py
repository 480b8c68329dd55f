"""Macro danger: what the sentiment sidecar tells of it, and what follows for entries. Pure.

The sidecar raises two flags over the last hour. PAUSE_ENTRIES pauses all entries. DANGER alone
warns, unless the settings say that it pauses too. What was last told counts until it is too old:
then danger is not known, and what is not known refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError, model_validator

from sidecars.common.settings_parts import Section, WebAddress
from sidecars.common.source_errors import SourceError

TOKEN_VARIABLE = "AQUATRADE_SCORES_TOKEN"  # a variable's name, not a token
Flag = Literal["PAUSE_ENTRIES", "DANGER"]
PAUSES: Flag = "PAUSE_ENTRIES"
WARNS: Flag = "DANGER"
ASSET = r"^[A-Z0-9]{1,12}$"
# The sidecar's clock may be so far ahead of the guard's.
MOST_AHEAD = timedelta(seconds=60)
# The flags speak of an hour: where the sources fall silent, a pause is worth as long.
PAUSE_LASTS = timedelta(hours=1)
LONGEST_REASON = 200
_MOVES = (
    ("sp500_hour_pct", "S&P 500"),
    ("dollar_index_hour_pct", "dollar"),
    ("btc_price_usd_hour_pct", "BTC"),
)


class DangerSettings(Section):
    """The sentiment sidecar that is asked; its token comes from AQUATRADE_SCORES_TOKEN or
    AQUATRADE_SCORES_TOKEN_FILE."""

    url: WebAddress = "http://127.0.0.1:8102"
    asset: str = Field("BTC", pattern=ASSET)  # of the sidecar's: the flags are the same for all
    poll_seconds: float = Field(60.0, ge=0.2, le=900.0)
    # The sidecar makes its scores every 15 minutes: one may be missed.
    max_age_seconds: float = Field(1800.0, ge=60.0, le=86_400.0)
    # Whether sources that do not tell refuse like a sidecar that does not answer.
    required: bool = False
    pause_on: Flag = PAUSES

    @model_validator(mode="after")
    def _consistent(self) -> "DangerSettings":
        if self.max_age_seconds <= self.poll_seconds:
            raise ValueError(
                f"key 'max_age_seconds': got {self.max_age_seconds:g}, expected more than "
                f"poll_seconds, which is {self.poll_seconds:g}"
            )
        return self


class DangerStatus(StrEnum):
    OFF = "off"  # nobody is asked
    CALM = "calm"
    NOT_TOLD = "not_told"  # the sidecar answers, its sources do not tell
    DANGER = "danger"
    PAUSE = "pause"
    UNKNOWN = "unknown"  # no answer, or too old a one


@dataclass(frozen=True, slots=True)
class DangerView:
    """What is known of macro danger. as_of: what the sidecar's word speaks of."""

    status: DangerStatus
    text: str
    refuses: bool = False
    as_of: datetime | None = None


OFF = DangerView(DangerStatus.OFF, "macro danger is not watched: there is no section 'danger'")
NOT_YET = DangerView(
    DangerStatus.UNKNOWN, "macro danger is not known: the sentiment sidecar was not asked yet", True
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One good answer. is_known: whether a flag that is not raised says anything."""

    as_of: datetime
    flags: frozenset[str]
    is_known: bool
    moves_pct: Mapping[str, float]

    @property
    def moves(self) -> str:
        """'S&P 500 -2.30 %, BTC -1.10 % at worst within an hour, as of ...'."""
        told = ", ".join(f"{name} {value:+.2f} %" for name, value in self.moves_pct.items())
        hour = f"{told} at worst within an hour" if told else "no move of the hour is told"
        return f"{hour}, as of {self.as_of:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class DangerKnown:
    """What the guard has been told. seen: the last good answer, which came at came_s of the steady
    clock; error: of the last attempt; pause: the last answer that paused; view: at the last look.
    """

    view: DangerView
    seen: Sighting | None = None
    came_s: float = 0.0
    age_when_it_came: timedelta = timedelta()
    error: str | None = None
    pause: Sighting | None = None


def danger_shown(settings: DangerSettings | None, known: DangerKnown | None) -> DangerView:
    """As it was at the last look."""
    if settings is None:
        return OFF
    return NOT_YET if known is None else known.view


def danger_now(
    settings: DangerSettings | None, known: DangerKnown | None, at: datetime, steady_s: float
) -> DangerView:
    """As it is now: what was told may have become too old since the last look."""
    if settings is None:
        return OFF
    if known is None:
        return NOT_YET
    seen = known.seen
    why = "" if known.error is None else f": {known.error}"
    if seen is None:
        text = f"macro danger is not known{why}"
        return DangerView(DangerStatus.UNKNOWN, text, True)
    # By both clocks: neither one that is set back nor one that stood still makes it younger.
    age = max(at - seen.as_of, known.age_when_it_came + timedelta(seconds=steady_s - known.came_s))
    if age.total_seconds() > settings.max_age_seconds:
        text = (
            f"macro danger is not known: the last word of it is as of "
            f"{seen.as_of:%Y-%m-%d %H:%M} UTC, limit {settings.max_age_seconds:g} s{why}"
        )
        return DangerView(DangerStatus.UNKNOWN, text, True, seen.as_of)
    return _told(settings, seen, known.pause)


def after_answer(
    settings: DangerSettings,
    before: DangerKnown | None,
    seen: Sighting,
    at: datetime,
    steady_s: float,
) -> DangerKnown:
    """What is known once an answer has come."""
    pause = None if before is None else before.pause
    if is_pause(settings, seen):
        pause = seen
    elif seen.is_known:
        pause = None
    age = max(timedelta(), at - seen.as_of)
    known = DangerKnown(NOT_YET, seen, steady_s, age, None, pause)
    return _viewed(settings, known, at, steady_s)


def after_failure(
    settings: DangerSettings,
    before: DangerKnown | None,
    error: str,
    at: datetime,
    steady_s: float,
) -> DangerKnown:
    """What is known once an attempt has failed."""
    there = DangerKnown(NOT_YET) if before is None else before
    failed = DangerKnown(
        there.view, there.seen, there.came_s, there.age_when_it_came, error, there.pause
    )
    return _viewed(settings, failed, at, steady_s)


def is_pause(settings: DangerSettings, seen: Sighting) -> bool:
    """Whether the answer pauses all entries."""
    return PAUSES in seen.flags or (settings.pause_on == WARNS and WARNS in seen.flags)


def read_answer(answer: object, asset: str, at: datetime) -> Sighting:
    """What an answer of /v1/scores says of danger. Raises SourceError."""
    try:
        told = _Answer.model_validate(answer)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])[:60] or "answer"
        raise SourceError(f"sentiment: {place}: {first['msg']}", "malformed") from None
    score = told.scores.get(asset)
    if score is None:
        why = told.missing.get(asset, "the answer has none")[:LONGEST_REASON]
        raise SourceError(f"sentiment: no score of {asset}: {why}", "malformed")
    readings = next((each.readings for each in score.sub_scores if each.name == "macro"), None)
    if readings is None:
        raise SourceError("sentiment: the score has no part 'macro'", "malformed")
    if score.as_of > at + MOST_AHEAD:
        raise SourceError(
            f"sentiment: a score as of {score.as_of:%Y-%m-%d %H:%M:%S}, which is to come",
            "malformed",
        )
    moves = {name: value for key, name in _MOVES if (value := readings.get(key)) is not None}
    # A pause is seen where danger is, and BTC beside it; a reading that is not there is a no.
    is_known = bool(readings.get("danger_known")) and bool(readings.get("pause_known"))
    return Sighting(score.as_of, frozenset(score.flags), is_known, moves)


class _Part(BaseModel):
    name: str
    readings: dict[str, float | None]


class _Score(BaseModel):
    as_of: AwareDatetime
    flags: tuple[str, ...]
    sub_scores: tuple[_Part, ...]


class _Answer(BaseModel):
    scores: dict[str, _Score]
    missing: dict[str, str] = Field(default_factory=dict)


def _viewed(
    settings: DangerSettings, known: DangerKnown, at: datetime, steady_s: float
) -> DangerKnown:
    view = danger_now(settings, known, at, steady_s)
    return DangerKnown(
        view, known.seen, known.came_s, known.age_when_it_came, known.error, known.pause
    )


def _told(settings: DangerSettings, seen: Sighting, pause: Sighting | None) -> DangerView:
    """What an answer says that is not too old."""
    if is_pause(settings, seen):
        text = f"macro danger, all entries pause: {seen.moves}"
        return DangerView(DangerStatus.PAUSE, text, True, seen.as_of)
    if not seen.is_known:
        if pause is not None and seen.as_of - pause.as_of <= PAUSE_LASTS:
            text = (
                f"macro danger, all entries pause: {pause.moves}; "
                "since then the sources do not tell"
            )
            return DangerView(DangerStatus.PAUSE, text, True, seen.as_of)
        if WARNS not in seen.flags:
            text = f"macro danger is not told by the sources: {seen.moves}"
            return DangerView(DangerStatus.NOT_TOLD, text, settings.required, seen.as_of)
    if WARNS in seen.flags:
        text = f"macro danger, a warning: {seen.moves}"
        refuses = settings.required and not seen.is_known
        return DangerView(DangerStatus.DANGER, text, refuses, seen.as_of)
    return DangerView(DangerStatus.CALM, f"no macro danger: {seen.moves}", False, seen.as_of)
