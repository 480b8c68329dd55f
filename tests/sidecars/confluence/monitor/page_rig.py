"""A service with the pages over hand-made cards, and a judge of HTML."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

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
VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})


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


class _Judge(HTMLParser):
    """Open elements, ids, and everything that a page must not have."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.referred: list[str] = []
        self.faults: list[str] = []
        self.seen: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, attrs)
        if "svg" not in self.open:
            self.faults.append(f"<{tag}/> outside of an SVG")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        else:
            self.open.pop()

    def _look_at(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.faults.append(f"<{tag}> has an attribute twice")
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.faults.append(f"<{tag}> has an inline {name}")
            if name == "id":
                self.ids.append(value or "")
            if name in ("for", "aria-labelledby", "aria-describedby"):
                self.referred += (value or "").split()
            if name == "href" and not (value or "").startswith(("/", "#", "https://")):
                self.faults.append(f"<{tag}> leads to {value!r}")


def faults_of(html: str) -> list[str]:
    """What is wrong with a page's HTML; empty for a sound one."""
    judge = _Judge()
    judge.feed(html)
    judge.close()
    faults = list(judge.faults)
    if not html.startswith("<!DOCTYPE html>"):
        faults.append("no doctype")
    if judge.open:
        faults.append(f"left open: {judge.open}")
    faults += [f"id {name} twice" for name, count in Counter(judge.ids).items() if count > 1]
    faults += [f"no element {name}" for name in judge.referred if name not in judge.ids]
    for tag in ("script", "style", "iframe"):
        if judge.seen[tag]:
            faults.append(f"a <{tag}>")
    for tag in ("h1", "main", "title"):
        if judge.seen[tag] != 1 and not (tag == "title" and judge.seen["svg"]):
            faults.append(f"{judge.seen[tag]} <{tag}>, expected one")
    if judge.seen["table"] != judge.seen["caption"]:
        faults.append("a table without a caption")
    return faults
