"""A layer's sidecar over real HTTP, on a clock that the test moves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openapi_spec_validator import validate
from sqlalchemy.exc import OperationalError

from sidecars.common.clock import ManualClock
from sidecars.common.layer.openapi import openapi_document
from sidecars.common.layer.routes import make_app
from sidecars.common.layer.service import serve
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.layer.store import LayerStore
from sidecars.common.layer.upkeep import LayerService
from sidecars.common.moments import ms_of
from sidecars.common.running import listening
from sidecars.common.source_errors import SourceError
from tests.sidecars.common.layer.toy_layer import World, toy_layer, transfer

TOKEN = "0123456789abcdef-toy"
START = datetime(2024, 3, 10, 12, 7, tzinfo=UTC)
START_MS = ms_of(START)
HOUR_MS = 3_600_000

Get = Callable[..., Awaitable[tuple[int, Any]]]


@contextlib.asynccontextmanager
async def running(
    tmp_path: Path, world: World, clock: ManualClock, **changes: Any
) -> AsyncIterator[tuple[LayerService, Get]]:
    settings = LayerSettings(
        assets=changes.pop("assets", ("BTC", "ETH")),
        history_start=date(2024, 3, 8),
        backfill_every_seconds=3600,
        database_url=f"sqlite:///{tmp_path}/toy.sqlite",
        **changes,
    )
    store = LayerStore(settings.database_url)
    async with aiohttp.ClientSession() as session:
        service = LayerService(toy_layer(world), settings, store, clock)
        service.add_sources(session, {})
        ready = asyncio.Event()
        async with listening(make_app(service, TOKEN), "127.0.0.1", 0) as port:

            async def get(path: str, token: str = TOKEN, **query: str) -> tuple[int, Any]:
                headers = {"Authorization": f"Bearer {token}"}
                url = f"http://127.0.0.1:{port}{path}"
                async with session.get(url, params=query, headers=headers) as answer:
                    is_json = answer.content_type == "application/json"
                    return answer.status, await (answer.json() if is_json else answer.text())

            task = asyncio.create_task(serve(service, TOKEN, ready))
            try:
                await asyncio.wait(
                    {asyncio.create_task(ready.wait()), task}, return_when="FIRST_COMPLETED"
                )
                if task.done():
                    task.result()
                yield service, get
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                store.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the service's tasks and threads do what is due."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - threads of the service set no event
            await asyncio.sleep(0.005)


async def tick(clock: ManualClock, service: LayerService, moment: datetime) -> None:
    """Move past a moment of the grid, wait for its score and until that is available."""
    await clock.move_to(moment + timedelta(seconds=2))
    await until(
        lambda: (
            (record := service.recorder.newest("BTC")) is not None
            and record.as_of_ms >= ms_of(moment)
        )
    )
    await clock.move_to(moment + timedelta(seconds=5))


async def polled(service: LayerService) -> None:
    """Wait until the first answer of the source is in memory."""
    await until(lambda: "heard:toy" in service.memory.timelines)


async def test_past_and_present_are_scored_and_answered(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.past = [("level", START_MS - 30 * HOUR_MS, START_MS - 29 * HOUR_MS, 40.0)]
    world.newest = [("level", START_MS, START_MS, 60.0)]
    async with running(tmp_path, world, clock) as (service, get):
        await polled(service)
        status, answer = await get("/v1/scores", assets="BTC,ETH,DOGE", at="2024-03-10T12:00:00Z")
        assert status == 200
        assert answer["scores"]["BTC"]["as_of"] == "2024-03-10T11:00:00Z"
        assert answer["scores"]["BTC"]["long"] == pytest.approx(40.0)
        assert answer["missing"] == {"DOGE": "not among the configured assets"}
        await tick(clock, service, START + timedelta(minutes=8))
        _, answer = await get("/v1/scores", assets="BTC")
        assert answer["scores"]["BTC"]["as_of"] == "2024-03-10T12:15:00Z"
        assert answer["scores"]["BTC"]["long"] == pytest.approx(60.0)
        assert answer["scores"]["BTC"]["reasons"] == ["level 60"]
        assert answer["stale"] == []
        _, before = await get("/v1/scores", assets="BTC", at="2024-03-09T08:00:04Z")
        assert before["scores"]["BTC"]["as_of"] == "2024-03-09T08:00:00Z"


async def test_before_the_first_value_there_is_no_score(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.past = [("level", START_MS - 5 * HOUR_MS, START_MS - 5 * HOUR_MS, 40.0)]
    async with running(tmp_path, world, clock) as (_, get):
        _, answer = await get("/v1/scores", assets="BTC", at="2024-03-10T06:00:00Z")
        assert answer["missing"] == {"BTC": "no score at that moment"}
        _, history = await get("/v1/scores/history", asset="BTC")
        assert history["columns"]["long"] == [40.0] * 5
        assert history["next"] is None


async def test_history_and_latest_agree_and_survive_a_restart(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.past = [("level", START_MS - 30 * HOUR_MS, START_MS - 29 * HOUR_MS, 40.0)]
    world.newest = [("level", START_MS, START_MS, 60.0)]
    async with running(tmp_path, world, clock) as (service, get):
        await polled(service)
        await tick(clock, service, START + timedelta(minutes=8))
        _, history = await get("/v1/scores/history", asset="BTC")
        _, series = await get("/v1/observations", series="level,half_level:BTC,nothing")
    async with running(tmp_path, world, clock) as (service, get):
        _, again = await get("/v1/scores/history", asset="BTC")
        _, series_again = await get("/v1/observations", series="level,half_level:BTC,nothing")
    assert again == history
    assert series_again == series
    assert series["missing"] == {"nothing": "no value of it yet"}
    assert series["series"]["level"]["value"] == [40.0, 60.0]
    # The same value is said again only as a sign of life, every twelve hours.
    assert series["series"]["half_level:BTC"]["value"] == [20.0, 20.0, 20.0, 30.0]
    columns = history["columns"]
    assert columns["available_at_ms"] == sorted(columns["available_at_ms"])
    assert all(
        available > as_of
        for as_of, available in zip(columns["as_of_ms"], columns["available_at_ms"], strict=True)
    )


async def test_an_asset_that_is_new_to_the_settings_gets_its_past(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.past = [("level", START_MS - 30 * HOUR_MS, START_MS - 29 * HOUR_MS, 40.0)]
    async with running(tmp_path, world, clock, assets=("BTC",)) as (_, get):
        _, before = await get("/v1/scores/history", asset="BTC")
    async with running(tmp_path, world, clock, assets=("BTC", "DOGE")) as (_, get):
        _, again = await get("/v1/scores/history", asset="BTC")
        _, added = await get("/v1/scores/history", asset="DOGE")
    assert again == before
    assert added["columns"] == before["columns"]
    assert len(before["columns"]["long"]) > 20


async def test_a_history_that_failed_is_asked_for_again(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.past = [("level", START_MS - 30 * HOUR_MS, START_MS - 29 * HOUR_MS, 40.0)]
    world.error = SourceError("toy.example: HTTP 429", "limited")
    async with running(tmp_path, world, clock) as (service, _):
        await until(lambda: world.polls > 0)
        world.error = None
        await clock.move_to(START + timedelta(minutes=20))
        await until(lambda: service.pollers[0].state.error is None)
        assert len(world.histories) == 1
        await clock.move_to(START + timedelta(minutes=75))
        await until(lambda: "level" in service.memory.timelines)
        await clock.move_to(START + timedelta(hours=5))
        await until(lambda: world.polls >= 3)
    start_ms = ms_of(datetime(2024, 3, 8, tzinfo=UTC))
    assert world.histories == [start_ms, start_ms]
    # Once it was read whole, a restart asks for the newest days alone.
    world.newest = [("level", START_MS, START_MS, 60.0)]
    async with running(tmp_path, world, clock):
        pass
    assert world.histories[2:] == [max(START_MS - 30 * HOUR_MS - 3 * 24 * HOUR_MS, start_ms)]


async def test_a_store_that_fails_is_said_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("database is locked"))

    async with running(tmp_path, World(), ManualClock(START)) as (service, get):
        monkeypatch.setattr(service.store, "scores_between", locked)
        status, body = await get("/v1/scores/history", asset="BTC")
        assert (status, body["error"]["code"]) == (503, "store_failing")


async def test_a_failing_source_is_shown_and_recovers(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.newest = [("level", START_MS, START_MS, 60.0)]
    async with running(tmp_path, world, clock) as (service, get):
        await polled(service)
        world.error = SourceError("toy.example: HTTP 500")
        await clock.move_to(START + timedelta(minutes=1))
        await until(lambda: service.pollers[0].state.error is not None)
        status, health = await get("/health")
        assert (status, health["status"]) == (200, "degraded")
        assert health["sources"]["toy"]["state"] == "failing"
        assert health["sources"]["toy"]["error"] == "toy.example: HTTP 500"
        assert health["sources"]["toy"]["licence"] == "CC0"
        assert health["sources"]["keyed"]["state"] == "off"
        assert "AQUATRADE_TOY_TEST_KEY" in health["sources"]["keyed"]["why"]
        world.error = None
        await clock.move_to(START + timedelta(minutes=2))
        await until(lambda: service.pollers[0].state.error is None)
        _, health = await get("/health")
        assert health["sources"]["toy"]["state"] == "ok"


async def test_an_adapters_own_mistake_does_not_end_the_service(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.error = KeyError("a mistake")
    async with running(tmp_path, world, clock) as (service, get):
        await until(lambda: world.polls > 0 and service.pollers[0].state.error is not None)
        _, health = await get("/health")
        assert health["sources"]["toy"]["error"] == "toy.example: KeyError in the adapter"
        await tick(clock, service, START + timedelta(minutes=8))
        _, answer = await get("/v1/scores", assets="BTC")
        assert answer["scores"]["BTC"]["long"] is None
        assert answer["scores"]["BTC"]["confidence"] == pytest.approx(0.0)
        assert answer["scores"]["BTC"]["unavailable"] == ["level"]


async def test_old_values_make_a_source_stale(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.newest = [("level", START_MS - 700_000, START_MS - 700_000, 60.0)]
    async with running(tmp_path, world, clock) as (service, get):
        await polled(service)
        _, health = await get("/health")
        assert health["sources"]["toy"]["state"] == "stale"


async def test_events_and_the_word_that_a_source_was_heard_are_kept(tmp_path: Path) -> None:
    world, clock = World(), ManualClock(START)
    world.newest = [("level", START_MS, START_MS, 60.0)]
    world.events = [transfer("a", START_MS - 60_000)]
    async with running(tmp_path, world, clock) as (service, get):
        await polled(service)
        await tick(clock, service, START + timedelta(minutes=8))
        _, answer = await get("/v1/scores", assets="BTC")
        readings = answer["scores"]["BTC"]["sub_scores"][0]["readings"]
        assert readings["transfers"] == pytest.approx(1.0)
        heard_at = service.memory.timelines["heard:toy"]
        await until(lambda: len(heard_at) == 2)
        # On a slow machine the second word is heard after the clock's last move, not before it.
        known = datetime.fromtimestamp(int(heard_at.available_at_ms[-1]) / 1000, tz=UTC)
        await clock.move_to(max(known, clock.now()))
        _, heard = await get("/v1/observations", series="heard:toy")
        assert heard["series"]["heard:toy"]["value"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/v1/scores", {}, 400, "bad_asset"),
        ("/v1/scores", {"assets": "btc"}, 400, "bad_asset"),
        ("/v1/scores", {"assets": "BTC", "at": "yesterday"}, 400, "bad_moment"),
        ("/v1/scores", {"assets": "BTC", "pairs": "x"}, 400, "unknown_parameter"),
        ("/v1/scores", {"assets": ",".join(["BTC"] * 101)}, 400, "too_many_assets"),
        ("/v1/scores/history", {"asset": "DOGE"}, 404, "unknown_asset"),
        (
            "/v1/scores/history",
            {"asset": "BTC", "start": "2024-01-02T00:00:00Z", "end": "2024-01-01T00:00:00Z"},
            400,
            "bad_range",
        ),
        ("/v1/observations", {"series": "fear greed"}, 400, "bad_series"),
        ("/v1/nothing", {}, 404, "not_found"),
    ],
)
async def test_a_wrong_request_is_one_clear_line(
    tmp_path: Path, path: str, query: dict[str, str], status: int, code: str
) -> None:
    async with running(tmp_path, World(), ManualClock(START)) as (_, get):
        answered, body = await get(path, **query)
        assert (answered, body["error"]["code"]) == (status, code)
        assert "\n" not in body["error"]["message"]


async def test_without_the_token_there_is_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, World(), ManualClock(START)) as (_, get):
        status, body = await get("/v1/scores", token="wrong", assets="BTC")
        assert (status, body["error"]["code"]) == (401, "unauthorized")
        status, text = await get("/metrics", token="wrong")
        assert status == 200
        assert "layer_source_ok" in text


def test_the_description_is_valid_openapi() -> None:
    validate(openapi_document("Toy", "1", ["BTC"]))
