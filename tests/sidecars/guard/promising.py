"""A guard in a process of its own that promises and says so, until it is killed.

`python -m tests.sidecars.guard.promising DATABASE`: one line for each answer: "r3 BTC/USDT 100".
"""

import asyncio
import sys

from aquatrade.risk.model import Decision
from aquatrade.risk.profile import RiskProfile
from sidecars.guard.checks import check
from sidecars.guard.desk import Desk
from sidecars.guard.model import CheckRequest, Reconciliation
from sidecars.guard.moves import take_poll, take_reconciliation
from sidecars.guard.store import Store
from sidecars.guard.timekeeping import Timekeeper
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.guard.guard_rig import START, request, rules, snapshot

RULES = rules([{"name": "dip", "allotment": 4000.0}], RiskProfile(name="test"))


async def main(database: str) -> None:
    store = Store(database)
    time = Timekeeper(JumpingClock(START))
    desk = Desk(RULES, store, store.load(START, 0.0, 120.0), time)
    working = asyncio.create_task(desk.run())
    await desk.do(lambda fleet, now: take_poll(RULES, fleet, snapshot("dip"), now.steady_s, now))
    await desk.do(lambda fleet, now: take_reconciliation(RULES, fleet, Reconciliation(START), now))
    for number in range(100_000):
        await asyncio.gather(*(promise(desk, 3 * number + each) for each in range(3)))
    working.cancel()


async def promise(desk: Desk, number: int) -> None:
    wish: CheckRequest = request("dip", f"C{number}/USDT", 0.01, min_stake=0.0)
    said = await desk.do(lambda fleet, now: check(RULES, fleet, wish, now))
    if said.decision is not Decision.REJECT:
        sys.stdout.write(f"{said.reservation} {wish.entry.pair}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
