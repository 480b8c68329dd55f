"""How fills may be made late, small or refused, for rehearsing what real exchanges do at times.

The plain FillBehaviour changes nothing. A late fill is late in the telling only: the ledger has
it at once, as Binance's matching engine does while its order queries still lag behind. So a late
order answers "open" and cannot be cancelled any more; balances and the ledger tell the truth.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sidecars.replay.model import ExchangeError, Fill, Order, OrderStatus


@dataclass(slots=True)
class FillBehaviour:
    """Set on `ReplayEngine.behaviour`; override the two methods to choose order by order.

    fill_delay_ms: exchange time from a fill to the moment that orders, open orders and fills
        tell of it.
    max_fill_share: the most of an order's amount that one tick, or one meeting with the book,
        fills (at least one amount step). A limit order's rest stays, a market order's expires.
    reject_next: raised by the next placements, one each, before anything else is looked at.
    """

    fill_delay_ms: int = 0
    max_fill_share: Decimal | None = None
    reject_next: deque[ExchangeError] = field(default_factory=deque)

    def delay_ms_of(self, order: Order) -> int:
        """Delay of this order's fills; must answer the same for one order each time."""
        return self.fill_delay_ms

    def max_share_of(self, order: Order) -> Decimal | None:
        """Cap on this order's fills, or None; must answer the same for one order each time."""
        return self.max_fill_share


def hides(fill: Fill, now_ms: int, delay_ms: int) -> bool:
    """Whether a fill is not told of yet."""
    return fill.time_ms + delay_ms > now_ms


def as_told(order: Order, now_ms: int, delay_ms: int) -> Order:
    """The order as it stood before the fills that are not told of yet.

    A cancellation was answered to the client, with all fills in it, so nothing is hidden then.
    """
    if order.status is OrderStatus.CANCELED:
        return order
    told = tuple(fill for fill in order.fills if not hides(fill, now_ms, delay_ms))
    if len(told) == len(order.fills):
        return order
    return replace(
        order,
        status=OrderStatus.PARTIALLY_FILLED if told else OrderStatus.NEW,
        updated_ms=told[-1].time_ms if told else order.created_ms,
        filled_amount=sum((fill.amount for fill in told), Decimal(0)),
        filled_quote=sum((fill.quote_amount for fill in told), Decimal(0)),
        fills=told,
    )
