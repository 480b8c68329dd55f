"""A grid the slow and obvious way: plain dicts, one price after the other, every order filled."""

from typing import Any

FEE_RATE = 0.001


def naive_lines(kind: str, centre: float, spacing_pct: float, levels: int) -> dict[int, float]:
    """Prices of the lines from -levels to levels, step by step away from the centre."""
    lines = {0: centre}
    for number in range(1, levels + 1):
        if kind == "arithmetic":
            step = spacing_pct / 100 * centre
            lines[number] = lines[number - 1] + step
            lines[-number] = lines[-number + 1] - step
        else:
            lines[number] = lines[number - 1] * (1 + spacing_pct / 100)
            lines[-number] = lines[-number + 1] / (1 + spacing_pct / 100)
    return lines


class NaiveGrid:
    """Buys and sells of all crossed lines at once, at the price that was looked at."""

    def __init__(
        self, kind: str, spacing_pct: float, levels: int, stake: float, bound_pct: float,
        rebalance_pct: float, price: float,
    ) -> None:  # fmt: skip
        self.kind, self.spacing_pct, self.levels = kind, spacing_pct, levels
        self.stake, self.bound_pct, self.rebalance_pct = stake, bound_pct, rebalance_pct
        self.lots: list[dict[str, Any]] = []
        self.cash = 0.0
        self.realised = 0.0
        self.trips: list[float] = []
        self.rebalances = 0
        self.lay(price)

    def lay(self, price: float) -> None:
        self.centre = price
        lines = naive_lines(self.kind, price, self.spacing_pct, self.levels)
        low, high = price * (1 - self.bound_pct / 100), price * (1 + self.bound_pct / 100)
        self.free = {
            number: {"buy": lines[number], "sell": lines[number + 1], "above": False}
            for number in range(-self.levels, self.levels)
            if lines[number] >= low * (1 - 1e-9) and lines[number + 1] <= high * (1 + 1e-9)
        }
        self.look(price)

    def look(self, price: float) -> None:
        for line in self.free.values():
            line["above"] = line["above"] or line["buy"] < price

    def see(self, price: float) -> None:
        sold = [lot for lot in self.lots if lot["sell"] <= price]
        for lot in sold:
            self.lots.remove(lot)
            proceeds = lot["amount"] * price * (1 - FEE_RATE)
            self.cash += proceeds
            self.realised += proceeds - lot["cost"]
            self.trips.append(proceeds - lot["cost"])
            if lot["laid"] == self.rebalances:
                line = {"buy": lot["buy"], "sell": lot["sell"], "above": True}
                self.free[lot["number"]] = line
        if sold:
            return
        crossed = [n for n, line in self.free.items() if line["above"] and line["buy"] >= price]
        crossed = sorted(crossed, reverse=True)[: self.levels - len(self.lots)]
        for number in crossed:
            line = self.free.pop(number)
            cost = self.stake * (1 + FEE_RATE)
            self.cash -= cost
            self.lots.append(
                {**line, "number": number, "laid": self.rebalances, "cost": cost,
                 "amount": self.stake / price}
            )  # fmt: skip
        if crossed:
            return
        if abs(price / self.centre - 1) * 100 > self.rebalance_pct:
            self.rebalances += 1
            self.lay(price)
        else:
            self.look(price)
