"""The pairs of a request's query, and one clear line for what may not stand there. Pure."""

from sidecars.common.http import ApiError
from sidecars.common.parameters import shown
from sidecars.confluence.settings import MOST_PAIRS, PAIR_PATTERN


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
