"""The regime filter inside strategies: what it lets in, what it needs, what a trade keeps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import Trade
from freqtrade.resolvers import StrategyResolver
from pandas.testing import assert_frame_equal

from aquatrade.regime import regime_labels
from aquatrade.regime_filter import RegimeFilter
from aquatrade.settings import SettingsError
from lab.evidence_runner import BacktestRequest, run_backtest
from tests.strategies.candle_tables import START, seeded_rows, write_candles
from tests.strategies.freqtrade_fakes import Frames, frame, open_trade
from tests.strategies.risk_rig import SCRIPTED

LoadStrategy = Callable[..., Any]
HOUR = 3600
# Enters at every candle and leaves at once; a strategy of a folder of the user's own.
FAST = """
from aquatrade.base_strategy import AquatradeStrategy
from aquatrade.presets import Preset


class Fast(AquatradeStrategy):
    REGIME_KIND = "reversion"
    DEFAULT_PRESET = "only"
    PRESETS = {
        "only": Preset(
            stop_pct=90.0, minimal_roi={"0": -1.0}, buy={}, sell={}, searched=frozenset(),
            evidence="none", regime_filter=True,
        )
    }
    timeframe = "15m"

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[self.regime_allows(dataframe), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def candles(rows: int, seed: int = 3, timeframe: str = "1h") -> pd.DataFrame:
    table = pd.DataFrame(
        seeded_rows(seed, rows), columns=["open", "high", "low", "close", "volume"]
    )
    dates = pd.date_range(START, periods=rows, freq=timeframe.replace("m", "min")).as_unit("ms")
    table.insert(0, "date", dates)
    return table


def analysed(strategy: Any, table: pd.DataFrame) -> pd.DataFrame:
    metadata = {"pair": "BTC/USDT"}
    result: pd.DataFrame = strategy.advise_indicators(table.copy(), metadata)
    return strategy.ft_advise_signals(result, metadata)  # type: ignore[no-any-return]


def test_off_it_is_as_if_it_were_not_there(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(preset="crash")
    table = analysed(strategy, candles(500))
    assert strategy.regime_allows(table).all()
    assert "regime" not in table and strategy.startup_candle_count == 400


@pytest.mark.parametrize("preset", ["crash", "specified"])
def test_a_dip_is_bought_only_where_no_trend_runs(preset: str, load_strategy: LoadStrategy) -> None:
    table = candles(2500)
    free = analysed(load_strategy(preset=preset), table)
    strategy = load_strategy(preset=preset, regime_filter=True)
    filtered = analysed(strategy, table)
    assert strategy.startup_candle_count == 31 * 24
    labels = regime_labels(table, HOUR)
    assert filtered["regime"].tolist() == labels.tolist()
    calm = labels.isin({"chop", "mixed"})
    entered = free["enter_long"] == 1
    assert (entered & calm).any() and (entered & ~calm).any()
    assert ((filtered["enter_long"] == 1) == (entered & calm)).all()


def test_nothing_later_changes_a_candle(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(preset="crash_often", regime_filter=True)
    table = candles(1100)
    whole = analysed(strategy, table)
    assert (whole["enter_long"] == 1).any()
    entries = np.flatnonzero(whole["enter_long"] == 1)
    for cut in sorted({int(entry) + step for entry in entries for step in (0, 1, 2)} | {745}):
        if cut > 700:
            assert_frame_equal(analysed(strategy, table.head(cut)), whole.head(cut))
    enough = table.tail(1 + strategy.startup_candle_count).reset_index(drop=True)
    assert analysed(strategy, enough)["regime"].iloc[-1] == whole["regime"].iloc[-1] != "unknown"


def test_a_frame_without_the_column_lets_nothing_in(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(preset="crash", regime_filter=True)
    assert not strategy.regime_allows(candles(800)).any()
    unknown = analysed(strategy, candles(743))
    assert (unknown["regime"] == "unknown").all()
    assert not strategy.regime_allows(unknown).any()


def test_each_kind_stands_down_in_its_own_regimes() -> None:
    labels = ["up", "down", "chop", "mixed", "chaos", "unknown"]
    table = pd.DataFrame({"regime": labels})
    allowed = {
        kind: {
            label
            for label, passes in zip(
                labels,
                RegimeFilter(kind, "1h", on=True, strategy="S").allows(table),
                strict=True,
            )
            if passes
        }
        for kind in ("trend", "reversion")
    }
    assert allowed == {"trend": {"up", "down", "mixed"}, "reversion": {"chop", "mixed"}}


@pytest.mark.parametrize(
    ("kind", "timeframe", "said"),
    [(None, "1h", "S is neither"), ("trend", "1w", "timeframe 1w, expected")],
)
def test_what_it_cannot_filter_is_refused(kind: Any, timeframe: str, said: str) -> None:
    with pytest.raises(SettingsError, match=rf"aquatrade\.regime_filter.*{said}"):
        RegimeFilter(kind, timeframe, on=True, strategy="S")
    assert RegimeFilter(kind, timeframe, on=False, strategy="S").startup_candles == 0


def test_a_strategy_without_a_kind_says_so_at_its_start(tmp_path: Path) -> None:
    config = {
        "strategy": "Scripted", "strategy_path": SCRIPTED, "user_data_dir": tmp_path,
        "runmode": RunMode.BACKTEST, "dry_run": True, "stake_currency": "USDT",
        "aquatrade": {"regime_filter": True},
    }  # fmt: skip
    with pytest.raises(SettingsError, match="Scripted is neither"):
        StrategyResolver.load_strategy(config)


def test_a_fast_strategy_judges_by_the_hours_that_had_closed(tmp_path: Path) -> None:
    """Freqtrade's own backtest: it loads the hours beside the quarters, and their past."""
    (tmp_path / "Fast.py").write_text(FAST)
    hours, quarters = candles(1200), candles(4800, seed=4, timeframe="15m")
    write_candles(tmp_path, "BTC/USDT", seeded_rows(3, 1200))
    quarters.to_feather(tmp_path / "BTC_USDT-15m.feather")
    trades = run_backtest(
        BacktestRequest(
            datadir=tmp_path, pairs=("BTC/USDT",), fee_rate=0.001,
            aquatrade={"sizing": {"method": "fixed", "stake_usd": 10.0}}, max_open_trades=1,
            wallet=100_000.0, strategy="Fast", strategy_path=tmp_path,
            timerange="20240202-20240203",
        )
    )  # fmt: skip
    labels = pd.Series(regime_labels(hours, HOUR).to_numpy(), index=hours["date"])
    # An entry at 10:15 was decided on a candle that closed at 10:15: the hour from 9 to 10.
    judged = trades["open_date"].dt.floor("h") - pd.Timedelta(hours=1)
    at_entry = labels.reindex(pd.DatetimeIndex(judged)).to_numpy()
    assert set(at_entry) == {"chop", "mixed"}
    here = labels[(labels.index >= "2024-02-02") & (labels.index < "2024-02-03")]
    calm = here.isin({"chop", "mixed"}).sum()
    assert len(trades) > 0.4 * 4 * calm  # an entry, an exit, an entry ... all through calm hours


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("label", "kept"), [("chop", "chop"), ("unknown", None)])
def test_the_label_is_kept_with_the_trade(
    label: str, kept: str | None, load_strategy: LoadStrategy
) -> None:
    strategy = load_strategy(RunMode.DRY_RUN, regime_filter=True)
    strategy.dp = Frames(frame(regime=label))
    trade: Trade = open_trade()
    strategy.order_filled("BTC/USDT", trade, trade.orders[0], trade.open_date_utc)
    assert trade.get_custom_data("entry_context")["regime"] == kept
