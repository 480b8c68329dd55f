"""Where keys of sources come from."""

import json
from pathlib import Path

import pytest

from sidecars.common.keys import read_key
from sidecars.common.settings_file import SettingsError

NAME = "AQUATRADE_ETHERSCAN_KEY"


def test_the_variable_comes_before_its_file_and_that_before_the_file_of_all(tmp_path: Path) -> None:
    own, every = tmp_path / "own", tmp_path / "keys.json"
    own.write_text("from-own-file\n")
    every.write_text(json.dumps({NAME: "from-all"}))
    environment = {NAME: "direct", f"{NAME}_FILE": str(own), "AQUATRADE_KEYS_FILE": str(every)}
    assert read_key(environment, NAME) == "direct"
    del environment[NAME]
    assert read_key(environment, NAME) == "from-own-file"
    del environment[f"{NAME}_FILE"]
    assert read_key(environment, NAME) == "from-all"
    assert read_key(environment, "AQUATRADE_OTHER_KEY") is None
    assert read_key({}, NAME) is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[]", "expected a JSON object"),
        ("{", "expected a JSON object"),
        ('{"AQUATRADE_ETHERSCAN_KEY": 5}', "is no text"),
        ('{"AQUATRADE_ETHERSCAN_KEY": "a b"}', "printable ASCII"),
    ],
)
def test_a_wrong_file_is_one_line_without_the_key(
    tmp_path: Path, content: str, expected: str
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match=expected) as refused:
        read_key({"AQUATRADE_KEYS_FILE": str(file)}, NAME)
    assert "a b" not in str(refused.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_key({f"{NAME}_FILE": str(tmp_path / "none")}, NAME)
