"""What the chase tells freqtrade, call by call: prices, kinds of orders, time-outs, stakes."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.enums import RunMode
from freqtrade.persistence import Trade

from aquatrade.bot_closing import Closing
from aquatrade.settings import SettingsError
from tests.strategies.freqtrade_fakes import ENTERED, PAIR, open_trade

LoadStrategy = Callable[..., Any]
ORDERS = {"chase": True}
SECOND = timedelta(seconds=1)


class Book:
    """The data provider as far as the chase asks it."""

    def __init__(self, bid: float = 99.99, ask: float = 100.02) -> None:
        self.bids, self.asks = [[bid, 5.0]], [[ask, 5.0]]
        self.is_away = False
        self._exchange = SimpleNamespace(price_get_one_pip=lambda pair, price: 0.01)

    def orderbook(self, pair: str, maximum: int) -> dict[str, Any]:
        if self.is_away:
            raise RuntimeError("no book")
        return {"bids": self.bids, "asks": self.asks}


@pytest.fixture
def chaser(load_strategy: LoadStrategy) -> Any:
    strategy = load_strategy(RunMode.DRY_RUN, orders=ORDERS)
    strategy.dp = Book()
    return strategy


def entry(strategy: Any, seconds: float, tag: str = "crash", side: str = "long") -> float:
    price: float = strategy.custom_entry_price(
        pair=PAIR, trade=None, current_time=ENTERED + seconds * SECOND, proposed_rate=100.02,
        entry_tag=tag, side=side,
    )  # fmt: skip
    return price


def exit_price(strategy: Any, trade: Trade, seconds: float, tag: str = "above_mean") -> float:
    price: float = strategy.custom_exit_price(
        pair=PAIR, trade=trade, current_time=ENTERED + seconds * SECOND, proposed_rate=99.99,
        current_profit=0.0, exit_tag=tag,
    )  # fmt: skip
    return price


def stake(strategy: Any, side: str = "long", min_stake: float = 5.0) -> float:
    amount: float = strategy.custom_stake_amount(
        pair=PAIR, current_time=ENTERED, current_rate=100.0, proposed_stake=50.0,
        min_stake=min_stake, max_stake=5000.0, leverage=1.0, entry_tag="crash", side=side,
    )  # fmt: skip
    return amount


def resting(**changes: Any) -> Any:
    """A trade whose entry order waits since ENTERED."""
    values: dict[str, Any] = {"filled": 0.0, "status": "open", "order_type": "limit"}
    values |= {"ft_is_open": True, "average": None}
    return open_trade(**(values | changes))


def is_late(strategy: Any, trade: Trade, seconds: float, which: str = "entry") -> bool:
    check = getattr(strategy, f"check_{which}_timeout")
    late: bool = check(
        pair=PAIR, trade=trade, order=trade.orders[0], current_time=ENTERED + seconds * SECOND
    )
    return late


def test_an_entry_goes_from_the_bid_to_the_market(chaser: Any) -> None:
    assert [round(entry(chaser, second), 4) for second in (0, 5, 10, 25, 30, 35)] == [
        99.99, 99.99, 100.00, 100.00, 100.02, 100.02
    ]  # fmt: skip
    assert chaser.order_types["entry"] == "market"
    assert chaser.order_time_in_force["entry"] == "PO"
    chaser._order_chase.loop_starts()
    assert chaser.order_types["entry"] == "limit"
    assert entry(chaser, 36) == 100.02
    assert chaser.order_types["entry"] == "market"


def test_a_short_entry_begins_at_the_ask(chaser: Any) -> None:
    assert entry(chaser, 0, side="short") == 100.02
    assert round(entry(chaser, 10, side="short"), 4) == 100.01
    assert entry(chaser, 30, side="short") == 99.99


def test_a_wish_of_another_time_begins_anew(chaser: Any) -> None:
    assert entry(chaser, 0) == 99.99
    assert entry(chaser, 61) == 99.99
    assert round(entry(chaser, 71), 4) == 100.00


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("seconds", "late"), [(9, False), (10, True), (40, True)])
def test_a_resting_entry_gives_way_to_the_next_step(
    seconds: float, late: bool, chaser: Any
) -> None:
    entry(chaser, 0)
    assert is_late(chaser, resting(), seconds) is late


@pytest.mark.usefixtures("database")
def test_an_entry_of_the_second_step_waits_for_the_third(chaser: Any) -> None:
    entry(chaser, -12)
    trade = resting()  # placed 12 s after the first attempt
    assert not is_late(chaser, trade, 17)
    assert is_late(chaser, trade, 18)


@pytest.mark.usefixtures("database")
def test_what_must_not_be_given_up_is_left_alone(chaser: Any) -> None:
    assert not is_late(chaser, resting(filled=0.4), 60)
    trade = resting(order_id="2")
    trade.enter_tag = "force_entry"
    assert not is_late(chaser, trade, 60)
    assert not is_late(chaser, resting(order_id="3", order_type="market"), 60)
    assert entry(chaser, 0, tag="force_entry") == entry(chaser, 50, tag="force_entry") == 99.99


@pytest.mark.usefixtures("database")
def test_after_a_restart_the_order_itself_is_the_clock(chaser: Any) -> None:
    trade = resting()
    assert not is_late(chaser, trade, 9)
    assert is_late(chaser, trade, 11)


@pytest.mark.usefixtures("database")
def test_an_exit_goes_from_the_ask_towards_the_market(chaser: Any) -> None:
    trade = open_trade()
    assert exit_price(chaser, trade, 0) == 100.02
    assert chaser.order_time_in_force["exit"] == "PO"
    assert round(exit_price(chaser, trade, 12), 4) == 100.01
    # Refused all the time: a limit that trades with whoever is there.
    assert exit_price(chaser, trade, 31) == pytest.approx(99.99 * 0.995)
    assert chaser.order_time_in_force["exit"] == "GTC"
    assert chaser.config["unfilledtimeout"]["exit_timeout_count"] == 2


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "tag", ["stop_loss", "trailing_stop_loss", "emergency_exit", "force_exit", "stop_passed"]
)
def test_a_stop_is_not_chased(tag: str, chaser: Any) -> None:
    trade = open_trade()
    exit_price(chaser, trade, 0)
    assert exit_price(chaser, trade, 1, tag) == 99.99
    assert chaser.order_time_in_force["exit"] == "GTC"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "damage",
    [
        {"is_away": True},
        {"bids": []},
        {"bids": [[float("nan"), 1.0]]},
        {"bids": [[100.02, 1.0]]},
        {"asks": [["?", 1.0]]},
    ],
)
def test_without_a_book_nothing_is_entered_and_every_exit_goes_out(
    damage: dict[str, Any], chaser: Any
) -> None:
    for name, value in damage.items():
        setattr(chaser.dp, name, value)
    assert entry(chaser, 0) == 100.02
    assert stake(chaser) == 0.0
    assert "order book" in chaser.no_stake_reason
    assert exit_price(chaser, open_trade(), 0) == 99.99
    assert chaser.order_time_in_force["exit"] == "GTC"


SIZED = {"sizing": {"method": "fixed", "stake_usd": 200.0}}


def test_an_order_that_the_book_does_not_bear_is_made_smaller(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN, orders={"max_book_move_pct": 0.1}, **SIZED)
    strategy.wallets = SimpleNamespace()
    strategy.dp = Book()
    strategy.dp.asks = [[100.0, 0.5], [100.1, 0.5], [100.2, 50.0]]
    strategy.dp.bids = [[99.9, 0.1], [99.0, 50.0]]
    assert stake(strategy) == pytest.approx(50.0 + 50.05)
    assert stake(strategy, min_stake=150.0) == 0.0
    assert "the book bears 100.05" in strategy.no_stake_reason
    assert stake(strategy, side="short") == pytest.approx(9.99)
    strategy.dp.asks = [[100.0, 9.0]]
    assert stake(strategy) == 200.0
    strategy.dp.is_away = True
    assert stake(strategy) == 0.0


@pytest.mark.parametrize("runmode", [RunMode.BACKTEST, RunMode.HYPEROPT])
def test_a_backtest_knows_nothing_of_it(runmode: RunMode, load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(runmode, orders=ORDERS, **SIZED)
    strategy.wallets = SimpleNamespace()
    assert "custom_entry_price" not in vars(strategy)
    assert strategy.order_time_in_force["entry"] == "GTC"
    assert stake(strategy) == 200.0


def test_off_it_touches_nothing(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.LIVE)
    assert not {"custom_entry_price", "check_entry_timeout"} & vars(strategy).keys()
    assert strategy.order_time_in_force == {"entry": "GTC", "exit": "GTC"}


def test_a_strategy_that_prices_its_orders_cannot_chase(load_strategy: LoadStrategy) -> None:
    strategy = load_strategy(RunMode.DRY_RUN)
    priced = type("Priced", (type(strategy),), {"custom_entry_price": lambda self, **_: 1.0})
    config = strategy.config | {"aquatrade": {"orders": ORDERS}}
    with pytest.raises(SettingsError, match=r"Priced decides itself \(custom_entry_price"):
        priced(config)


def test_the_steps_come_one_after_the_other(load_strategy: LoadStrategy) -> None:
    with pytest.raises(SettingsError, match=r"market_after_seconds'.*got 8, .*than tick_after"):
        load_strategy(orders={"chase": True, "market_after_seconds": 8})


@pytest.mark.usefixtures("database")
def test_a_trip_takes_the_entries_away_and_gives_the_chase_back(chaser: Any) -> None:
    closing, trade = Closing(chaser), resting()
    closing.demand(cancel_entries=True, exit_tag=None)
    assert is_late(chaser, trade, 0)
    closing.demand(cancel_entries=False, exit_tag=None)
    assert not is_late(chaser, trade, 0)
    assert is_late(chaser, trade, 11)
