"""`aquatrade why` from a bot's own log: what is said, and that the log is only read."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aquatrade.bot_store import RiskStore
from aquatrade.event_log import Event
from operations.command_line import main
from operations.why import LAST_CANDLES, WhyError, read_question, why_lines

CANDLE = datetime(2026, 3, 12, 13, tzinfo=UTC)
VERDICT = {"decision": "REJECT", "reasons": [{"text": "heat 6.2 %"}, {"text": "quiet hours"}]}


def told(hours: int = 0, pair: str = "BTC/USDT") -> list[Event]:
    candle = CANDLE + timedelta(hours=hours)
    at = candle + timedelta(hours=1, seconds=3)
    return [
        Event(at, "dip", "verdict", "REJECT", pair, candle, {"verdict": VERDICT}),
        Event(at, "dip", "signal", f"{pair} long signal refused: heat 6.2 %; quiet hours", pair,
              candle, {"became": "refused"}),
    ]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> RiskStore:
    """Still open, as that of a running bot."""
    made = RiskStore(f"sqlite:///{tmp_path / 'dip 100%-risk.sqlite'}", "dip")
    made.append([*told(), *told(pair="ETH/USDT")])
    return made


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "dip 100%-risk.sqlite"


def asked(tmp_path: Path, *words: str) -> str:
    command = ["why", *words, "--database", str(file_of(tmp_path))]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_candle_is_explained_with_every_reason(tmp_path: Path, store: RiskStore) -> None:
    for candle in ("2026-03-12T13:00", "2026-03-12T13:00:00Z", "2026-03-12T14:00+01:00"):
        assert asked(tmp_path, "btc/usdt", "--candle", candle).splitlines() == [
            "dip  BTC/USDT, candle of 2026-03-12T13:00:00Z: refused",
            "  BTC/USDT long signal refused: heat 6.2 %; quiet hours",
            "  2026-03-12 14:00:03  Refused in the bot:",
            "      - heat 6.2 %",
            "      - quiet hours",
            "  2026-03-12 14:00:03  Signal: BTC/USDT long signal refused: heat 6.2 %; quiet hours",
        ]


def test_without_a_candle_the_last_ones_are_told(tmp_path: Path, store: RiskStore) -> None:
    for hours in range(1, 9):
        store.append(told(hours))
    said = asked(tmp_path, "BTC/USDT")
    heads = [line for line in said.splitlines() if line.startswith("dip")]
    assert len(heads) == LAST_CANDLES
    assert heads[0] == "dip  BTC/USDT, candle of 2026-03-12T21:00:00Z: refused"


def test_nothing_said_is_said(tmp_path: Path, store: RiskStore) -> None:
    assert "nothing was said; no bot told of a signal" in asked(tmp_path, "SOL/USDT")
    assert "nothing was said by sma" in asked(tmp_path, "BTC/USDT", "--bot", "sma")


def test_the_log_is_only_read(tmp_path: Path, store: RiskStore) -> None:
    before = list(sqlite3.connect(file_of(tmp_path)).iterdump())
    asked(tmp_path, "BTC/USDT")
    assert list(sqlite3.connect(file_of(tmp_path)).iterdump()) == before
    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).execute("CREATE TABLE trades (id INTEGER)").connection.close()
    with pytest.raises(WhyError, match="holds no risk events"):
        why_lines(read_question("BTC/USDT", None, None), None, other, None)
    tables = sqlite3.connect(other).execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("trades",)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["BTC"], "pair: got 'BTC', expected one like BTC/USDT"),
        (["BTC/USDT", "--candle", "noon"], "candle: got 'noon', expected the moment"),
        (["BTC/USDT", "--database", "/nowhere.sqlite"], "there is no such file"),
        (["BTC/USDT", "--database", __file__], "cannot be read (file is not a database)"),
        (["BTC/USDT", "--url", "http://127.0.0.1:9"], "is `aquatrade guard` running?"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUATRADE_GUARD_TOKEN", "0123456789abcdef")
    result = CliRunner().invoke(main, ["why", *words])
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert os.linesep not in result.stdout
