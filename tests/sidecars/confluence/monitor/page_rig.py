"""A service with the pages over hand-made cards."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry

from sidecars.common.clock import ManualClock
from sidecars.common.http import MAX_REQUEST_BYTES, RequestMetrics, gate, json_response
from sidecars.confluence.monitor.model import Card
from sidecars.confluence.monitor.pages import add_monitor_pages
from sidecars.confluence.monitor.web_model import SidecarHealth
from tests.sidecars.confluence.monitor.sample_cards import NOW, all_cards
from tests.sidecars.confluence.monitor.sample_sources import all_sidecars

TOKEN = "0123456789abcdef"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class FakeMonitor:
    """Cards that stay as they are; decisions go to a list."""

    held: list[Card] = field(default_factory=all_cards)
    decided: list[tuple[str, bool, str]] = field(default_factory=list)
    refusal: str = ""
    broken: bool = False
    review: str | None = "Scores of 75 and more: 3 of 9 gained within 30 days."

    def cards(self) -> Sequence[Card]:
        if self.broken:
            raise RuntimeError("the database's password is hunter2")
        return self.held

    def card(self, asset: str) -> Card | None:
        return next((card for card in self.cards() if card.holding.asset == asset), None)

    def review_words(self) -> str | None:
        return self.review

    async def decide(self, asset: str, note: str, *, bought: bool) -> None:
        if self.refusal:
            raise ValueError(self.refusal)
        self.decided.append((asset, bought, note))


class FakeSources:
    """All states at once."""

    def sidecars(self) -> Sequence[SidecarHealth]:
        return all_sidecars()


@dataclass
class Rig:
    """The application and what it was made from."""

    app: web.Application
    monitor: FakeMonitor
    clock: ManualClock


def make_rig() -> Rig:
    """The service's own gate outside, an API path beside the pages."""

    async def pairs(_: web.Request) -> web.Response:
        return json_response(b"[]")

    app = web.Application(
        middlewares=[gate(TOKEN, RequestMetrics(CollectorRegistry()))],
        client_max_size=MAX_REQUEST_BYTES,
    )
    app.router.add_get("/v1/pairs", pairs)
    monitor, clock = FakeMonitor(), ManualClock(NOW)
    add_monitor_pages(app, monitor, FakeSources(), TOKEN, clock)
    return Rig(app, monitor, clock)
