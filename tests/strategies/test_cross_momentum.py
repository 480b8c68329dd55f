"""CrossMomentum: golden backtests over several pairs, and that it never sees the future."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from pandas.testing import assert_frame_equal

from aquatrade.settings import AquatradeSettings
from aquatrade.sizing import loss_share_at_stop
from aquatrade.stake_choice import realised_volatility_pct
from tests.strategies.candle_tables import FEE_RATE, Row, seeded_rows
from tests.strategies.suite_candles import as_trades, backtest, candles
from tests.strategies.suite_loading import load

# The first day of the tables is a Monday; candle 104 is a Sunday, as are 111 and 118.
FIRST_SUNDAY = 104
DAYS = 126
STRONG = {"AAA": 1.0, "BBB": 0.9, "CCC": 0.8, "DDD": 0.7, "EEE": 0.6}  # % a day
PAIRS = ["BTC/USDT", *(f"{coin}/USDT" for coin in [*STRONG, "FFF"])]


def rising(growth_pct: Callable[[int], float], swing_pct: float = 1.0) -> list[Row]:
    """Days that rise by so much, one a little more and the next a little less: never quite calm."""
    rows, price = [], 100.0
    for day in range(DAYS):
        swing = swing_pct if day % 2 else -swing_pct
        close = round(price * (1.0 + (growth_pct(day) + swing) / 100.0), 4)
        rows.append((price, max(price, close), min(price, close), close, 1000.0))
        price = close
    return rows


def market() -> dict[str, list[Row]]:
    """Five strong pairs; FFF overtakes them all from day 108 on; BTC hardly rises."""
    tables = {"BTC/USDT": rising(lambda day: 0.1)}
    for coin, growth in STRONG.items():
        tables[f"{coin}/USDT"] = rising(lambda day, growth=growth: growth)  # type: ignore[misc]
    tables["FFF/USDT"] = rising(lambda day: 0.5 if day < 108 else 10.0)
    return tables


def run(folder: Path, tables: dict[str, list[Row]]) -> pd.DataFrame:
    return backtest(folder, "CrossMomentum", "1d", tables, {})


def opened(rows: list[Row], day: int) -> float:
    return round(rows[day][0], 4)


def test_the_first_five_are_held_and_one_that_falls_out_makes_room_at_the_same_open(
    tmp_path: Path,
) -> None:
    tables = market()
    trades = run(tmp_path, tables)
    monday = FIRST_SUNDAY + 1
    found = {t["pair"][:3]: t for t in trades.to_dict("records")}
    start = pd.Timestamp("2024-01-01", tz="UTC")
    assert set(found) == {*STRONG, "FFF"}  # BTC rose least, six rose more
    for coin in STRONG:
        assert (found[coin]["open_date"] - start).days == monday
        assert found[coin]["open_rate"] == opened(tables[f"{coin}/USDT"], monday)
    (sold,) = as_trades(trades, "1d", 0)
    assert (sold.pair, sold.leave, sold.reason) == ("EEE/USDT", 112, "out_of_the_top")
    assert sold.leave_rate == opened(tables["EEE/USDT"], 112)
    # Its slot is free for the entry of the same open.
    assert (found["FFF"]["open_date"] - start).days == 112


def test_what_outgrew_its_share_is_cut_back_at_the_rebalance(tmp_path: Path) -> None:
    tables = market()
    trades = run(tmp_path, tables)
    by_pair = {t["pair"][:3]: t for t in trades.to_dict("records")}
    cut = [o for o in by_pair["FFF"]["orders"] if o["ft_order_tag"] == "share"]
    (order,) = cut  # + 77 % in a week: sold down to its share at Monday's open, day 119
    at = pd.Timestamp(order["order_filled_timestamp"], unit="ms", tz="UTC")
    assert (at - pd.Timestamp("2024-01-01", tz="UTC")).days == 119
    assert order["safe_price"] == opened(tables["FFF/USDT"], 119)
    bought = by_pair["FFF"]["orders"][0]
    left = (bought["amount"] - order["amount"]) * order["safe_price"]
    closes = [row[3] for row in tables["FFF/USDT"][118 - 30 : 118 + 1]]
    share = 0.20 * 40.0 / realised_volatility_pct(closes, 365.25)
    assert left == pytest.approx(10_000 * share, rel=0.02)
    for coin in ("AAA", "BBB"):  # grew by less than a quarter
        assert all(o["ft_order_tag"] != "share" for o in by_pair[coin]["orders"])


def test_under_btcs_mean_everything_is_sold_on_any_day_and_nothing_bought(tmp_path: Path) -> None:
    tables = market()
    for day in range(114, DAYS):  # a Wednesday
        tables["BTC/USDT"][day] = (60.0, 60.0, 60.0, 60.0, 1000.0)
    trades = as_trades(run(tmp_path, tables), "1d", 0)
    sold = {t.pair[:3]: t for t in trades if t.reason == "market_down"}
    assert set(sold) == {"AAA", "BBB", "CCC", "DDD", "FFF"}
    assert {t.leave for t in sold.values()} == {115}
    assert max(t.enter for t in trades) == 112


def test_none_of_a_falling_list_is_bought(tmp_path: Path) -> None:
    """The first five of seven that fall, while BTC stands above its mean, are no buy."""
    tables = {pair: rising(lambda day: -0.5) for pair in PAIRS}
    tables["BTC/USDT"] = rising(lambda day: -0.2 if day < 90 else (2.0 if day == 90 else -0.05))
    assert run(tmp_path, tables).empty


def test_a_share_follows_volatility(tmp_path: Path) -> None:
    tables = market()
    tables["AAA/USDT"] = rising(lambda day: 1.0, swing_pct=5.0)
    trades = run(tmp_path, tables).set_index("pair")
    closes = [row[3] for row in tables["AAA/USDT"][FIRST_SUNDAY - 30 : FIRST_SUNDAY + 1]]
    volatility_pct = realised_volatility_pct(closes, 365.25)
    assert volatility_pct > 80.0
    by_hand = 10_000 * 0.20 * 40.0 / volatility_pct
    assert trades["stake_amount"]["AAA/USDT"] == pytest.approx(by_hand, rel=1e-3)
    assert trades["stake_amount"]["BBB/USDT"] == pytest.approx(2000.0, rel=1e-3)


@pytest.mark.parametrize(("low_only", "rate_share"), [(True, 0.6), (False, 0.5)])
def test_the_most_that_a_trade_can_lose(low_only: bool, rate_share: float, tmp_path: Path) -> None:
    """At the stop what the docstring says, 8 % of the capital; more if the market gaps."""
    tables = market()
    entry = opened(tables["AAA/USDT"], FIRST_SUNDAY + 1)
    half = 0.5 * entry
    gap = (entry, entry, half, half, 1000.0) if low_only else (half, half, half, half, 1000.0)
    tables["AAA/USDT"][107:] = [gap, *[(half, half, half, half, 1000.0)] * (DAYS - 108)]
    trades = run(tmp_path, tables).set_index("pair")
    lost = -trades["profit_abs"]["AAA/USDT"] / 10_000
    by_hand = 0.2 * (1.0 - rate_share + FEE_RATE * (1.0 + rate_share))
    assert lost == pytest.approx(by_hand, rel=1e-3)
    if low_only:
        assert by_hand == pytest.approx(0.2 * loss_share_at_stop(40.0, 100 * FEE_RATE))


class Data:
    """The data provider as far as the strategy asks it: every pair up to a day."""

    def __init__(self, frames: dict[str, pd.DataFrame], days: int) -> None:
        self.frames = {pair: frame.head(days) for pair, frame in frames.items()}

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self.frames[pair].copy()

    def current_whitelist(self) -> list[str]:
        return list(self.frames)


def seeded_frames(days: int = 260) -> dict[str, pd.DataFrame]:
    return {
        pair: candles(seeded_rows(seed, days), "1d") for seed, pair in enumerate([*PAIRS, "G/USDT"])
    }


def analysed(frames: dict[str, pd.DataFrame], pair: str, days: int, strategy: Any = None) -> Any:
    strategy = strategy or load("CrossMomentum")
    strategy.dp = Data(frames, days)
    strategy.config["pairs"] = list(frames)
    metadata = {"pair": pair}
    result = strategy.advise_indicators(frames[pair].head(days).copy(), metadata)
    signals = strategy.ft_advise_signals(result, metadata)
    for column in ("enter_long", "exit_long"):
        signals[column] = signals.get(column, np.nan)
    return signals


def test_prefix() -> None:
    """What is known at a close is the same whether or not later candles of any pair exist."""
    frames = seeded_frames()
    strategy = load("CrossMomentum")
    for pair in ("AAA/USDT", "BTC/USDT"):
        whole = analysed(frames, pair, 260, strategy)
        assert whole["rank"].notna().sum() > 100
        for days in range(150, 260, 11):
            cut = analysed(frames, pair, days, strategy)
            assert_frame_equal(cut, whole.head(days))


def test_the_start_of_the_frames_is_forgotten() -> None:
    frames = seeded_frames()
    whole = analysed(frames, "AAA/USDT", 260)
    needed = load("CrossMomentum").startup_candle_count + 1
    later = {pair: frame.tail(needed).reset_index(drop=True) for pair, frame in frames.items()}
    last, expected = analysed(later, "AAA/USDT", needed).iloc[-1], whole.iloc[-1]
    assert last["rank"] == expected["rank"]
    assert last["market_is_up"] == expected["market_is_up"]


def test_a_missing_candle_is_not_ranked_and_the_exit_comes_all_the_same() -> None:
    frames = seeded_frames()
    sunday = 251
    assert frames["AAA/USDT"]["date"].iloc[sunday].weekday() == 6
    frames["BBB/USDT"] = frames["BBB/USDT"].drop(index=sunday - 28).reset_index(drop=True)
    late = analysed(frames, "BBB/USDT", 260)
    row = late[late["date"] == frames["AAA/USDT"]["date"].iloc[sunday]].iloc[0]
    assert np.isnan(row["rank"]) and row["enter_long"] != 1
    assert row["exit_long"] == 1


def test_new_candles_make_a_new_ranking() -> None:
    """Live the same strategy lives on: nothing of an earlier ranking may be left."""
    frames = seeded_frames()
    strategy = load("CrossMomentum", RunMode.DRY_RUN)
    for days in (200, 201, 259, 260):
        again = analysed(frames, "CCC/USDT", days, strategy)
        assert_frame_equal(again, analysed(frames, "CCC/USDT", days))


def test_pairs_that_are_ranked() -> None:
    strategy = load("CrossMomentum")
    strategy.config["pairs"] = ["BTC/USDT", "A/USDT", ".*/USDT"]
    assert strategy.universe_pairs() == ["A/USDT", "BTC/USDT"]
    live = load("CrossMomentum", RunMode.LIVE)
    live.dp = Data(seeded_frames(10), 10)
    assert live.universe_pairs() == [*PAIRS, "G/USDT"]


def test_only_in_the_hour_after_the_rebalance_and_only_shares_are_cut_back() -> None:
    sunday = pd.Timestamp("2024-04-14", tz="UTC")
    monday = sunday + pd.Timedelta("1D")
    trade = SimpleNamespace(pair="A/USDT", amount=100.0, has_open_orders=False)

    def part(now: pd.Timestamp, signal: pd.Timestamp = sunday, **sizing: Any) -> float:
        strategy = load("CrossMomentum", sizing={"method": "fraction", **sizing})
        strategy.signal_row = lambda pair: pd.Series({"date": signal})
        strategy.wallets = SimpleNamespace(get_total_stake_amount=lambda: 10_000.0)
        return float(strategy.outgrown_part(trade, 40.0, now))

    assert part(monday) == pytest.approx(0.5)  # worth 4,000, its share is 2,000
    assert part(monday + pd.Timedelta("59min")) == pytest.approx(0.5)
    assert part(monday + pd.Timedelta("61min")) == 0.0
    assert part(monday, signal=sunday - pd.Timedelta("1D")) == 0.0
    assert part(monday, fraction_pct=33.0) == 0.0  # within the band of a quarter
    assert part(monday, method="half_base", base_usd=10_000.0) == 0.0


def test_a_position_that_cannot_be_judged_is_left_alone() -> None:
    strategy = load("CrossMomentum")
    strategy.signal_row = lambda pair: 1 / 0
    answer = strategy.adjust_trade_position(
        SimpleNamespace(pair="A/USDT"), None, 1.0, 0.0, None, 1.0, 1.0, 1.0, 0.0, 0.0
    )
    assert answer is None


def test_chart_search_docstring_and_arithmetic() -> None:
    strategy = load("CrossMomentum")
    frame = analysed(seeded_frames(), "AAA/USDT", 260, strategy)
    plotted = [name for plot in strategy.plot_config["subplots"].values() for name in plot]
    assert set(plotted) <= set(frame.columns)
    assert strategy.ft_plot_annotations("AAA/USDT", frame)
    assert strategy.return_days.value in strategy.return_days.opt_range
    assert strategy.top_pairs.low < strategy.top_pairs.value < strategy.top_pairs.high
    text = " ".join(str(type(strategy).__doc__).split())
    share = loss_share_at_stop(40.0, 0.15)
    assert f"{100 * share:.1f} % of the stake" in text
    assert f"{20 * share + 0.05:.1f} % of the capital" in text  # rounded up
    verdict = type(strategy).unprofitable_by_arithmetic
    assert verdict(AquatradeSettings()) is None
    dear = AquatradeSettings.model_validate({"sizing": {"cost_pct_per_side": 5.0}})
    assert "2 x 5 % = 10 %" in (verdict(dear) or "")
