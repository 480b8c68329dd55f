"""Momentum: its presets, what it refuses, what it shows, and that it never sees the future."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.plugins.protectionmanager import ProtectionManager
from pandas.testing import assert_frame_equal

from aquatrade.settings import SettingsError
from aquatrade.sizing import loss_share_at_stop
from tests.strategies.candle_tables import seeded_rows
from tests.strategies.trend_tables import analysed, frame_of, load, resampled

PRESETS = ["donchian", "specified"]
PAIR, OTHER = "BTC/USDT", "ETH/USDT"
PERPETUAL = "BTC/USDT:USDT"
FUTURES = {"trading_mode": "futures", "margin_mode": "isolated"}
Frames = dict[tuple[str, str], pd.DataFrame]


def loud(frame: pd.DataFrame) -> pd.DataFrame:
    """So much is traded that the volume of a day is enough."""
    return frame.assign(volume=frame["volume"] * 100_000.0)


def frames(preset: str, candles: int = 1500, seed: int = 0) -> Frames:
    timeframe = "1h" if preset == "specified" else "4h"
    known: Frames = {}
    for number, pair in enumerate((PAIR, OTHER, PERPETUAL)):
        frame = loud(frame_of(seeded_rows(seed + number, candles), timeframe))
        known[pair, timeframe] = frame
        if timeframe == "1h":
            known[pair, "4h"] = resampled(frame, "4h")
    return known


def of(preset: str, **changes: Any) -> Any:
    return load("Momentum", aquatrade={"preset": preset}, **changes)


@pytest.mark.parametrize(
    ("preset", "pair", "config"),
    [("donchian", OTHER, {}), ("specified", OTHER, {}), ("specified", PERPETUAL, FUTURES)],
)
def test_prefix(preset: str, pair: str, config: dict[str, Any]) -> None:
    """What is known at a candle is the same whether or not the future is on the frame."""
    known = frames(preset)
    strategy = of(preset, **config)
    whole = analysed(strategy, known, pair, 1500)
    columns = [name for name in ("enter_long", "enter_short") if name in whole]
    assert len(columns) == (2 if config else 1)
    events = np.flatnonzero((whole[columns] == 1).any(axis=1))
    near = {int(event) + step for event in events[:12] for step in (0, 1)}
    cuts = sorted(near | set(range(1000, 1009)))
    for cut in [cut for cut in cuts if cut > 650]:
        assert_frame_equal(analysed(strategy, known, pair, cut), whole.head(cut))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_start_of_the_frame_is_forgotten(preset: str) -> None:
    known = frames(preset)
    strategy = of(preset)
    whole = analysed(strategy, known, OTHER, 1500)
    count = strategy.startup_candle_count
    later = {
        key: frame.tail(count + 1).reset_index(drop=True)
        for key, frame in known.items()
        if key[1] == strategy.timeframe
    }
    slower = {key: frame for key, frame in known.items() if key[1] != strategy.timeframe}
    last = analysed(strategy, later | slower, OTHER, count + 1).iloc[-1]
    for name, value in last.items():
        if isinstance(value, float):
            np.testing.assert_allclose(value, whole[str(name)].iloc[-1], rtol=1e-9)


def test_specified_is_the_naive_rule() -> None:
    """Slow and obvious: the sentences of the specification, candle by candle."""
    strategy = of("specified", **FUTURES)
    counted = {"enter_long": 0, "enter_short": 0}
    for seed in (0, 3):
        rows = analysed(strategy, frames("specified", seed=seed), PERPETUAL, 1500).to_dict(
            "records"
        )
        for i in range(500, 1500):
            for column, sign in (("enter_long", 1.0), ("enter_short", -1.0)):
                expected = (
                    strong(rows, i, sign)
                    and not strong(rows, i - 1, sign)
                    and sum(r["volume"] * r["close"] for r in rows[i - 23 : i + 1]) >= 50e6
                    and (rows[i]["date"].hour + 1) % 8 != 0
                )
                counted[column] += expected
                assert (rows[i][column] == 1) == expected
    assert all(counted.values())


def strong(rows: list[dict[Any, Any]], i: int, sign: float) -> bool:
    """All conditions on one candle; sign -1 is the mirror."""
    row, histogram = rows[i], [rows[i - 1]["macd_histogram"], rows[i]["macd_histogram"]]
    volume = sum(each["volume"] for each in rows[i - 19 : i + 1]) / 20
    return bool(
        sign * (row["ema_fast"] - row["ema_slow"]) > 0
        and sign * (row["rsi"] - 50) > 5
        and row["volume"] > 1.5 * volume
        and row["adx"] > 25
        and sign * histogram[1] > 0
        and sign * (histogram[1] - histogram[0]) > 0
        and sign * (row["ema_fast_4h"] - row["ema_slow_4h"]) > 0
    )


def test_donchian_is_the_naive_rule() -> None:
    strategy, known = of("donchian"), frames("donchian")
    rows = analysed(strategy, known, OTHER, 1500)
    close, market = rows["close"].tolist(), known[PAIR, "4h"]["close"].tolist()
    for i in range(600, 1500):
        up = market[i] > sum(market[i - 599 : i + 1]) / 600
        assert (rows["enter_long"].iloc[i] == 1) == (up and close[i] == max(close[i - 119 : i + 1]))
        leaves = not up or close[i] == min(close[i - 59 : i + 1])
        assert (rows["exit_long"].iloc[i] == 1) == leaves


def test_shorts_are_for_futures_and_for_the_rule_that_was_asked_for() -> None:
    assert not of("specified").can_short
    assert of("specified", **FUTURES).can_short
    assert not of("donchian", **FUTURES).can_short
    assert of("donchian").preset_name == load("Momentum").preset_name


class Settlements:
    """A data provider that knows when a pair settled."""

    def __init__(self, hours: float, number: int = 30) -> None:
        dates = pd.date_range("2024-03-01", periods=number, freq=f"{hours * 60}min", tz="UTC")
        self._frame = pd.DataFrame({"date": dates, "open": 0.0001})

    def get_pair_dataframe(self, pair: str, timeframe: str, candle_type: str) -> pd.DataFrame:
        assert (pair, timeframe, candle_type) == (PERPETUAL, "1h", "funding_rate")
        return self._frame


@pytest.mark.parametrize(
    ("hours", "number", "moment", "allowed"),
    [
        (8.0, 30, datetime(2024, 3, 3, 15, 29, tzinfo=UTC), True),
        (8.0, 30, datetime(2024, 3, 3, 15, 30, tzinfo=UTC), False),
        (8.0, 30, datetime(2024, 3, 3, 16, 30, tzinfo=UTC), False),
        (8.0, 30, datetime(2024, 3, 3, 20, 10, tzinfo=UTC), True),
        (4.0, 30, datetime(2024, 3, 3, 20, 10, tzinfo=UTC), False),
        (1.0, 90, datetime(2024, 3, 3, 20, 30, tzinfo=UTC), False),
        (8.0, 1, datetime(2024, 3, 3, 20, 10, tzinfo=UTC), False),  # not known is no
    ],
)
def test_no_entry_beside_the_pairs_own_settlement(
    hours: float, number: int, moment: datetime, allowed: bool, database: None
) -> None:
    strategy = of("specified", **FUTURES)
    strategy.dp = Settlements(hours, number)
    assert confirmed(strategy, moment) is allowed


@pytest.mark.parametrize("answer", [RuntimeError("down"), None, pd.DataFrame()])
def test_what_cannot_be_told_is_no_entry(answer: Any, database: None) -> None:
    class Broken:
        def get_pair_dataframe(self, *arguments: str) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    strategy = of("specified", **FUTURES)
    strategy.dp = Broken()
    assert not confirmed(strategy, datetime(2024, 3, 3, 20, 10, tzinfo=UTC))
    assert confirmed(of("specified"), datetime(2024, 3, 3, 20, 10, tzinfo=UTC))  # spot: every 8 h


def confirmed(strategy: Any, moment: datetime) -> bool:
    found: bool = strategy.confirm_trade_entry(
        pair=PERPETUAL, order_type="limit", amount=1.0, rate=100.0, time_in_force="GTC",
        current_time=moment, entry_tag=None, side="long",
    )  # fmt: skip
    return found


def test_a_loss_rests_its_pair_for_an_hour() -> None:
    strategy = of("specified")
    (_, rest) = strategy.protections
    assert rest["method"] == "LowProfitPairs"
    assert (rest["trade_limit"], rest["required_profit"], rest["stop_duration"]) == (1, 0.0, 60)
    assert rest["lookback_period"] < 60  # the trade that just closed, none before it
    assert len(ProtectionManager(strategy.config, strategy.protections).name_list) == 2
    assert len(of("donchian").protections) == 1


def test_what_lost_does_not_start_live_unless_it_is_accepted() -> None:
    live = {"runmode": RunMode.LIVE, "dry_run": False}
    with pytest.raises(SettingsError, match="'specified' lost when it was measured"):
        of("specified", **live)
    assert of("donchian", **live)


@pytest.mark.parametrize("preset", PRESETS)
def test_only_what_a_preset_uses_is_searched(preset: str) -> None:
    strategy = of(preset)
    searched = {
        name
        for space in ("buy", "sell", "protection")
        for name, parameter in strategy.enumerate_parameters(space)
        if parameter.optimize
    }
    assert searched == strategy.PRESETS[preset].searched


def test_what_it_can_lose_is_on_it() -> None:
    strategy = type(of("donchian"))
    text = " ".join(str(strategy.__doc__).split())
    for preset in PRESETS:
        share = loss_share_at_stop(strategy.PRESETS[preset].stop_pct, 0.15)
        assert f"{100 * share:.1f} % of the stake with `{preset}`" in text


@pytest.mark.parametrize("preset", PRESETS)
def test_the_chart_shows_what_decides(preset: str) -> None:
    strategy = of(preset)
    frame = analysed(strategy, frames(preset), OTHER, 1500)
    plotted = [*strategy.plot_config["main_plot"]]
    plotted += [name for plot in strategy.plot_config["subplots"].values() for name in plot]
    assert set(plotted) <= set(frame.columns)
    assert {note["type"] for note in strategy.ft_plot_annotations(OTHER, frame)} == {"area", "line"}


def test_leverage_is_one_unless_the_class_says_more() -> None:
    """A stop in percent of the stake is then so many times as far, and bound as before."""
    strategy = of("specified", **FUTURES)
    row = pd.Series({"atr": 1.0})
    strategy.signal_row = lambda pair: row
    wanted: dict[str, Any] = {
        "pair": PERPETUAL, "current_time": datetime(2024, 3, 3, tzinfo=UTC), "current_rate": 100.0,
        "proposed_leverage": 5.0, "entry_tag": None, "side": "short",
    }  # fmt: skip
    assert strategy.leverage(max_leverage=20.0, **wanted) == 1.0
    assert strategy.entry_stop_pct(PERPETUAL, 100.0, "short") == pytest.approx(1.5)
    strategy.leverage_wanted = 3.0
    assert strategy.leverage(max_leverage=20.0, **wanted) == 3.0
    assert strategy.leverage(max_leverage=2.0, **wanted) == 2.0
    assert strategy.entry_stop_pct(PERPETUAL, 100.0, "short") == pytest.approx(4.5)
    assert strategy.stop_rate(PERPETUAL, 100.0, "short", 3.0) == pytest.approx(101.5)
    row["atr"] = 20.0
    assert strategy.entry_stop_pct(PERPETUAL, 100.0, "short") == pytest.approx(15.0)
