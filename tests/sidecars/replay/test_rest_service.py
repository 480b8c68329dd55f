"""Starting, stopping and refusing to start."""

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
import typer
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from sidecars.common.clock import ManualClock
from sidecars.replay.__main__ import main
from sidecars.replay.binance.signing import signature_of
from sidecars.replay.client_config import LOCAL_KEY, LOCAL_SECRET
from sidecars.replay.service import create_app, open_feed, start_moment
from sidecars.replay.settings import (
    ReplaySettings,
    SettingsError,
    parse_balances,
    parse_moment,
    parse_pairs,
    parse_start,
)
from sidecars.replay.timekeeper import ReplayClock
from tests.sidecars.replay.edge_rig import (
    FORM,
    NOW,
    SETTINGS_OF_TESTS,
    Edge,
    feed,
    running_exchange,
)

SPAN = ("--synthetic-start", "2024-02-20", "--synthetic-end", "2024-03-10")


def test_moments() -> None:
    noon = datetime(2024, 3, 5, 12, tzinfo=UTC)
    assert parse_moment("--start", "2024-03-05T12:00:00") == noon
    assert parse_moment("--start", "2024-03-05T12:00:00Z") == noon
    assert parse_moment("--start", "2024-03-05T13:00:00+01:00") == noon
    assert parse_start("now") == "now"
    with pytest.raises(SettingsError, match="--start: expected a moment"):
        parse_start("tomorrow")


def test_balances_and_pairs() -> None:
    assert parse_balances(["USDT=5", "BTC=0.1"]) == {"USDT": Decimal(5), "BTC": Decimal("0.1")}
    assert parse_balances([]) == {"USDT": Decimal(10_000)}
    for wrong in ("USDT", "USDT=", "USDT=-1", "USDT=nan", "usdt=1", "=1"):
        with pytest.raises(SettingsError, match="--balance: expected ASSET=AMOUNT"):
            parse_balances([wrong])
    with pytest.raises(SettingsError, match="given twice"):
        parse_balances(["USDT=1", "USDT=2"])
    assert parse_pairs("BTC/USDT, ETH/USDT,BTC/USDT") == ("BTC/USDT", "ETH/USDT")
    assert parse_pairs(None) is None
    for wrong in ("", "BTCUSDT", "BTC/USDT;ETH/USDT"):
        with pytest.raises(SettingsError, match="--pairs"):
            parse_pairs(wrong)


def test_what_becomes_now() -> None:
    wall = ManualClock(datetime(2024, 3, 1, tzinfo=UTC))
    later = ManualClock(datetime(2030, 1, 1, tzinfo=UTC))
    asked = replace(SETTINGS_OF_TESTS, start=NOW)
    assert start_moment(asked, feed(), wall) == NOW
    assert start_moment(SETTINGS_OF_TESTS, feed(), wall) == wall.now()
    # Shorter than 30 days: from its first moment on.
    assert start_moment(SETTINGS_OF_TESTS, feed(), later) == datetime(2024, 2, 20, tzinfo=UTC)
    for outside in (datetime(2024, 2, 19, tzinfo=UTC), datetime(2024, 3, 10, tzinfo=UTC)):
        with pytest.raises(SettingsError, match=r"--start .*: expected a moment of the record"):
            start_moment(replace(SETTINGS_OF_TESTS, start=outside), feed(), wall)
    with pytest.raises(SettingsError, match="--start"):
        start_moment(replace(SETTINGS_OF_TESTS, start="now"), feed(), later)


def test_recorded_candles(market_data: Path) -> None:
    settings = ReplaySettings(data=market_data / "binance-1m-2024q3")
    recorded = open_feed(settings)
    assert {market.symbol for market in recorded.markets} == {"BTCUSDT", "ETHUSDT"}
    last_ms = recorded.span_ms[1]
    wall = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    lead = datetime.fromtimestamp(last_ms / 1000, UTC) - start_moment(settings, recorded, wall)
    assert lead.days in (29, 30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start", "yesterday"], "--start: expected a moment"),
        (["--start", "1999-01-01"], "expected a moment of the record"),
        (["--data", "/nowhere/at/all"], "no folder /nowhere/at/all"),
        (["--pairs", "FOO/USDT"], "FOO/USDT"),
        (["--balance", "USDT"], "--balance: expected ASSET=AMOUNT"),
        (["--ledger", "/nowhere/at/all.sqlite"], "there is no folder"),
        (["--port", "70000"], "--port: expected 0 to 65535"),
        (["--participants", "0"], "--participants: expected 1 or more"),
        (["--faults", "/nowhere/plan.json"], "--faults /nowhere/plan.json: cannot be read"),
        (["--allow-remote-control"], "control token"),
    ],
)
def test_bad_input_is_one_line_and_code_2(arguments: list[str], words: str) -> None:
    program = typer.Typer()
    program.command()(main)
    done = CliRunner().invoke(program, ["--port", "0", *SPAN, *arguments])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.startswith("replay exchange: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.rehearsal
def test_a_port_in_use_is_one_line() -> None:
    with running_exchange(*SPAN) as running:
        port = running.url.rpartition(":")[2]
        command = [sys.executable, "-m", "sidecars.replay", *SPAN, "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "cannot listen" in done.stderr
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=10) == 0


@pytest.mark.rehearsal
def test_a_killed_exchange_goes_on_where_it_stopped(tmp_path: Path) -> None:
    arguments = [*SPAN, "--start", "2024-03-05", "--ledger", str(tmp_path / "ledger.sqlite")]
    with running_exchange(*arguments, "--allow-clock-advance") as first:
        advanced = requests.post(
            f"{first.url}/control/clock/advance", json={"by_ms": 3_600_000}, timeout=10
        )
        assert advanced.status_code == 200, advanced.text
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        now_ms = requests.get(f"{first.url}/api/v3/time", timeout=10).json()["serverTime"]
        body = urlencode(order | {"timestamp": now_ms})
        placed = requests.post(
            f"{first.url}/api/v3/order",
            data=f"{body}&signature={signature_of(body, LOCAL_SECRET)}",
            headers={"X-MBX-APIKEY": LOCAL_KEY, "Content-Type": FORM},
            timeout=10,
        )
        assert placed.status_code == 200, placed.text
        first.process.kill()
        first.process.wait()
    with running_exchange(*arguments) as second:
        state = requests.get(f"{second.url}/control/state", timeout=10).json()
        assert state["now"] >= "2024-03-05T01:00:00"
        told = requests.get(f"{second.url}/control/ledger/orders", timeout=10).json()["orders"]
        assert [order["client_order_id"] for order in told] == [placed.json()["clientOrderId"]]
        assert told[0]["status"] == "FILLED"


async def test_a_fault_plan_from_the_start() -> None:
    plan = '{"kind":"rate_limit","match":{"path":"/api/v3/ping"}}'
    settings = replace(SETTINGS_OF_TESTS, fault_plan=plan)
    app = create_app(settings, ReplayClock(NOW), feed())
    async with TestClient(TestServer(app)) as client:
        assert (await Edge(app, client).ask("/api/v3/ping"))[0] == 429
    with pytest.raises(SettingsError, match="--faults: "):
        create_app(replace(settings, fault_plan='{"kind":"rain"}'), ReplayClock(NOW), feed())
