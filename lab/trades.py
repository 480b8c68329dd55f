"""Trades as both worlds tell them: a backtest's export and a live bot's database."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from freqtrade.data.btanalysis import load_backtest_data

# Exchanges book in units of 1e-8; freqtrade keeps the same numbers as floats.
LEDGER_UNIT = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """One position from entry to exit; `closed`, `close_rate` and what follows are None if open."""

    pair: str
    opened: datetime
    open_rate: float
    enter_tag: str
    closed: datetime | None
    close_rate: float | None
    exit_reason: str | None
    profit_ratio: float | None


@dataclass(frozen=True, slots=True)
class BotOrder:
    """An order as the bot's database has it; amounts to the exchange's smallest unit."""

    order_id: str
    trade_id: int
    pair: str
    side: str  # "buy" | "sell"
    status: str  # ccxt's: "open", "closed", "canceled", "expired", "rejected"
    filled_amount: Decimal
    filled_quote: Decimal
    base_fee: Decimal


@dataclass(frozen=True, slots=True)
class BotBooks:
    """What one bot believes: its trades, their orders, the context kept at entry, exit fees."""

    trades: tuple[TradeRecord, ...]
    orders: tuple[BotOrder, ...]
    context: dict[int, dict[str, str]]  # trade id -> custom data
    exit_fee_quote: dict[int, Decimal]  # trade id -> fee of its first exit order
    amounts: dict[int, Decimal]  # trade id -> coins the bot takes itself to hold, open trades only
    trade_ids: tuple[int, ...]  # in the order of `trades`


def exact(value: float | None) -> Decimal:
    """A float that came from an 8-decimal string, back as that decimal; None is zero."""
    return Decimal(repr(value or 0.0)).quantize(LEDGER_UNIT)


def backtest_trades(export: Path, strategy: str) -> list[TradeRecord]:
    """Trades of a backtest's result file, in order of entry. Raises ValueError if unreadable."""
    return trade_records(load_backtest_data(export, strategy))


def trade_records(frame: pd.DataFrame) -> list[TradeRecord]:
    """Freqtrade's trades (its columns) in order of entry."""
    if frame.empty:
        return []
    return [_from_row(row) for row in frame.sort_values("open_date").itertuples()]


def _from_row(row: object) -> TradeRecord:
    def text(name: str) -> str:
        value = getattr(row, name)
        return "" if pd.isna(value) else str(value)

    def moment(name: str) -> datetime:
        return pd.Timestamp(getattr(row, name)).to_pydatetime()

    still_open = text("exit_reason") == "force_exit"
    return TradeRecord(
        pair=text("pair"),
        opened=moment("open_date"),
        open_rate=float(getattr(row, "open_rate")),  # noqa: B009
        enter_tag=text("enter_tag"),
        closed=None if still_open else moment("close_date"),
        close_rate=None if still_open else float(getattr(row, "close_rate")),  # noqa: B009
        exit_reason=text("exit_reason"),
        profit_ratio=float(getattr(row, "profit_ratio")),  # noqa: B009
    )


def read_bot_books(database: Path) -> BotBooks:
    """Read a freqtrade SQLite database, also while the bot runs. Raises FileNotFoundError."""
    if not database.is_file():
        raise FileNotFoundError(f"no bot database at {database}")
    engine = sa.create_engine(f"sqlite:///file:{database}?mode=ro&uri=true")
    with engine.connect() as connection:
        trades = connection.execute(sa.text("SELECT * FROM trades ORDER BY id")).mappings().all()
        orders = connection.execute(sa.text("SELECT * FROM orders ORDER BY id")).mappings().all()
        custom = connection.execute(
            sa.text("SELECT ft_trade_id, cd_key, cd_value FROM trade_custom_data ORDER BY id")
        ).all()
    engine.dispose()
    context: dict[int, dict[str, str]] = {}
    for trade_id, key, value in custom:
        context.setdefault(int(trade_id), {})[str(key)] = str(value)
    return BotBooks(
        trades=tuple(_from_database(trade) for trade in trades),
        orders=tuple(_order_from_database(order) for order in orders),
        context=context,
        exit_fee_quote={
            int(trade["id"]): exact(trade["fee_close_cost"])
            for trade in trades
            if trade["fee_close_currency"] is not None
        },
        amounts={int(trade["id"]): exact(trade["amount"]) for trade in trades if trade["is_open"]},
        trade_ids=tuple(int(trade["id"]) for trade in trades),
    )


def held_trades(books: BotBooks) -> list[TradeRecord]:
    """Those that really bought something: an entry may be open or cancelled without a fill."""
    bought = {
        order.trade_id for order in books.orders if order.side == "buy" and order.filled_amount
    }
    pairs = zip(books.trade_ids, books.trades, strict=True)
    return [trade for trade_id, trade in pairs if trade_id in bought]


def _utc(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def _from_database(trade: sa.RowMapping) -> TradeRecord:
    opened = _utc(trade["open_date"])
    if opened is None:
        raise ValueError(f"trade {trade['id']} has no open_date")
    is_open = bool(trade["is_open"])
    return TradeRecord(
        pair=trade["pair"],
        opened=opened,
        open_rate=trade["open_rate"],
        enter_tag=trade["enter_tag"] or "",
        closed=None if is_open else _utc(trade["close_date"]),
        close_rate=None if is_open else trade["close_rate"],
        exit_reason=None if is_open else trade["exit_reason"],
        profit_ratio=None if is_open else trade["close_profit"],
    )


def _order_from_database(order: sa.RowMapping) -> BotOrder:
    filled = exact(order["filled"])
    return BotOrder(
        order_id=str(order["order_id"]),
        trade_id=int(order["ft_trade_id"]),
        pair=order["ft_pair"],
        side=order["side"] or order["ft_order_side"],
        status=order["status"] or "unknown",
        filled_amount=filled,
        filled_quote=exact(order["cost"]) if filled else Decimal(0),
        base_fee=exact(order["ft_fee_base"]),
    )
