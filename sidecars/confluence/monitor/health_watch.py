"""How every source of every sidecar is doing, for the monitor's page: asked for, kept, shown."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sidecars.common.clock import Clock
from sidecars.common.fetch import Fetcher, parse_json
from sidecars.common.layer.health import condition_of
from sidecars.common.moments import ms_of
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import SourceState
from sidecars.confluence.monitor.web_model import SidecarHealth, SourceHealth, SourceStatus

logger = logging.getLogger(__name__)

_STATUS = {status.value: status for status in SourceStatus}
# What a sidecar answers until its first backfill is done.
NOT_READY = "HTTP 503"
# What the confluence sidecar itself says of its sources.
_STATUS |= {"not_connected": SourceStatus.OFF, "waiting": SourceStatus.STARTING}


class HealthWatch:
    """Keeps what the other sidecars said last. Keeps to SourcesProvider."""

    def __init__(
        self,
        own: Callable[[], SidecarHealth],
        others: Mapping[str, Fetcher],
        clock: Clock,
    ) -> None:
        """own: this sidecar's health, now; others: by name, asked for /health."""
        self._own = own
        self._others = others
        self._clock = clock
        self._known: dict[str, SidecarHealth] = {name: SidecarHealth(name) for name in others}

    def sidecars(self) -> Sequence[SidecarHealth]:
        return [self._own(), *self._known.values()]

    async def look(self) -> None:
        """Ask the others once, all at the same time. One that does not answer keeps the sources it
        was known to have; one that answers 503 is starting."""
        await asyncio.gather(*(self._ask(name, each) for name, each in self._others.items()))

    async def _ask(self, name: str, fetcher: Fetcher) -> None:
        now_ms = ms_of(self._clock.now())
        try:
            body = await fetcher.body("/health")
            known = sidecar_health(name, parse_json(name, body), now_ms)
        except SourceError as error:
            before = self._known[name].sources
            if NOT_READY in str(error):
                known = SidecarHealth(name, _starting(name, before), None, now_ms)
            else:
                known = SidecarHealth(name, before, str(error), now_ms)
        self._known[name] = known


def _starting(name: str, sources: Sequence[SourceHealth]) -> Sequence[SourceHealth]:
    """The sources last known of a sidecar that is not ready; without any, one of its name."""
    known = sources or [SourceHealth(name, SourceStatus.STARTING)]
    return [replace(each, status=SourceStatus.STARTING) for each in known]


def sidecar_health(name: str, report: object, asked_ms: int) -> SidecarHealth:
    """A sidecar's /health as it is shown. Raises SourceError for what is no such report."""
    if not isinstance(report, dict) or not isinstance(report.get("sources"), dict):
        raise SourceError(f"{name}: /health is no report of sources", "malformed")
    sources = [
        _source(key, each) for key, each in report["sources"].items() if isinstance(each, dict)
    ]
    return SidecarHealth(name, sources, None, asked_ms)


def _source(key: str, report: Mapping[str, Any]) -> SourceHealth:
    error = report.get("error") or report.get("why") or _first_failure(report.get("failing"))
    return SourceHealth(
        name=_text(report.get("name")) or key,
        status=_STATUS.get(_text(report.get("state")), SourceStatus.FAILING),
        newest_as_of_ms=_moment_ms(report.get("newest_as_of")),
        succeeded_ms=_moment_ms(report.get("last_success")),
        error=_text(error) or None,
        licence=_text(report.get("licence")),
        home=_text(report.get("home")),
    )


def states_health(states: Iterable[SourceState], now_ms: int) -> list[SourceHealth]:
    """Sources of this very process."""
    return [
        SourceHealth(
            name=state.facts.name,
            status=SourceStatus(condition_of(state, now_ms).value),
            newest_as_of_ms=state.newest_as_of_ms,
            succeeded_ms=state.succeeded_ms,
            error=state.error,
            licence=state.facts.licence,
            home=state.facts.home,
        )
        for state in states
    ]


def _first_failure(failing: object) -> str:
    if not isinstance(failing, dict) or not failing:
        return ""
    pair, error = next(iter(failing.items()))
    more = f", and {len(failing) - 1} more" if len(failing) > 1 else ""
    return f"{pair}: {error}{more}"


def _text(value: object) -> str:
    return value[:500] if isinstance(value, str) else ""


def _moment_ms(value: object) -> int | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if moment is None else ms_of(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None
