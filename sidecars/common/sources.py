"""What every adapter of an outside source keeps to.

An adapter asks one source and says what it read, checked: shape, range, time. It sets no clock
and keeps no state but what its own rate limit and conditional requests need; when values count as
available is decided by who polls it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sidecars.common.fetch import Fetcher, RateLimit
from sidecars.common.observations import Reading

# A source's clock may be ahead of ours by this much; what speaks of later is from the future.
FUTURE_TOLERANCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Headline:
    """A post or headline. `event_id` is the same when the same item is seen again.

    assets: symbols it speaks of, sorted; empty: the market as a whole. polarity: -1 to 1, as
    judged when it came. reach: weight of its audience, 1 for a source of ordinary reach.
    """

    event_id: str
    source: str
    as_of_ms: int
    published_ms: int
    title: str
    assets: tuple[str, ...]
    polarity: float
    reach: float


@dataclass(frozen=True, slots=True)
class Transfer:
    """A large transfer on a chain. Labels are names of exchanges, or None for a wallet.

    direction: "to_exchange", "from_exchange", "between_exchanges" or "between_wallets".
    """

    event_id: str
    source: str
    as_of_ms: int
    published_ms: int
    token: str
    amount_usd: float
    direction: str
    from_label: str | None
    to_label: str | None
    blockchain: str
    tx_hash: str


Event = Headline | Transfer


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request to a source gave. Rejected: one line for each value that was refused."""

    readings: Sequence[Reading] = ()
    events: Sequence[Event] = ()
    rejected: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is said of a source on the health page.

    name: as people know it ("alternative.me"). series: names of what it gives. poll_seconds: how
    often it is asked. stale_seconds: the age of its newest value from which it is called stale.
    """

    name: str
    series: tuple[str, ...]
    poll_seconds: float
    stale_seconds: float
    licence: str = ""
    home: str = ""
    needs_key: bool = False


class Source(Protocol):
    """One adapter. Both methods raise SourceError, and nothing else, whatever the source sends."""

    @property
    def facts(self) -> SourceFacts: ...

    async def poll(self, now_ms: int) -> Batch:
        """The newest values. Values known before may be among them."""
        ...

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Everything the source has since the moment; an empty batch where it keeps none."""
        ...


@dataclass(slots=True)
class SourceState:
    """How a source is doing; changed by who polls it, read by /health and /metrics."""

    facts: SourceFacts
    asked_ms: int | None = None
    succeeded_ms: int | None = None
    newest_as_of_ms: int | None = None
    error: str | None = None
    failures_in_a_row: int = 0
    rejected: int = 0
    last_rejected: str | None = None


def describes_future(as_of_ms: int, now_ms: int) -> bool:
    """Whether a value speaks of a moment that has not come."""
    return as_of_ms > now_ms + FUTURE_TOLERANCE_MS


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What an adapter is made from. assets: symbols that are scored; options: its own settings."""

    fetcher: Fetcher
    assets: tuple[str, ...]
    key: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """An adapter in a sidecar's catalogue.

    key: its name in settings and in the stand-in's paths ("alternative_me"). key_variable: the
    environment variable of its secret, AQUATRADE_NAME_KEY; a source that needs one is off until
    it is set (or NAME_KEY_FILE names a file that holds it).
    """

    key: str
    facts: SourceFacts
    base_url: str
    limit: RateLimit
    make: Callable[[SourceContext], Source]
    key_variable: str | None = None
    headers: Callable[[str | None], Mapping[str, str]] | None = None
