"""How sources and scores are doing, in one shape for every sidecar. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sidecars.common.moments import iso_ms
from sidecars.common.observations import HEARD_PREFIX, MS_PER_SECOND
from sidecars.common.sources import SourceFacts, SourceState


class Condition(StrEnum):
    """What is said of a source."""

    OK = "ok"
    STALE = "stale"  # answers, with values that are too old
    FAILING = "failing"
    STARTING = "starting"
    OFF = "off"  # by its settings, or for want of a key


def condition_of(state: SourceState, now_ms: int) -> Condition:
    """The condition of a source that is on."""
    if state.error is not None:
        return Condition.FAILING
    if state.succeeded_ms is None:
        return Condition.STARTING
    gives_values = any(not name.startswith(HEARD_PREFIX) for name in state.facts.series)
    # A source of events is silent while nothing happens: what counts is that it answered.
    newest_ms = state.newest_as_of_ms if gives_values else state.succeeded_ms
    if newest_ms is None:
        return Condition.STALE
    age_seconds = (now_ms - newest_ms) / MS_PER_SECOND
    return Condition.STALE if age_seconds > state.facts.stale_seconds else Condition.OK


def source_report(state: SourceState, now_ms: int) -> dict[str, Any]:
    """One source of /health."""
    return {
        **_facts_report(state.facts),
        "state": condition_of(state, now_ms).value,
        "asked": _iso(state.asked_ms),
        "last_success": _iso(state.succeeded_ms),
        "newest_as_of": _iso(state.newest_as_of_ms),
        "age_seconds": _age_seconds(state.newest_as_of_ms, now_ms),
        "error": state.error,
        "failures_in_a_row": state.failures_in_a_row,
        "values_refused": state.rejected,
        "last_refusal": state.last_rejected,
    }


def off_report(facts: SourceFacts, why: str) -> dict[str, Any]:
    """A source that is not asked."""
    return {**_facts_report(facts), "state": Condition.OFF.value, "why": why}


def _facts_report(facts: SourceFacts) -> dict[str, Any]:
    return {
        "name": facts.name,
        "series": facts.series,
        "poll_seconds": facts.poll_seconds,
        "stale_after_seconds": facts.stale_seconds,
        "licence": facts.licence,
        "home": facts.home,
    }


def overall(conditions: Mapping[str, str]) -> str:
    """ "ok" when all that is on is ok, else "degraded"."""
    fine = {Condition.OK.value, Condition.OFF.value}
    return "ok" if set(conditions.values()) <= fine else "degraded"


def _iso(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else iso_ms(moment_ms)


def _age_seconds(moment_ms: int | None, now_ms: int) -> int | None:
    return None if moment_ms is None else (now_ms - moment_ms) // MS_PER_SECOND
