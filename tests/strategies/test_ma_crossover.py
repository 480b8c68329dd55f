"""MaCrossover: golden backtests, its presets, and that it never sees the future."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from freqtrade.enums import RunMode
from pandas.testing import assert_frame_equal

from aquatrade.settings import AquatradeSettings, SettingsError
from aquatrade.sizing import loss_share_at_stop
from aquatrade.sizing_settings import SizingSettings
from tests.strategies.candle_tables import FEE_RATE, Row, flat, move, path, seeded_rows
from tests.strategies.suite_candles import Trade, as_trades, backtest, candles, net_ratio
from tests.strategies.suite_loading import load

QUIET = 140
# Freqtrade takes the price tick of a backtest from the decimals of the candles: four here.
CALM: list[Row] = [flat(100.0001), *[flat(100)] * (QUIET - 1)]
RISE = [move(100, 101), flat(101)]  # above both means at once: the fast one moves more
FRAMES = {"specified": "5m", "slow": "4h"}


@dataclass(frozen=True)
class Golden:
    why: str
    rows: list[Row]
    trades: list[Trade]


GOLDEN = [
    Golden(
        "a close over both means lifts the fast one above the slow one: bought at the next open; "
        "one that takes more than the rise gave lays it below: sold at the next open",
        [*RISE, move(101, 97), *[flat(97)] * 3],
        [Trade(1, 101.0, 3, 97.0, "crossed_below")],
    ),
    Golden(
        "above it stays above: no second entry without a crossing",
        [*RISE, *path(101, 102, 103, 104), move(104, 60), *[flat(60)] * 3],
        # Bought once; 5 % under 101 the emergency stop takes it inside the candle.
        [Trade(1, 101.0, 5, 95.95, "stop_loss")],
    ),
    Golden(
        "5 % under the entry the emergency stop takes it; no new entry without a new crossing",
        [*RISE, (101, 101, 90, 101, 100), *[flat(101)] * 5],
        [Trade(1, 101.0, 2, 95.95, "stop_loss")],
    ),
    Golden(
        "a market that has left the stop behind sells at its open: the gap is lost as well "
        "(freqtrade's backtester takes the stop itself where the candle reaches up to it)",
        [*RISE, (90, 92, 88, 91, 100), *[flat(91)] * 5],
        [Trade(1, 101.0, 2, 90.0, "stop_loss")],
    ),
]


@pytest.mark.parametrize("preset", FRAMES)
@pytest.mark.parametrize("golden", GOLDEN, ids=[golden.why[:50] for golden in GOLDEN])
def test_golden(golden: Golden, preset: str, tmp_path: Path) -> None:
    """The same rows for both presets: only the means and the candles are longer."""
    timeframe = FRAMES[preset]
    trades = backtest(
        tmp_path, "MaCrossover", timeframe, {"BTC/USDT": [*CALM, *golden.rows]}, {"preset": preset}
    )
    assert as_trades(trades, timeframe, QUIET) == golden.trades, golden.why
    for expected, ratio in zip(golden.trades, trades["profit_ratio"], strict=False):
        assert ratio == pytest.approx(net_ratio(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("preset", "lost_pct", "gapped_pct"), [("specified", 0.05, 0.11), ("slow", 2.0, 4.2)]
)
def test_the_most_that_a_trade_can_lose(
    preset: str, lost_pct: float, gapped_pct: float, tmp_path: Path
) -> None:
    """Of the capital: at the stop what the docstring says, and more if the market gaps."""
    sizing = {"cost_pct_per_side": 100 * FEE_RATE}
    lost = []
    for opened, high in ((101.0, 101.0), (90.0, 92.0)):
        rows = [*CALM, *RISE, (opened, high, 88.0, 91.0, 100.0), *[flat(91)] * 3]
        section: dict[str, object] = {"preset": preset, "sizing": sizing}
        trades = backtest(tmp_path, "MaCrossover", FRAMES[preset], {"BTC/USDT": rows}, section)
        lost.append(-100.0 * trades["profit_abs"].iloc[0] / 10_000.0)
    assert lost == pytest.approx([lost_pct, gapped_pct], rel=0.05)


def test_one_trade_at_a_time_takes_one_percent_of_the_free_money(tmp_path: Path) -> None:
    rows = [*CALM, *RISE, move(101, 97), *[flat(97)] * 3]
    trades = backtest(
        tmp_path, "MaCrossover", "5m", {"BTC/USDT": rows, "ETH/USDT": rows},
        {"preset": "specified"}, max_open_trades=1,
    )  # fmt: skip
    assert len(trades) == 1
    assert trades["stake_amount"].iloc[0] == pytest.approx(100.0, rel=1e-3)


@pytest.mark.parametrize("preset", FRAMES)
def test_prefix_and_naive_twin(preset: str) -> None:
    """What is known at a candle needs no later one, and is what the sentences say."""
    strategy = load("MaCrossover", preset=preset)
    frame = candles(seeded_rows(3, 420), FRAMES[preset])
    whole = analysed(strategy, frame)
    for cut in range(200, 420, 11):
        assert_frame_equal(analysed(strategy, frame.head(cut)), whole.head(cut))
    fast, slow = (9, 21) if preset == "specified" else (20, 100)
    close: list[float] = frame["close"].tolist()

    def mean(end: int, count: int) -> float:
        return sum(close[end - count + 1 : end + 1]) / count

    entries = 0
    for i in range(slow, 420):
        is_above, was_above = mean(i, fast) > mean(i, slow), mean(i - 1, fast) > mean(i - 1, slow)
        assert (whole["enter_long"].iloc[i] == 1) == (is_above and not was_above)
        assert (whole["exit_long"].iloc[i] == 1) == (not is_above)
        entries += int(is_above and not was_above)
    assert entries >= 2


def test_without_its_fifty_candles_nothing_is_bought() -> None:
    strategy = load("MaCrossover", preset="specified")
    assert strategy.startup_candle_count >= 50
    frame = analysed(load("MaCrossover"), candles(seeded_rows(3, 99), "4h"))
    assert "enter_long" not in frame or not (frame["enter_long"] == 1).any()


def test_what_lost_does_not_start_live() -> None:
    with pytest.raises(SettingsError, match="'specified' lost"):
        load("MaCrossover", RunMode.LIVE, preset="specified")
    assert load("MaCrossover", RunMode.LIVE).preset_name == "slow"


@pytest.mark.parametrize("preset", FRAMES)
def test_the_chart_and_the_search(preset: str) -> None:
    strategy = load("MaCrossover", preset=preset)
    frame = analysed(strategy, candles(seeded_rows(3, 420), FRAMES[preset]))
    assert set(strategy.plot_config["main_plot"]) <= set(frame.columns)
    assert strategy.ft_plot_annotations("BTC/USDT", frame)
    for name in ("fast_candles", "slow_candles"):
        parameter = getattr(strategy, name)
        assert parameter.optimize and parameter.value in parameter.opt_range
    assert max(strategy.fast_candles.opt_range) < min(strategy.slow_candles.opt_range)


def test_the_docstring_says_what_it_can_lose() -> None:
    text = " ".join(str(type(load("MaCrossover")).__doc__).split())
    share = loss_share_at_stop(5.0, 0.15)
    assert f"{100 * share:.1f} % of the stake" in text
    verdict = type(load("MaCrossover")).unprofitable_by_arithmetic
    assert verdict(AquatradeSettings(preset="slow")) is None
    # It earned nothing before costs: its evidence speaks of that, and may be accepted.
    assert verdict(AquatradeSettings(preset="specified")) is None
    dear = AquatradeSettings(preset="slow", sizing=SizingSettings(cost_pct_per_side=3.0))
    reason = verdict(dear)
    assert reason is not None and "\n" not in reason


@pytest.mark.parametrize("name", ["MaCrossover", "Scalper", "CrossMomentum"])
def test_a_filter_that_a_strategy_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} enters without regard to the score"):
        load(name, scores={"url": "http://127.0.0.1:1", "filter": True})


def analysed(strategy: Any, frame: Any) -> Any:
    metadata = {"pair": "BTC/USDT"}
    result = strategy.advise_indicators(frame.copy(), metadata)
    signals = strategy.ft_advise_signals(result, metadata)
    for column in ("enter_long", "exit_long"):
        signals[column] = signals.get(column, np.nan)
    return signals
