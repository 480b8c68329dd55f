"""`aquatrade guard` and its commands, against the real service with a bot that answers."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner, Result

from operations.command_line import main
from operations.processes import free_port
from sidecars.common.clock import SystemClock
from tests.sidecars.guard.fake_bot import PASSWORD, USER, FakeBot

TOKEN = "0123456789abcdef"
RUN = "from operations.command_line import main; main()"
START_SECONDS = 90.0
# A request for an entry that a person has to answer.
CHECK = {
    "bot": "dip", "process": "p1", "dry_run": True,
    "exchange": "binance", "family": "dip", "pair": "BTC/USDT", "side": "long",
    "stake": 100.0, "rate": 50000.0, "stop_rate": 48000.0, "leverage": 1.0, "cost_rate": 0.0015,
    "is_increase": False, "score": 71.5, "min_stake": 5.0, "candle": "2026-03-12T13:00:00Z",
    "tag": "crash", "signal_until": "2199-01-01T00:00:00Z",
}  # fmt: skip


def run_bot(bot: FakeBot, started: threading.Event, stop: threading.Event) -> None:
    async def serve() -> None:
        await bot.start()
        started.set()
        await asyncio.to_thread(stop.wait)
        await bot.stop()

    asyncio.run(serve())


@pytest.fixture(scope="module")
def bot() -> Iterator[FakeBot]:
    made = FakeBot(now=SystemClock().now)
    started, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=run_bot, args=(made, started, stop))
    thread.start()
    assert started.wait(20)
    yield made
    stop.set()
    thread.join(20)


@pytest.fixture(scope="module")
def url(bot: FakeBot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A guard that runs, over one bot in hybrid mode."""
    folder = tmp_path_factory.mktemp("guard")
    risk = folder / "risk.json"
    risk.write_text(json.dumps({"aquatrade": {"risk": {
        "name": "test", "max_exposure_pct": 60.0, "day": {"limit_pct": 3.0},
    }}}))  # fmt: skip
    port = free_port()
    settings = folder / "guard.json"
    settings.write_text(json.dumps({
        "bots": [{"name": "dip", "url": bot.url, "username": USER, "stage": "hybrid",
                  "allotment": 1000.0, "family": "dip"}],
        "capital": 5000.0, "profile_files": [str(risk)], "port": port, "poll_seconds": 0.5,
        "database_url": f"sqlite:///{folder / 'guard.sqlite'}",
    }))  # fmt: skip
    environment = {
        **os.environ, "AQUATRADE_GUARD_TOKEN": TOKEN, "AQUATRADE_BOT_PASSWORD_DIP": PASSWORD,
    }  # fmt: skip
    log = folder / "log"
    with log.open("wb") as stream:
        command = [sys.executable, "-c", RUN, "guard", "-c", str(settings)]
        process = subprocess.Popen(command, env=environment, stderr=stream)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_active(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def wait_until_active(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    state = "no answer"
    while time.monotonic() < ends and process.poll() is None:
        try:
            health = requests.get(f"{address}/health", timeout=2).json()
            state = f"{health['state']}: {health['reasons']}"
            if health["state"] == "ACTIVE":
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the guard is not ACTIVE but {state}; {log.read_text()[-2000:]}")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # where no token of a real guard lies
    monkeypatch.setenv("AQUATRADE_GUARD_TOKEN", TOKEN)


def run(*words: str, text: str = "") -> Result:
    return CliRunner().invoke(main, ["guard", *words], input=text)


def said(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.output.replace("\u00a0", " ")


def test_status_of_a_guard_that_runs(url: str) -> None:
    text = said("status", "--url", url)
    assert text.startswith("ACTIVE  Bots may open new trades")
    assert "Total exposure" in text
    assert re.search(r"dip +hybrid +running +1,000.00 USDT", text)
    content = json.loads(said("status", "--url", url, "--json"))
    assert (content["state"]["state"], content["book"]["capital"]) == ("ACTIVE", 5000.0)


def test_the_address_may_come_from_the_environment(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUATRADE_GUARD_URL", url)
    assert said("status").startswith("ACTIVE")


def test_kill_and_resume(url: str) -> None:
    assert said("kill", "the exchange is odd", "--url", url) == "All new trades are stopped.\n"
    text = said("status", "--url", url)
    assert text.startswith("HALTED")
    assert "the exchange is odd" in text
    assert "command of" in said("events", "--url", url, "--kind", "kill")
    assert "Lifted: kill. The guard is now ACTIVE." in said("resume", "kill", "--url", url)
    again = run("resume", "kill", "--url", url)
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "the kill switch is not on" in again.stderr


def test_closing_everything_is_asked_twice(url: str) -> None:
    refused = run("kill", "--close", "--url", url, text="n\n")
    assert refused.exit_code == 1
    # Whoever hesitates to close has stopped all new trades all the same.
    assert said("status", "--url", url).startswith("HALTED")
    assert "All positions are being closed" in said("kill", "--close", "--yes", "--url", url)
    said("resume", "kill", "--url", url)


def test_a_waiting_entry_is_approved_or_rejected(url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answers = [
        requests.post(f"{url}/v1/checks", json={**CHECK, "pair": pair}, headers=headers, timeout=9)
        for pair in ("BTC/USDT", "ETH/USDT")
    ]
    first, second = (str(answer.json()["approval"]) for answer in answers)
    text = said("approvals", "--url", url)
    assert f"{first}  dip: BTC/USDT long, 100.00 USDT" in text
    assert said("approve", first, "--url", url) == f"{first}: approved.\n"
    assert said("reject", second, "--url", url) == f"{second}: rejected.\n"
    assert "Nothing waits" in said("approvals", "--url", url)
    assert f"{first}  dip: BTC/USDT long: may enter by command of" in said(
        "approvals", "--url", url
    )
    for word, number in (("approve", second), ("reject", "no such/one")):
        result = run(word, number, "--url", url)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    why = CliRunner().invoke(
        main, ["why", "ETH/USDT", "--candle", "2026-03-12T13:00", "--url", url]
    ).output  # fmt: skip
    assert "dip  ETH/USDT, candle of 2026-03-12T13:00:00Z: refused" in why
    assert "waits for a person's yes" in why


def test_events_the_newest_last(url: str) -> None:
    lines = said("events", "--url", url, "--limit", "3").splitlines()
    assert len(lines) == 3
    numbers = [int(re.findall(r"#(\d+)", line)[0]) for line in lines]
    assert numbers == sorted(numbers)
    events = json.loads(said("events", "--url", url, "--limit", "3", "--json"))["events"]
    assert [event["seq"] for event in events] == numbers[::-1]


def test_comparing_now(url: str) -> None:
    assert said("reconcile", "--url", url) == "Exchanges and bots agree.\n"


def test_its_pages_are_served_by_the_same_process(url: str) -> None:
    session = requests.Session()
    headers = {"Sec-Fetch-Site": "same-origin"}
    session.post(f"{url}/login", data={"token": TOKEN}, headers=headers, timeout=9)
    page = session.get(f"{url}/", timeout=9).text
    assert "Bots may open new trades within the limits." in page
    assert "Chain verified" in session.get(f"{url}/events", timeout=9).text


def test_no_guard_and_wrong_tokens_are_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = run("status", "--url", "http://127.0.0.1:9")
    assert "is `aquatrade guard` running?" in nobody.stderr
    monkeypatch.setenv("AQUATRADE_GUARD_TOKEN", "a-wrong-token-000")
    wrong = run("status", "--url", url)
    assert "Bearer" in wrong.stderr
    monkeypatch.delenv("AQUATRADE_GUARD_TOKEN")
    without = run("status", "--url", url)
    assert "no token: set AQUATRADE_GUARD_TOKEN" in without.stderr
    for result in (nobody, wrong, without):
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


def test_without_a_token_one_is_made_for_the_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AQUATRADE_GUARD_TOKEN")
    result = run("-c", str(tmp_path / "missing.json"))
    assert "missing.json: cannot be read" in result.stderr
    made = tmp_path / "var" / "sidecars" / "token"
    assert str(made.relative_to(tmp_path)) in result.stderr
    assert made.stat().st_mode & 0o777 == 0o600


def test_a_start_without_settings_or_with_wrong_ones_is_one_line(tmp_path: Path) -> None:
    assert "name a file with --config" in run().stderr
    wrong = tmp_path / "guard.json"
    wrong.write_text('{"botz": []}')
    result = run("-c", str(wrong))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "botz" in result.stderr
