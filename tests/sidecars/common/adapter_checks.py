"""What every adapter must survive: a source over real HTTP that fails, and malformed answers.

from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader

async def test_survives() -> None:
    await check_source_survives(ENTRY, STAND_IN)

def test_reader_refuses_nonsense() -> None:
    fuzz_reader(lambda body: read_it(body, NOW_MS), EXAMPLE, now_ms=NOW_MS, seed=1)
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp

from sidecars.common.clock import ManualClock
from sidecars.common.fetch import ATTEMPTS, LONGEST_RETRY_AFTER_SECONDS, Fetcher, RateLimit
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.running import listening
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import FUTURE_TOLERANCE_MS, Batch, SourceContext, SourceEntry, Transfer
from sidecars.replay.public_data.app import create_app
from sidecars.replay.public_data.faults import Fault, FaultBook
from sidecars.replay.public_data.model import StandIn
from tests.sidecars.common.answer_fuzz import fuzz_answers
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.common.sound_batches import check_batch, check_error

# 2024-08-05 14:37:21 UTC: the moment of stand-ins and of examples unless a test says another.
NOW_MS = 1_722_868_641_000
HISTORY_DAYS = 30
PATIENT_SECONDS = 10.0
SHORT_SECONDS = 0.05
SPARE_SECONDS = 5.0

Call = Literal["poll", "history"]


async def check_source_survives(
    entry: SourceEntry,
    stand_in: StandIn,
    *,
    now_ms: int = NOW_MS,
    assets: tuple[str, ...] = ("BTC", "ETH"),
    key: str | None = "key-of-the-tests",
    options: Mapping[str, Any] | None = None,
    dated: bool = True,
    has_history: bool = True,
    survives_truncation: bool = False,
    may_be_negative: frozenset[str] = frozenset({"us10y_yield_pct", "funding_rate_pct"}),
) -> None:
    """Run the real adapter against the stand-in under every kind of fault.

    What must hold: a pause that is asked for is made, a burst shorter than the attempts is
    survived; whatever else fails, is cut, or has another shape ends in a SourceError of its kind
    within the time-outs; bad values, negative ones and those of the future are never given;
    yesterday's answer is not passed off as today's; no other exception, and no key in any text.

    dated: whether the source's answers carry their own time. has_history: whether `history`
    gives anything. survives_truncation: for a feed whose whole items before the cut are used.
    may_be_negative: names (without asset) of series that may be below 0. The stand-in's clock
    stands at `now_ms`; the adapter's jumps over every wait. Raises AssertionError.
    """
    clock = ManualClock(datetime.fromtimestamp(now_ms / 1000, UTC))
    book = FaultBook()
    app = create_app([stand_in], clock, book)
    async with listening(app, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        context = (assets, key, options or {})
        url = f"http://127.0.0.1:{port}/{stand_in.key}"
        rig = _Rig(entry, stand_in.key, url, session, book, now_ms, *context)
        await _check_well(rig, has_history)
        await _check_limits(rig)
        await _check_failing_server(rig)
        await _check_broken_answers(rig, survives_truncation)
        await _check_wrong_values(rig, may_be_negative)
        await _check_wrong_times(rig, dated)
        await _check_silence(rig)


def fuzz_reader(
    reader: Callable[[bytes], Batch],
    example: bytes,
    *,
    now_ms: int = NOW_MS,
    examples: int = 900,
    seed: int = 1,
) -> None:
    """Feed `examples` malformed variants of a valid answer (JSON or XML) to a pure reader.

    The reader closes over its now_ms (the same as given here). Raises AssertionError unless each
    ends in a sound Batch or in SourceError; any other exception passes through.
    """

    def read_soundly(body: bytes) -> None:
        try:
            batch = reader(body)
        except SourceError as error:
            check_error(error)
            return
        check_batch(batch, now_ms)

    batch = reader(example)
    check_batch(batch, now_ms)
    assert batch.readings or batch.events, f"the example gives nothing: {batch}"
    fuzz_answers(read_soundly, example, examples=examples, seed_number=seed)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a call ended in. waited_seconds: by the adapter's clock; met: requests that failed."""

    batch: Batch | None
    error: SourceError | None
    waited_seconds: float
    met: int


@dataclass(slots=True)
class _Rig:
    entry: SourceEntry
    stand_in_key: str
    url: str
    session: aiohttp.ClientSession
    book: FaultBook
    now_ms: int
    assets: tuple[str, ...]
    key: str | None
    options: Mapping[str, Any]
    calls: tuple[Call, ...] = field(default=("poll", "history"))

    async def ask(
        self, call: Call, fault: Mapping[str, Any] | None = None, timeout_seconds: float = 10.0
    ) -> _Outcome:
        """One call of a fresh adapter while the fault stands; what it gives is sound."""
        self.book.clear()
        standing = None
        if fault is not None:
            whole = {"source": self.stand_in_key, "count": None, **fault}
            standing = self.book.add(Fault.model_validate(whole))
        clock = JumpingClock.at_ms(self.now_ms)
        headers = self.entry.headers(self.key) if self.entry.headers is not None else {}
        fetcher = Fetcher(
            self.entry.key,
            self.url,
            self.session,
            clock,
            RateLimit(1000, 1.0),
            timeout_seconds=timeout_seconds,
            headers=headers,
            secrets=[self.key] if self.key else [],
        )
        source = self.entry.make(SourceContext(fetcher, self.assets, self.key, self.options))
        batch, error = None, None
        try:
            if call == "poll":
                batch = await source.poll(self.now_ms)
            else:
                since_ms = self.now_ms - HISTORY_DAYS * MS_PER_DAY
                batch = await source.history(since_ms, self.now_ms)
        except SourceError as raised:
            error = raised
            check_error(raised, self.key)
        if batch is not None:
            check_batch(batch, self.now_ms)
        met = standing.met if standing is not None else 0
        return _Outcome(batch, error, clock.waited_seconds, met)

    async def refused(
        self, call: Call, fault: Mapping[str, Any], kinds: tuple[str, ...]
    ) -> _Outcome:
        """The call ends in SourceError of one of the kinds, unless it asks the source nothing."""
        timeout_seconds = fault_time_out(fault)
        outcome = await self.ask(call, fault, timeout_seconds)
        if call == "history" and outcome.met == 0:
            return outcome
        told = f"{call} under {fault}"
        assert outcome.met > 0, f"{told}: the source was not asked at all"
        assert outcome.error is not None, f"{told}: expected SourceError, got {outcome.batch}"
        assert outcome.error.kind in kinds, (
            f"{told}: expected one of {kinds}, got {outcome.error.kind}: {outcome.error}"
        )
        return outcome


def fault_time_out(fault: Mapping[str, Any]) -> float:
    """The fetcher's time-out: short where the fault makes it wait."""
    return SHORT_SECONDS if fault["kind"] in ("slow_body", "no_answer") else PATIENT_SECONDS


def _is_empty(batch: Batch | None) -> bool:
    return batch is not None and not batch.readings and not batch.events


async def _check_well(rig: _Rig, has_history: bool) -> None:
    polled = await rig.ask("poll")
    assert polled.error is None, f"poll without a fault: {polled.error}"
    assert not _is_empty(polled.batch), f"poll without a fault gives nothing: {polled.batch}"
    past = await rig.ask("history")
    assert past.error is None, f"history without a fault: {past.error}"
    assert has_history != _is_empty(past.batch), f"history: {past.batch}"
    if polled.batch is not None:
        told = {reading.series.partition(":")[0] for reading in polled.batch.readings}
        facts = {name.partition(":")[0] for name in rig.entry.facts.series}
        assert told <= facts, f"facts name {sorted(facts)}, readings are of {sorted(told)}"


async def _check_limits(rig: _Rig) -> None:
    for written in ("seconds", "date", "none"):
        fault = {"kind": "rate_limited", "retry_after": written, "retry_after_seconds": 7}
        outcome = await rig.ask("poll", {**fault, "count": 1})
        assert outcome.error is None, f"one 429 ({written}) is not survived: {outcome.error}"
        if written != "none":
            assert outcome.waited_seconds >= 7, f"waited {outcome.waited_seconds} s after a 429"
        for call in rig.calls:
            await rig.refused(call, fault, ("limited",))
    long_seconds = int(LONGEST_RETRY_AFTER_SECONDS) * 60
    fault = {"kind": "rate_limited", "retry_after_seconds": long_seconds}
    outcome = await rig.refused("poll", fault, ("limited",))
    assert outcome.waited_seconds < long_seconds, f"waited {outcome.waited_seconds} s for a 429"


async def _check_failing_server(rig: _Rig) -> None:
    for kind in ("server_error", "disconnect"):
        outcome = await rig.ask("poll", {"kind": kind, "count": ATTEMPTS - 1})
        assert outcome.error is None, f"a burst of {kind} is not survived: {outcome.error}"
        assert not _is_empty(outcome.batch), f"after a burst of {kind}: {outcome.batch}"
        for call in rig.calls:
            await rig.refused(call, {"kind": kind}, ("unavailable",))


async def _check_silence(rig: _Rig) -> None:
    loop = asyncio.get_running_loop()
    for kind in ("slow_body", "no_answer"):
        for call in rig.calls:
            started = loop.time()
            outcome = await rig.refused(call, {"kind": kind}, ("unavailable",))
            took = loop.time() - started
            longest = outcome.met * SHORT_SECONDS + SPARE_SECONDS
            assert took < longest, f"{call} under {kind}: {took:.1f} s, expected {longest:.1f}"


async def _check_broken_answers(rig: _Rig, survives_truncation: bool) -> None:
    for call in rig.calls:
        for kind in ("truncated", "html", "wrong_json"):
            if kind == "truncated" and survives_truncation:
                await rig.ask(call, {"kind": kind})
            else:
                await rig.refused(call, {"kind": kind}, ("malformed",))
        outcome = await rig.ask(call, {"kind": "empty"})
        given_up = outcome.error is not None and outcome.error.kind == "malformed"
        assert given_up or _is_empty(outcome.batch), f"{call} under empty: {outcome}"


async def _check_wrong_values(rig: _Rig, may_be_negative: frozenset[str]) -> None:
    for call in rig.calls:
        for bad in ("nan", "infinite", "null", "text"):
            outcome = await rig.ask(call, {"kind": "nan", "bad_number": bad})
            batch = outcome.batch or Batch()
            transfers = [event for event in batch.events if isinstance(event, Transfer)]
            made = [*batch.readings, *transfers]
            assert not made, f"{call}: values made of {bad}: {made[:3]}"
        outcome = await rig.ask(call, {"kind": "negative"})
        for reading in (outcome.batch or Batch()).readings:
            name = reading.series.partition(":")[0]
            assert reading.value >= 0 or name in may_be_negative, f"{call}: negative: {reading}"


async def _check_wrong_times(rig: _Rig, dated: bool) -> None:
    for call in rig.calls:
        await rig.ask(call, {"kind": "from_future"})  # that nothing is later than now: check_batch
    outcome = await rig.ask("poll", {"kind": "yesterday"})
    if outcome.batch is None or not dated:
        return
    latest_ms = rig.now_ms - MS_PER_DAY + FUTURE_TOLERANCE_MS
    for item in (*outcome.batch.readings, *outcome.batch.events):
        assert item.as_of_ms <= latest_ms, f"yesterday's answer is passed off as new: {item}"
