from pathlib import Path

import pytest

from sidecars.common.settings_file import SettingsError
from sidecars.common.tokens import read_token

TOKEN = "0123456789abcdef"


def test_from_the_environment_or_else_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}-file\n")
    assert read_token({"T": f" {TOKEN} "}, "T") == TOKEN
    assert read_token({"T_FILE": str(file)}, "T") == f"{TOKEN}-file"
    assert read_token({"T": TOKEN, "T_FILE": str(file)}, "T") == TOKEN


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "no token: set T, or T_FILE to a file that holds one"),
        ({"T": " "}, "no token"),
        ({"T": "short"}, "T: expected at least 16 printable"),
        ({"T": "0123456789abcdé0"}, "T: expected at least 16 printable"),
        ({"T_FILE": "/no/such/file"}, "T_FILE (/no/such/file): cannot be read (No such file"),
    ],
)
def test_without_a_good_one_there_is_one_clear_line(environment: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_token(environment, "T")
    assert str(caught.value).startswith(line)
    assert "short" not in str(caught.value).replace("too short", "")
