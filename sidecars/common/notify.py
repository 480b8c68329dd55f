"""Tells people: keeps alerts in the outbox, hands them to the targets, tries again, gives up.

WARNING and CRITICAL go at once, INFO in one digest a day. Every target has its own deliveries: one
that is down holds up nobody else.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.alert import Alert, Level
from sidecars.common.alert_targets import TIMEOUT_SECONDS, DeliveryError, Target
from sidecars.common.clock import Clock
from sidecars.common.moments import moment_at, ms_of
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, MS_PER_SECOND
from sidecars.common.outbox import Delivery, Outbox, TargetCounts

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 900.0
GIVE_UP_MS = MS_PER_DAY
SHOWN_MS = 7 * MS_PER_DAY  # for so long the status speaks of what was given up
LONGEST_SLEEP_MS = MS_PER_HOUR
STOP_SECONDS = 5.0
AFTER_A_DATABASE_ERROR_MS = 30 * MS_PER_SECOND


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """How one target is doing, for the health page."""

    name: str
    counts: TargetCounts

    @property
    def is_troubled(self) -> bool:
        """Whether somebody has not been told, or was never told in the last week."""
        return self.counts.given_up > 0 or (
            self.counts.waiting > 0 and self.counts.error is not None
        )


class Notifier:
    """Alerts of one service. `post` from anywhere in the loop; `run` sends until cancelled.

    digest_hour_utc: when the digest of what came before it goes out. Alerts are kept also where
    there is no target.
    """

    def __init__(
        self,
        outbox: Outbox,
        targets: Sequence[Target],
        clock: Clock,
        *,
        digest_hour_utc: int = 0,
        timeout_seconds: float = TIMEOUT_SECONDS + 10.0,
    ) -> None:
        self._outbox = outbox
        self._targets = tuple(targets)
        self._clock = clock
        self._digest_hour_utc = digest_hour_utc
        self._timeout_seconds = timeout_seconds
        self._woken = asyncio.Event()
        self._sending = asyncio.Lock()
        self._is_stopping = False
        # Threads of their own: a target that hangs takes none from the rest of the service.
        self._threads = ThreadPoolExecutor(
            max_workers=max(1, len(self._targets)), thread_name_prefix="alerts"
        )
        self._resting_until_ms: dict[str, int] = {}
        self._failures_in_a_row: dict[str, int] = {}
        # What a target was still busy with when its time was up.
        self._unfinished: dict[str, tuple[Delivery, asyncio.Future[None]]] = {}

    @property
    def target_names(self) -> tuple[str, ...]:
        return tuple(target.name for target in self._targets)

    async def post(self, alerts: Sequence[Alert]) -> int:
        """Keep alerts and wake the sender; how many were new. Raises SQLAlchemyError."""
        if not alerts:
            return 0
        new = await asyncio.to_thread(self._outbox.post, alerts, self.target_names, self._now_ms())
        for alert in new:
            logger.info("alert", extra={"level_of_alert": alert.level.value, "key": alert.key})
        if any(alert.level != Level.INFO for alert in new):
            self._resting_until_ms.clear()  # news is worth an attempt
            self._woken.set()
        return len(new)

    async def run(self) -> None:
        """Send what is due, for ever. Cancelled, it lets what is being sent arrive first."""
        while True:
            self._woken.clear()
            try:
                await self._finished(asyncio.create_task(self.send_due()))
                wake_ms = await self._next_wake_ms()
            except SQLAlchemyError as error:
                logger.error("outbox failed", extra={"error": str(error).splitlines()[0]})
                wake_ms = self._now_ms() + AFTER_A_DATABASE_ERROR_MS
            await self._sleep(wake_ms)

    async def send_due(self) -> None:
        """Give up what is too old, make the digest, try what is due. Raises SQLAlchemyError."""
        async with self._sending:
            now_ms = self._now_ms()
            old = await asyncio.to_thread(self._outbox.give_up, now_ms - GIVE_UP_MS, now_ms)
            for key, target in old:
                logger.error("alert given up", extra={"key": key, "target": target})
            await self._make_digest(now_ms)
            await asyncio.gather(*(self._send_to(target) for target in self._targets))

    async def status(self) -> list[TargetStatus]:
        """How each target is doing. Raises SQLAlchemyError."""
        since_ms = self._now_ms() - SHOWN_MS
        return [
            TargetStatus(name, await asyncio.to_thread(self._outbox.counts, name, since_ms))
            for name in self.target_names
        ]

    def close(self) -> None:
        """Let go of the threads; what is being sent may still arrive."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _finished(self, sending: asyncio.Task[None]) -> None:
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            # What a target took and is not struck off would be told again after a restart.
            self._is_stopping = True
            await asyncio.wait({sending}, timeout=STOP_SECONDS)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            raise

    async def _send_to(self, target: Target) -> None:
        if not await self._has_let_go(target):
            return
        while True:
            now_ms = self._now_ms()
            if now_ms < self._resting_until_ms.get(target.name, now_ms):
                return
            due = await asyncio.to_thread(self._outbox.due, target.name, now_ms)
            if not due:
                return
            for delivery in due:
                if self._is_stopping or not await self._deliver(target, delivery):
                    return

    async def _deliver(self, target: Target, delivery: Delivery) -> bool:
        sending = asyncio.get_running_loop().run_in_executor(
            self._threads, target.send, delivery.alert
        )
        await asyncio.wait({sending}, timeout=self._timeout_seconds)
        if not sending.done():
            self._unfinished[target.name] = (delivery, sending)
            reason = f"no answer within {self._timeout_seconds:g} s"
            await self._note_failure(target, delivery, reason)
            return False
        return await self._conclude(target, delivery, sending)

    async def _conclude(
        self, target: Target, delivery: Delivery, sending: asyncio.Future[None]
    ) -> bool:
        try:
            sending.result()
        except DeliveryError as error:
            await self._note_failure(target, delivery, str(error))
            return False
        except Exception as error:  # a target's own mistake must not end the sender
            logger.exception("target failed", extra=_extra(target, delivery))
            await self._note_failure(target, delivery, type(error).__name__)
            return False
        self._failures_in_a_row[target.name] = 0
        await asyncio.to_thread(self._outbox.mark_sent, delivery, self._now_ms())
        logger.info("alert delivered", extra=_extra(target, delivery))
        return True

    async def _has_let_go(self, target: Target) -> bool:
        """Whether a target is ready for more; what it took after its time-out is taken."""
        unfinished = self._unfinished.get(target.name)
        if unfinished is None:
            return True
        delivery, sending = unfinished
        if not sending.done():
            self._rest(target)
            return False
        del self._unfinished[target.name]
        await self._conclude(target, delivery, sending)
        return True

    async def _note_failure(self, target: Target, delivery: Delivery, reason: str) -> None:
        self._rest(target)
        next_try_ms = self._now_ms() + retry_ms(delivery.attempts + 1)
        await asyncio.to_thread(self._outbox.mark_failed, delivery, next_try_ms, reason)
        logger.warning("alert not delivered", extra={**_extra(target, delivery), "error": reason})

    def _rest(self, target: Target) -> None:
        failures = self._failures_in_a_row.get(target.name, 0) + 1
        self._failures_in_a_row[target.name] = failures
        self._resting_until_ms[target.name] = self._now_ms() + retry_ms(failures)

    async def _make_digest(self, now_ms: int) -> None:
        before_ms = self._last_digest_ms(now_ms)
        day = moment_at(before_ms).date().isoformat()
        count = await asyncio.to_thread(
            self._outbox.post_digest,
            f"digest:{day}",
            f"Digest of {day}",
            self.target_names,
            before_ms,
            now_ms,
        )
        if count:
            logger.info("digest", extra={"day": day, "alerts": count})

    def _last_digest_ms(self, now_ms: int) -> int:
        """The latest digest moment that has come."""
        offset_ms = self._digest_hour_utc * MS_PER_HOUR
        return (now_ms - offset_ms) // MS_PER_DAY * MS_PER_DAY + offset_ms

    async def _next_wake_ms(self) -> int:
        now_ms = self._now_ms()
        moments = [now_ms + LONGEST_SLEEP_MS, self._last_digest_ms(now_ms) + MS_PER_DAY]
        for name in self.target_names:
            due_ms = await asyncio.to_thread(self._outbox.next_try_ms, name)
            if due_ms is not None:
                moments.append(max(due_ms, self._resting_until_ms.get(name, 0)))
        return min(moments)

    async def _sleep(self, until_ms: int) -> None:
        """Until the moment, or until something is posted."""
        waits = [
            asyncio.ensure_future(self._clock.sleep_until(moment_at(until_ms))),
            asyncio.ensure_future(self._woken.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _now_ms(self) -> int:
        return ms_of(self._clock.now())


def _extra(target: Target, delivery: Delivery) -> dict[str, str]:
    return {"key": delivery.alert.key, "target": target.name}


def retry_ms(failures: int) -> int:
    """How long to wait after so many failures in a row: 5 s, 10 s, ... 15 min."""
    seconds = min(FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_RETRY_SECONDS)
    return round(seconds * MS_PER_SECOND)
