"""`aquatrade suite` and `aquatrade fleet` as they are typed: tables, files, mistakes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.suite import WHOLE, read_results
from operations.command_line import main
from tests.lab.suite_market import PAIRS, write_market

run = CliRunner()


@pytest.fixture(scope="module")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.mark.timeout(300)
def test_a_whole_suite_and_its_page_again_without_measuring(datadir: Path, tmp_path: Path) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text("# Kept\n\n<!-- suite -->\nstale\n<!-- /suite -->\n\nafter\n")
    answer = run.invoke(
        main,
        ["suite", "--data", str(datadir), "--strategy", "BuyTheDip", "--preset", "specified",
         "--cost", "0.3", "--json", str(figures), "--markdown", str(page)],
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert "2/2 BuyTheDip specified, 0.3 % a side, per stake" in answer.output
    assert "BuyTheDip specified" in answer.output and "3 to 5 trades a week" in answer.output
    text = page.read_text()
    assert text.startswith("# Kept\n") and text.endswith("after\n") and "stale" not in text
    assert "### Targets, as traded, all years" in text
    rows = read_results([figures]).rows
    assert [row.as_traded for row in rows] == [True, False]
    assert rows[0].pairs == PAIRS and rows[0].lost_when_measured
    assert rows[0].periods[WHOLE].trades.trades > 3
    again = run.invoke(
        main, ["suite", "--results", str(figures), "--markdown", str(tmp_path / "b.md")]
    )
    assert again.exit_code == 0, again.output
    tables = (tmp_path / "b.md").read_text()
    assert tables.strip() in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["suite"], "name a folder with --data"),
        (["suite", "--data", "nowhere"], "nowhere: no such folder"),
        (["suite", "--data", "DATA", "--strategy", "Nothing"], "'Nothing' is unknown"),
        (["suite", "--data", "DATA", "--preset", "crsh"], "'crsh' is unknown"),
        (["suite", "--data", "DATA", "--cost", "9"], "--cost 9: expected a percentage"),
        (["suite", "--results", "none.json"], "none.json: No such file"),
        (["fleet", "--data", "nowhere"], "nowhere: no such folder"),
        (["fleet", "--data", "EMPTY"], "candles of a pair of fleet-"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    arguments: list[str], words: str, datadir: Path, tmp_path: Path
) -> None:
    places = {"DATA": str(datadir), "EMPTY": str(tmp_path)}
    answer = run.invoke(main, [places.get(each, each) for each in arguments])
    assert answer.exit_code == 1
    assert words in answer.output
    assert len(answer.output.strip().splitlines()) == 1


def test_the_fleets_layers_are_of_shipped_bots_and_share_the_spot_part() -> None:
    folder = Path(__file__).resolve().parents[2] / "user_data" / "config"
    shares = {
        file.stem.removeprefix("fleet-"): json.loads(file.read_text())["available_capital"]
        for file in folder.glob("fleet-*.json")
    }
    whole = sum(shares.values())
    # Of 75 parts: what the suggested fleet leaves after its futures leg.
    for name, parts in (("trend", 40), ("dip", 20), ("cross", 15)):
        assert shares[name] / whole == pytest.approx(parts / 75, abs=1e-3)
