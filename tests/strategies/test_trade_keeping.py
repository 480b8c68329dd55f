"""What is kept about a trade, its stop after a restart, and a loop with a broken sidecar."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from math import isnan
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy
from freqtrade.strategy.strategy_wrapper import strategy_safe_wrapper

from aquatrade.trade_records import usual_figures
from aquatrade.unused_callbacks import keep_no_records
from tests.aquatrade.fake_sidecar import HOUR_MS, TOKEN, FakeSidecar, running_sidecar, score_record
from tests.strategies.candle_tables import START
from tests.strategies.freqtrade_fakes import (
    ENTERED,
    PAIR,
    SIGNAL,
    SIGNAL_CLOSE_MS,
    Frames,
    frame,
    open_trade,
)

LoadStrategy = Callable[..., Any]


def fill(strategy: Any, trade: Trade, order: Order) -> None:
    """order_filled as freqtrade calls it."""
    strategy_safe_wrapper(strategy.order_filled, supress_error=True)(
        pair=trade.pair, trade=trade, order=order, current_time=ENTERED
    )


@pytest.fixture
def sidecar() -> Iterator[FakeSidecar]:
    with running_sidecar() as fake:
        yield fake


@pytest.mark.usefixtures("database")
def test_a_fill_is_kept_with_its_slippage_and_context(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN)
    strategy.dp = Frames(frame(score=66.0, score_technical=20.0, score_vetoed=0.0))
    trade = open_trade()
    fill(strategy, trade, trade.orders[0])
    assert trade.get_custom_data("fill_1") == {
        "side": "buy",
        "expected_price": 100.0,
        "actual_price": 100.5,
        "slippage_pct": pytest.approx(0.5),
    }
    context = trade.get_custom_data("entry_context")
    assert context["signal_candle"] == SIGNAL.isoformat()
    assert (context["preset"], context["rsi"], context["regime"]) == ("crash", 21.0, "uptrend")
    assert (context["score"], context["score_layers"]["technical"]) == (66.0, 20.0)
    assert (context["expected_price"], context["stop_pct"]) == (100.0, pytest.approx(20.0))


@pytest.mark.usefixtures("database")
def test_a_sale_below_its_price_is_a_cost_and_leaves_the_context(
    load_strategy: LoadStrategy,
) -> None:
    strategy = load_strategy(RunMode.DRY_RUN)
    strategy.dp = Frames(frame())
    trade = open_trade()
    fill(strategy, trade, trade.orders[0])
    before = trade.get_custom_data("entry_context")
    sale = Order(
        order_id="2", ft_order_side="sell", ft_pair=PAIR, ft_amount=1.0, ft_price=110.0,
        price=110.0, average=109.0, amount=1.0, filled=1.0, status="closed", side="sell",
        order_date=ENTERED,
    )  # fmt: skip
    trade.orders.append(sale)
    Trade.commit()
    fill(strategy, trade, sale)
    assert trade.get_custom_data("fill_2")["slippage_pct"] == pytest.approx(100 / 110)
    assert trade.get_custom_data("entry_context") == before


@pytest.mark.usefixtures("database")
def test_a_cancelled_order_without_a_fill_leaves_no_record(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN)
    strategy.dp = Frames(frame())
    trade = open_trade(filled=0.0, status="canceled")
    fill(strategy, trade, trade.orders[0])
    assert trade.get_custom_data("fill_1") is None


@pytest.mark.usefixtures("database")
def test_killed_between_order_and_fill_the_context_is_rebuilt_with_its_score(
    load_strategy: LoadStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new process learns of the fill before it has analysed any candle, hours later."""
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    with running_sidecar() as sidecar:
        sidecar.records = [
            score_record(PAIR, SIGNAL_CLOSE_MS - HOUR_MS, total=66.0),
            score_record(PAIR, SIGNAL_CLOSE_MS + HOUR_MS, total=10.0),
        ]
        strategy = load_strategy(RunMode.DRY_RUN, scores={"url": sidecar.url})
        strategy.dp = Frames(pd.DataFrame())
        trade = open_trade()
        fill(strategy, trade, trade.orders[0])
        assert trade.get_custom_data("entry_context") is None
        restarted = START + timedelta(hours=9)
        strategy.bot_loop_start(current_time=restarted)
        assert trade.get_custom_data("entry_context") is None
        strategy.dp = Frames(frame(score=float("nan")))
        strategy.bot_loop_start(current_time=restarted)
    context = trade.get_custom_data("entry_context")
    assert (context["score"], context["score_layers"]["technical"]) == (66.0, 22.0)
    assert context["signal_candle"] == SIGNAL.isoformat()


@pytest.mark.usefixtures("database")
def test_a_context_without_its_score_says_why(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN, scores={"url": "http://127.0.0.1:1"})
    strategy.dp = Frames(frame(score=float("nan")))
    trade = open_trade()
    strategy.bot_loop_start(current_time=ENTERED)
    fill(strategy, trade, trade.orders[0])
    context = trade.get_custom_data("entry_context")
    assert context["score"] is None
    assert context["score_unavailable"] == "score sidecar unavailable"


@pytest.mark.usefixtures("database")
def test_a_wider_preset_after_a_restart_does_not_loosen_a_stop(load_strategy: LoadStrategy) -> None:
    """Bought under `specified` (2 %), restarted under `crash` (20 %): the stop stays at 2 %."""
    before = load_strategy(RunMode.DRY_RUN, preset="specified")
    before.dp = Frames(frame())
    trade = open_trade()
    trade.stop_loss, trade.initial_stop_loss_pct = 0.0, None
    trade.adjust_stop_loss(trade.open_rate, before.stoploss)
    fill(before, trade, trade.orders[0])
    after = load_strategy(RunMode.DRY_RUN, preset="crash")
    Trade.stoploss_reinitialization(after.stoploss)
    assert trade.stop_loss == pytest.approx(100.5 * 0.8)
    after.ft_stoploss_adjust(100.0, trade, ENTERED, 0.0, 0.0)
    assert trade.stop_loss == pytest.approx(100.5 * 0.98, rel=1e-6)
    # The same preset again: nothing to do, and the stop is no trailing one.
    trade.stop_loss, trade.initial_stop_loss_pct, trade.is_stop_loss_trailing = 0.0, None, False
    trade.adjust_stop_loss(trade.open_rate, before.stoploss)
    before.ft_stoploss_adjust(100.0, trade, ENTERED, 0.0, 0.0)
    assert not trade.is_stop_loss_trailing


@pytest.mark.usefixtures("database")
def test_late_scores_make_the_candle_analysed_again(
    load_strategy: LoadStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    with running_sidecar() as sidecar:
        sidecar.records = [score_record(PAIR, SIGNAL_CLOSE_MS)]
        strategy = load_strategy(RunMode.DRY_RUN, scores={"url": sidecar.url})
        strategy.dp = Frames(frame())
        strategy.bot_loop_start(current_time=ENTERED)
        assert not strategy.process_only_new_candles
        strategy.bot_loop_start(current_time=ENTERED)
        assert strategy.process_only_new_candles


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"body": b"]["}, {"delay_seconds": 20.0}, {"records": []}]
)
def test_a_broken_sidecar_stops_entries_and_not_the_loop(
    fault: dict[str, Any],
    sidecar: FakeSidecar,
    load_strategy: LoadStrategy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AQUATRADE_SCORES_TOKEN", TOKEN)
    for name, value in fault.items():
        setattr(sidecar, name, value)
    section = {"url": sidecar.url, "filter": True, "timeout_seconds": 0.2}
    strategy = load_strategy(RunMode.DRY_RUN, scores=section)
    strategy.dp = Frames(frame())
    strategy.bot_loop_start(current_time=ENTERED)
    candles = strategy.scores.join(frame(), PAIR)
    assert candles["score"].isna().all()
    assert not strategy.scores.allows(candles, 0.0).any()


@pytest.mark.parametrize("runmode", [RunMode.BACKTEST, RunMode.HYPEROPT])
def test_a_backtest_is_not_asked_for_records_of_its_fills(
    runmode: RunMode, load_strategy: LoadStrategy
) -> None:
    """Freqtrade copies no trade for a callback that it knows as its own."""
    strategy = load_strategy(runmode)
    assert strategy.order_filled.__func__ is IStrategy.order_filled
    assert strategy.order_filled.__qualname__.startswith("IStrategy.")
    assert not strategy.use_custom_stoploss
    assert "order_filled" not in vars(load_strategy(RunMode.DRY_RUN))


class Keeper:
    """Two callbacks of a base."""

    use_custom_stoploss = True

    def custom_stoploss(self) -> str:
        return "base"

    def order_filled(self) -> str:
        return "base"


class OwnKeeper(Keeper):
    """A strategy that overrides both."""

    def custom_stoploss(self) -> str:
        return "own"

    def order_filled(self) -> str:
        return "own"


def test_what_a_strategy_overrides_stays_in_its_backtests() -> None:
    own, plain = OwnKeeper(), Keeper()
    keep_no_records(own, Keeper)
    keep_no_records(plain, Keeper)
    assert own.use_custom_stoploss
    assert own.order_filled() == "own"
    assert not plain.use_custom_stoploss
    assert getattr(plain.order_filled, "__func__", None) is IStrategy.order_filled


def test_strategies_without_such_columns_keep_the_usual_figures() -> None:
    closes = [100.0 + number % 7 + number / 10 for number in range(260)]
    candles = pd.DataFrame(
        {
            "date": pd.date_range(START, periods=260, freq="4h"),
            "close": closes,
            "volume": [10.0] * 259 + [30.0],
        }
    )
    found = usual_figures(candles)
    moves = [new - old for old, new in pairwise(closes[-15:])]
    risen, fallen = sum(max(move, 0.0) for move in moves), sum(max(-move, 0.0) for move in moves)
    assert found["rsi"] == pytest.approx(100.0 * risen / (risen + fallen))
    assert found["volume_ratio"] == pytest.approx(30.0 / (220.0 / 20))
    assert found["sma_200"] == pytest.approx(sum(closes[-200:]) / 200)
    assert isnan(usual_figures(candles.head(10))["sma_200"])
