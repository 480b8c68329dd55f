"""BuyTheDip: its presets, what it refuses, what it shows, and that it never sees the future."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.plugins.protectionmanager import ProtectionManager
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aquatrade.score_records import records_frame
from aquatrade.settings import SettingsError
from tests.aquatrade.fake_sidecar import HOUR_MS, score_record
from tests.strategies.candle_tables import START, seeded_rows

START_MS = int(START.timestamp() * 1000)
PRESETS = ["crash", "crash_often", "specified"]
LoadStrategy = Callable[..., Any]


def candles(rows: int = 900, seed: int = 5) -> pd.DataFrame:
    frame = pd.DataFrame(
        seeded_rows(seed, rows), columns=["open", "high", "low", "close", "volume"]
    )
    dates = pd.date_range(START, periods=rows, freq="1h", tz="UTC").as_unit("ms")
    frame.insert(0, "date", dates)
    return frame


def with_stub_scores(strategy: Any, known_until_ms: int | None = None) -> Any:
    """Scores every seven hours, from a history that needs no network."""
    records = [
        score_record(available_at_ms=START_MS + 7 * hour * HOUR_MS, total=float(37 * hour % 101))
        for hour in range(200)
    ]
    known = [r for r in records if known_until_ms is None or r.available_at_ms <= known_until_ms]

    class Stub:
        def read(self, pair: str, start_ms: int, end_ms: int) -> pd.DataFrame:
            return records_frame(known)

    strategy.scores._history = Stub()
    return strategy


def analysed(strategy: Any, frame: pd.DataFrame) -> pd.DataFrame:
    metadata = {"pair": "BTC/USDT"}
    result: pd.DataFrame = strategy.advise_indicators(frame.copy(), metadata)
    return strategy.ft_advise_signals(result, metadata)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("preset", "rsi_method", "seed"),
    [
        *((preset, "simple", seed) for preset in PRESETS for seed in (5, 6, 9)),
        ("specified", "wilder", 5),
    ],
)
def test_prefix(preset: str, rsi_method: str, seed: int, load_strategy: LoadStrategy) -> None:
    """What is known at a candle is the same whether or not the future is on the frame."""
    section = {
        "preset": preset,
        "rsi_method": rsi_method,
        "scores": {"url": "http://127.0.0.1:1"},
    }
    frame = candles(rows=700, seed=seed)
    whole = analysed(with_stub_scores(load_strategy(**section)), frame)
    assert whole["score"].notna().any()
    # Where a look ahead would show: at the signals and just before and after them.
    events = np.flatnonzero((whole["enter_long"] == 1) | (whole["fall_pct"] < -8.0))
    near = {int(event) + step for event in events for step in (-1, 0, 1, 2)}
    cuts = sorted(cut for cut in near | {450, 457, 700} if 400 < cut <= len(frame))
    assert len(cuts) > 10
    for cut in cuts:
        known_until_ms = START_MS + cut * HOUR_MS
        strategy = with_stub_scores(load_strategy(**section), known_until_ms)
        assert_frame_equal(analysed(strategy, frame.head(cut)), whole.head(cut))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_start_of_the_frame_is_forgotten(preset: str, load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(preset=preset)
    frame = candles()
    whole = analysed(strategy, frame)
    later = analysed(strategy, frame.tail(1 + strategy.startup_candle_count).reset_index(drop=True))
    for name, value in later.iloc[-1].items():
        expected = whole[str(name)].iloc[-1]
        if isinstance(value, float):
            np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=str(name))
        else:
            assert value == expected


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), preset=st.sampled_from(PRESETS))
def test_signals_are_the_naive_ones(seed: int, preset: str) -> None:
    """Slow and obvious: the sentences of the specification, candle by candle."""
    strategy = _load(preset)
    frame = analysed(strategy, candles(rows=400, seed=seed))
    close, volume = frame["close"].tolist(), frame["volume"].tolist()
    for i in range(200, 400):
        above_trend = close[i] > sum(close[i - 199 : i + 1]) / 200
        mean = frame["ema_24"].iloc[i]
        if preset == "specified":
            moves = [close[k] - close[k - 1] for k in range(i - 13, i + 1)]
            gains = sum(max(m, 0.0) for m in moves)
            rsi = 100 * gains / sum(abs(m) for m in moves)
            loud = volume[i] > 1.5 * sum(volume[i - 19 : i + 1]) / 20
            enters, leaves = above_trend and rsi < 30 and loud, rsi > 70
        else:
            drop = 0.10 if preset == "crash" else 0.08
            crash = close[i] / close[i - 6] - 1 < -drop
            enters, leaves = above_trend and crash and close[i] < mean, close[i] > mean
        assert (frame["enter_long"].iloc[i] == 1) == enters
        assert (frame["exit_long"].iloc[i] == 1) == leaves


def _load(preset: str) -> Any:
    from freqtrade.resolvers import StrategyResolver

    from lab.evidence_runner import STRATEGIES

    config = {
        "strategy": "BuyTheDip",
        "strategy_path": STRATEGIES,
        "user_data_dir": Path(),
        "runmode": RunMode.BACKTEST,
        "dry_run": True,
        "stake_currency": "USDT",
        "aquatrade": {"preset": preset},
    }
    strategy = StrategyResolver.load_strategy(config)
    strategy.ft_load_hyper_params(False)
    return strategy


@pytest.mark.parametrize(
    ("preset", "stop", "roi"),
    [
        ("crash", -0.20, {2880: -1.0}),
        ("crash_often", -0.15, {2880: -1.0}),
        ("specified", -0.02, {0: 0.05}),
    ],
)
def test_a_preset_sets_stop_and_exit(
    preset: str, stop: float, roi: dict[int, float], load_strategy: LoadStrategy
) -> None:
    strategy = load_strategy(preset=preset)
    assert strategy.stoploss == pytest.approx(stop)
    assert strategy.minimal_roi == roi


def test_crash_is_the_default(load_strategy: LoadStrategy) -> None:
    assert load_strategy().preset_name == "crash"


def test_two_presets_in_one_process_do_not_touch_each_other(load_strategy: LoadStrategy) -> None:
    crash, often = load_strategy(preset="crash"), load_strategy(preset="crash_often")
    assert crash.crash_drop_pct.value == pytest.approx(10.0)
    assert often.crash_drop_pct.value == pytest.approx(8.0)


def test_an_unknown_preset_is_refused_with_the_nearest(load_strategy: LoadStrategy) -> None:
    with pytest.raises(SettingsError, match=r'crash_offen.*did you mean "crash_often"'):
        load_strategy(preset="crash_offen")


def test_what_lost_does_not_start_live_unless_it_is_accepted(load_strategy: LoadStrategy) -> None:
    with pytest.raises(SettingsError, match=r"'specified' lost.*win 27 %.*accept_negative"):
        load_strategy(RunMode.LIVE, preset="specified")
    assert load_strategy(RunMode.LIVE, preset="specified", accept_negative_evidence=True)
    assert load_strategy(RunMode.DRY_RUN, preset="specified")
    assert load_strategy(RunMode.LIVE, preset="crash")


@pytest.mark.parametrize(
    ("runmode", "threshold"),
    [(RunMode.BACKTEST, 60), (RunMode.DRY_RUN, 60), (RunMode.LIVE, 75)],
)
def test_the_threshold_of_the_run(
    runmode: RunMode, threshold: int, load_strategy: LoadStrategy
) -> None:
    assert load_strategy(runmode).score_threshold.value == threshold
    scores = {"threshold": 55}
    assert load_strategy(runmode, scores=scores).score_threshold.value == 55


def test_the_filter_without_a_score_column_lets_nothing_in(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN, scores={"url": "http://127.0.0.1:1", "filter": True})
    frame = analysed(strategy, candles())
    assert frame["score"].isna().all()
    assert "enter_long" not in frame or not (frame["enter_long"] == 1).any()
    assert not strategy.scores.allows(candles(), 0.0).any()


@pytest.mark.parametrize("preset", PRESETS)
def test_only_what_a_preset_uses_is_searched(preset: str, load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(preset=preset)
    searched = {
        name
        for space in ("buy", "sell", "protection")
        for name, parameter in strategy.enumerate_parameters(space)
        if parameter.optimize
    }
    assert searched == strategy.PRESETS[preset].searched
    filtered = load_strategy(preset=preset, scores={"url": "http://127.0.0.1:1", "filter": True})
    assert filtered.score_threshold.optimize


@pytest.mark.parametrize("preset", PRESETS)
def test_every_searched_range_holds_the_preset(preset: str, load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(preset=preset)
    for name in strategy.PRESETS[preset].searched:
        parameter = getattr(strategy, name)
        assert parameter.low < parameter.value < parameter.high or name == "cooldown_candles"


@pytest.mark.parametrize("preset", PRESETS)
def test_protections_are_freqtrades_own(preset: str, load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(preset=preset)
    methods = [rule["method"] for rule in strategy.protections]
    expected = ["MaxDrawdown"]
    if preset == "specified":
        expected += ["CooldownPeriod", "StoplossGuard"]
    assert methods == expected  # no cooldown where re-entries after a stop did best
    config = strategy.config | {"timeframe": "1h"}
    assert len(ProtectionManager(config, strategy.protections).name_list) == len(expected)


@pytest.mark.parametrize("preset", ["crash", "crash_often", "specified"])
def test_a_foreign_stop_is_said_in_the_log(
    load_strategy: LoadStrategy, caplog: pytest.LogCaptureFixture, preset: str
) -> None:
    strategy = load_strategy(preset=preset)
    strategy.ft_bot_start()
    assert "as measured" not in caplog.text
    caplog.clear()
    strategy.stoploss = -0.5
    strategy.ft_bot_start()
    stop_pct = strategy.preset.stop_pct
    said = f"is not preset {preset} as measured: stop_pct 50 instead of {stop_pct:.6g}"
    assert said in caplog.text
    assert "406 trades" not in caplog.text


def test_what_it_can_lose_is_on_it(load_strategy: LoadStrategy) -> None:
    """The figures of the class docstring, by the sizing's own arithmetic."""
    from aquatrade.sizing import loss_share_at_stop

    strategy = load_strategy()
    text = " ".join(str(type(strategy).__doc__).split())
    for preset, words in (
        ("crash", "20.3 % of the stake with `crash` (40.54 USD of 200)"),
        ("crash_often", "15.3 % with `crash_often`"),
        ("specified", "2.3 % with `specified`"),
    ):
        share = loss_share_at_stop(strategy.PRESETS[preset].stop_pct, 0.15)
        assert words in text
        assert f"{100 * share:.1f} %" in words
    assert f"{200 * loss_share_at_stop(20.0, 0.15):.2f}" == "40.54"


def test_the_chart_shows_what_decides(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy()
    frame = analysed(strategy, candles())
    plotted = [*strategy.plot_config["main_plot"]]
    plotted += [name for plot in strategy.plot_config["subplots"].values() for name in plot]
    # Only with a sidecar, and with the filter.
    assert set(plotted) - set(frame.columns) == {"score", "regime_code"}
    areas = strategy.ft_plot_annotations("BTC/USDT", frame)
    assert {area["label"] for area in areas} == {"crash", "stop"}  # it has no target
    json.dumps([str(area) for area in areas])
