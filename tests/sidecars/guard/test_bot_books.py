"""A bot's books from the JSON that freqtrade itself makes of its trades."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from freqtrade.persistence import Order, Trade, init_db
from freqtrade.rpc.api_server.api_schemas import TradeSchema

from sidecars.common.source_errors import SourceError
from sidecars.guard.books import BotBooks, BotIdentity, Cash
from sidecars.guard.bot_books import BotBookReader

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
DAY_AGO = NOON - timedelta(hours=23)
BTC = "BTC/USDT"
CONFIG = {
    "dry_run": False, "stake_currency": "USDT", "trading_mode": "spot", "available_capital": 1000.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def database() -> Iterator[None]:
    init_db("sqlite://")
    yield
    Trade.session.remove()


def order(
    number: int,
    side: str,
    amount: float,
    rate: float,
    *,
    at: datetime,
    filled: float | None = None,
    fee_base: float | None = None,
) -> Order:
    """filled: of an open order; None: it is done."""
    made = Order.parse_from_ccxt_object(
        {
            "id": str(number), "side": side, "type": "limit", "price": rate, "average": rate,
            "amount": amount, "filled": amount if filled is None else filled,
            "remaining": 0.0 if filled is None else amount - filled,
            "cost": amount * rate if filled is None else filled * rate,
            "status": "closed" if filled is None else "open",
            "timestamp": int(at.timestamp() * 1000),
        },
        BTC, side, amount, rate,
    )  # fmt: skip
    made.ft_is_open = filled is not None
    made.ft_fee_base = fee_base
    return made


def trade(
    *orders: Order, fee_currency: str | None = "BTC", closed_at: datetime | None = None
) -> Trade:
    made = Trade(
        pair=BTC, base_currency="BTC", stake_currency="USDT", stake_amount=0.0, amount=0.0,
        amount_requested=0.01,
        is_open=closed_at is None, fee_open=0.001, fee_close=0.001, open_rate=60_000.0,
        open_date=NOON - timedelta(hours=2), exchange="binance", strategy="X", timeframe=5,
        leverage=1.0, is_short=False, trading_mode="spot", amount_precision=0.00001,
        price_precision=0.01, precision_mode=4, precision_mode_price=4, contract_size=1.0,
    )  # fmt: skip
    made.fee_open_currency = fee_currency
    made.orders.extend(orders)
    made.recalc_trade_from_orders()
    if closed_at is not None:
        made.close_date, made.close_rate, made.is_open = closed_at, 60_000.0, False
    Trade.session.add(made)
    Trade.commit()
    return made


class Api:
    """Answers as freqtrade's routes do, and counts the questions."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "show_config": dict(CONFIG),
            "whitelist": {"whitelist": ["ETH/USDT"], "length": 1, "method": ["StaticPairList"]},
        }
        self.trade_pages = 0
        self.page_size = 500

    async def get(self, path: str, **parameters: str | int) -> Any:
        if path in self.answers:
            return copy.deepcopy(self.answers[path])
        if path == "status":
            open_trades = Trade.get_open_trades()
            return [TradeSchema.model_validate(each.to_json()).model_dump() for each in open_trades]
        assert path == "trades" and parameters["order_by_id"] == "false"
        self.trade_pages += 1
        closed = Trade.session.scalars(
            Trade.get_trades_query([Trade.is_open.is_(False)]).order_by(Trade.close_date.desc())
        ).all()
        start = int(parameters["offset"])
        page = closed[start : start + min(int(parameters["limit"]), self.page_size)]
        rows = [each.to_json() for each in page]
        return {
            "trades": rows, "trades_count": len(rows), "offset": start, "total_trades": len(closed),
        }  # fmt: skip


def reader(api: Api, allotment: str | None = None) -> BotBookReader:
    capital = None if allotment is None else Decimal(allotment)
    return BotBookReader(BotIdentity("dip", "aq-dip-"), api, capital)


async def read(api: Api | None = None) -> BotBooks:
    books = await reader(api or Api()).read(DAY_AGO)
    assert books is not None
    return books


HOUR_AGO = NOON - timedelta(hours=1)


async def test_a_bot_that_has_not_traded() -> None:
    books = await read()
    assert books.pairs == {"ETH/USDT"} and books.orders == {} and books.holdings == ()
    assert books.cash == Cash("USDT", Decimal(1000), Decimal(1000))


async def test_what_an_open_trade_holds_and_has_paid() -> None:
    trade(order(1, "buy", 0.01, 60_000.0, at=HOUR_AGO, fee_base=0.00001))
    books = await read()
    (holding,) = books.holdings
    assert (holding.amount, holding.unbooked_fee) == (Decimal("0.00999"), Decimal(0))
    assert books.pairs == {"ETH/USDT", BTC}
    (known,) = books.orders.values()
    assert (known.filled, known.is_open, known.created_at) == (Decimal("0.01"), False, HOUR_AGO)
    assert books.cash is not None and books.cash.expected == Decimal(400)


async def test_a_fee_that_freqtrade_let_eat_into_dust_is_known() -> None:
    trade(order(1, "buy", 0.01, 60_000.0, at=HOUR_AGO))
    (holding,) = (await read()).holdings
    assert (holding.amount, holding.unbooked_fee) == (Decimal("0.01"), Decimal("0.00001"))


async def test_what_is_filled_of_open_orders_counts() -> None:
    trade(
        order(1, "buy", 0.01, 60_000.0, at=HOUR_AGO, fee_base=0.00001),
        order(2, "sell", 0.00999, 66_000.0, at=HOUR_AGO, filled=0.004),
    )
    trade(order(3, "buy", 0.02, 50_000.0, at=HOUR_AGO, filled=0.005))
    trade(order(4, "buy", 0.02, 40_000.0, at=HOUR_AGO, filled=0.0))
    books = await read()
    assert [each.amount for each in books.holdings] == [
        Decimal("0.00599"), Decimal("0.005"), Decimal(0),
    ]  # fmt: skip
    assert {key[1]: each.is_open for key, each in books.orders.items()} == {
        "1": False, "2": True, "3": True, "4": True,
    }  # fmt: skip
    # 600 paid, 264 less its fee received, 250 paid.
    assert books.cash is not None
    assert books.cash.expected == Decimal("1000") - 600 + Decimal("263.736") - 250


async def test_what_an_open_order_would_cost_is_not_paid_yet() -> None:
    waiting = order(1, "buy", 0.02, 40_000.0, at=HOUR_AGO, filled=0.005)
    waiting.cost = 800.0
    trade(waiting)
    books = await read()
    assert books.cash is not None and books.cash.expected == Decimal(800)


async def test_closed_trades_leave_their_cash_and_their_late_orders() -> None:
    trade(
        order(1, "buy", 0.01, 60_000.0, at=HOUR_AGO, fee_base=0.00001),
        order(2, "sell", 0.00999, 66_000.0, at=HOUR_AGO),
        closed_at=HOUR_AGO,
    )
    long_ago = NOON - timedelta(days=9)
    trade(
        order(3, "buy", 0.01, 60_000.0, at=long_ago),
        order(4, "sell", 0.01, 50_000.0, at=long_ago),
        closed_at=long_ago,
        fee_currency=None,
    )
    books = await read()
    assert {key[1] for key in books.orders} == {"1", "2"}
    first = -Decimal(600) + Decimal("659.34") * Decimal("0.999")
    # Nobody says what currency its fee was in: less is expected, not more.
    second = -Decimal("600.6") + Decimal("499.5")
    assert books.cash is not None
    assert books.cash.expected == Decimal(1000) + first + second


async def test_closed_trades_are_read_once() -> None:
    api = Api()
    api.page_size = 2
    for number in range(5):
        at = NOON - timedelta(days=10 + number)
        trade(order(number, "buy", 0.01, 100.0, at=at), closed_at=at)
    bot = reader(api)
    await bot.read(DAY_AGO)
    assert api.trade_pages == 3
    await bot.read(DAY_AGO)
    assert api.trade_pages == 4
    trade(order(9, "buy", 0.01, 100.0, at=NOON), closed_at=NOON)
    books = await bot.read(DAY_AGO)
    assert books is not None and books.cash is not None
    assert books.cash.expected == 1000 - 6
    assert {key[1] for key in books.orders} == {"9"}


async def test_a_trade_that_was_deleted_is_forgotten() -> None:
    api = Api()
    made = [
        trade(order(number, "buy", 0.01, 100.0, at=NOON), closed_at=NOON) for number in range(3)
    ]
    bot = reader(api)
    await bot.read(DAY_AGO)
    made[1].delete()
    books = await bot.read(DAY_AGO)
    assert books is not None and books.cash is not None
    assert books.cash.expected == 1000 - 2


async def test_a_trade_that_closes_between_the_answers_is_closed() -> None:
    api = Api()
    made = trade(order(1, "buy", 0.01, 60_000.0, at=HOUR_AGO, fee_base=0.00001))
    api.answers["status"] = await api.get("status")
    made.close_date, made.is_open = NOON, False
    Trade.commit()
    books = await read(api)
    assert books.holdings == () and {key[1] for key in books.orders} == {"1"}


async def test_play_money_has_no_books() -> None:
    api = Api()
    api.answers["show_config"]["dry_run"] = True
    assert await reader(api).read(DAY_AGO) is None


@pytest.mark.parametrize(
    ("available", "allotment", "capital"),
    [(1000.0, "500", "1000"), (None, "500", "500"), (None, None, None)],
)
async def test_whose_word_counts_for_the_capital(
    available: float | None, allotment: str | None, capital: str | None
) -> None:
    api = Api()
    api.answers["show_config"]["available_capital"] = available
    books = await reader(api, allotment).read(DAY_AGO)
    assert books is not None
    assert books.cash == (
        None if capital is None else Cash("USDT", Decimal(capital), Decimal(capital))
    )


@pytest.mark.parametrize(
    ("path", "answer", "text"),
    [
        ("show_config", {"detail": "no"}, "bot dip: config: dry_run: Field required"),
        ("show_config", [], "bot dip: config: : Input should be"),
        ("whitelist", {}, "bot dip: whitelist: whitelist: Field required"),
        ("status", {"error": "x"}, "bot dip: status: expected a list"),
        ("status", [{"trade_id": 1}], "bot dip: trade: pair: Field required"),
        ("trades", {"trades": []}, "bot dip: trades: total_trades: Field required"),
        ("trades", {"trades": [], "total_trades": 3}, "bot dip: trades: their number changes"),
    ],
)
async def test_answers_of_another_shape_are_errors(path: str, answer: object, text: str) -> None:
    api = Api()
    api.answers[path] = answer
    with pytest.raises(SourceError) as caught:
        await reader(api).read(DAY_AGO)
    assert str(caught.value).startswith(text)
    assert caught.value.kind == "malformed"
