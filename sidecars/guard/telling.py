"""Hands events on to people: what is in the log is told, once, whatever ends the process."""

import asyncio
import logging
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.clock import Clock
from sidecars.common.notify import Notifier
from sidecars.guard.alerts import alert_of
from sidecars.guard.store import Store

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
ROWS_AT_ONCE = 200


class Teller:
    """Reads on in the event log from where it was. Run `run` as a task."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        clock: Clock,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._every = timedelta(seconds=every_seconds)
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._until: int | None = None

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            try:
                while await self.tell():
                    pass
            except SQLAlchemyError as error:
                logger.error("alerts failed", extra={"error": str(error).splitlines()[0]})
            await self._clock.sleep_until(self._clock.now() + self._every)

    async def tell(self) -> bool:
        """Once; whether there may be more. Raises SQLAlchemyError."""
        if self._until is None:
            self._until = await asyncio.to_thread(self._store.told_until)
        rows = await asyncio.to_thread(self._store.log.after, self._until, ROWS_AT_ONCE)
        if not rows:
            return False
        alerts = [alert for row in rows if (alert := alert_of(row)) is not None]
        # First the alerts: told twice is known by its key, not told is never known.
        await self._notifier.post(alerts)
        if alerts:
            await asyncio.to_thread(self._store.set_told_until, rows[-1].seq)
        self._until = rows[-1].seq
        return len(rows) == ROWS_AT_ONCE
