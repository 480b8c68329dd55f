"""The whole guard over HTTP: bots that speak freqtrade's API on one side, asking on the other."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sidecars.guard.fake_bot import FakeBot
from tests.sidecars.guard.service_rig import (
    BOT_TOKEN,
    NOW,
    Running,
    check_body,
    rules_over,
    running,
    started,
)

DAY = {"limit_pct": 6.0, "resume": "by_hand"}


@pytest.fixture
async def bots() -> AsyncIterator[Mapping[str, FakeBot]]:
    made = await started()
    yield made
    for bot in made.values():
        await bot.stop()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "guard.sqlite"


async def test_check_is_answered_reserved_and_used_by_the_order(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until_active()
        said = await guard.check("dip")
        assert (said["decision"], said["stake"], said["state"]) == ("APPROVE", 100.0, "ACTIVE")
        assert (said["bot"], said["pair"], said["paper"]) == ("dip", "BTC/USDT", False)
        again = await guard.check("dip")
        assert list(guard.guard.fleet.reservations) == [again["reservation"]]
        assert again["reservation"] != said["reservation"]
        other = await guard.check("sma")
        assert "valve" in [reason["rule"] for reason in other["reasons"]]
        assert (await guard.get("/v1/book"))["at_stake_by_bot"] == {"dip": 100.0, "sma": 0.0}
        bots["dip"].enter("BTC/USDT", 100.0, 100.0)
        await guard.until(lambda: not guard.guard.fleet.reservations)
        book = await guard.get("/v1/book")
        assert (book["at_stake_by_bot"]["dip"], len(book["positions"])) == (100.0, 1)
        why = await guard.get(f"/v1/why?pair=BTC/USDT&candle={check_body()['candle']}&bot=sma")
        assert [event["data"]["decision"] for event in why["events"]] == ["REJECT"]


async def test_reservation_is_given_back(bots: Mapping[str, FakeBot], database: Path) -> None:
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until_active()
        number = (await guard.check("dip"))["reservation"]
        await guard.post(f"/v1/reservations/{number}/release", {"bot": "sma"}, 404)
        await guard.post(f"/v1/reservations/{number}/release", {"bot": "dip"})
        assert (await guard.check("sma"))["decision"] == "APPROVE"
        await guard.post(f"/v1/reservations/{number}/release", {"bot": "dip"}, 404)


async def test_loss_stops_all_bots_until_a_person_resumes(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    dip, sma = bots["dip"], bots["sma"]
    held = dip.enter("BTC/USDT", 1000.0, 100.0)
    entering = sma.enter("ETH/USDT", 100.0, 100.0, filled=False)
    async with running(rules_over(bots, database, {"day": DAY}), bots) as guard:
        await guard.until_active()
        await guard.until(lambda: bool(guard.guard.fleet.risk))
        dip.lock("*", NOW() + timedelta(hours=1), "CooldownPeriod")
        dip.rates["BTC/USDT"] = 65.0
        await guard.until(lambda: guard.guard.state().state.value == "REDUCING")
        said = await guard.check("sma", pair="SOL/USDT")
        assert [each["rule"] for each in said["reasons"]] == ["breaker"]
        await guard.until(lambda: len(dip.locks) > 1 and bool(sma.locks))
        await guard.until(lambda: entering not in sma.trades)
        assert dip.locks[-1]["reason"].startswith("guard: ")
        assert held in dip.trades, "this limit closes nothing"
        done = await guard.post("/v1/resume", {"by": "me", "rule": None})
        assert done == {"lifted": ["day"], "state": "ACTIVE"}
        await guard.until(lambda: not any(each["active"] for each in sma.locks))
        await guard.until(lambda: [each["active"] for each in dip.locks] == [True, False])
        assert sum("/locks" in path and how == "POST" for how, path, _ in sma.calls) == 1
        await guard.until(lambda: len(alerts(database)) == 2)
    (level, title), (later, lifted) = alerts(database)
    assert (level, later) == ("CRITICAL", "WARNING")
    assert "daily loss 7 %" in title
    assert "by me" in lifted


async def actions_of(guard: Running, bot: str, count: int) -> list[Any]:
    """What was done to a bot, once so many are in the log: they come there after the deed."""
    async with asyncio.timeout(10):
        while True:
            found = (await guard.get(f"/v1/events?kind=action&bot={bot}"))["events"]
            if len(found) >= count:
                return list(found)
            await asyncio.sleep(0.05)


def alerts(database: Path) -> list[tuple[str, str]]:
    """Level and title of what people are told of at once."""
    rows = sqlite3.connect(database).execute("SELECT level, title FROM alerts ORDER BY posted_ms")
    return [(level, title) for level, title in rows if level != "INFO"]


async def test_bot_that_was_down_gets_its_lock_when_it_is_back(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    dip = bots["dip"]
    held = dip.enter("BTC/USDT", 100.0, 100.0)
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until_active()
        await dip.stop()
        await guard.until(lambda: not guard.guard.bots()[0].is_reached)
        assert (await guard.get("/health"))["status"] == "degraded"
        await guard.post("/v1/kill", {"by": "me", "reason": "storm", "close": True})
        assert await guard.state() == "HALTED"
        await guard.until(lambda: bool(bots["sma"].locks))
        await dip.start(dip.port)
        await guard.until(lambda: bool(dip.locks) and held in dip.closed)
        assert dip.state == "paused"
        await guard.post("/v1/resume", {"by": "me", "rule": "kill"})
        await guard.until(lambda: not dip.locks[0]["active"] and dip.state == "running")
        actions = await actions_of(guard, "dip", 5)
        acts = [each["data"]["act"] for each in actions]
        assert acts == ["pause", "lock", "close", "start", "unlock"]


async def test_pause_of_the_guard_is_ended_after_a_restart_and_a_persons_is_not(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    dip, sma = bots["dip"], bots["sma"]
    sma.state = "paused"
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until_active()
        await guard.post("/v1/kill", {"by": "me", "reason": "storm"})
        await guard.until(lambda: dip.state == "paused" and bool(sma.locks))
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until(lambda: all(bot.is_reached for bot in guard.guard.bots()))
        await guard.post("/v1/resume", {"by": "me", "rule": "kill"})
        await guard.until(lambda: dip.state == "running" and not sma.locks[0]["active"])
        assert sma.state == "paused"


async def test_act_that_fails_is_tried_again_until_it_is_seen_done(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    dip = bots["dip"]
    dip.refuses.add("locks")
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until_active()
        await guard.post("/v1/kill", {"by": "me", "reason": "storm"})
        await actions_of(guard, "dip", 2)
        dip.refuses.clear()
        await guard.until(lambda: len(dip.locks) == 1)
        actions = [each["data"] for each in await actions_of(guard, "dip", 3)]
        assert [(each["act"], each["attempt"]) for each in actions] == [
            ("pause", 1), ("lock", 1), ("lock", 2),
        ]  # fmt: skip
        assert actions[1]["error"] is not None


async def test_message_of_a_bot_has_it_read_at_once(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    rules = rules_over(bots, database, poll_seconds=60.0)
    async with running(rules, bots) as guard:
        await guard.until_active()
        await guard.until(lambda: bool(bots["dip"].listeners))
        bots["dip"].enter("BTC/USDT", 100.0, 100.0)
        await bots["dip"].say("entry_fill")
        await guard.until(lambda: bool(guard.guard.fleet.snapshots["dip"].trades))


async def test_kill_file_halts_while_it_is_there(
    bots: Mapping[str, FakeBot], database: Path, tmp_path: Path
) -> None:
    file = tmp_path / "kill"
    async with running(rules_over(bots, database, kill_file=str(file)), bots) as guard:
        await guard.until_active()
        file.touch()
        await guard.until(lambda: guard.guard.state().kill is not None)
        said = await guard.check("dip")
        assert [reason["rule"] for reason in said["reasons"]] == ["kill"]
        file.unlink()
        await guard.until_active()


async def test_restart_is_halted_until_it_knows_and_the_kill_switch_stays(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    rules = rules_over(bots, database)
    async with running(rules, bots) as guard:
        await guard.until_active()
        number = (await guard.check("dip"))["reservation"]
    await bots["sma"].stop()
    async with running(rules, bots) as guard:
        await guard.until(lambda: guard.guard.fleet.polls.get("sma") is not None)
        assert await guard.state() == "HALTED"
        assert [each["id"] for each in (await guard.get("/v1/book"))["reservations"]] == [number]
        assert [each["rule"] for each in (await guard.check("sma"))["reasons"]][:1] == ["start"]
        await bots["sma"].start(bots["sma"].port)
        await guard.until_active()
        await guard.post("/v1/kill", {"by": "me", "reason": "storm"})
    async with running(rules, bots) as guard:
        await guard.until(lambda: guard.guard.fleet.has_passed)
        assert await guard.state() == "HALTED"
        assert "kill switch, by me" in (await guard.get("/v1/state"))["reasons"][0]


async def test_hybrid_entry_waits_for_a_person(bots: Mapping[str, FakeBot], database: Path) -> None:
    async with running(rules_over(bots, database, stages={"dip": "hybrid"}), bots) as guard:
        await guard.until_active()
        body = check_body("dip")
        number = (await guard.post("/v1/checks", body))["approval"]
        assert [each["id"] for each in (await guard.get("/v1/approvals"))["approvals"]] == [number]
        yes = {"answer": "approve", "by": "me"}
        assert (await guard.post(f"/v1/approvals/{number}", yes))["status"] == "approved"
        assert (await guard.post("/v1/checks", body))["decision"] == "APPROVE"
        await guard.post(f"/v1/approvals/{number}", {"answer": "reject", "by": "me"}, 409)
        await guard.post("/v1/approvals/a999", yes, 404)


async def test_events_of_a_bot_are_kept_once(bots: Mapping[str, FakeBot], database: Path) -> None:
    async with running(rules_over(bots, database), bots) as guard:
        events = [
            {"seq": seq, "at": "2026-11-18T12:00:00Z", "kind": "signal", "pair": "BTC/USDT",
             "candle": "2026-11-18T11:55:00Z", "text": f"signal {seq}", "data": {"score": 71}}
            for seq in (1, 2, 3)
        ]  # fmt: skip
        body = {"bot": "dip", "process": "one", "events": events[:2]}
        assert await guard.post("/v1/events", body) == {"stored_until": 2}
        assert await guard.post("/v1/events", {**body, "events": events}) == {"stored_until": 3}
        kept = (await guard.get("/v1/events?kind=signal&bot=dip"))["events"]
        assert [each["text"] for each in kept] == ["signal 1", "signal 2", "signal 3"]
        anew = {**body, "process": "two"}
        assert await guard.post("/v1/events", anew) == {"stored_until": 2}
        assert len((await guard.get("/v1/events?kind=signal&bot=dip"))["events"]) == 5
        await guard.post("/v1/events", {**body, "bot": "nobody"}, 404)


async def test_token_of_bots_opens_what_bots_need_and_nothing_else(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until_active()
        guard.session.headers["Authorization"] = f"Bearer {BOT_TOKEN}"
        number = (await guard.check("dip"))["reservation"]
        await guard.post(f"/v1/reservations/{number}/release", {"bot": "dip"})
        await guard.post("/v1/events", {"bot": "dip", "process": "one", "events": []})
        await guard.get("/v1/state")
        for path in ("book", "events", "why", "approvals"):
            await guard.get(f"/v1/{path}", 403)
        for path in ("kill", "resume", "reconcile", "approvals/a1", "reservations/r1"):
            await guard.post(f"/v1/{path}", {}, 403)
        assert guard.guard.fleet.kill is None


async def test_wrong_password_is_one_clear_line(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    bots["dip"].mode = "unauthorized"
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until(lambda: guard.guard.bots()[0].error is not None)
        assert guard.guard.bots()[0].error == "refuses user name and password"
        state = await guard.get("/v1/state")
        assert (
            "bot dip has not been read since the start: refuses user name and password"
            in (state["reasons"])
        )
        assert not any(path.endswith("/status") for _, path, _ in bots["dip"].calls)


async def test_real_money_on_an_account_that_nobody_reads_keeps_it_halted(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    bots["dip"].dry_run = False
    async with running(rules_over(bots, database), bots) as guard:
        await guard.until(lambda: bool(guard.guard.fleet.reconcile_errors))
        assert "trades for real" in " ".join((await guard.get("/v1/state"))["reasons"])


async def test_nobody_gets_in_without_the_token(
    bots: Mapping[str, FakeBot], database: Path
) -> None:
    async with running(rules_over(bots, database), bots) as guard:
        for path in ("/v1/state", "/v1/book", "/v1/events"):
            async with guard.session.get(
                guard.url + path, headers={"Authorization": "Bearer wrong"}
            ) as answer:
                assert answer.status == 401
