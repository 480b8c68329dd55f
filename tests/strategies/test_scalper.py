"""Scalper: golden backtests, its arithmetic, and that it never sees the future."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from freqtrade.enums import RunMode
from pandas.testing import assert_frame_equal

from aquatrade.settings import AquatradeSettings, SettingsError
from aquatrade.sizing import loss_share_at_stop
from tests.strategies.candle_tables import FEE_RATE, Row, flat, move, path, seeded_rows
from tests.strategies.suite_candles import Trade, as_trades, backtest, candles, net_ratio
from tests.strategies.suite_loading import load

QUIET = 441
# Half a tenth up and down: a deviation of 0.05, RSI near 50. Four decimals for the price tick.
CALM: list[Row] = [
    flat(100.0001), *[flat(100.0 + 0.1 * (number % 2)) for number in range(QUIET - 1)]
]  # fmt: skip
FALL = [move(100, 99)]  # 1 % in a candle: 4.4 deviations, RSI 28
# 1.2 % after 0.1 % on both sides: the price has to rise by 1.4 %.
TARGET = round(99.0 * 1.012 * (1 + FEE_RATE) / (1 - FEE_RATE), 4)


@dataclass(frozen=True)
class Golden:
    why: str
    rows: list[Row]
    trades: list[Trade]


GOLDEN = [
    Golden(
        "a close under the lower band with RSI under 30: bought at the next open; a close at the "
        "middle band: sold at the open after it",
        [*FALL, *path(99, 99.5, 100.2), *[flat(100.2)] * 3],
        [Trade(1, 99.0, 3, 100.2, "middle_band")],
    ),
    Golden(
        "half of that fall is under the band as well, but RSI is above 30: none",
        [move(100, 99.5), *path(99.5, 100.2), *[flat(100.2)] * 3],
        [],
    ),
    Golden(
        "a rise of 1.2 % after fees takes it inside the candle",
        [*FALL, (99, 101, 99, 99.5, 100), *[flat(99.5)] * 3],
        [Trade(1, 99.0, 1, TARGET, "roi")],
    ),
    Golden(
        "0.6 % under the entry the stop takes it",
        [*FALL, (99, 99, 98.2, 98.9, 100), *[flat(100.2)] * 3],
        [Trade(1, 99.0, 1, 98.406, "stop_loss")],
    ),
    Golden(
        "a market that has left the stop behind sells at its open: the gap is lost as well",
        [*FALL, flat(99), (97, 97.5, 96.8, 97.2, 100), *[flat(100.2)] * 3],
        [Trade(1, 99.0, 2, 97.0, "stop_loss")],
    ),
    Golden(
        "sinking slowly it reaches neither: out at the open of the 25th candle, at a loss",
        [*FALL, *path(*[99 - 0.01 * step for step in range(31)])],
        [Trade(1, 99.0, 25, 98.76, "roi")],
    ),
]


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden.why[:50] for golden in GOLDEN])
def test_golden(golden: Golden, tmp_path: Path) -> None:
    trades = backtest(tmp_path, "Scalper", "5m", {"BTC/USDT": [*CALM, *golden.rows]}, {})
    assert as_trades(trades, "5m", QUIET)[:1] == golden.trades, golden.why
    for expected, ratio in zip(golden.trades, trades["profit_ratio"], strict=False):
        assert ratio == pytest.approx(net_ratio(expected), abs=1e-6)


def test_the_most_that_a_trade_can_lose(tmp_path: Path) -> None:
    """Of the 200 that it stakes: at the stop what the docstring says, more if the market gaps."""
    lost = []
    for row in ((99.0, 99.0, 96.8, 97.2, 100.0), (97.0, 97.5, 96.8, 97.2, 100.0)):
        rows = [*CALM, *FALL, flat(99), row, *[flat(97.2)] * 3]
        trades = backtest(tmp_path, "Scalper", "5m", {"BTC/USDT": rows}, {})
        lost.append(-trades["profit_abs"].iloc[0])
    by_hand = 200 * loss_share_at_stop(0.6, 100 * FEE_RATE)
    assert lost == pytest.approx([by_hand, 200 * (2 / 99 + 0.001 + 0.001 * 97 / 99)], rel=1e-3)


def test_prefix_and_naive_twin() -> None:
    """What is known at a candle needs no later one, and is what the sentences say."""
    strategy = load("Scalper", rsi_method="simple")
    frame = candles(seeded_rows(4, 520), "5m")
    whole = analysed(strategy, frame)
    for cut in range(200, 520, 13):
        assert_frame_equal(analysed(strategy, frame.head(cut)), whole.head(cut))
    close = frame["close"].tolist()
    entries = 0
    for i in range(20, 520):
        window = close[i - 19 : i + 1]
        middle = sum(window) / 20
        deviation = (sum((price - middle) ** 2 for price in window) / 20) ** 0.5
        moves = [close[k] - close[k - 1] for k in range(i - 13, i + 1)]
        rsi = 100 * sum(max(m, 0.0) for m in moves) / sum(abs(m) for m in moves)
        enters = close[i] < middle - 2.5 * deviation and rsi < 30
        assert (whole["enter_long"].iloc[i] == 1) == enters
        if abs(close[i] - middle) > 1e-9:
            assert (whole["exit_long"].iloc[i] == 1) == (close[i] > middle)
        entries += enters
    assert entries >= 3


def test_wilders_rsi_is_the_default_and_sees_no_future() -> None:
    strategy = load("Scalper")
    frame = candles(seeded_rows(4, 520), "5m")
    whole = analysed(strategy, frame)
    simple = analysed(load("Scalper", rsi_method="simple"), frame)
    assert not np.allclose(whole["rsi"], simple["rsi"], equal_nan=True)
    for cut in range(410, 520, 9):
        assert_frame_equal(analysed(strategy, frame.head(cut)), whole.head(cut))


@pytest.mark.parametrize(
    ("cost_pct", "words"),
    [
        (0.15, None),
        (0.59, None),
        (0.6, "2 x 0.6 % = 1.2 %"),
        (1.0, "2 x 1 % = 2 %"),
    ],
)
def test_the_target_has_to_clear_costs(cost_pct: float, words: str | None) -> None:
    settings = AquatradeSettings.model_validate({"sizing": {"cost_pct_per_side": cost_pct}})
    reason = type(load("Scalper")).unprofitable_by_arithmetic(settings)
    assert (reason is None) == (words is None)
    assert words is None or words in reason


def test_the_docstring_says_what_it_can_lose_and_what_it_has_to_win() -> None:
    text = " ".join(str(type(load("Scalper")).__doc__).split())
    share = loss_share_at_stop(0.6, 0.15)
    assert f"{100 * share:.1f} % of the stake" in text
    # Every winner at the full target, every loser at the stop.
    assert f"{100 * share / (0.012 + share):.0f} % of the trades have to win" in text


def test_it_lost_and_says_so() -> None:
    with pytest.raises(SettingsError, match="'specified' lost"):
        load("Scalper", RunMode.LIVE)
    assert load("Scalper", RunMode.DRY_RUN).preset.lost_when_measured


def test_the_chart_and_the_search() -> None:
    strategy = load("Scalper")
    frame = analysed(strategy, candles(seeded_rows(4, 520), "5m"))
    plots = [*strategy.plot_config["main_plot"], *strategy.plot_config["subplots"]["RSI"]]
    assert set(plots) <= set(frame.columns)
    drawn = strategy.ft_plot_annotations("BTC/USDT", frame)
    assert {each["label"] for each in drawn} == {"specified", "stop", "target"}
    signal = frame[frame["enter_long"] == 1].iloc[0]
    lines = {each["label"]: each["y_start"] for each in drawn[::-1] if each["type"] == "line"}
    assert lines["stop"] == pytest.approx(signal["close"] * 0.994)
    assert lines["target"] == pytest.approx(signal["close"] * 1.012)
    for name in strategy.preset.searched:
        parameter = getattr(strategy, name)
        assert parameter.optimize and parameter.low < parameter.value < parameter.high


def analysed(strategy: Any, frame: Any) -> Any:
    metadata = {"pair": "BTC/USDT"}
    result = strategy.advise_indicators(frame.copy(), metadata)
    signals = strategy.ft_advise_signals(result, metadata)
    for column in ("enter_long", "exit_long"):
        signals[column] = signals.get(column, np.nan)
    return signals
