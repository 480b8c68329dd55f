"""The guard's pages over real HTTP: what they say, who may see them, what they do."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from blockbuster import blockbuster_ctx

from aquatrade.event_log import Event
from sidecars.common.clock import ManualClock
from sidecars.guard.danger import DangerStatus, DangerView
from sidecars.guard.model import Held, KillSwitch, Stage
from sidecars.guard.refusals import GuardRefusal
from tests.sidecars.common.pages.html_judge import faults_of
from tests.sidecars.guard import pages_samples as samples
from tests.sidecars.guard.pages_desk_fake import FakeDesk
from tests.sidecars.guard.pages_rig import TOKEN, Client, make_app, send

WHY = "/why?pair=ETH/USDT&candle=2026-03-12T13:00Z"
PAGES = ("/", "/?paper=1", "/?done=kill", "/events", "/events?kind=trip&bot=guard", "/why", WHY,
         "/why?pair=ETH/USDT", "/why?pair=BTC/USDT&bot=grid", "/why?pair=XRP/USDT", "/kill",
         "/resume?rule=day")  # fmt: skip
MOST_BYTES = 150_000


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(samples.NOW)


@pytest.fixture
async def client(desk: FakeDesk, clock: ManualClock) -> AsyncIterator[Client]:
    """Signed in. A handler that blocks the event loop fails its test."""
    async with TestClient(TestServer(make_app(desk, clock))) as made:
        assert (await send(made, "/login", f"token={TOKEN}")).status == 303
        with blockbuster_ctx():
            yield made


async def text_of(client: Client, path: str, status: int = 200) -> str:
    """The page as a reader sees its words: no tags, plain spaces."""
    response = await client.get(path, allow_redirects=False)
    assert response.status == status, path
    body = await response.text()
    assert faults_of(body) == []
    return words_of(body)


def words_of(html: str) -> str:
    shown = re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").replace("&#39;", "'")
    return re.sub(r"\s+", " ", shown)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("state", [samples.active, samples.reducing, samples.halted])
async def test_every_page_is_sound_and_small(
    client: Client, desk: FakeDesk, path: str, state: Any
) -> None:
    desk.shown = state()
    response = await client.get(path)
    body = await response.read()
    assert response.status == (404 if "resume" in path and state is samples.active else 200)
    assert len(body) < MOST_BYTES
    assert faults_of(body.decode()) == []
    assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_the_overview_says_the_state_first_and_why(client: Client) -> None:
    page = await text_of(client, "/")
    state = page.index("Reducing No new trades. Open trades go on to their exits.")
    why = page.index("Daily loss 3.4 % of 5,112.12, limit 3 %: no entries until")
    assert state < why < page.index("Waiting for your yes or no (1)") < page.index("Equity")
    for said in (
        "Stop all new trades", "ends in 22 hours", "4,973.17 USDT",
        "\u2212138.95 USDT", "\u22122.7 %",
        "This week Not known", "Loss today 3.4 % of 3 %", "! over the limit",
        "Loss this week 5.9 % of 7 % 84 % used, near the limit", "not known of 35 %",
        "Largest asset: SOL 15.3 % of 20 % 76 % used",
        "Cash that stays free 53.7 % at least 20 % 33.7 % above it",
        "Equity of all bots 4,973.17 at least 4,250.00 USDT 723.17 USDT above it",
        "Open positions 11 of 20 positions", "BTC 1,044.10 USDT 21 % of equity",
        "1 mismatch", "binance: the exchange has 12.4 SOL, the bots together 12.9 SOL",
        "not reached No answer within 5 s.", "no entries: locked Locked until 13 Mar 2026",
        "paper: no real money", "of 1,000.00 USDT", "68,412.50", "71.5", "(in 53 minutes)",
        "rejected by telegram",
    ):  # fmt: skip
        assert said in page, said


async def test_the_kill_switch_takes_the_place_of_its_button(
    client: Client, desk: FakeDesk
) -> None:
    desk.shown = samples.halted()
    page = await text_of(client, "/")
    assert "Halted No new trades." in page
    assert "Stopped by web page" in page
    assert "All positions are being closed." in page
    assert "kill switch, by" not in page
    assert "Bot sma has not been read since the start." in page
    assert "Stop all new trades" not in page
    assert "Lift the stop" in page


async def test_what_a_file_stops_a_page_does_not_lift(client: Client, desk: FakeDesk) -> None:
    reason = "the file kill exists"
    by_file = KillSwitch(samples.NOW, "file", reason, close=False)
    desk.shown = replace(samples.halted(), kill=by_file, reasons=(reason,))
    page = await text_of(client, "/")
    assert page.count("he file kill exists. Remove the file to lift it.") == 1
    assert "Lift the stop" not in page
    assert "Close all positions" in page


async def test_a_guard_that_can_keep_nothing_says_so(client: Client, desk: FakeDesk) -> None:
    desk.trouble = "the disk is full"
    assert "lets nothing through: The disk is full." in await text_of(client, "/")
    response = await send(client, "/kill", "reason=x")
    assert (response.status, desk.told) == (503, [])
    assert "The disk is full." in await response.text()


async def test_all_on_paper_is_said_and_shown(client: Client, desk: FakeDesk) -> None:
    desk.fleet = tuple(replace(bot, stage=Stage.PAPER) for bot in desk.fleet)
    page = await text_of(client, "/")
    assert "All bots trade on paper: no real money." in page
    assert "Equity on paper 5,093.17 USDT" in page
    assert "ETH 602.00 USDT" in page


async def test_an_empty_guard_has_an_overview(client: Client, desk: FakeDesk) -> None:
    desk.log, desk.asked, desk.ceilings = [], [], ()
    desk.shown = replace(samples.active(), reconciled_at=None)
    desk.fleet = (samples.bot("dip", seen_at=None, is_reached=False, strategy=None),)
    page = await text_of(client, "/")
    for said in ("Nothing has happened yet.", "not compared yet", "not seen yet", "never",
                 "The profile sets no limits over all bots."):  # fmt: skip
        assert said in page, said


async def test_stopping_asks_first_and_then_stops(client: Client, desk: FakeDesk) -> None:
    assert "Also close all open positions" in await text_of(client, "/kill")
    assert desk.told == []
    response = await send(client, "/kill", "reason=exchange+is+odd&close=yes")
    assert (response.status, response.headers["Location"]) == (303, "/?done=kill")
    await send(client, "/kill", "reason=")
    assert desk.told == [
        ("kill", "web page", "exchange is odd", "close"),
        ("kill", "web page", "no reason given", "keep"),
    ]
    assert "All new trades are stopped." in await text_of(client, "/?done=kill")


async def test_a_reason_that_is_no_line_of_text_stops_nothing(
    client: Client, desk: FakeDesk
) -> None:
    for reason in ("x" * 201, "a%00b"):
        response = await send(client, "/kill", f"reason={reason}")
        assert response.status == 400
        assert "at most 200 characters" in await response.text()
    assert desk.told == []


async def test_resuming_names_the_rule(client: Client, desk: FakeDesk) -> None:
    page = await text_of(client, "/resume?rule=day")
    assert "Resume: Loss today?" in page
    assert desk.told == []
    assert (await send(client, "/resume", "rule=day")).headers["Location"] == "/?done=resume"
    assert desk.told == [("resume", "web page", "day")]
    for rule in ("week", "kill", "", "%00"):
        assert (await send(client, "/resume", f"rule={rule}")).status == 404, rule
    desk.refusal = GuardRefusal(409, "needs_config", "the profile has not changed")
    response = await send(client, "/resume", "rule=day")
    assert response.status == 409
    assert "The profile has not changed." in await response.text()


async def test_differences_are_put_up_with_by_name(client: Client, desk: FakeDesk) -> None:
    assert "Put up with them" in await text_of(client, "/")
    page = await text_of(client, "/resume?rule=reconcile")
    assert "binance: the exchange has 12.4 SOL, the bots together 12.9 SOL" in page
    assert (await send(client, "/resume", "rule=reconcile")).status == 303
    assert desk.told == [("resume", "web page", "reconcile")]
    desk.shown = samples.active()
    assert (await send(client, "/resume", "rule=reconcile")).status == 404


async def test_what_is_held_against_entries_is_named_and_lifted(
    client: Client, desk: FakeDesk
) -> None:
    held = (Held("unasked", "bot dip made an order"), Held("clock", "the clock went back"))
    desk.shown = replace(samples.active(), held=held)
    overview = await (await client.get("/")).text()
    for each in held:
        assert f"/resume?rule={each.rule}" in overview
        assert f"{each.text[0].upper()}{each.text[1:]}." in await text_of(
            client, f"/resume?rule={each.rule}"
        )
        assert (await send(client, "/resume", f"rule={each.rule}")).status == 303
    assert desk.told == [("resume", "web page", each.rule) for each in held]


async def test_a_yes_and_a_no_reach_the_guard_once(client: Client, desk: FakeDesk) -> None:
    response = await send(client, "/approvals/a1b2c3", "answer=approve")
    assert response.headers["Location"] == "/?done=approve"
    assert desk.told == [("approved", "a1b2c3", "web page")]
    response = await send(client, "/approvals/a1b2c3", "answer=reject")
    assert response.status == 409
    assert "This one is answered already." in await response.text()
    assert (await send(client, "/approvals/zzz", "answer=reject")).status == 404
    assert (await send(client, "/approvals/a1b2c3", "answer=maybe")).status == 400
    assert len(desk.told) == 1


async def test_comparing_now(client: Client, desk: FakeDesk) -> None:
    assert (await send(client, "/reconcile")).headers["Location"] == "/?done=reconcile"
    assert desk.told == [("reconcile",)]


async def test_events_are_paged_back_to_the_first(client: Client, desk: FakeDesk) -> None:
    desk.log = [
        Event(samples.NOW, "dip" if number % 2 else "guard", "error", f"number {number};")
        for number in range(1, 131)
    ]
    seen: list[int] = []
    path: str | None = "/events"
    while path is not None:
        html = await (await client.get(path)).text()
        seen += [int(each) for each in re.findall(r"number (\d+);", html)]
        older = re.search(r'href="([^"]+)">Older<', html)
        path = older[1].replace("&amp;", "&") if older else None
    assert seen == list(range(130, 0, -1))
    html = await (await client.get("/events?bot=dip&kind=error")).text()
    assert re.findall(r"number (\d+);", html) == [str(each) for each in range(129, 30, -2)]
    assert 'href="/events?kind=error&amp;bot=dip&amp;before=31"' in html
    assert "No such events." in await text_of(client, "/events?kind=trip")
    assert "No such events." in await text_of(client, "/events?before=1")


@pytest.mark.parametrize(
    "query",
    ["kind=nonsense", "pair=BTC", "pair=%3Cscript%3E", "before=-1", "before=1e3",
     "before=99999999999999999999", "before=%C2%B2"],
)  # fmt: skip
async def test_odd_questions_are_refused_in_words(client: Client, query: str) -> None:
    page = await text_of(client, f"/events?{query}", 400)
    assert "expected" in page


async def test_the_chain_is_looked_at_once_a_minute(
    client: Client, desk: FakeDesk, clock: ManualClock
) -> None:
    for _ in range(3):
        assert "Chain verified" in await text_of(client, "/events")
    assert desk.verified == 1
    desk.broken_at = 4
    await clock.move_to(samples.NOW + timedelta(seconds=61))
    page = await text_of(client, "/events")
    assert "Chain broken Event 4 does not fit those before it" in page
    assert desk.verified == 2


async def test_why_tells_what_bot_and_guard_said(client: Client) -> None:
    page = await text_of(client, WHY)
    assert "dip: ETH/USDT, candle of 12 Mar 2026 13:00 UTC refused" in page
    assert "ETH/USDT long signal refused: exposure 63.1 % of equity, limit 60 %" in page
    assert "Refused by the guard: Exposure 63.1 % of equity, limit 60 %. Daily loss 3.4 %" in page
    assert "grid: BTC/USDT" in await text_of(client, "/why?pair=btc/usdt")
    assert "Nothing was said" in await text_of(client, f"{WHY}&bot=sma")
    assert "2026-03-12T13:00:00Z" in await (await client.get(WHY)).text()


@pytest.mark.parametrize(
    "query", ["pair=BTC", "pair=BTC/USDT&candle=yesterday", "pair=BTC/USDT&candle=0001-01-01",
              "pair=BTC/USDT&candle=2026-02-30"],
)  # fmt: skip
async def test_why_refuses_what_it_cannot_read(client: Client, query: str) -> None:
    assert "expected" in await text_of(client, f"/why?{query}", 400)


async def test_what_people_and_exchanges_write_stays_text(client: Client, desk: FakeDesk) -> None:
    evil = "<script>alert(1)</script>"
    desk.log = [Event(samples.NOW, evil, evil, evil, "BTC/USDT", samples.CANDLE, {evil: evil})]
    desk.fleet = (samples.bot("dip", error=evil, strategy=evil),)
    for path in ("/", "/events", "/why?pair=BTC/USDT"):
        html = await (await client.get(path)).text()
        assert "<script" not in html
        assert "&lt;script&gt;" in html


async def test_macro_danger_is_said_whatever_it_is(client: Client, desk: FakeDesk) -> None:
    desk.shown = samples.active()
    assert "Macro danger is not watched" in await text_of(client, "/")
    warning = DangerView(DangerStatus.DANGER, "macro danger, a warning: S&P 500 -1.20 %")
    desk.shown = replace(samples.active(), danger=warning)
    assert "Macro danger, a warning: S&amp;P 500 -1.20 %." in await text_of(client, "/")
