"""The command that runs all sidecars, and the one that shows cards: wrong input is one line."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from operations.command_line import main
from operations.luno_cards import CardsError, cards_text
from operations.sidecars import DEFAULT_SETTINGS, own_token, read_sidecars
from sidecars.common.settings_file import SettingsError


def written(folder: Path, content: Any) -> Path:
    file = folder / "sidecars.json"
    file.write_text(json.dumps(content))
    return file


def layer(folder: Path, **changes: Any) -> dict[str, Any]:
    return {"database_url": f"sqlite:///{folder / 'db' / 'layer.sqlite'}", **changes}


def test_the_shipped_settings_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sidecars = read_sidecars(DEFAULT_SETTINGS, {})
    assert [each.name for each, _ in sidecars.layers] == ["sentiment", "onchain"]
    assert sidecars.confluence is not None
    assert sidecars.confluence.monitor is not None
    addresses = {name: f"http://127.0.0.1:{each.port}" for (name, each) in [
        (definition.name, settings) for definition, settings in sidecars.layers
    ]}  # fmt: skip
    assert sidecars.confluence.connected_layers == addresses
    assert (tmp_path / "var" / "sidecars").is_dir()


def test_only_the_sections_that_are_there_run(tmp_path: Path) -> None:
    sidecars = read_sidecars(written(tmp_path, {"onchain": layer(tmp_path)}), {})
    assert (sidecars.confluence, [each.name for each, _ in sidecars.layers]) == (None, ["onchain"])


def test_the_environment_overrides_its_own_section(tmp_path: Path) -> None:
    file = written(tmp_path, {"onchain": layer(tmp_path), "sentiment": layer(tmp_path)})
    sidecars = read_sidecars(file, {"AQUATRADE_ONCHAIN_PORT": "9000"})
    ports = {each.name: settings.port for each, settings in sidecars.layers}
    assert ports == {"sentiment": 8102, "onchain": 9000}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, "no section"),
        ({"onchian": {}}, "section 'onchian' is unknown.*did you mean \"onchain\""),
        ({"onchain": []}, "section 'onchain': got list, expected an object"),
        ({"onchain": {"assets": ["btc"]}}, "section 'onchain': key 'assets.0'"),
        ({"onchain": {"sources": {"glasnode": {}}}}, "key 'sources.glasnode' is unknown"),
        ({"sentiment": {"record_every_seconds": 1}}, "key 'record_every_seconds'"),
        ({"sentiment": {"public_data_url": "ftp://x"}}, "key 'public_data_url'"),
        ({"confluence": {}}, "key 'pairs' is missing"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, content: Any, expected: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(SettingsError, match=expected) as refused:
        read_sidecars(file, {})
    assert "\n" not in str(refused.value)
    result = CliRunner().invoke(main, ["sidecars", "-c", str(file)])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_token_is_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "var" / "token"
    token = own_token({}, file)
    assert own_token({}, file) == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert own_token({"AQUATRADE_SCORES_TOKEN": "0123456789abcdef"}, file) == "0123456789abcdef"


def test_cards_of_nobody_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", "0123456789abcdef")
    with pytest.raises(CardsError, match="is `aquatrade sidecars` running") as refused:
        cards_text("http://127.0.0.1:9", None, chat=False, token_file=tmp_path / "none")
    assert "\n" not in str(refused.value)


def test_cards_without_a_token_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AQUATRADE_SCORES_TOKEN", raising=False)
    with pytest.raises(CardsError, match="no token: set AQUATRADE_SCORES_TOKEN"):
        cards_text("http://127.0.0.1:9", None, chat=False, token_file=tmp_path / "none")
