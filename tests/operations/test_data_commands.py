"""`aquatrade data` as it is typed: tables, files, exit codes, mistakes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.data.files import read_frame, write_frame
from operations.command_line import main
from tests.lab.data.planted import clean, hole, inverted, repeat, swap

run = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "market"
    write_frame(clean(1), place / "BTC_USDT-5m.feather", overwrite=True)
    write_frame(hole(clean(2), 100), place / "ETH_USDT-5m.feather", overwrite=True)
    write_frame(clean(3), place / "futures" / "BTC_USDT_USDT-5m-futures.feather", overwrite=True)
    return place


def typed(*arguments: object) -> tuple[int, str]:
    answer = run.invoke(main, ["data", *map(str, arguments)])
    return answer.exit_code, answer.output


def test_notes_pass_and_bad_does_not(folder: Path, tmp_path: Path) -> None:
    code, text = typed("check", "--data", folder)
    assert code == 0, text
    assert "1,198 rows in 3 files: 2 ok, 1 with notes, 0 bad" in text
    assert "99.50 %" in text and "1 hole" in text
    code, text = typed("check", "--data", folder, "--most-missing", "0.1")
    assert code == 1 and "bad: ETH/USDT 5m: gaps: 2 candles missing in 1 hole (0.50 %)" in text
    write_frame(inverted(clean(1), 7), folder / "BTC_USDT-5m.feather", overwrite=True)
    assert typed("check", "--data", folder)[0] == 1
    assert typed("check", "--data", folder, "--pair", "ETH/USDT", "--timeframe", "5m")[0] == 0
    (folder / "scores.feather").touch()
    (folder / "SOL_USDT-1h.feather").touch()
    files = [tmp_path / name for name in ("a.json", "a.html", "a.svg")]
    code, text = typed(
        "check", "--data", folder, "--json", files[0], "--html", files[1], "--picture", files[2]
    )
    assert code == 1 and "left out, no candle files by their names: scores.feather" in text
    told = json.loads(files[0].read_text())
    assert [one["grade"] for one in told["files"]] == ["bad", "notes", "bad", "ok"]
    assert told["left_out"] == ["scores.feather"]
    finding = told["files"][0]["findings"][0]
    at = clean(1)["date"].iloc[7].isoformat()
    assert finding["places"] == [{"first": at, "last": at, "candles": 1}]
    assert files[1].read_text().startswith("<!doctype html>")
    assert files[2].read_text().startswith("<svg")


def test_resample_and_repair_tell_what_they_did(folder: Path, tmp_path: Path) -> None:
    code, text = typed("resample", "--data", folder, "--from", "5m", "--to", "15m")
    assert code == 0 and "ETH/USDT 5m: 132 15m candles of 398, 2 left out" in text
    assert text.strip().endswith("3 written, 0 left out")
    assert typed("check", "--data", folder)[0] == 0
    assert typed("resample", "--data", folder, "--from", "5m", "--to", "15m")[0] == 1
    assert typed("resample", "--data", folder, "--from", "5m", "--to", "15m", "--overwrite")[0] == 0
    write_frame(swap(repeat(clean(1), 9), 99), folder / "BTC_USDT-5m.feather", overwrite=True)
    out = tmp_path / "out"
    code, text = typed(
        "repair", "--data", folder, "--pair", "BTC/USDT", "--timeframe", "5m", "--out", out
    )
    assert code == 0, text
    assert "401 rows in, 400 out: 2 rows put in order, 1 repeated rows dropped" in text
    assert read_frame(out / "BTC_USDT-5m.feather").equals(clean(1))
    assert len(read_frame(folder / "BTC_USDT-5m.feather")) == 401


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "--data", "nowhere"], "nowhere: no such folder"),
        (["check", "--data", "EMPTY"], "no candles, expected files like"),
        (["check", "--data", "DATA", "--pair", "X/Y"], "--pair X/Y: no candles of it"),
        (["check", "--data", "DATA", "--timeframe", "7q"], "timeframe '7q': expected"),
        (["check", "--data", "DATA", "--json", "EMPTY"], "Is a directory"),
        (["resample", "--data", "DATA", "--from", "5m", "--to", "7m"], "expected a multiple of 5m"),
        (["resample", "--data", "DATA", "--from", "5m", "--to", "soon"], "timeframe 'soon'"),
        (["repair", "--data", "DATA", "--out", "DATA"], "expected another folder than --data"),
        (["download", "--data", "EMPTY", "--pair", "BTC/USDT"], "name one of --exchange"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, folder: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    places = {"DATA": str(folder), "EMPTY": str(empty)}
    code, text = typed(*(places.get(each, each) for each in arguments))
    assert code == 2 and words in text
    assert text.strip().splitlines()[-1].startswith(f"aquatrade data {arguments[0]}: ")
    assert "Traceback" not in text
