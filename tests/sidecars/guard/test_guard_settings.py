"""Settings, profiles and passwords: each mistake is one line that names the key."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sidecars.common.settings_file import SettingsError, check_settings
from sidecars.guard.command import (
    app,
    read_bot_token,
    read_passwords,
    read_rules,
    read_ws_tokens,
)
from sidecars.guard.ledger import Purse
from sidecars.guard.settings import GuardSettings

ROOT = Path(__file__).resolve().parents[3]
BOT = {
    "name": "dip", "url": "http://127.0.0.1:8080", "username": "aquatrade", "allotment": 1000,
    "stage": "live",
}  # fmt: skip


def write(folder: Path, **changes: Any) -> Path:
    profile = folder / "risk.json"
    profile.write_text(json.dumps({"aquatrade": {"risk": {"name": "lab", "reserve_pct": 24.0}}}))
    content = {
        "bots": [BOT],
        "capital": 5000,
        "profile_files": [str(profile)],
        "database_url": f"sqlite:///{folder}/guard/guard.sqlite",
        **changes,
    }
    file = folder / "guard.json"
    file.write_text(json.dumps(content))
    return file


def test_sound_settings(tmp_path: Path) -> None:
    rules = read_rules(write(tmp_path), {"AQUATRADE_GUARD_PORT": "9105"})
    assert (rules.settings.port, rules.profile.reserve_pct) == (9105, 24.0)
    assert rules.purses == (Purse.REAL,)
    assert (tmp_path / "guard").is_dir()


def test_token_and_address_of_the_guard_are_no_settings(tmp_path: Path) -> None:
    environment = {"AQUATRADE_GUARD_TOKEN": "x", "AQUATRADE_GUARD_URL": "http://127.0.0.1:8105"}
    assert read_rules(write(tmp_path), environment).settings.port == 8105


def test_token_of_bots_is_another_than_that_of_people(tmp_path: Path) -> None:
    people, bots = "a" * 16, "b" * 16
    assert read_bot_token({}, people) is None
    assert read_bot_token({"AQUATRADE_GUARD_BOT_TOKEN": bots}, people) == bots
    (tmp_path / "token").write_text(f"{bots}\n")
    environment = {"AQUATRADE_GUARD_BOT_TOKEN_FILE": str(tmp_path / "token")}
    assert read_bot_token(environment, people) == bots
    assert read_rules(write(tmp_path), environment).settings.port == 8105
    with pytest.raises(SettingsError, match="expected another token than AQUATRADE_GUARD_TOKEN"):
        read_bot_token(environment, bots)


def test_layers_of_the_profile_lie_over_one_another(tmp_path: Path) -> None:
    over = tmp_path / "over.json"
    over.write_text(json.dumps({"aquatrade": {"risk": {"reserve_pct": 10.0}}}))
    file = write(tmp_path, profile_files=[str(tmp_path / "risk.json"), str(over)])
    profile = read_rules(file, {}).profile
    assert (profile.name, profile.reserve_pct) == ("lab", 10.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"capital": -1}, "key 'capital': got -1"),
        ({"bots": []}, "key 'bots'"),
        ({"bots": [BOT, BOT]}, "key 'bots': dip stands there twice"),
        ({"bots": [{**BOT, "url": "ftp://x"}]}, "key 'bots.0.url'"),
        ({"bots": [{**BOT, "stage": "real"}]}, "key 'bots.0.stage': got 'real'"),
        ({"bots": [{**BOT, "exchange": "binanse"}]}, 'did you mean "binance'),
        ({"bots": [{**BOT, "account": "main"}]}, "key 'bots.0.account': got 'main'"),
        ({"bots": [{**BOT, "name": "guard"}]}, "key 'bots.0.name'"),
        ({"bots": [{**BOT, "allotment": 3900}]}, "the reserve is 1200, more than the capital"),
        ({"bots": [{**BOT, "allotment": 9000}]}, "more than the capital of 5000"),
        ({"profile_files": ["/nowhere.json"]}, "/nowhere.json: cannot be read"),
        ({"poll_second": 5}, 'did you mean "poll_seconds"'),
        ({"kill_file": 3}, "key 'kill_file'"),
    ],
)
def test_mistake_is_one_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_rules(write(tmp_path, **changes), {})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "key 'aquatrade.risk' is missing"),
        ({"aquatrade": {"risk": {"name": "x", "reserve": 3}}}, "key 'reserve' is unknown"),
        (
            {"aquatrade": {"risk": {"name": "x", "day": {"limit_pct": 101.0}}}},
            "key 'day.limit_pct'",
        ),
    ],
)
def test_mistake_in_a_profile(tmp_path: Path, content: dict[str, Any], words: str) -> None:
    file = write(tmp_path)
    (tmp_path / "risk.json").write_text(json.dumps(content))
    with pytest.raises(SettingsError, match=r"risk\.json") as caught:
        read_rules(file, {})
    assert words in str(caught.value)


def test_passwords(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(" of-a-file \n")
    bots = [{**BOT, "password_file": str(secret)}, {**BOT, "name": "sma-1", "allotment": 10}]
    settings = read_rules(write(tmp_path, bots=bots), {}).settings
    environment = {"AQUATRADE_BOT_PASSWORD_SMA_1": "of-the-environment"}
    assert read_passwords(settings, environment) == {
        "dip": "of-a-file",
        "sma-1": "of-the-environment",
    }
    with pytest.raises(SettingsError, match="bot sma-1: no password: set its password_file"):
        read_passwords(settings, {})
    secret.unlink()
    with pytest.raises(SettingsError, match=r"bot dip: password_file .* cannot be read"):
        read_passwords(settings, environment)


def test_tokens_of_messages(tmp_path: Path) -> None:
    (tmp_path / "ws").write_text("a-token\n")
    bots = [{**BOT, "ws_token_file": str(tmp_path / "ws")}]
    assert read_ws_tokens(read_rules(write(tmp_path, bots=bots), {}).settings) == {"dip": "a-token"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "guard: no settings: name a file with --config"),
        (["-c", "/nowhere.json"], "guard: /nowhere.json: cannot be read"),
        (["serve", "-c", "/nowhere.json"], "guard: /nowhere.json: cannot be read"),
    ],
)
def test_command_refuses_in_one_line(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(words)
    assert result.stderr.count("\n") == 1


def test_guard_needs_no_freqtrade() -> None:
    """Its image has none: whatever it shares with the bots imports none."""
    program = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('freqtrade', 'talib', 'technical'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import sidecars.guard.service, sidecars.guard.command\n"
    )
    path = os.pathsep.join([str(ROOT / "user_data/strategies"), str(ROOT)])
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": path}
    )


def test_example_for_docker_is_sound() -> None:
    content = json.loads((ROOT / "docker/guard.json").read_text())
    assert check_settings(GuardSettings, content, "docker/guard.json").bots
