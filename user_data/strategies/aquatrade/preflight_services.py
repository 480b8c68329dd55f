"""Whether the sidecars that a bot relies on are there and well."""

from collections.abc import Iterator
from dataclasses import dataclass

from aquatrade.preflight_asking import NoAnswerError, Unknown
from aquatrade.preflight_findings import Finding, Nature, ok, refused, warning
from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from aquatrade.wording import one_line, shown

HEALTH_SECONDS = 4.0
WELL = "ok"
WORKS_IN_PART = "degraded"
MOST_NAMED = 4
LOCKED = ("HTTP 401", "HTTP 403")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One that the configuration names.

    name: of its section in aquatrade; door: a path that asks for the token; decides: entries
    depend on what it says, so that one that works in part is not enough.
    """

    name: str
    url: str
    door: str
    token_variable: str
    token: str | None
    decides: bool


@dataclass(frozen=True, slots=True)
class Health:
    """What a sidecar says of itself; ailing: its parts that are not well."""

    status: str
    ailing: tuple[str, ...] = ()
    opens: bool = True  # it takes the bot's token
    mismatches: tuple[str, ...] = ()  # between the exchange and the bots, as the guard sees them


def read_health(sidecar: Sidecar) -> Health:
    """GET /health, and whether the token opens its door. Raises NoAnswerError, with the reason."""
    server = ScoreServer(sidecar.url, sidecar.token)
    try:
        answer = server.get("/health", {}, HEALTH_SECONDS)
    except ScoreUnavailableError as error:
        raise NoAnswerError(one_line(str(error))) from None
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(status, str):
        raise NoAnswerError(f"its answer is {shown(answer)}, expected a status")
    opens, behind = _behind(server, sidecar.door)
    return Health(one_line(status), tuple(_ailing(answer)), opens, tuple(_mismatches(behind)))


def check_health(sidecar: Sidecar, health: Health | Unknown) -> Iterator[Finding]:
    """It runs, says that it is well, and takes the bot's token."""
    check = f"sidecar {sidecar.name}"
    where = f"aquatrade.{sidecar.name}.url {sidecar.url}"
    if isinstance(health, Unknown):
        text = f"{where}: {health.why}, expected it to run"
        yield refused(check, text, Nature.PASSING)
        return
    if not health.opens:
        came = "the token is refused" if sidecar.token else "there is no token"
        yield refused(
            check,
            f"{where}: {came}, expected the one it was started with in {sidecar.token_variable} "
            f"or, as a file, {sidecar.token_variable}_FILE",
        )
    for text in health.mismatches:
        yield refused(
            check,
            f"{sidecar.url}: the books differ from the exchange's ({text}), expected the same",
            Nature.PASSING,
        )
    if health.status == WELL:
        if health.opens and not health.mismatches:
            yield ok(check, f"{sidecar.url} is well")
        return
    parts = ", ".join(health.ailing[:MOST_NAMED]) + (
        f" and {len(health.ailing) - MOST_NAMED} more" if len(health.ailing) > MOST_NAMED else ""
    )
    text = f"{where} is {shown(health.status)}{f' ({parts})' if parts else ''}"
    if health.status == WORKS_IN_PART and not sidecar.decides:
        yield warning(check, text)
    else:
        yield refused(check, f"{text}, expected 'ok'", Nature.PASSING)


def _behind(server: ScoreServer, door: str) -> tuple[bool, object]:
    """Whether the door opened, and what was behind it."""
    try:
        return True, server.get(door, {}, HEALTH_SECONDS)
    except ScoreUnavailableError as error:
        # Any other refusal comes from behind the door; whether it is well, /health has told.
        return not str(error).startswith(LOCKED), None


def _mismatches(answer: object) -> Iterator[str]:
    """Of the guard's state."""
    told = answer.get("mismatches") if isinstance(answer, dict) else None
    for mismatch in told if isinstance(told, list) else ():
        text = mismatch.get("text") if isinstance(mismatch, dict) else mismatch
        yield one_line(str(text))


def _ailing(answer: dict[str, object]) -> Iterator[str]:
    """Parts of an answer that say of themselves that they are not well."""
    for section in ("sources", "bots"):
        parts = answer.get(section)
        for name, part in parts.items() if isinstance(parts, dict) else ():
            state = part.get("state") if isinstance(part, dict) else None
            if isinstance(state, str) and state not in ("ok", "not_connected"):
                yield one_line(f"{name} {state}")
