"""What the monitor's pages ask for, and from whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sidecars.confluence.monitor.model import Card


class SourceStatus(StrEnum):
    """How an outside source is doing, from best to worst."""

    OK = "ok"
    STARTING = "starting"  # not asked yet, or not answered yet
    OFF = "off"  # by its settings, or for want of a key: `error` says which
    STALE = "stale"  # answers, but its newest value is older than it should be
    FAILING = "failing"  # the last request went wrong


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source of a sidecar.

    newest_as_of_ms: the moment that its newest value speaks of. error: the last error in one line,
    kept when the source has recovered since (succeeded_ms says when). home: its web page.
    """

    name: str
    status: SourceStatus
    newest_as_of_ms: int | None = None
    succeeded_ms: int | None = None
    error: str | None = None
    licence: str = ""
    home: str = ""


@dataclass(frozen=True, slots=True)
class SidecarHealth:
    """A sidecar and its sources. unreachable: why it did not answer, in one line; None: it did.

    A sidecar that cannot be reached may still list the sources that it was last known to have.
    """

    name: str
    sources: Sequence[SourceHealth] = ()
    unreachable: str | None = None
    asked_ms: int | None = None


class CardsProvider(Protocol):
    """The rules' side of the monitor: cards from memory, without waiting."""

    def cards(self) -> Sequence[Card]:
        """All cards in the order in which they are shown, one an asset."""
        ...

    def card(self, asset: str) -> Card | None:
        """The card of an asset; None where it is not held."""
        ...

    def review_words(self) -> str | None:
        """How scores at the threshold did until now; None before they were reviewed."""
        ...

    async def decide(self, asset: str, note: str, *, bought: bool) -> object:
        """Keep what a person decided. Raises ValueError with one line that is fit to be shown."""
        ...


class SourcesProvider(Protocol):
    """Who knows how the sources are doing."""

    def sidecars(self) -> Sequence[SidecarHealth]:
        """All sidecars, this one included. From memory, no waiting."""
        ...
