"""What a stand-in of a public data source is: answers in the source's documented shape."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StandInRequest:
    """A request as a stand-in sees it. `match` holds the variable parts of the path."""

    now_ms: int
    path: str
    match: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StandInAnswer:
    """The answer as the real source would give it."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200


# A pure function: the same request gives the same answer; values follow from its now_ms.
Answer = Callable[[StandInRequest], StandInAnswer]


@dataclass(frozen=True, slots=True)
class StandIn:
    """One source. `routes`: path patterns of aiohttp ("/v1/assets/{asset}") to their answers."""

    key: str
    routes: Mapping[str, Answer]
