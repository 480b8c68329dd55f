import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sidecars.common.settings_file import SettingsError, load_settings


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: str = "127.0.0.1"


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    port: int = Field(1, ge=1)
    pairs: tuple[str, ...] = ()
    inner: Inner | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Outer":
        if len(set(self.pairs)) != len(self.pairs):
            raise ValueError("key 'pairs': one stands there twice")
        return self


def load(tmp_path: Path, content: Any, **environment: str) -> Outer:
    file = tmp_path / "settings.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return load_settings(Outer, file, environment, "APP")


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    content = {"port": 5, "pairs": ["A/B"], "inner": {"host": "x"}}
    assert load(tmp_path, content).port == 5
    settings = load(
        tmp_path, content, APP_PORT="7", APP_PAIRS="C/D, E/F", APP_INNER='{"host": "y"}', PORT="9"
    )
    assert settings == Outer(port=7, pairs=("C/D", "E/F"), inner=Inner(host="y"))
    assert load(tmp_path, content, APP_PAIRS='["G/H"]').pairs == ("G/H",)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"prot": 5}, "key 'prot' is unknown, expected one of port, pairs, inner"),
        ({"prot": 5}, '(did you mean "port"?)'),
        ({"inner": {"hots": 1}}, "key 'inner.hots' is unknown, expected one of host"),
        ({"inner": {"hots": 1}}, '(did you mean "host"?)'),
        ({"port": 0}, "key 'port': got 0, expected: Input should be greater than or equal to 1"),
        ({"port": "x" * 99}, "key 'port': got 'xxxxxxxxxxxxxxxx"),
        ([], "got list, expected a JSON object"),
        ("{", "is not JSON"),
    ],
)  # fmt: skip
def test_mistakes_are_one_clear_line(tmp_path: Path, content: Any, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, content)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "settings.json"))


def test_a_file_that_is_not_there_and_an_unknown_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read \(No such file"):
        load_settings(Outer, tmp_path / "no.json", {}, "APP")
    with pytest.raises(SettingsError, match=r'APP_PROT is unknown \(did you mean "APP_PORT"'):
        load(tmp_path, {}, APP_PROT="7")


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"APP_PORT": "0"}, "environment variable APP_PORT: key 'port': got 0, expected: Input"),
        ({"APP_INNER": '{"hots": 1}'}, "variable APP_INNER: key 'inner.hots' is unknown"),
        ({"APP_PAIRS": "A,A"}, "environment variable APP_PAIRS: key 'pairs': one stands there"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable_and_not_the_file(
    tmp_path: Path, environment: dict[str, str], line: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {"port": 5}, **environment)
    assert line in str(caught.value)
    assert "settings.json" not in str(caught.value)


def test_mistakes_of_the_file_and_of_the_environment_each_name_their_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {"port": 0, "prot": 1, "pairs": []}, APP_PAIRS="5")
    text = str(caught.value)
    file = tmp_path / "settings.json"
    assert text.startswith(f"{file}: key 'port': got 0")
    assert "; key 'prot' is unknown" in text
    assert "; environment variable APP_PAIRS: key 'pairs': got 5" in text
    assert text.count(str(file)) == 1
    assert "\n" not in text
