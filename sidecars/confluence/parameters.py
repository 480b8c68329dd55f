"""What may stand in a request's query, and one clear line for what may not. Pure."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from sidecars.common.http import ApiError
from sidecars.common.settings_file import did_you_mean
from sidecars.confluence.settings import MOST_PAIRS, PAIR_PATTERN
from sidecars.confluence.updater import ms_of

SHOWN_LENGTH = 60


def check_names(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse unknown and doubled parameters. query: a multidict, which names doubles twice."""
    for name in query:
        if name not in known:
            raise ApiError(
                400,
                "unknown_parameter",
                f"parameter {shown(name)} is unknown, expected {', '.join(known)}"
                f"{did_you_mean(name, list(known))}",
            )
    if len(set(query)) != len(list(query)):
        raise ApiError(400, "doubled_parameter", "a parameter stands there twice, expected once")


def pair_of(text: str | None) -> str:
    """A well-formed pair."""
    if text is None:
        raise ApiError(400, "bad_pair", "parameter pair is missing, expected like BTC/USDT")
    if not PAIR_PATTERN.fullmatch(text):
        raise ApiError(400, "bad_pair", f"{shown(text)} is no pair, expected like BTC/USDT")
    return text


def pairs_of(text: str | None) -> tuple[str, ...]:
    """One to MOST_PAIRS well-formed pairs, in the order asked, each once."""
    if not text:
        raise ApiError(
            400, "bad_pair", "parameter pairs is missing, expected like BTC/USDT,ETH/USDT"
        )
    names = text.split(",", MOST_PAIRS)
    if len(names) > MOST_PAIRS:
        raise ApiError(
            400, "too_many_pairs", f"more than {MOST_PAIRS} pairs, expected {MOST_PAIRS} at most"
        )
    return tuple(dict.fromkeys(pair_of(name) for name in names))


def moment_of(query: Mapping[str, str], name: str) -> int | None:
    """An aware ISO 8601 moment as milliseconds; None if the parameter is not there."""
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return ms_of(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        raise ApiError(
            400,
            "bad_moment",
            f"{name}={shown(text)} is no moment, expected ISO 8601 with an offset, like "
            "2024-03-01T00:00:00Z (a plus sign has to be sent as %2B)",
        ) from None


def flag_of(query: Mapping[str, str], name: str) -> bool:
    """0 or 1; 0 if the parameter is not there."""
    text = query.get(name, "0")
    if text not in ("0", "1"):
        raise ApiError(400, "bad_flag", f"{name}={shown(text)}, expected 0 or 1")
    return text == "1"


def shown(text: str) -> str:
    """A stranger's text inside a line of ours: quoted, printable, short."""
    quoted = ascii(text)
    return quoted if len(quoted) <= SHOWN_LENGTH else quoted[: SHOWN_LENGTH - 3] + "..."
