"""What freqtrade is asked for, and a download from the replay exchange."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.data.download import Download, arguments_of, check_wishes, config_of
from lab.data.files import DataError, find_files, read_frame
from operations.command_line import main
from sidecars.replay.client_config import freqtrade_exchange_config
from sidecars.replay.market.timeframes import HOUR_MS
from tests.sidecars.replay.edge_rig import running_exchange
from tests.sidecars.replay.futures_fakes import HOURS, write_perpetual
from tests.sidecars.replay.market_fakes import seeded_candles, write_candles

WISH = Download(Path("data"), ("BTC/USDT",), ("1h", "5m"), exchange="binance")
IS_FULL = os.environ.get("AQUATRADE_REHEARSAL") == "full"


def test_what_freqtrade_is_started_with(tmp_path: Path) -> None:
    wish = replace(WISH, folder=tmp_path, timerange="20240101-", trading_mode="futures")
    assert arguments_of(wish, Path("user"), []) == [
        "download-data", "--userdir", "user", "--datadir", str(tmp_path),
        "--data-format-ohlcv", "feather", "--trading-mode", "futures",
        "--timeframes", "1h", "5m", "--exchange", "binance",
        "--pairs", "BTC/USDT", "--timerange", "20240101-",
    ]  # fmt: skip
    layered = replace(WISH, exchange=None, pairs=(), days=3, configs=(Path("a"), Path("b")))
    own = arguments_of(layered, Path("user"), layered.configs)
    assert own[-6:-2] == ["-c", str(Path("a").resolve()), "-c", str(Path("b").resolve())]
    assert own[-2:] == ["--days", "3"] and "--pairs" not in own


def test_the_config_around_an_exchange_section() -> None:
    section = freqtrade_exchange_config("http://127.0.0.1:1", "ws://127.0.0.1:1")
    config = config_of(replace(WISH, section=section, trading_mode="futures"))
    assert config["exchange"]["pair_whitelist"] == ["BTC/USDT"]
    assert config["exchange"]["only_from_ccxt"] is True
    assert (config["margin_mode"], config["dry_run"]) == ("isolated", True)
    assert "margin_mode" not in config_of(WISH)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (replace(WISH, exchange=None), "name one of --exchange, --config and --replay"),
        (replace(WISH, section={}), "name one of --exchange, --config and --replay"),
        (replace(WISH, pairs=()), "--pair: expected at least one"),
        (replace(WISH, trading_mode="margin"), "--trading-mode margin: expected spot or futures"),
        (replace(WISH, days=3, timerange="20240101-"), "--days and --timerange"),
        (replace(WISH, timeframes=("1x",)), "timeframe '1x': expected"),
        (replace(WISH, exchange=None, configs=(Path("none.json"),)), "none.json: no such file"),
    ],
)
def test_what_cannot_be_asked_for(wish: Download, words: str) -> None:
    with pytest.raises(DataError, match=words):
        check_wishes(wish)


@pytest.mark.rehearsal
@pytest.mark.timeout(240)
@pytest.mark.skipif(not IS_FULL, reason="AQUATRADE_REHEARSAL=full downloads from the exchange")
@pytest.mark.parametrize("mode", ["spot", "futures"])
def test_a_download_from_the_replay_exchange(tmp_path: Path, mode: str) -> None:
    recorded, data = tmp_path / "recorded", tmp_path / "data"
    recorded.mkdir()
    # Like those of the perpetual: few of them without volume.
    spot = seeded_candles(HOURS, HOUR_MS, seed=1)
    write_candles(recorded, "BTC/USDT", "1h", spot)
    candles, _ = write_perpetual(recorded, "BTC/USDT")
    pair = "BTC/USDT" if mode == "spot" else "BTC/USDT:USDT"
    with running_exchange("--data", str(recorded), "--start", "2024-01-10T12:00:00") as exchange:
        answer = CliRunner().invoke(
            main,
            ["data", "download", "--data", str(data), "--pair", pair, "--replay", exchange.url,
             "--timerange", "20240101-20240109", "--trading-mode", mode],
        )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    found, others = find_files(data)
    assert others == [] and "0 bad" in answer.output
    assert [file.kind for file in found] == (
        ["spot"] if mode == "spot" else ["futures", "mark", "funding_rate"]
    )
    stored, source = read_frame(found[0].path), spot if mode == "spot" else candles
    assert len(stored) >= 8 * 24
    assert stored["close"].tolist() == source.close[: len(stored)].tolist()
    assert found[0].name in answer.output
