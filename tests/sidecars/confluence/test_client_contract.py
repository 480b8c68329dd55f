"""What the sidecar answers is what the strategies' client takes, record by record."""

from collections.abc import AsyncIterator

import orjson
import pytest

from aquatrade.score_records import parse_history, parse_scores
from sidecars.common.moments import ms_of
from sidecars.confluence.answers import ScoreAnswers, history
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.test_updater import DAY, DAYS, START, Bench, FakeSource, candles_of

PAIRS = ("BTC/USDT", "ETH/USDT")


@pytest.fixture
async def bench(make_settings: MakeSettings) -> AsyncIterator[Bench]:
    settings = make_settings()
    made = Bench(settings, FakeSource(candles_of(settings.all_pairs)), START + DAYS * DAY + DAY / 2)
    await made.start()
    yield made
    made.store.close()


def test_the_batched_read(bench: Bench) -> None:
    asked_ms = ms_of(bench.clock.now())
    answer = orjson.loads(ScoreAnswers(bench.updater).latest((*PAIRS, "NO/USDT"), asked_ms))
    records, reasons = parse_scores(answer, [*PAIRS, "NO/USDT"], asked_ms)
    assert reasons == {"NO/USDT": "not among the configured pairs"}
    for pair in PAIRS:
        row, record = bench.rows(pair)[-1], records[pair]
        for name in (
            "as_of_ms", "available_at_ms", "total", "confidence", "technical", "momentum",
            "regime", "sentiment", "percentile", "vetoed",
        ):  # fmt: skip
            kept = getattr(row, name)
            expected = float("nan") if kept is None else kept
            assert getattr(record, name) == pytest.approx(expected, nan_ok=True), name


def test_the_history(bench: Bench) -> None:
    rows = bench.rows()
    frame = parse_history(orjson.loads(history("BTC/USDT", rows)), "BTC/USDT")
    assert frame["total"].tolist() == [row.total for row in rows]
    assert frame["available_at_ms"].tolist() == [row.available_at_ms for row in rows]
    assert frame["percentile"].isna().tolist() == [row.percentile is None for row in rows]
    assert frame["vetoed"].tolist() == [float(row.vetoed) for row in rows]
