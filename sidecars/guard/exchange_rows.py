"""What ccxt tells of an account, as books. Pure; a row of another shape is an error."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import ccxt

from sidecars.common.moments import moment_at
from sidecars.common.source_errors import SourceError
from sidecars.guard.books import ZERO, ExchangeOrder, Fill


@contextlib.contextmanager
def shape_of(account: str, what: str) -> Iterator[None]:
    """Whatever a row does not have becomes a SourceError of one line."""
    try:
        yield
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, ArithmeticError) as error:
        raise SourceError(
            f"{account}: {what}: malformed answer ({type(error).__name__})", "malformed"
        ) from error


def order_of(row: Mapping[str, Any]) -> ExchangeOrder:
    """One order. Of its moments the latest that is told."""
    moments = (row.get("lastUpdateTimestamp"), row.get("lastTradeTimestamp"), row["timestamp"])
    return ExchangeOrder(
        pair=str(row["symbol"]),
        order_id=str(row["id"]),
        client_order_id=str(row.get("clientOrderId") or ""),
        side=str(row["side"]),
        status=str(row["status"]),
        amount=exact(row["amount"]),
        filled=exact(row["filled"]),
        changed_at=moment_at(max(int(each) for each in moments if each is not None)),
    )


def fill_of(row: Mapping[str, Any]) -> tuple[str, Fill]:
    """Id of an execution, and the execution."""
    fill = Fill(
        pair=str(row["symbol"]),
        order_id=str(row["order"]),
        amount=exact(row["amount"]),
        cost=exact(row["cost"]),
        at=moment_at(int(row["timestamp"])),
    )
    return str(row["id"]), fill


def totals_of(balance: Mapping[str, Any]) -> dict[str, Decimal]:
    """Free and locked amounts of each coin."""
    return {str(asset): exact(total) for asset, total in balance["total"].items()}


def positions_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    """Base units by pair, short is negative; both sides of a hedged pair in one sum."""
    found: dict[str, Decimal] = {}
    for row in rows:
        contracts = exact(row["contracts"])
        if not contracts:
            continue
        size = contracts * exact(row.get("contractSize") or 1)
        sign = {"long": 1, "short": -1}[row["side"]]
        found[row["symbol"]] = found.get(row["symbol"], ZERO) + sign * size
    return found


def step_of(market: Mapping[str, Any], precision_mode: int) -> Decimal:
    """The smallest amount that can be ordered, in base units."""
    precision = exact(market["precision"]["amount"])
    if precision_mode == ccxt.DECIMAL_PLACES:
        precision = Decimal(1).scaleb(-int(precision))
    return precision * exact(market.get("contractSize") or 1)


def exact(value: object) -> Decimal:
    """A number as its digits say. Raises ValueError for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"expected a number, got {type(value).__name__}")
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"expected a finite number, got {value}")
    return number
