"""The monitor beside the scores: the holdings file, what is told and when, cards as text."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from sidecars.common.alert import Alert
from sidecars.common.clock import Clock, ManualClock
from sidecars.common.http import RequestMetrics, gate
from sidecars.common.moments import moment_at
from sidecars.common.notify import Notifier
from sidecars.common.observations import MS_PER_DAY
from sidecars.common.outbox import Outbox
from sidecars.confluence.monitor.assemble import Monitor
from sidecars.confluence.monitor.health_watch import HealthWatch
from sidecars.confluence.monitor.hosting import HoldingsFile, MonitorHost
from sidecars.confluence.monitor.luno import LUNO, Markets
from sidecars.confluence.monitor.price_board import PriceBoard
from sidecars.confluence.monitor.web_model import SidecarHealth
from sidecars.confluence.openapi import openapi_document
from sidecars.confluence.settings import MonitorSettings
from sidecars.confluence.timeline import Timeline
from tests.sidecars.confluence.monitor.local_luno import LocalLuno, running_luno
from tests.sidecars.confluence.monitor.monitor_rig import NOW_MS, SINCE_MS, Memory, calm

TOKEN = "a-token-of-this-test-0123"
SINCE = f"{moment_at(SINCE_MS):%Y-%m-%d}"


class KeptTarget:
    """Keeps what it is told."""

    name = "kept"

    def __init__(self) -> None:
        self.told: list[Alert] = []

    def send(self, alert: Alert) -> None:
        self.told.append(alert)


class StillScores(Memory):
    """An updater that has caught up and stands still."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.caught_up = True
        self.generation = 1


class Rig:
    """A host with its parts."""

    def __init__(self, folder: Path, server: LocalLuno) -> None:
        self.server = server
        self.clock = ManualClock(moment_at(NOW_MS))
        self.scores = StillScores(self.clock)
        self.file = folder / "holdings.yaml"
        self.write(average_cost=100.0)
        self.target = KeptTarget()
        self.luno = Markets(LUNO, server.luno_config, 0.5)
        self.binance = Markets("binance", server.binance_config, 0.5)
        self.outbox = Outbox(f"sqlite:///{folder / 'alerts.sqlite'}")
        self.host = self.make_host()

    def make_host(self) -> MonitorHost:
        board = PriceBoard(self.clock, self.luno, self.binance, "BTC/USDT")
        self.notifier = Notifier(self.outbox, [self.target], self.clock)
        self.holdings = HoldingsFile(self.file, "USDT", self.clock)
        return MonitorHost(
            MonitorSettings.model_validate({"holdings_file": self.file}),
            self.scores,
            Monitor((), self.scores, board, self.clock),
            self.holdings,
            self.notifier,
            HealthWatch(lambda: SidecarHealth("confluence"), {}, self.clock),
            self.outbox,
        )

    def write(self, **changes: Any) -> None:
        entry: Mapping[str, Any] = {
            "asset": "ETH", "amount": 2, "currency": "MYR", "since": SINCE, **changes
        }  # fmt: skip
        lines = "\n    ".join(f"{key}: {value}" for key, value in entry.items())
        self.file.write_text(f"holdings:\n  - {lines}\n")

    async def look(self) -> list[str]:
        """Titles of what is told at one look."""
        before = len(self.target.told)
        await self.host.look()
        await self.notifier.send_due()
        return [alert.title for alert in self.target.told[before:]]

    async def close(self) -> None:
        await self.luno.close()
        await self.binance.close()
        self.notifier.close()
        self.outbox.close()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    local = LocalLuno(NOW_MS)
    last = float(Memory().candles["ETH/USDT"].close[-1])
    local.liquid["ETHUSDT"] = last
    local.prices["ETHMYR"] = last * 4.7
    async with running_luno(local) as server:
        made = Rig(tmp_path, server)
        yield made
        await made.close()


async def test_the_file_is_read_again_when_it_changes(rig: Rig) -> None:
    await rig.host.look()
    assert [each.amount for each in rig.host.monitor.holdings] == [2.0]
    rig.write(amount=3.5)
    await rig.host.look()
    assert [each.amount for each in rig.host.monitor.holdings] == [3.5]


async def test_a_wrong_file_is_said_and_the_last_good_holdings_stay(rig: Rig) -> None:
    await rig.host.look()
    rig.write(amount="much")
    await rig.host.look()
    assert [each.amount for each in rig.host.monitor.holdings] == [2.0]
    assert rig.holdings.error is not None and "amount" in rig.holdings.error
    assert "\n" not in rig.holdings.error
    rig.file.unlink()
    await rig.host.look()
    assert "No such file" in str(rig.holdings.error)
    rig.write(amount=4)
    os.utime(rig.file, (1, 1))
    await rig.host.look()
    assert [each.amount for each in rig.host.monitor.holdings] == [4.0]


async def test_the_very_same_file_that_comes_back_is_read_again(rig: Rig) -> None:
    await rig.host.look()
    away = rig.file.rename(rig.file.with_name("away"))
    await rig.host.look()
    assert rig.holdings.error is not None
    away.rename(rig.file)
    await rig.host.look()
    assert rig.holdings.error is None


async def test_days_that_were_slept_through_are_told(rig: Rig) -> None:
    rig.write(average_cost=1e6)
    days = {7: 50.0, 6: 78.0, 5: 50.0, 4: 50.0, 3: 90.0, 2: 50.0, 1: 50.0, 0: 50.0}
    zones = {50.0: "AVOID", 78.0: "MODERATE_BUY", 90.0: "STRONG_BUY"}
    rows = [calm(back, total, zone=zones[total]) for back, total in days.items()]
    moderate, strong = (
        f"ETH/USDT {zone} (was AVOID 50)" for zone in ("78 MODERATE_BUY", "90 STRONG_BUY")
    )

    def at(back: int) -> None:
        rig.clock = rig.scores.clock = ManualClock(moment_at(NOW_MS - back * MS_PER_DAY))
        rig.host = rig.make_host()

    # A first start tells nothing that is days old.
    rig.scores.timelines = {"ETH/USDT": Timeline(rows)}
    at(0)
    assert await rig.look() == []
    rig.outbox.close()
    rig.outbox = Outbox(f"sqlite:///{rig.file.with_name('other.sqlite')}")
    at(6)
    assert await rig.look() == [moderate]
    at(0)  # stopped on that evening, started again six days later
    assert await rig.look() == [strong]
    at(0)
    assert await rig.look() == []


async def test_days_without_an_update_are_told_when_it_comes(rig: Rig) -> None:
    rig.write(average_cost=1e6)
    rows = [calm(6, 50.0), calm(5, 90.0, zone="STRONG_BUY"), calm(4, 50.0), calm(0, 50.0)]
    rig.scores.timelines = {"ETH/USDT": Timeline(rows[:1])}
    assert await rig.look() == []
    rig.scores.timelines = {"ETH/USDT": Timeline(rows)}
    rig.scores.generation += 1
    assert await rig.look() == ["ETH/USDT 90 STRONG_BUY (was AVOID 50)"]


async def test_a_rise_into_a_buying_zone_is_told_once(rig: Rig) -> None:
    rig.write(average_cost=1e6)  # far under water: no target is near
    before = [calm(2, 50.0), calm(1, 62.0, zone="WAIT")]
    rig.scores.timelines = {"ETH/USDT": Timeline(before)}
    await rig.look()
    rig.scores.timelines = {"ETH/USDT": Timeline([*before, calm(0, 78.0, zone="MODERATE_BUY")])}
    rig.scores.generation += 1
    assert await rig.look() == ["ETH/USDT 78 MODERATE_BUY (was WAIT 62)"]
    rig.scores.generation += 1
    assert await rig.look() == []
    rig.host = rig.make_host()
    assert await rig.look() == []


async def test_a_target_that_is_hit_is_told_once_and_old_ones_never(rig: Rig) -> None:
    # Bought for next to nothing: the first target is hit on the first day, a month ago.
    rig.write(average_cost=1.0)
    assert not [title for title in await rig.look() if "target 1" in title]
    card = rig.host.monitor.card("ETH")
    assert card is not None
    assert card.ladder[0].hit_at_ms is not None
    hit_ms = card.ladder[0].hit_at_ms
    # Somebody who looked on the day itself is told.
    rig.clock = ManualClock(moment_at(hit_ms + 3_600_000))
    rig.scores.clock = rig.clock
    rig.server.now_ms = hit_ms + 3_600_000
    rig.host = rig.make_host()
    assert "ETH: target 1 hit, sell 20 %" in await rig.look()
    rig.host = rig.make_host()
    assert await rig.look() == []


async def test_nothing_is_told_while_scores_catch_up(rig: Rig) -> None:
    rig.scores.timelines = {"ETH/USDT": Timeline([calm(1, 50.0), calm(0, 90.0, zone="STRONG_BUY")])}
    rig.write(average_cost=1e6)
    rig.scores.caught_up = False
    assert await rig.look() == []
    rig.scores.caught_up = True
    assert await rig.look() == ["ETH/USDT 90 STRONG_BUY (was AVOID 50)"]


async def test_cards_are_text_for_who_has_the_token(rig: Rig) -> None:
    await rig.host.look()
    metrics = RequestMetrics(CollectorRegistry())
    app = web.Application(middlewares=[gate(TOKEN, metrics)])
    rig.host.add_to(app, TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/v1/cards", params={"asset": "ETH"}, headers=headers)
        assert (answer.status, (await answer.text())[:5]) == (200, "ETH  ")
        short = await client.get("/v1/cards", params={"format": "chat"}, headers=headers)
        assert "Together" in await short.text()
        listed = await client.get("/v1/cards", headers=headers)
        assert "Thresholds: Scores of 75 and more: " in await listed.text()
        path = openapi_document("1", with_monitor=True)["paths"]["/v1/cards"]["get"]
        assert {each["name"] for each in path["parameters"]} == {"asset", "format"}
        assert set(path["responses"]) == {"200", "400", "401", "404"}
        for query, status in (({"asset": "LTC"}, 404), ({"format": "pdf"}, 400), ({"x": "1"}, 400)):
            refused = await client.get("/v1/cards", params=query, headers=headers)
            error = (await refused.json())["error"]["message"]
            assert (refused.status, "\n" in error) == (status, False)
        assert (await client.get("/v1/cards")).status == 401
        page = await client.get("/", allow_redirects=False)
        assert (page.status, page.headers["Location"][:6]) == (303, "/login")


def test_a_record_that_is_not_available_yet_is_not_told(rig: Rig) -> None:
    late = replace(calm(0, 90.0, zone="STRONG_BUY"), available_at_ms=NOW_MS + 1000)
    rig.scores.timelines = {"ETH/USDT": Timeline([calm(1, 50.0), late])}
    assert rig.host._score_alerts(rig.host._records(["ETH/USDT"]), NOW_MS - 5 * MS_PER_DAY) == []


async def test_a_mistake_of_the_monitor_is_said_and_it_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise OverflowError("a surprise")

    monkeypatch.setattr(rig.holdings, "read", fails)
    task = asyncio.create_task(rig.host._keep_up())
    async with asyncio.timeout(5):
        while rig.host.trouble is None:  # noqa: ASYNC110 - threads of the host set no event
            await asyncio.sleep(0.01)
    assert rig.host.trouble == "the monitor failed: OverflowError"
    monkeypatch.undo()
    await rig.clock.move_to(rig.clock.now() + timedelta(minutes=2))
    async with asyncio.timeout(5):
        while rig.host.trouble is not None:  # noqa: ASYNC110 - threads of the host set no event
            await asyncio.sleep(0.01)
    assert [each.asset for each in rig.host.monitor.holdings] == ["ETH"]
    task.cancel()
