"""The guard's gauges, at the moment of scraping."""

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sidecars.guard.guard import Guard
from sidecars.guard.model import GuardState

_STATES = {GuardState.ACTIVE: 2.0, GuardState.REDUCING: 1.0, GuardState.HALTED: 0.0}


class GuardGauges(Collector):
    """State, equity, exposure, bots."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def collect(self) -> list[GaugeMetricFamily]:
        state = self._guard.state()
        book = self._guard.book()
        reached = GaugeMetricFamily(
            "guard_bot_reached", "1 if the last poll of the bot went well", labels=["bot"]
        )
        at_stake = GaugeMetricFamily(
            "guard_bot_at_stake", "Own money of a bot, in stake currency", labels=["bot"]
        )
        for bot in self._guard.bots():
            reached.add_metric([bot.name], 1.0 if bot.is_reached else 0.0)
            at_stake.add_metric([bot.name], bot.at_stake)
        used = GaugeMetricFamily(
            "guard_limit_used_share", "Use of a limit, 1 at the limit", labels=["rule"]
        )
        for limit in self._guard.limits():
            if limit.share is not None:
                used.add_metric([limit.rule], limit.share)
        return [
            _one("guard_state", "2 active, 1 reducing, 0 halted", _STATES[state.state]),
            _one("guard_trips", "Breakers that are tripped", float(len(state.trips))),
            _one("guard_mismatches", "Differences to exchanges", float(len(state.mismatches))),
            _one("guard_equity", "Equity of all bots, in stake currency", book.book.equity),
            _one("guard_free", "Free cash, in stake currency", book.book.free),
            _one("guard_reservations", "Living reservations", float(len(book.reservations))),
            reached,
            at_stake,
            used,
        ]


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words)
    family.add_metric([], value)
    return family
