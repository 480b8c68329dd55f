"""An adapter with a fetcher that answers from a table."""

from collections.abc import Mapping

from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Source, SourceContext, SourceEntry

Asked = list[tuple[str, Mapping[str, str]]]


class TableFetcher:
    """Answers from a table of paths; an exception in it is raised. Keeps what was asked."""

    def __init__(self, answers: Mapping[str, bytes | SourceError]) -> None:
        self._answers = answers
        self.asked: Asked = []

    async def body(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        self.asked.append((path, dict(params or {})))
        answer = self._answers[path]
        if isinstance(answer, SourceError):
            raise answer
        return answer


def answered(
    entry: SourceEntry,
    answers: Mapping[str, bytes | SourceError],
    *,
    assets: tuple[str, ...] = ("BTC", "ETH"),
    key: str | None = None,
) -> tuple[Source, Asked]:
    """The adapter, and the list of paths and queries that it has asked for."""
    fetcher = TableFetcher(answers)
    context = SourceContext(fetcher, assets, key)  # type: ignore[arg-type]
    return entry.make(context), fetcher.asked
