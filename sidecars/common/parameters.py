"""What may stand in a request's query, and one clear line for what may not. Pure."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from sidecars.common.http import ApiError
from sidecars.common.moments import ms_of
from sidecars.common.settings_file import did_you_mean

SHOWN_LENGTH = 60


def check_names(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse unknown and doubled parameters. query: a multidict, which names doubles twice."""
    for name in query:
        if name not in known:
            expected = f"expected {', '.join(known)}" if known else "expected none"
            raise ApiError(
                400,
                "unknown_parameter",
                f"parameter {shown(name)} is unknown, {expected}{did_you_mean(name, list(known))}",
            )
    if len(set(query)) != len(list(query)):
        raise ApiError(400, "doubled_parameter", "a parameter stands there twice, expected once")


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


def range_of(query: Mapping[str, str], now_ms: int) -> tuple[int, int]:
    """start and end (left out) in milliseconds: what became known this very millisecond is in.

    Raises ApiError for a range that is none.
    """
    start_ms, end_ms = moment_of(query, "start"), moment_of(query, "end")
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise ApiError(
            400,
            "bad_range",
            f"start={shown(query['start'])} is not before end={shown(query['end'])}",
        )
    after_now_ms = now_ms + 1
    return (
        0 if start_ms is None else min(start_ms, after_now_ms),
        after_now_ms if end_ms is None else min(end_ms, after_now_ms),
    )


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
