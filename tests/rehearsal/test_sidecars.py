"""The sidecars as people start them: alone, together, with wrong settings, a source failing."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.sidecar_rig import AUTHORIZED, LAYERS, NAMES, SidecarRig
from operations.processes import Child, free_port
from operations.road import write_json

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(300)]

NOW = datetime(2025, 6, 3, 6, tzinfo=UTC)
RECENT = "2025-05-26"
# Longer than transfers may be silent before they are called unavailable.
SILENCE = timedelta(minutes=45)
GRACE_SECONDS = 5.0
WELL_SECONDS = 60.0
TOGETHER = ["-c", "from operations.command_line import main; main()", "sidecars"]
COMMANDS = {
    "confluence": ["-m", "sidecars.confluence", "serve"],
    "sentiment": ["-m", "sidecars.sentiment"],
    "onchain": ["-m", "sidecars.onchain", "serve"],
}
QUESTIONS = {
    "confluence": {"pairs": "BTC/USDT"},
    "sentiment": {"assets": "BTC"},
    "onchain": {"assets": "BTC"},
}


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SidecarRig]:
    with SidecarRig(tmp_path_factory.mktemp("sidecars"), NOW) as rig:
        rig.start_surroundings()
        yield rig


@pytest.fixture
def rig(surroundings: SidecarRig) -> SidecarRig:
    """The surroundings, with ports that nobody had before."""
    surroundings.ports = {name: free_port() for name in NAMES}
    return surroundings


def small_settings(rig: SidecarRig, name: str, folder: Path) -> dict[str, Any]:
    """Settings with little to catch up on and a database in the folder."""
    settings = rig.settings(name) | {
        "history_start": RECENT,
        "database_url": f"sqlite:///{folder / name}.sqlite",
    }
    if name == "confluence":
        return settings | {"pairs": ["BTC/USDT", "ETH/USDT"], "history_start": "2024-06-01"}
    return settings


def score_of(rig: SidecarRig, name: str) -> dict[str, Any]:
    """The one score that the sidecar answers a good question with."""
    answer = requests.get(
        f"{rig.url(name)}/v1/scores", params=QUESTIONS[name], headers=AUTHORIZED, timeout=10
    )
    assert answer.status_code == 200, answer.text
    scores: dict[str, dict[str, Any]] = answer.json()["scores"]
    assert len(scores) == 1, answer.text
    return next(iter(scores.values()))


def health_of(rig: SidecarRig, name: str) -> dict[str, Any]:
    health: dict[str, Any] = requests.get(f"{rig.url(name)}/health", timeout=10).json()
    return health


def sources_not_ok(rig: SidecarRig, name: str) -> dict[str, Any]:
    """What is said of the sources that are on and not well, by key; of all where none is."""
    health = health_of(rig, name)
    if health["status"] == "ok":
        return {}
    sources: dict[str, Any] = health.get("sources", {})
    return {
        key: each for key, each in sources.items() if each["state"] not in ("ok", "off")
    } or health


def check_that_it_answers(rig: SidecarRig, name: str) -> None:
    # A source may be asked for the first time only after the start; on a slow machine its answer
    # takes a while in which the clock of the rehearsal has long run on.
    deadline = time.monotonic() + WELL_SECONDS
    while unwell := sources_not_ok(rig, name):
        assert time.monotonic() < deadline, unwell
        with rig.hurried():
            pass
    score = score_of(rig, name)
    assert score["confidence"] > 0, score
    refused = requests.get(f"{rig.url(name)}/v1/scores", params=QUESTIONS[name], timeout=10)
    assert refused.status_code == 401
    assert set(refused.json()["error"]) == {"code", "message"}


def check_that_it_stops(rig: SidecarRig, child: Child) -> None:
    child.process.terminate()
    code = child.process.wait(GRACE_SECONDS)
    words = child.last_words()
    rig.stage.stop(child)
    assert code == 0, words
    assert "Traceback" not in words, words


def refusal(rig: SidecarRig, arguments: Sequence[str]) -> str:
    """What a command that must refuse says on stderr; its exit code is checked."""
    finished = subprocess.run(
        [sys.executable, *arguments],
        env=rig.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr, finished.stderr
    return finished.stderr.strip()


@pytest.mark.parametrize("name", NAMES)
def test_one_alone_from_its_command(rig: SidecarRig, tmp_path: Path, name: str) -> None:
    settings = small_settings(rig, name, tmp_path)
    settings.pop("layers", None)
    config = write_json(tmp_path / f"{name}.json", settings)
    child = rig.stage.start(name, [*COMMANDS[name], "-c", str(config)])
    with rig.hurried():
        rig.wait_until_ready(name, 60)
    check_that_it_answers(rig, name)
    check_that_it_stops(rig, child)


def test_all_together_and_a_source_that_fails(rig: SidecarRig, tmp_path: Path) -> None:
    sections = {name: small_settings(rig, name, tmp_path) for name in NAMES}
    # Transfers from one source alone, so that its silence is felt.
    sections["onchain"]["sources"] = {
        "etherscan": {"enabled": False},
        "blockchain_com": {"enabled": False},
        "whale_alert": {"poll_seconds": 120},
    }
    put_fault(rig, "alternative_me")
    sidecars = rig.start_sidecars(sections)
    failing = health_of(rig, "sentiment")
    assert failing["status"] == "degraded"
    assert failing["sources"]["alternative_me"]["state"] == "failing"
    assert "503" in failing["sources"]["alternative_me"]["error"]
    run_through_a_silence(rig)
    poorer, whole = score_of(rig, "sentiment"), score_of(rig, "onchain")
    assert "fear_greed" in poorer["unavailable"], poorer
    assert "whales" not in whole["unavailable"], whole

    delete_faults(rig)
    put_fault(rig, "whale_alert")
    run_through_a_silence(rig)
    score = score_of(rig, "sentiment")
    assert score["confidence"] > poorer["confidence"]
    assert "fear_greed" not in score["unavailable"]
    sources = health_of(rig, "onchain")["sources"]
    assert [key for key, each in sources.items() if each["state"] == "failing"] == ["whale_alert"]
    deaf = score_of(rig, "onchain")
    assert deaf["as_of"] > whole["as_of"], "scores go on"
    assert "whales" in deaf["unavailable"], deaf
    assert 0 < deaf["confidence"] < whole["confidence"]

    delete_faults(rig)
    run_through_a_silence(rig)
    for name in NAMES:
        check_that_it_answers(rig, name)
    score = score_of(rig, "onchain")
    assert "whales" not in score["unavailable"], score
    assert score["confidence"] > deaf["confidence"]
    check_that_it_stops(rig, sidecars.child)


def put_fault(rig: SidecarRig, source: str) -> None:
    fault = {"source": source, "kind": "server_error", "count": None, "retry_after": "none"}
    answer = requests.post(f"{rig.public_data_url}/control/faults", json=fault, timeout=10)
    assert answer.status_code == 201, answer.text


def delete_faults(rig: SidecarRig) -> None:
    requests.delete(f"{rig.public_data_url}/control/faults", timeout=10).raise_for_status()


def run_through_a_silence(rig: SidecarRig) -> None:
    assert rig.conductor is not None
    rig.conductor.run_until(rig.conductor.now() + SILENCE)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_setting_is_one_line(rig: SidecarRig, tmp_path: Path, name: str) -> None:
    settings = small_settings(rig, name, tmp_path) | {"history_start": "yesterday"}
    config = write_json(tmp_path / "wrong.json", settings)
    line = refusal(rig, [*COMMANDS[name], "-c", str(config)])
    assert len(line.splitlines()) == 1, line
    assert line.startswith(f"{name}: "), line
    assert "history_start" in line, line


def test_a_wrong_setting_of_one_of_all_is_one_line(rig: SidecarRig, tmp_path: Path) -> None:
    sections = {name: small_settings(rig, name, tmp_path) for name in NAMES}
    sections["onchain"]["asets"] = ["BTC"]
    line = refusal(rig, [*TOGETHER, "-c", str(write_json(tmp_path / "wrong.json", sections))])
    assert len(line.splitlines()) == 1, line
    assert "section 'onchain'" in line, line
    assert "'asets'" in line, line


@pytest.mark.parametrize("name", NAMES)
def test_a_port_that_is_taken_is_one_line(rig: SidecarRig, tmp_path: Path, name: str) -> None:
    settings = small_settings(rig, name, tmp_path) | {"port": rig.public_data_port}
    settings.pop("layers", None)
    config = write_json(tmp_path / "taken.json", settings)
    line = refusal(rig, [*COMMANDS[name], "-c", str(config)])
    assert len(line.splitlines()) == 1, line
    assert str(rig.public_data_port) in line, line


def test_a_port_that_is_taken_ends_all(rig: SidecarRig, tmp_path: Path) -> None:
    sections = {name: small_settings(rig, name, tmp_path) for name in LAYERS}
    sections["onchain"]["port"] = rig.public_data_port
    config = write_json(tmp_path / "taken.json", sections)
    lines = refusal(rig, [*TOGETHER, "-c", str(config)]).splitlines()
    complaints = [line for line in lines if line.startswith("aquatrade sidecars: ")]
    assert complaints == [lines[-1]], lines
    assert str(rig.public_data_port) in lines[-1], lines
