"""A guard for the pages: hand-made figures, and a list of what people told it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from aquatrade.event_log import Event, StoredEvent
from sidecars.guard.model import (
    Approval,
    ApprovalStatus,
    BookView,
    BotView,
    LimitView,
    Reconciliation,
    StateView,
)
from sidecars.guard.refusals import GuardRefusal, StoreError
from tests.sidecars.guard import pages_samples as samples


@dataclass
class FakeDesk:
    """What it shows can be changed; what it is told is kept in `told`."""

    shown: StateView = field(default_factory=samples.reducing)
    fleet: tuple[BotView, ...] = field(default_factory=samples.bots)
    ceilings: tuple[LimitView, ...] = field(default_factory=samples.limits)
    asked: list[Approval] = field(default_factory=samples.approvals)
    log: list[Event] = field(default_factory=samples.events)
    broken_at: int | None = None
    told: list[tuple[str, ...]] = field(default_factory=list)
    verified: int = 0
    refusal: GuardRefusal | None = None
    fails: bool = False
    trouble: str | None = None

    @property
    def stake_currency(self) -> str:
        return "USDT"

    def state(self) -> StateView:
        if self.fails:
            raise RuntimeError("the database's password is hunter2")
        return self.shown

    def book(self, *, paper: bool = False) -> BookView:
        return samples.book(paper=paper)

    def limits(self) -> tuple[LimitView, ...]:
        return self.ceilings

    def bots(self) -> tuple[BotView, ...]:
        return self.fleet

    def approvals(self) -> tuple[Approval, ...]:
        return tuple(self.asked)

    def _stored(self) -> list[StoredEvent]:
        return [
            StoredEvent(seq, event, f"{seq:064d}", f"{seq - 1:064d}")
            for seq, event in enumerate(self.log, 1)
        ]

    async def newest_events(
        self,
        limit: int = 100,
        *,
        kind: str | None = None,
        bot: str | None = None,
        pair: str | None = None,
        before: int | None = None,
    ) -> list[StoredEvent]:
        found = [
            stored
            for stored in reversed(self._stored())
            if kind in (None, stored.event.kind)
            and bot in (None, stored.event.origin, stored.event.data.get("bot"))
            and pair in (None, stored.event.pair)
            and (before is None or stored.seq < before)
        ]
        return found[:limit]

    async def why(
        self, pair: str, candle: datetime, bot: str | None = None
    ) -> Sequence[StoredEvent]:
        return [
            stored
            for stored in self._stored()
            if (stored.event.pair, stored.event.candle) == (pair, candle)
            and bot in (None, stored.event.origin, stored.event.data.get("bot"))
        ]

    async def verify_events(self) -> int | None:
        self.verified += 1
        return self.broken_at

    async def approve(self, approval: str, by: str) -> Approval:
        return self._answer(approval, by, ApprovalStatus.APPROVED)

    async def reject(self, approval: str, by: str) -> Approval:
        return self._answer(approval, by, ApprovalStatus.REJECTED)

    def _answer(self, approval: str, by: str, status: ApprovalStatus) -> Approval:
        for place, each in enumerate(self.asked):
            if each.id == approval:
                if each.status is not ApprovalStatus.WAITING:
                    raise GuardRefusal(409, "answered", "this one is answered already")
                self.asked[place] = replace(
                    each, status=status, answered_by=by, answered_at=samples.NOW
                )
                self.told.append((status.value, approval, by))
                return self.asked[place]
        raise GuardRefusal(404, "unknown_approval", "there is no such approval")

    async def kill(self, by: str, reason: str, *, close: bool) -> None:
        if self.trouble is not None:
            raise StoreError(self.trouble)
        self.told.append(("kill", by, reason, "close" if close else "keep"))

    async def resume(self, by: str, rule: str | None) -> tuple[str, ...]:
        if self.refusal is not None:
            raise self.refusal
        self.told.append(("resume", by, rule or "all"))
        return (rule or "all",)

    async def reconcile(self) -> Reconciliation:
        self.told.append(("reconcile",))
        return Reconciliation(samples.NOW)
