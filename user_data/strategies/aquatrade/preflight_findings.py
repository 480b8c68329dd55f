"""What a check before the start finds, and what all findings together allow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aquatrade.wording import one_line

LONGEST_TEXT = 400


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"  # could not be told, and why
    REFUSED = "refused"


class Nature(StrEnum):
    """Of what is wrong: whether a bot that holds trades may start all the same."""

    LASTING = "lasting"  # stays until a person changes something: such a bot only exits
    PASSING = "passing"  # may be over by itself; the rules that run see to it meanwhile
    FATAL = "fatal"  # nothing can be traded safely, exits neither


class Start(StrEnum):
    """What may be started."""

    GO = "go"
    EXITS_ONLY = "exits_only"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; text: what, where, what is expected, on one line."""

    check: str
    outcome: Outcome
    text: str
    nature: Nature = Nature.LASTING

    @property
    def line(self) -> str:
        return f"{self.outcome.value:7} {self.check}: {one_line(self.text)[:LONGEST_TEXT]}"


def ok(check: str, text: str) -> Finding:
    return Finding(check, Outcome.OK, text)


def warning(check: str, text: str) -> Finding:
    return Finding(check, Outcome.WARNING, text)


def unknown(check: str, why: str, nature: Nature = Nature.PASSING) -> Finding:
    return Finding(check, Outcome.UNKNOWN, why, nature)


def refused(check: str, text: str, nature: Nature = Nature.LASTING) -> Finding:
    return Finding(check, Outcome.REFUSED, text, nature)


def blocking(findings: Iterable[Finding], *, real_orders: bool) -> list[Finding]:
    """What stands against a start: refusals; with real orders also what could not be told."""
    against = {Outcome.REFUSED, Outcome.UNKNOWN} if real_orders else {Outcome.REFUSED}
    return [finding for finding in findings if finding.outcome in against]


def decide(against: Sequence[Finding], *, holds_trades: bool) -> Start:
    """What may be started with this against it.

    holds_trades: the bot has open trades. Then nothing but a fatal finding keeps it down, since
    nobody else would close them; for what lasts it makes no new ones.
    """
    if not against:
        return Start.GO
    natures = {finding.nature for finding in against}
    if not holds_trades or Nature.FATAL in natures:
        return Start.NO
    return Start.EXITS_ONLY if Nature.LASTING in natures else Start.GO
