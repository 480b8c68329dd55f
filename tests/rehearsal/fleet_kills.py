"""SIGKILL for guard and bots, at rest and at work, and what has to be as it was afterwards."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.rehearsal.fleet_books import bot_of
from tests.rehearsal.fleet_checks import ask_guard
from tests.rehearsal.fleet_rig import GUARD, MINUTE, SECOND, FleetRig

ALL = (GUARD, "alpha", "beta")
PROMISE_SECONDS = 8
MS_PER_MINUTE = 60_000
LOOK_SECONDS = 0.002


def chosen(chance: random.Random) -> tuple[str, ...]:
    """One to all of them, in any order."""
    return tuple(chance.sample(ALL, chance.choice((1, 1, 2, 3))))


def kill_at_rest(rig: FleetRig, victims: Sequence[str]) -> int:
    """Kill and restart while nothing moves, just after a candle; what the guard has promised, what
    waits for a person and what has tripped is as before. Returns how many promises there were."""
    to_candle(rig, SECOND)
    for _ in range(PROMISE_SECONDS):
        rig.run(SECOND)
        if ask_guard(rig, "book")["reservations"]:
            break
    before = promises(rig)
    for victim in victims:
        rig.kill(victim)
    restart(rig, victims)
    assert broken(rig, before, promises(rig)) == []
    return len(before["reservations"])


def kill_at_work(rig: FleetRig, victims: Sequence[str]) -> None:
    """Kill and restart the moment that the ledger has a new order, or the candle has passed."""
    to_candle(rig, -2 * SECOND)
    orders = count_orders(rig)
    rig.conductor.let_run(rig.conductor.now() + 10 * SECOND)
    while not rig.conductor.has_arrived(LOOK_SECONDS):
        rig.road.stage.check()
        if count_orders(rig) > orders:
            break
    for victim in victims:
        rig.kill(victim)
    restart(rig, victims)
    while not rig.conductor.has_arrived(0.5):
        rig.road.stage.check()
    rig.conductor.arrive()


def count_orders(rig: FleetRig) -> int:
    return int(str(rig.exchange.control("ledger/totals")["orders"]))


def restart(rig: FleetRig, victims: Sequence[str]) -> None:
    """In the order of their death, the bots side by side."""
    bots = [name for name in victims if name != GUARD]
    if GUARD in victims:
        rig.start_guard()
    if bots:
        rig.start_bots(*bots)


def to_candle(rig: FleetRig, after: timedelta) -> None:
    """Run to the next candle's begin, and so far beyond it."""
    now = rig.conductor.now()
    moment = now.replace(second=0, microsecond=0) + MINUTE + after
    rig.run_to(moment)


def promises(rig: FleetRig) -> dict[str, Any]:
    """What the guard must not forget."""
    state = ask_guard(rig, "state")
    approvals = ask_guard(rig, "approvals")["approvals"]
    return {
        "reservations": {
            each["id"]: {**each, "expires_at": None}
            for each in ask_guard(rig, "book")["reservations"]
        },
        "approvals": {each["id"]: each for each in approvals},
        "trips": state["trips"],
        "kill": state["kill"],
        "recovery_until": state["recovery_until"],
    }


def broken(rig: FleetRig, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What was promised and is not kept. Time went on meanwhile: what has ended has its event."""
    ended = {
        event.data["reservation"]
        for event in rig.events(GUARD, kind="reservation")
        if event.data["what"] in ("used", "over", "released")
    }
    found = [
        f"reservation {number}"
        for number, each in before["reservations"].items()
        if after["reservations"].get(number) != each and number not in ended
    ]
    now = str(ask_guard(rig, "book")["at"])
    found += [
        f"approval {number}"
        for number, each in before["approvals"].items()
        if after["approvals"].get(number) != each and each["expires_at"] > now
    ]
    found += [key for key in ("trips", "kill", "recovery_until") if before[key] != after[key]]
    return found


def doubled(orders: Iterable[Mapping[str, Any]], bots: Sequence[str]) -> list[tuple[str, str, int]]:
    """(bot, symbol, minute) of signals that were bought for more than once."""
    bought = Counter(
        (bot_of(order, bots), str(order["symbol"]), int(order["created_ms"]) // MS_PER_MINUTE)
        for order in orders
        if order["side"] == "BUY" and float(order["filled_amount"]) > 0
    )
    return [entry for entry, times in bought.items() if times > 1]
