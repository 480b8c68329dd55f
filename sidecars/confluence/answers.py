"""The bodies of answers: latest scores of many pairs, a history in columns, health."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from sidecars.common.moments import iso_ms, ms_of
from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.feeds import NEVER_MS, FeedState
from sidecars.confluence.records import ScoreRow
from sidecars.confluence.scoring import PARTS
from sidecars.confluence.timeline import Timeline, serialised
from sidecars.confluence.updater import Updater, day_start

BODIES_KEPT = 64
# A record is stale when its successor is overdue by an hour.
STALE_AFTER_MS = MS_PER_DAY + 3_600_000
FOREVER_MS = 1 << 62
HISTORY_COLUMNS = (
    "as_of_ms",
    "available_at_ms",
    "total",
    "confidence",
    *PARTS,
    "vetoed",
    "zone",
    "percentile",
    "zone_by_percentile",
)
# What is asked beside candles, where it is configured.
FEED_NAMES = ("derivatives", "sentiment", "onchain")
FEED_TITLES = {
    "derivatives": "BTC funding",
    "sentiment": "sentiment sidecar",
    "onchain": "on-chain sidecar",
}


@dataclass(frozen=True, slots=True)
class _Body:
    """An answer without its moment, and for which moments it is the right one."""

    generation: int
    from_ms: int
    until_ms: int
    content: bytes


class ScoreAnswers:
    """Answers to the batched read; the same question is put together once."""

    def __init__(self, updater: Updater) -> None:
        self._updater = updater
        self._preset = orjson.dumps(updater.settings.zone_preset)
        self._bodies: OrderedDict[tuple[str, ...], _Body] = OrderedDict()

    def latest(self, pairs: tuple[str, ...], at_ms: int) -> bytes:
        """Of each pair the record known at the moment, or the reason why there is none.

        {"at", "scores": {pair: record}, "missing": {pair: reason}, "stale": [pair],
        "zone_preset"}
        """
        body = self._bodies.get(pairs)
        if (
            body is None
            or body.generation != self._updater.generation
            or not body.from_ms <= at_ms < body.until_ms
        ):
            body = self._make(pairs, at_ms)
            self._bodies[pairs] = body
            if len(self._bodies) > BODIES_KEPT:
                self._bodies.popitem(last=False)
        return b'{"at":"%b",%b' % (_iso_bytes(at_ms), body.content)

    def _make(self, pairs: tuple[str, ...], at_ms: int) -> _Body:
        from_ms, until_ms = 0, FOREVER_MS
        pieces: list[bytes] = []
        missing: dict[str, str] = {}
        stale: list[str] = []
        for pair in pairs:
            timeline = self._updater.timelines.get(pair)
            place = timeline.place_at(at_ms) if timeline is not None else -1
            if timeline is not None and place + 1 < len(timeline):
                until_ms = min(until_ms, timeline.rows[place + 1].available_at_ms)
            if timeline is None or place < 0:
                missing[pair] = self._why_missing(pair, timeline)
                # A source's troubles come and go without a new generation.
                until_ms = min(until_ms, at_ms + 1)
                continue
            row = timeline.rows[place]
            from_ms = max(from_ms, row.available_at_ms)
            stale_ms = row.as_of_ms + STALE_AFTER_MS
            if at_ms >= stale_ms:
                stale.append(pair)
                from_ms = max(from_ms, stale_ms)
            else:
                until_ms = min(until_ms, stale_ms)
            pieces.append(orjson.dumps(pair) + b":" + serialised(row))
        content = b'"scores":{%b},"missing":%b,"stale":%b,"zone_preset":%b}' % (
            b",".join(pieces),
            orjson.dumps(missing),
            orjson.dumps(stale),
            self._preset,
        )
        return _Body(self._updater.generation, from_ms, until_ms, content)

    def _why_missing(self, pair: str, timeline: Timeline | None) -> str:
        if pair not in self._updater.settings.pairs:
            return "not among the configured pairs"
        error = self._updater.sources[pair].error
        if error is not None:
            return f"no score: {error}"
        if timeline is not None and len(timeline):
            return f"no score at that moment: the first was available {_first(timeline)}"
        waiting = self._updater.feeds.never_reached
        if waiting:
            return f"no score yet: {', '.join(waiting)} not reached"
        return "no score yet" if self._updater.caught_up else "no score yet: backfill under way"


@lru_cache(maxsize=BODIES_KEPT)
def _iso_bytes(moment_ms: int) -> bytes:
    return iso_ms(moment_ms).encode()


def history(pair: str, rows: Sequence[ScoreRow]) -> bytes:
    """{"pair", "columns": {name: [...]}} with HISTORY_COLUMNS."""
    columns: dict[str, list[Any]] = {
        name: [getattr(row, name) for row in rows] for name in HISTORY_COLUMNS
    }
    return orjson.dumps({"pair": pair, "columns": columns})


def health(updater: Updater) -> dict[str, Any]:
    """{"status": "starting" | "ok" | "degraded", "sources", "pairs", ...}.

    A pair of which the exchange has no candle yet is waited for; that is no trouble.
    """
    now = updater.clock.now()
    now_ms, close_ms = ms_of(now), ms_of(day_start(now))
    patience_ms = round(updater.settings.market_patience_seconds * 1000)
    due_ms = close_ms if now_ms >= close_ms + patience_ms else close_ms - MS_PER_DAY
    pairs = {pair: _pair_health(updater, pair, due_ms) for pair in updater.settings.pairs}
    states = updater.feeds.states
    sources = {
        "candles": _candles_health(updater, now_ms),
        **{
            name: _feed_health(FEED_TITLES[name], states[name], now_ms, due_ms)
            if name in states
            else {"name": FEED_TITLES[name], "state": "not_connected", "why": "not in the settings"}
            for name in FEED_NAMES
        },
    }
    well = all(each["state"] in ("ok", "waiting") for each in pairs.values())
    read = all(each["state"] in ("ok", "not_connected") for each in sources.values())
    store_error = updater.store_error
    return {
        "status": _status(updater.caught_up, well and read and store_error is None),
        "now": iso_ms(now_ms),
        "formula": updater.settings.formula,
        "zone_preset": updater.settings.zone_preset,
        "sources": sources,
        "store": {"state": "ok" if store_error is None else "failing", "error": store_error},
        "pairs": pairs,
    }


def _status(caught_up: bool, well: bool) -> str:
    if not caught_up:
        return "starting"
    return "ok" if well else "degraded"


def _feed_health(title: str, state: FeedState, now_ms: int, due_ms: int) -> dict[str, Any]:
    """How a layer or the exchange of derivatives is doing. It is asked once a day, and again
    until it has answered."""
    is_behind = state.complete_until_ms < due_ms
    newest, until_ms = state.succeeded_ms, state.complete_until_ms
    return {
        "state": "failing" if state.error is not None or is_behind else "ok",
        "name": title,
        "read_until": None if until_ms == NEVER_MS else iso_ms(until_ms),
        "last_success": None if newest is None else iso_ms(newest),
        "age_seconds": None if newest is None else (now_ms - newest) // 1000,
        "error": state.error,
        "missing": dict(state.missing),
        "notes": list(state.notes),
    }


def _pair_health(updater: Updater, pair: str, due_ms: int) -> dict[str, Any]:
    timeline = updater.timelines.get(pair)
    error = updater.sources[pair].error
    if timeline is None or not len(timeline):
        return {"state": "waiting" if error is None else "failing", "as_of": None, "error": error}
    last = timeline.rows[-1]
    return {
        "state": "ok" if last.as_of_ms >= due_ms else "stale",
        "as_of": iso_ms(last.as_of_ms),
        "available_at": iso_ms(last.available_at_ms),
        "degraded": orjson.loads(last.degraded),
        "error": error,
    }


def _candles_health(updater: Updater, now_ms: int) -> dict[str, Any]:
    failing = {pair: each.error for pair, each in updater.sources.items() if each.error}
    successes = [each.succeeded_ms for each in updater.sources.values() if each.succeeded_ms]
    newest = max(successes, default=None)
    opened = [int(each.open_time_ms[-1]) for each in updater.candles.values() if len(each)]
    return {
        "state": "failing" if failing else "ok",
        "name": f"{updater.settings.exchange.id} daily candles",
        "exchange": updater.settings.exchange.id,
        "newest_as_of": iso_ms(max(opened) + MS_PER_DAY) if opened else None,
        "last_success": None if newest is None else iso_ms(newest),
        "age_seconds": None if newest is None else (now_ms - newest) // 1000,
        "failing": failing,
    }


def _first(timeline: Timeline) -> str:
    return iso_ms(int(timeline.available_at_ms[0]))
