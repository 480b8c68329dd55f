"""Late and partial fills as the fault plan has them, in the matching engine's terms.

Whoever builds the engine sets, besides install_faults:

    engine.behaviour = FaultFills(faults)
"""

from decimal import Decimal

from sidecars.replay.faults.plan import Faults
from sidecars.replay.faults.rules import FillRule, LateFill, PartialFill
from sidecars.replay.matching.fill_behaviour import FillBehaviour
from sidecars.replay.model import Order


class FaultFills(FillBehaviour):
    """Several rules on one order: the longest delay and the smallest share count."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def delay_ms_of(self, order: Order) -> int:
        rules = self._rules_of(order)
        return max((r.parameters.delay_ms for r in rules if isinstance(r, LateFill)), default=0)

    def max_share_of(self, order: Order) -> Decimal | None:
        rules = self._rules_of(order)
        shares = [r.parameters.fraction for r in rules if isinstance(r, PartialFill)]
        return Decimal(repr(min(shares))) if shares else None

    def _rules_of(self, order: Order) -> list[FillRule]:
        request = order.request
        return self._faults.fill_rules(
            order.order_id, request.symbol, request.side.value, order.created_ms
        )
