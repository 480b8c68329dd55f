"""`aquatrade report` and `aquatrade compound` as they are typed: files, figures, mistakes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operations.command_line import main

run = CliRunner()


def typed(*arguments: object) -> tuple[int, str]:
    answer = run.invoke(main, [*map(str, arguments)])
    return answer.exit_code, answer.output


def test_a_result_becomes_a_page_and_its_figures(result: Path, tmp_path: Path) -> None:
    page, figures = tmp_path / "page.html", tmp_path / "page.json"
    code, text = typed("report", result, "--html", page, "--json", figures, "--title", "Dips & co")
    assert code == 0, text
    written = page.read_text()
    assert "Dips &amp; co" in written and "<svg" in written
    assert "src=" not in written and "<link" not in written  # nothing is fetched
    assert json.loads(figures.read_text())


def test_compounding_by_hand() -> None:
    code, text = typed("compound", "--capital", 1000, "--return", 10, "--return=-5")
    assert code == 0
    ends = {line.split("│")[1].strip(): line.split("│")[2].strip() for line in text.split("\n")
            if line.startswith("│")}  # fmt: skip
    # All: 1,000 x 1.1 x 0.95. Half of the base: 500 + 50 are at stake when 5 % are lost.
    assert ends == {"all": "1,045.00", "half-base": "1,022.50", "fixed": "1,050.00"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report", "nowhere.zip"), "nowhere.zip: no such file or folder"),
        (("compound",), "no returns"),
        (("compound", "--capital=-5", "--return", "1"), "a capital of -5, expected more than 0"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    code, text = typed(*arguments)
    assert code == 2
    assert words in text and len(text.strip().split("\n")) == 1
