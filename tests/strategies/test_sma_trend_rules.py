"""SmaTrend: its presets, what it refuses, what it shows, and that it never sees the future."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.plugins.protectionmanager import ProtectionManager
from pandas.testing import assert_frame_equal

from aquatrade.settings import SettingsError
from aquatrade.sizing import loss_share_at_stop
from tests.strategies.candle_tables import seeded_rows
from tests.strategies.trend_tables import analysed, frame_of, load

PRESETS = ["ride", "specified_4h", "specified_1d"]
PAIR, OTHER = "BTC/USDT", "ETH/USDT"


def frames(preset: str, candles: int = 1100) -> dict[tuple[str, str], pd.DataFrame]:
    timeframe = "1d" if preset.endswith("1d") else "4h"
    return {
        (pair, timeframe): frame_of(seeded_rows(seed, candles), timeframe)
        for seed, pair in ((3, PAIR), (0, OTHER))
    }


@pytest.mark.parametrize("preset", PRESETS)
def test_prefix(preset: str) -> None:
    """What is known at a candle is the same whether or not the future is on the frame."""
    known = frames(preset)
    strategy = load("SmaTrend", aquatrade={"preset": preset})
    whole = analysed(strategy, known, OTHER, 1100)
    events = np.flatnonzero(whole["enter_long"] == 1)
    cuts = sorted({int(event) + step for event in events for step in (0, 1, 2)} | {700, 1000})
    assert len(cuts) > 3
    for cut in cuts:
        assert_frame_equal(analysed(strategy, known, OTHER, cut), whole.head(cut))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_start_of_the_frame_is_forgotten(preset: str) -> None:
    known = frames(preset)
    strategy = load("SmaTrend", aquatrade={"preset": preset})
    whole = analysed(strategy, known, OTHER, 1100)
    count = strategy.startup_candle_count
    later = {key: frame.tail(count + 1).reset_index(drop=True) for key, frame in known.items()}
    last = analysed(strategy, later, OTHER, count + 1).iloc[-1]
    for name, value in last.items():
        if isinstance(value, float):
            # An ATR never forgets, but by a 14th a candle.
            np.testing.assert_allclose(value, whole[str(name)].iloc[-1], rtol=1e-6)


@pytest.mark.parametrize("preset", PRESETS)
def test_signals_are_the_naive_ones(preset: str) -> None:
    """Slow and obvious: the sentences of the specification, candle by candle."""
    known = frames(preset)
    strategy = load("SmaTrend", aquatrade={"preset": preset})
    found = analysed(strategy, known, OTHER, 1100)
    close = found["close"].tolist()
    market = known[PAIR, strategy.timeframe]["close"].tolist()
    entries = 0
    for i in range(600, 1100):
        fast, slow = sum(close[i - 49 : i + 1]) / 50, sum(close[i - 199 : i + 1]) / 200
        fast_before, slow_before = sum(close[i - 50 : i]) / 50, sum(close[i - 200 : i]) / 200
        enters = fast > slow and fast_before <= slow_before
        if preset == "ride":
            enters = enters and market[i] > sum(market[i - 599 : i + 1]) / 600
        entries += enters
        assert (found["enter_long"].iloc[i] == 1) == enters
        assert (found["exit_long"].iloc[i] == 1) == (fast < slow)
    assert entries


def test_a_market_that_is_not_known_lets_nothing_in() -> None:
    known = frames("ride")
    strategy = load("SmaTrend")
    known[PAIR, "4h"] = known[PAIR, "4h"].head(0)
    found = analysed(strategy, known, OTHER, 1100)
    assert "enter_long" not in found or not (found["enter_long"] == 1).any()


@pytest.mark.parametrize(
    ("preset", "timeframe", "stop", "stop_atr", "moves"),
    [
        ("ride", "4h", -0.5, 8.0, False),
        ("specified_4h", "4h", -0.3, 2.0, True),
        ("specified_1d", "1d", -0.5, 2.0, True),
    ],
)
def test_a_preset_sets_timeframe_and_stop(
    preset: str, timeframe: str, stop: float, stop_atr: float, moves: bool
) -> None:
    strategy = load("SmaTrend", aquatrade={"preset": preset})
    assert strategy.timeframe == timeframe
    assert strategy.stoploss == pytest.approx(stop)
    assert strategy.stop_atr.value == pytest.approx(stop_atr)
    assert strategy.stop_moves is moves
    sizing = strategy.settings.sizing
    assert sizing.stake_usd is None
    assert sizing.method == ("volatility" if preset == "ride" else "risk")


def test_what_lost_does_not_start_live_unless_it_is_accepted() -> None:
    assert load("SmaTrend").preset_name == "ride"
    for preset in PRESETS:
        section = {"preset": preset}
        live = {"runmode": RunMode.LIVE, "dry_run": False}
        if load("SmaTrend", aquatrade=section).preset.lost_when_measured:
            with pytest.raises(SettingsError, match=rf"'{preset}' lost when it was measured"):
                load("SmaTrend", aquatrade=section, **live)
            section["accept_negative_evidence"] = True  # type: ignore[assignment]
        assert load("SmaTrend", aquatrade=section, **live)


@pytest.mark.parametrize("preset", PRESETS)
def test_only_what_a_preset_uses_is_searched(preset: str) -> None:
    strategy = load("SmaTrend", aquatrade={"preset": preset})
    searched = {
        name
        for space in ("buy", "sell", "protection")
        for name, parameter in strategy.enumerate_parameters(space)
        if parameter.optimize
    }
    assert searched == strategy.PRESETS[preset].searched
    assert len(ProtectionManager(strategy.config, strategy.protections).name_list) == 1


@pytest.mark.parametrize(
    ("preset", "cost_pct", "refused"),
    [("specified_1d", 0.26, False), ("specified_1d", 0.27, True), ("specified_4h", 5.0, False)],
)
def test_costs_above_what_a_trade_made_are_refused(
    preset: str, cost_pct: float, refused: bool
) -> None:
    """What lost before costs is refused for its evidence, where that is not accepted."""
    section = {"preset": preset, "sizing": {"cost_pct_per_side": cost_pct}}
    strategy = load("SmaTrend", aquatrade=section)
    reason = strategy.unprofitable_by_arithmetic(strategy.settings)
    assert (reason is not None) is refused
    assert not refused or reason == (
        "a round trip costs 0.54 %, a trade made +0.53 % on average before costs when it was "
        "measured: expected more than it costs"
    )


def test_what_it_can_lose_is_on_it() -> None:
    """The figures of the class docstring, by the sizing's own arithmetic."""
    strategy = type(load("SmaTrend"))
    text = " ".join(str(strategy.__doc__).split())
    for preset in PRESETS:
        share = loss_share_at_stop(strategy.PRESETS[preset].stop_pct, 0.15)
        assert f"{100 * share:.1f} % of the stake with `{preset}`" in text


def test_the_chart_shows_what_decides() -> None:
    strategy = load("SmaTrend", aquatrade={"preset": "specified_4h"})
    frame = analysed(strategy, frames("specified_4h"), OTHER, 1100)
    plotted = [*strategy.plot_config["main_plot"]]
    plotted += [name for plot in strategy.plot_config["subplots"].values() for name in plot]
    assert set(plotted) <= set(frame.columns)
    notes = strategy.ft_plot_annotations(OTHER, frame)
    entries = int((frame["enter_long"] == 1).sum())
    stops = [note for note in notes if note["type"] == "line"]
    assert len(stops) == entries > 0
    first = frame[frame["enter_long"] == 1].iloc[0]
    assert stops[0]["y_start"] == pytest.approx(first["close"] - 2 * first["atr"])


def test_what_does_not_move_in_a_backtest_does_not_move_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A price that has doubled since: only a preset that gives back follows it."""
    trade = SimpleNamespace(
        open_rate=100.0, leverage=1.0, is_short=False,
        get_custom_data=lambda _: {"stop_pct": 20.0},
    )  # fmt: skip
    doubled = pd.DataFrame({"high": [200.0], "low": [100.0], "atr": [10.0]})
    stops = {}
    for preset in PRESETS:
        strategy = load("SmaTrend", aquatrade={"preset": preset}, runmode=RunMode.DRY_RUN)
        monkeypatch.setattr(strategy, "closed_since_entry", lambda _: doubled)
        stops[preset] = strategy.stop_of(trade)
    assert stops == {"ride": 80.0, "specified_4h": 150.0, "specified_1d": 150.0}
