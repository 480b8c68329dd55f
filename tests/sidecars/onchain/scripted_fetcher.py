"""A fetcher that answers from a function and remembers what it was asked."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from sidecars.common.fetch import Fetcher
from sidecars.common.sources import SourceContext

Answer = Callable[[str, Mapping[str, str]], Any]


class ScriptedFetcher:
    """Answers bytes as they are and everything else as JSON; an exception is raised."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def body(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        self.asked.append((path, dict(params or {})))
        given = self._answer(path, dict(params or {}))
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, bytes) else orjson.dumps(given)


def scripted_context(
    fetcher: ScriptedFetcher,
    assets: tuple[str, ...] = ("BTC", "ETH"),
    options: Mapping[str, Any] | None = None,
    key: str | None = "key-of-the-tests",
) -> SourceContext:
    return SourceContext(cast(Fetcher, fetcher), assets, key, options or {})
