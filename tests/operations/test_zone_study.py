"""A study starts only on a whole record, trusts no half-read sidecar, and says what it finds."""

import asyncio
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from aiohttp import web
from rich.console import Console

from lab.score_zones import Correlation, VetoFigures
from operations.zone_plan import INDEX_PAIRS, StudyError, plan_study
from operations.zone_screens import (
    correlation_sentence,
    interval_text,
    print_findings,
    veto_sentence,
)
from operations.zone_study import FULLY_JUDGED, SCORES_FILE, main, read_scores, refuse_unread
from sidecars.confluence.scoring import INPUTS, MAX_POINTS, PARTS
from tests.operations.zone_study_data import COINS, END, FIRST_DAY, write_record

START = datetime(2022, 8, 1, tzinfo=UTC)
STOP = END.to_pydatetime()
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("record") / "data"
    write_record(data)
    return data


def test_a_plan_takes_all_pairs_and_shows_those_asked_for(record: Path) -> None:
    plan = plan_study(record, ["ETH/USDT"], START, STOP)
    assert plan.shown == ("ETH/USDT",)
    assert plan.pairs == plan.index_pairs == tuple(f"{coin}/USDT" for coin in COINS)
    assert f"{plan.history_start:%Y-%m-%d}" == FIRST_DAY


def test_the_index_is_of_the_pairs_that_were_there_first(record: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_record(data)
    whole = pd.read_feather(data / "binance" / "BTC_USDT-1d.feather")
    for number in range(INDEX_PAIRS):
        younger = whole[number + 1 :].reset_index(drop=True)
        younger.to_feather(data / "binance" / f"AA{number:02d}_USDT-1d.feather")
    plan = plan_study(data, ["BTC/USDT"], START, STOP)
    assert len(plan.pairs) == INDEX_PAIRS + len(COINS)
    youngest = {f"AA{number}/USDT" for number in range(INDEX_PAIRS - len(COINS), INDEX_PAIRS)}
    assert set(plan.pairs) - set(plan.index_pairs) == youngest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": Path("nowhere")}, "no folder binance in it, expected a freqtrade datadir"),
        ({"shown": ["DOGE/USDT"]}, "no daily candles of DOGE/USDT"),
        ({"start": STOP}, "is not before --end"),
        ({"end": STOP + timedelta(days=30)}, "no daily candles in .* reach it"),
    ],
)
def test_what_cannot_be_studied_is_one_clear_line(
    record: Path, change: dict[str, Any], words: str
) -> None:
    arguments: dict[str, Any] = {
        "data": record, "shown": ["BTC/USDT"], "start": START, "end": STOP, **change
    }  # fmt: skip
    with pytest.raises(StudyError, match=words) as refused:
        plan_study(**arguments)
    assert "\n" not in str(refused.value)


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_record(data)
    (data / "aux" / "fear_greed.csv").unlink()
    (data / "aux" / "crypto_news.csv").unlink()
    with pytest.raises(StudyError, match=r"crypto_news\.csv, fear_greed\.csv not there"):
        plan_study(data, ["BTC/USDT"], START, STOP)


def test_a_young_pair_is_told_from_one_that_only_lacks_layers() -> None:
    points = {each.name: each.max_points for each in INPUTS}
    young = MAX_POINTS - points["sma200"] - points["drawdown"]
    without_layers = MAX_POINTS - sum(points[name] for name in ("funding", "social", "whales"))
    assert young / MAX_POINTS < FULLY_JUDGED <= without_layers / MAX_POINTS


def test_a_sidecar_that_could_not_read_a_source_is_refused() -> None:
    refuse_unread({"sources": {"candles": {"state": "ok"}, "sentiment": {"state": "ok"}}})
    with pytest.raises(StudyError, match="onchain: timed out; sentiment: not_connected"):
        refuse_unread(
            {
                "sources": {
                    "candles": {"state": "ok"},
                    "onchain": {"state": "failing", "error": "timed out"},
                    "sentiment": {"state": "not_connected"},
                }
            }
        )


async def test_records_are_read_as_they_were_first_known(aiohttp_server: Any) -> None:
    asked: list[str] = []

    async def history(request: web.Request) -> web.Response:
        asked.append(request.headers["Authorization"])
        as_of = [0, DAY_MS, DAY_MS, 2 * DAY_MS] if request.query["pair"] == "BTC/USDT" else []
        columns = {"as_of_ms": as_of, "total": [10.0, 20.0, 25.0, 30.0][: len(as_of)]}
        return web.json_response({"pair": request.query["pair"], "columns": columns})

    app = web.Application()
    app.router.add_get("/v1/scores/history", history)
    server = await aiohttp_server(app)
    end = datetime(1970, 1, 3, tzinfo=UTC)
    pairs = ("BTC/USDT", "NEW/USDT")
    scores = await asyncio.to_thread(
        read_scores, f"http://127.0.0.1:{server.port}", "secret", pairs, end
    )
    assert asked == ["Bearer secret"] * 2
    assert scores["pair"].tolist() == ["BTC/USDT"] * 2
    assert scores["total"].tolist() == [10.0, 20.0]  # no revision, and nothing as of the end
    assert scores["day"].tolist() == [pd.Timestamp(f"1970-01-0{day}", tz="UTC") for day in (1, 2)]


async def test_no_record_at_all_is_said(aiohttp_server: Any) -> None:
    async def history(request: web.Request) -> web.Response:
        return web.json_response({"columns": {"as_of_ms": [], "total": []}})

    app = web.Application()
    app.router.add_get("/v1/scores/history", history)
    server = await aiohttp_server(app)
    url = f"http://127.0.0.1:{server.port}"
    with pytest.raises(StudyError, match="no record before 2023"):
        await asyncio.to_thread(read_scores, url, "secret", ("BTC/USDT",), STOP)


def test_sentences_tell_chance_from_more() -> None:
    figures = VetoFigures(30, 100, 200, -1.0, 4.0, 5.0, (1.0, 9.0))
    assert veto_sentence(figures, 30) == (
        "30 days: without the veto +4.00 %, vetoed -1.00 %, difference +5.00 (+1.0 to +9.0): "
        "more than chance"
    )
    within = VetoFigures(30, 100, 200, -1.0, 4.0, 5.0, (-1.0, 9.0))
    assert veto_sentence(within, 30).endswith("(-1.0 to +9.0): within chance")
    few = VetoFigures(90, 100, 200, -1.0, 4.0, 5.0, None)
    assert veto_sentence(few, 90).endswith("difference +5.00: too few episodes to tell")
    assert "no day with" in veto_sentence(None, 7)
    assert interval_text(None) == "too few"
    assert correlation_sentence(Correlation(-0.04, (-0.123, 0.04)), 30).endswith(
        "without vetoed days, -0.04 (-0.12 to +0.04)"
    )


def test_the_command_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(tmp_path, "BTC/USDT", START, STOP, None, tmp_path / "work")
    assert code == 1
    assert capsys.readouterr().out.startswith("aquatrade zones: --data")
    assert not (tmp_path / "work").exists()


@pytest.mark.rehearsal
@pytest.mark.skipif(
    os.environ.get("AQUATRADE_REHEARSAL") != "full", reason="AQUATRADE_REHEARSAL=full runs it"
)
def test_a_whole_study_and_its_past_do_not_depend_on_its_end(record: Path, tmp_path: Path) -> None:
    frames = {}
    for name, end in (("whole", STOP), ("shorter", STOP - timedelta(days=60))):
        picture = tmp_path / f"{name}.svg"
        assert main(record, "BTC/USDT,ETH/USDT", START, end, picture, tmp_path / name) == 0
        assert picture.read_text().startswith("<?xml")
        frames[name] = pd.read_feather(tmp_path / name / SCORES_FILE)
    whole, shorter = frames["whole"], frames["shorter"]
    assert shorter["day"].max() == pd.Timestamp(STOP) - timedelta(days=61)
    same_days = whole[whole["day"] <= shorter["day"].max()].reset_index(drop=True)
    pd.testing.assert_frame_equal(shorter, same_days, check_exact=True)
    # At the end everything is known of BTC but social volume: headlines end before.
    bitcoin = whole.loc[whole["pair"] == "BTC/USDT", "confidence"]
    assert bitcoin.iloc[-1] == pytest.approx(0.97)


def test_tables_stay_within_a_plain_terminal() -> None:
    days = pd.date_range("2022-01-02", periods=400, freq="D", tz="UTC")
    scores = pd.DataFrame(
        {
            "pair": "BTC/USDT",
            "day": days,
            "total": [float(number % 90) for number in range(400)],
            "zone": ["AVOID", "MODERATE_BUY"] * 200,
            "vetoed": [number % 5 == 0 for number in range(400)],
            **{part: [float(number % 7) for number in range(400)] for part in PARTS},
            "percentile": [None] * 50 + [50.0] * 350,
            "zone_by_percentile": [None] * 50 + ["AVOID"] * 350,
        }
    )
    closes = {"BTC/USDT": pd.Series([100.0 + number for number in range(500)], name="close")}
    closes["BTC/USDT"].index = pd.date_range("2022-01-02", periods=500, freq="D", tz="UTC")
    console = Console(file=io.StringIO(), width=118)
    print_findings(console, "BTC", scores, closes, STOP)
    output = console.file
    assert isinstance(output, io.StringIO)
    text = output.getvalue()
    assert "zones by points" in text and "zones by percentile" in text
    assert "MODERATE_BUY" in text and "rank correlation" in text
    assert "…" not in text
