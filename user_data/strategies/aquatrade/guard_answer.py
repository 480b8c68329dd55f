"""What the guard answers, believed only where it makes sense. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from aquatrade.risk.model import Decision, Entry, Reason, Verdict

LONGEST_TEXT = 1_000
TOLERANCE = 1e-9  # of the stake: what a number loses on its way through JSON


class GuardAnswerError(Exception):
    """An answer that is none; the text says what was wrong with it."""


@dataclass(frozen=True, slots=True)
class GuardAnswer:
    """verdict: on the stake that was asked for; reservation: to be released if no order comes."""

    verdict: Verdict
    reservation: str | None
    state: str
    approval: str | None


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _ReasonSaid(_Said):
    rule: str = Field(max_length=100)
    decision: Literal["APPROVE", "REDUCE", "REJECT"]
    text: str = Field(max_length=LONGEST_TEXT)
    value: float | None = None
    limit: float | None = None


class _AnswerSaid(_Said):
    decision: Literal["APPROVE", "REDUCE", "REJECT"]
    stake: float = Field(ge=0.0, allow_inf_nan=False, strict=True)
    reasons: list[_ReasonSaid] = Field(max_length=100)
    reservation: str | None = Field(default=None, max_length=200)
    expires: AwareDatetime | None = None
    state: Literal["ACTIVE", "REDUCING", "HALTED"]
    approval: str | None = Field(default=None, max_length=200)
    bot: str | None = Field(default=None, max_length=200)
    pair: str | None = Field(default=None, max_length=200)
    paper: bool | None = Field(default=None, strict=True)


def parse_answer(answer: object, asked: Entry, now: datetime, *, dry_run: bool) -> GuardAnswer:
    """The answer to a check of an entry. Raises GuardAnswerError for whatever makes no sense.

    dry_run: whether this bot trades with paper money.
    """
    said = _said(answer)
    decision, asked_stake = Decision(said.decision), asked.stake
    _check_stake(said, decision, asked_stake)
    if decision is not Decision.REJECT:
        _check_promise(said, asked, now)
        if not dry_run and said.paper is not False:
            words = "for a paper bot" if said.paper else "without a word on paper or live"
            raise GuardAnswerError(f"{decision} {words}, and this bot is live")
    return GuardAnswer(
        verdict=Verdict(
            decision,
            0.0 if decision is Decision.REJECT else min(said.stake, asked_stake),
            tuple(
                Reason(one.rule, Decision(one.decision), one.text, one.value, one.limit)
                for one in said.reasons
            ),
        ),
        reservation=said.reservation,
        state=said.state,
        approval=said.approval,
    )


def _said(answer: object) -> _AnswerSaid:
    try:
        return _AnswerSaid.model_validate(answer)
    except ValidationError as error:
        first: Any = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "answer"
        raise GuardAnswerError(f"{key}: {first['msg']}") from None


def _check_promise(said: _AnswerSaid, asked: Entry, now: datetime) -> None:
    """That what is allowed is what was asked for, and held for it."""
    if (said.bot, said.pair) != (asked.bot, asked.pair):
        raise GuardAnswerError(
            f"of {said.bot!r} and {said.pair!r}, expected {asked.bot} and {asked.pair}"
        )
    if said.state != "ACTIVE":
        raise GuardAnswerError(f"{said.decision} while it is {said.state}")
    if not said.reservation or said.expires is None:
        raise GuardAnswerError(f"{said.decision} without a reservation that ends")
    if said.expires <= now:
        raise GuardAnswerError(f"its reservation ended at {said.expires.isoformat()}")


def _check_stake(said: _AnswerSaid, decision: Decision, asked_stake: float) -> None:
    """That decision, stake and what was asked for go together."""
    most = asked_stake * (1.0 + TOLERANCE)
    if said.stake > most:
        raise GuardAnswerError(f"stake {said.stake:g} is above the {asked_stake:g} asked for")
    if decision is Decision.APPROVE and said.stake < asked_stake * (1.0 - TOLERANCE):
        raise GuardAnswerError(f"approved, but {said.stake:g} of {asked_stake:g}")
    if decision is Decision.REDUCE and not said.stake > 0.0:
        raise GuardAnswerError("reduced to nothing, expected a stake above 0 or REJECT")
