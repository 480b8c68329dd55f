"""A clock that runs beside another one at a constant distance."""

from datetime import datetime, timedelta

from sidecars.common.clock import Clock


class OffsetClock:
    """`base` shifted by `offset`: for a service whose exchange lives at another moment."""

    def __init__(self, base: Clock, offset: timedelta) -> None:
        self._base = base
        self._offset = offset

    def now(self) -> datetime:
        return self._base.now() + self._offset

    async def sleep_until(self, moment: datetime) -> None:
        await self._base.sleep_until(moment - self._offset)
