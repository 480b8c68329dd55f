"""Which of the three states the guard is in, and everything that stands against ACTIVE. Pure.

HALTED at the start, until every bot was read once and one reconciliation has passed; by the kill
switch; while an exchange and a bot disagree for the second time in a row, or an account could not
be compared three times in a row; and while a bot trades real money that is configured as paper.
REDUCING while a breaker of the fleet is tripped, and while macro danger pauses entries. In each of
them exits go on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sidecars.guard.danger import danger_shown
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.ledger import Purse
from sidecars.guard.model import GuardState, Stage

MISMATCHES_IN_A_ROW = 2
FAILED_LOOKS_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Against:
    """One thing that stands against ACTIVE. rule: "start", "kill", "stage", "reconcile",
    "breaker", "danger"."""

    rule: str
    state: GuardState
    text: str


def against(rules: Rules, fleet: Fleet, purse: Purse) -> list[Against]:
    """All that stands against entries of a purse's bots, the gravest first."""
    return [*_halts(rules, fleet), *_trips(fleet, purse), *_danger(rules, fleet)]


def state_of(rules: Rules, fleet: Fleet, purse: Purse) -> GuardState:
    """The state that follows from all there is."""
    return gravest(against(rules, fleet, purse))


def gravest(found: Sequence[Against]) -> GuardState:
    """The state that follows from what stands against ACTIVE."""
    if any(each.state is GuardState.HALTED for each in found):
        return GuardState.HALTED
    return GuardState.REDUCING if found else GuardState.ACTIVE


def is_killed(fleet: Fleet) -> bool:
    return fleet.kill is not None or fleet.kill_file is not None


def _halts(rules: Rules, fleet: Fleet) -> Iterator[Against]:
    if fleet.kill is not None:
        yield _halt(
            "kill", f"kill switch, by {fleet.kill.by} at {fleet.kill.at:%Y-%m-%d %H:%M} UTC: "
            f"{fleet.kill.reason}"
        )  # fmt: skip
    if fleet.kill_file is not None:
        yield _halt("kill", fleet.kill_file)
    for bot in rules.settings.bots:
        poll = fleet.polls.get(bot.name)
        if poll is None or not poll.is_fresh:
            why = "" if poll is None or poll.error is None else f": {poll.error}"
            yield _halt("start", f"bot {bot.name} has not been read since the start{why}")
    for bot in rules.settings.bots:
        snapshot = fleet.snapshots.get(bot.name)
        if bot.stage is Stage.PAPER and snapshot is not None and not snapshot.is_dry_run:
            yield _halt("stage", f"bot {bot.name} trades real money, configured is paper")
    if fleet.boot_wait_until_s is not None:
        lease = rules.settings.lease_seconds
        yield _halt(
            "start", f"the machine was started anew: promises of before may be used for {lease:g} s"
        )
    yield from _not_reconciled(fleet)


def _not_reconciled(fleet: Fleet) -> Iterator[Against]:
    if not fleet.has_passed:
        errors = "".join(f"; {name}: {text}" for name, text in fleet.reconcile_errors.items())
        open_ones = "".join(f"; {seen.mismatch.text}" for seen in fleet.mismatches.values())
        yield _halt("reconcile", f"no reconciliation has passed since the start{errors}{open_ones}")
    else:
        for seen in fleet.mismatches.values():
            if seen.times >= MISMATCHES_IN_A_ROW:
                yield _halt("reconcile", f"{seen.times} times in a row: {seen.mismatch.text}")
        for name, times in fleet.reconcile_failing.items():
            if times >= FAILED_LOOKS_IN_A_ROW:
                text = fleet.reconcile_errors.get(name, "")
                yield _halt(
                    "reconcile", f"account {name}: not compared {times} times in a row: {text}"
                )


def _trips(fleet: Fleet, purse: Purse) -> Iterator[Against]:
    state = fleet.risk.get(purse)
    for trip in () if state is None else state.trips:
        yield Against("breaker", GuardState.REDUCING, trip.text)


def _danger(rules: Rules, fleet: Fleet) -> Iterator[Against]:
    danger = danger_shown(rules.settings.danger, fleet.danger)
    if danger.refuses:
        yield Against("danger", GuardState.REDUCING, danger.text)


def _halt(rule: str, text: str) -> Against:
    return Against(rule, GuardState.HALTED, text)
