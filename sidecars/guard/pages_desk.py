"""What the pages need of the guard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from aquatrade.event_log import StoredEvent
from sidecars.guard.model import (
    Approval,
    BookView,
    BotView,
    LimitView,
    Reconciliation,
    StateView,
)


class GuardDesk(Protocol):
    """Reads of the guard, and what a person may tell it; `sidecars.guard.guard.Guard` is one."""

    @property
    def stake_currency(self) -> str: ...

    @property
    def trouble(self) -> str | None: ...

    def state(self) -> StateView: ...

    def book(self, *, paper: bool = False) -> BookView: ...

    def limits(self) -> tuple[LimitView, ...]: ...

    def bots(self) -> tuple[BotView, ...]: ...

    def approvals(self) -> tuple[Approval, ...]: ...

    async def newest_events(
        self,
        limit: int = 100,
        *,
        kind: str | None = None,
        bot: str | None = None,
        pair: str | None = None,
        before: int | None = None,
    ) -> list[StoredEvent]: ...

    async def why(
        self, pair: str, candle: datetime, bot: str | None = None
    ) -> Sequence[StoredEvent]: ...

    async def verify_events(self) -> int | None: ...

    async def approve(self, approval: str, by: str) -> Approval: ...

    async def reject(self, approval: str, by: str) -> Approval: ...

    async def kill(self, by: str, reason: str, *, close: bool) -> None: ...

    async def resume(self, by: str, rule: str | None) -> tuple[str, ...]: ...

    async def reconcile(self) -> Reconciliation: ...
