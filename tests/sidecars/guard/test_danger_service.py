"""The whole guard with a sentiment sidecar that is told what to say, to lie, and to be dead."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from sidecars.common.settings_file import SettingsError
from sidecars.guard import danger_watch
from tests.sidecars.common.scripted_server import Handle, ScriptedServer, said, scripted_server
from tests.sidecars.guard.fake_bot import FakeBot
from tests.sidecars.guard.scripted_sentiment import answer_of
from tests.sidecars.guard.service_rig import NOW, Running, rules_over, running, started

SCORES_TOKEN = "scores-of-sixteen-letters"
ENVIRONMENT = {"AQUATRADE_SCORES_TOKEN": SCORES_TOKEN}
MAX_AGE = 60.0


@pytest.fixture
async def bots() -> AsyncIterator[Mapping[str, FakeBot]]:
    made = await started(("dip",))
    yield made
    for bot in made.values():
        await bot.stop()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "guard.sqlite"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(danger_watch, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("sidecars.common.fetch.FIRST_WAIT_SECONDS", 0.01)


def telling(*flags: str, age_seconds: float = 0.0, known: bool = True) -> Handle:
    """An answer of the moment it is asked for."""

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {SCORES_TOKEN}"
        assert (request.path, request.query["assets"]) == ("/v1/scores", "BTC")
        as_of = NOW() - timedelta(seconds=age_seconds)
        return web.json_response(answer_of(as_of, *flags, known=known))

    return handle


async def slow(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(1)
    return web.Response()


def now_tells(server: ScriptedServer, answer: Handle) -> None:
    server.answers[:] = [answer]


async def until_status(guard: Running, status: str) -> None:
    await guard.until(lambda: guard.guard.state().danger.status == status)


async def refusals(guard: Running) -> list[str]:
    said_of_it = await guard.check("dip")
    return [str(reason["rule"]) for reason in said_of_it["reasons"]]


def danger_at(server: ScriptedServer) -> dict[str, object]:
    return {"url": server.url, "poll_seconds": 0.2, "max_age_seconds": MAX_AGE}


async def test_entries_pause_while_there_is_danger(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    async with scripted_server(telling()) as server:
        rules = rules_over(bots, database, danger=danger_at(server))
        async with running(rules, bots, ENVIRONMENT) as guard:
            await guard.until_active()
            await until_status(guard, "calm")
            now_tells(server, telling("DANGER", "PAUSE_ENTRIES"))
            await until_status(guard, "pause")
            assert await refusals(guard) == ["danger"]
            state = await guard.get("/v1/state")
            assert (state["state"], state["danger"]["refuses"]) == ("REDUCING", True)
            assert not bots["dip"].locks, "exits and what is open are not touched"
        # A restart in the middle of it tells nobody again.
        async with running(rules, bots, ENVIRONMENT) as guard:
            await until_status(guard, "pause")
            now_tells(server, telling("DANGER"))
            await until_status(guard, "danger")
            await guard.until_active()
            assert await refusals(guard) == []
            now_tells(server, telling())
            await until_status(guard, "calm")
            events = (await guard.get("/v1/events?kind=danger"))["events"]
    statuses = [event["data"]["status"] for event in events]
    assert statuses == ["pause", "danger", "calm"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (said("no JSON"), "not JSON"),
        (said(json.dumps({"scores": {"BTC": {"flags": []}}})), "as_of"),
        (said("{}", 500), "HTTP 500"),
        (said("{}", 401), "HTTP 401"),
        (slow, "no answer within"),
        (telling(age_seconds=MAX_AGE + 5), "the last word of it is as of"),
    ],
    ids=["garbage", "half", "error", "token", "slow", "stale"],
)
async def test_what_is_not_known_refuses(
    bots: Mapping[str, FakeBot], database: Path, fault: Handle, why: str
) -> None:
    async with scripted_server(fault) as server:
        rules = rules_over(bots, database, danger=danger_at(server))
        async with running(rules, bots, ENVIRONMENT) as guard:
            await guard.until(lambda: why in guard.guard.state().danger.text)
            await guard.until(lambda: guard.guard.state().state.value == "REDUCING")
            assert await refusals(guard) == ["danger"]
            asked = len(server.requests)
            await guard.until(lambda: len(server.requests) > asked + 4)
            now_tells(server, telling())
            await guard.until_active()
            assert await refusals(guard) == []
            events = (await guard.get("/v1/events?kind=danger"))["events"]
    # Said once, however often it was asked.
    assert [event["data"]["status"] for event in events] == ["unknown", "calm"]


@pytest.mark.usefixtures("impatient")
async def test_dead_sidecar_is_borne_until_its_last_word_is_too_old(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    nearly = MAX_AGE - 3.0
    async with scripted_server(telling(age_seconds=nearly)) as server:
        rules = rules_over(bots, database, danger=danger_at(server))
        async with running(rules, bots, ENVIRONMENT) as guard:
            await guard.until_active()
            now_tells(server, said("{}", 500))
            await guard.until(lambda: has_failed(guard))
            assert await refusals(guard) == []
            await until_status(guard, "unknown")
            assert await refusals(guard) == ["danger"]


def has_failed(guard: Running) -> bool:
    known = guard.guard.fleet.danger
    return known is not None and known.error is not None


async def test_token_is_needed(bots: Mapping[str, FakeBot], database: Path) -> None:
    rules = rules_over(bots, database, danger={})
    with pytest.raises(SettingsError, match="AQUATRADE_SCORES_TOKEN"):
        async with running(rules, bots, {}):
            pass
