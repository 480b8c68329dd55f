"""Golden backtests of BuyTheDip: candles written by hand, the trades that must come out, and why.

Before each table come 460 quiet hours: SMA(200) stands at 86, EMA(24) at almost 100.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from freqtrade.exceptions import OperationalException

from tests.aquatrade.fake_sidecar import DAY_MS, TOKEN, running_sidecar, score_record
from tests.strategies.candle_tables import (
    HOUR,
    PAIR,
    QUIET_HOURS,
    START,
    Expected,
    Row,
    as_expected,
    backtest,
    fingerprint,
    flat,
    move,
    path,
    profit_ratio,
    seeded_rows,
)

CRASH = [move(100, 88)]
SLIDE = path(*[100 - 0.2 * step for step in range(14)])  # 13 falls of 0.2, RSI 0
ANSWERS = [move(97.4, 97.2, volume=200.0)]  # the 14th, on twice the volume
DIP = [*SLIDE, *ANSWERS]


@dataclass(frozen=True)
class Golden:
    why: str
    preset: str
    rows: list[Row]
    trades: list[Expected]
    rsi_method: str = "simple"


GOLDEN = [
    Golden(
        "12 % down in an hour, above SMA(200): bought at the next open, sold when a close is back "
        "above EMA(24)",
        "crash",
        [*CRASH, *path(88, 90, 92, 94, 99), *[flat(99)] * 3],
        [Expected(1, 88.0, 5, 99.0, "above_mean")],
    ),
    Golden(
        "12 % down over 6 h is a crash, on the close that makes it 12 % (10 % is not enough)",
        "crash",
        [*path(100, 98, 96, 94, 92, 90, 88), *path(88, 99), *[flat(99)] * 3],
        [Expected(6, 88.0, 7, 99.0, "above_mean")],
    ),
    Golden(
        "12.8 % down over 8 h is none: no six hours of it lost more than 10 %",
        "crash",
        [*path(*[100 - 1.6 * step for step in range(9)]), *path(87.2, 99), *[flat(99)] * 3],
        [],
    ),
    Golden(
        "9.9 % down is no crash",
        "crash",
        [move(100, 90.1), *path(90.1, 100), *[flat(100)] * 3],
        [],
    ),
    Golden(
        "10.1 % down is one",
        "crash",
        [move(100, 89.9), *path(89.9, 100), *[flat(100)] * 3],
        [Expected(1, 89.9, 2, 100.0, "above_mean")],
    ),
    Golden(
        "under SMA(200) after the fall: the long trend is broken, nothing is bought",
        "crash",
        [move(100, 84), *path(84, 99), *[flat(99)] * 3],
        [],
    ),
    Golden(
        "no rebound for 48 h: out at the open of the 49th candle, whatever the price",
        "crash",
        [*CRASH, *[flat(88)] * 20, *path(88, 87), *[flat(87)] * 40],
        [Expected(1, 88.0, 49, 87.0, "roi")],
    ),
    Golden(
        "20 % under the entry the stop takes it; what is then a crash no more is not bought again",
        "crash",
        [*CRASH, (88, 88, 60, 62, 100), *[flat(62)] * 8],
        [Expected(1, 88.0, 1, 70.4, "stop_loss")],
    ),
    Golden(
        "stopped inside a candle that closes as a crash above SMA(200): bought again at once",
        "crash",
        [*CRASH, (88, 88, 70, 88, 100), *path(88, 99), *[flat(99)] * 3],
        [
            Expected(1, 88.0, 1, 70.4, "stop_loss"),
            Expected(2, 88.0, 3, 99.0, "above_mean"),
        ],
    ),
    Golden(
        "a gap through the stop is sold at the open it left, not at the stop",
        "crash",
        [*CRASH, flat(88), (60, 62, 58, 60, 100), *[flat(60)] * 8],
        [Expected(1, 88.0, 2, 60.0, "stop_loss")],
    ),
    Golden(
        "9 % down is enough for crash_often",
        "crash_often",
        [move(100, 91), *path(91, 100), *[flat(100)] * 3],
        [Expected(1, 91.0, 2, 100.0, "above_mean", tag="crash_often")],
    ),
    Golden(
        "crash_often gives up at 15 %",
        "crash_often",
        [move(100, 91), (91, 91, 77, 78, 100), *[flat(78)] * 8],
        [Expected(1, 91.0, 1, 77.35, "stop_loss", tag="crash_often")],
    ),
    Golden(
        "RSI under 30 on 1.9 x the mean volume above SMA(200): bought; +5 % after fees takes it",
        "specified",
        [*DIP, (97.2, 104.0, 97.2, 103.0, 100.0), *[flat(103)] * 3],
        [Expected(14, 97.2, 14, 102.2643, "roi", tag="specified")],
    ),
    Golden(
        "the same dip on common volume is none",
        "specified",
        [*SLIDE, move(97.4, 97.2), (97.2, 104.0, 97.2, 103.0, 100.0), *[flat(103)] * 3],
        [],
    ),
    Golden(
        "2 % under the entry the stop takes it",
        "specified",
        [*DIP, (97.2, 97.2, 95.0, 95.2, 100.0), *[flat(95.2)] * 3],
        [Expected(14, 97.2, 14, 95.256, "stop_loss", tag="specified")],
    ),
    Golden(
        "ten rises of 0.25 after fourteen falls of 0.2 lift RSI over 70: sold at the next open",
        "specified",
        [*DIP, *path(*[97.2 + 0.25 * step for step in range(11)]), *[flat(99.7)] * 2],
        [Expected(14, 97.2, 24, 99.7, "rsi_high", tag="specified")],
    ),
    Golden(
        "Wilder's RSI has no quiet past to forget: the same dip, the same trade",
        "specified",
        [*DIP, (97.2, 104.0, 97.2, 103.0, 100.0), *[flat(103)] * 3],
        [Expected(14, 97.2, 14, 102.2643, "roi", tag="specified")],
        rsi_method="wilder",
    ),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden.why[:60] for golden in GOLDEN])
def test_golden(golden: Golden, tmp_path: Path) -> None:
    section = {"preset": golden.preset, "rsi_method": golden.rsi_method}
    trades = backtest(tmp_path, {PAIR: golden.rows}, section)
    assert as_expected(trades) == golden.trades, golden.why
    for expected, ratio in zip(golden.trades, trades["profit_ratio"], strict=False):
        assert ratio == pytest.approx(profit_ratio(expected), abs=1e-6)


def test_the_score_filter_lets_one_through_and_refuses_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pairs crash alike; one has a score of 60, the other of 59.9. The threshold is 60."""
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    first_ms = int(START.timestamp() * 1000)
    rows = [*CRASH, *path(88, 90, 92, 94, 99), *[flat(99)] * 3]
    tables = {PAIR: rows, "ETH/USDT": rows}
    trade = Expected(1, 88.0, 5, 99.0, "above_mean", tag="crash_conf60")
    with running_sidecar() as sidecar:
        sidecar.records = [
            score_record(pair, first_ms + day * DAY_MS, total=total)
            for pair, total in ((PAIR, 60.0), ("ETH/USDT", 59.9))
            for day in range(-1, 22)
        ]
        scores: dict[str, Any] = {"url": sidecar.url, "filter": True}
        assert as_expected(backtest(tmp_path, tables, {"scores": scores})) == [trade]
        unfiltered = backtest(tmp_path, tables, {"scores": scores | {"filter": False}})
        assert [each.tag for each in as_expected(unfiltered)] == ["crash_conf60", "crash_conf50"]
        stricter = backtest(tmp_path, tables, {"scores": scores | {"threshold": 61}})
        assert as_expected(stricter) == []


def test_a_score_that_came_after_the_close_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The good score comes a millisecond after the crash candle's close: not known, not used."""
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    close_ms = int((START + (QUIET_HOURS + 1) * HOUR).timestamp() * 1000)
    rows = [*CRASH, *path(88, 99), *[flat(99)] * 3]
    early = score_record(PAIR, close_ms - DAY_MS * 20, total=40.0)
    section: dict[str, Any] = {"filter": True, "max_age_hours": 720.0}
    with running_sidecar() as sidecar:
        for late_ms, tags in ((0, ["crash_conf60"]), (1, [])):
            sidecar.records = [early, score_record(PAIR, close_ms + late_ms, total=66.0)]
            sidecar.formula = f"formula-{late_ms}"
            scores = section | {"url": sidecar.url}
            trades = backtest(tmp_path, {PAIR: rows}, {"scores": scores})
            assert [each.tag for each in as_expected(trades)] == tags


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 503}, "no scores of BTC/USDT from 2024-01-01.*HTTP 503"),
        ({"body": b"{}"}, "no scores of BTC/USDT.*column"),
        ({"records": []}, "cover 0 % of its candles"),
    ],
)
def test_a_backtest_with_the_filter_but_without_scores_is_refused_in_one_line(
    fault: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    with running_sidecar() as sidecar:
        for name, value in fault.items():
            setattr(sidecar, name, value)
        with pytest.raises(OperationalException, match=words) as caught:
            backtest(tmp_path, {PAIR: CRASH}, {"scores": {"url": sidecar.url, "filter": True}})
    assert "\n" not in str(caught.value)


def test_without_the_filter_a_missing_sidecar_changes_no_trade(tmp_path: Path) -> None:
    rows = [*CRASH, *path(88, 99), *[flat(99)] * 3]
    scores = {"url": "http://127.0.0.1:1"}
    assert as_expected(backtest(tmp_path, {PAIR: rows}, {"scores": scores})) == [
        Expected(1, 88.0, 2, 99.0, "above_mean")
    ]


FINGERPRINTS = {
    ("crash", "simple"): "43fbf4b054f37c891d23e1a31a3a1302da8773313f4853f022d49354a2c271c8",
    ("crash_often", "simple"): "5d63a081a909f7f1b4219f8b6425154a96e9afb2a194be04ded0c150449ef691",
    ("specified", "simple"): "55c2416de80e4b9750e6d8697d81783c300abd9ba03d7561bd72ff9f46319681",
    ("specified", "wilder"): "50d751ae6f05842c6f11612fd078862205c6451a3966a408a4ee36e6f38af769",
}


@pytest.mark.parametrize(("preset", "rsi_method"), FINGERPRINTS)
def test_fingerprint(preset: str, rsi_method: str, tmp_path: Path) -> None:
    """A refactoring or a speed-up keeps every trade; a change of the rules changes these."""
    pairs = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    tables = {pair: seeded_rows(seed, 6000) for seed, pair in enumerate(pairs)}
    trades = backtest(tmp_path, tables, {"preset": preset, "rsi_method": rsi_method})
    assert len(trades) > 5
    assert fingerprint(trades) == FINGERPRINTS[preset, rsi_method]
