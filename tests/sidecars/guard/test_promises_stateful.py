"""Any interleaving of checks, orders, polls, lost bots, restarts and clock jumps keeps promises.

The world here knows the truth: which orders there are, and which promises a bot may still use. The
guard sees it through its polls alone, which take their time. Whatever happens, the truth never
holds more positions, more money of a bot, less cash, or two bots in one asset, than is allowed.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aquatrade.risk.model import Decision
from aquatrade.risk.profile import RiskProfile
from sidecars.guard.checks import check
from sidecars.guard.fleet import Fleet
from sidecars.guard.model import CheckRequest, GuardState, Reconciliation
from sidecars.guard.moves import (
    look_at_losses,
    poll_failed,
    settled_state,
    take_poll,
    take_reconciliation,
)
from sidecars.guard.people import release
from sidecars.guard.refusals import GuardRefusal
from sidecars.guard.reservations import Moment, after_restart
from sidecars.guard.snapshots import BotSnapshot, TradeSeen
from tests.sidecars.guard.guard_rig import START, new_fleet, order, request, rules, snapshot, trade

BOTS = ("dip", "sma", "grid")
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
LEASE = 120.0
MOST_POSITIONS = 3
RULES = rules(
    [{"name": bot, "allotment": 700.0} for bot in BOTS],
    RiskProfile(
        name="test",
        max_open_positions=MOST_POSITIONS,
        valve_minutes=1e6,
        reserve_pct=60.0,
        max_clock_skew_seconds=None,
    ),
    capital=2500.0,
    lease_seconds=LEASE,
)
RESERVE = 1500.0


class Promises(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.wall = START
        self.seconds = 50.0  # of the world: nobody sets them
        self.steady_base = 0.0
        self.fleet: Fleet = new_fleet(self.now)
        self.open: dict[str, dict[int, TradeSeen]] = {bot: {} for bot in BOTS}
        # What a bot was told it may do: the request, stake, reservation, and until when.
        self.told: dict[tuple[str, str], tuple[CheckRequest, float, str, float]] = {}
        # A bot enters a pair once a candle; increases have tags of their own.
        self.candles: Counter[tuple[str, str]] = Counter()
        self.last_id = 0
        self.polls: list[tuple[str, BotSnapshot, float, int]] = []
        self.generation = 0
        for bot in BOTS:
            self.begin_poll(bot)
        self.finish_polls()
        self.reconcile()

    @property
    def now(self) -> Moment:
        return Moment(self.wall, self.seconds - self.steady_base)

    def settle(self, fleet: Fleet) -> None:
        self.fleet = settled_state(RULES, fleet, self.wall)[0]

    # -- the world --------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([5.0, 50.0, 119.0, 121.0]))
    def time_passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)

    @rule(hours=st.sampled_from([-30, 30]))
    def wall_clock_jumps(self, hours: int) -> None:
        self.wall += timedelta(hours=hours)

    @rule(
        asked=st.lists(
            st.tuples(
                st.sampled_from(BOTS), st.sampled_from(PAIRS), st.sampled_from([400.0, 250.0])
            ),
            min_size=1,
            max_size=4,
        )
    )
    def bots_ask(self, asked: list[tuple[str, str, float]]) -> None:
        for bot, pair, stake in asked:
            self.ask(bot, pair, stake)

    def ask(self, bot: str, pair: str, stake: float) -> None:
        is_increase = self.holds(bot, pair)
        number = self.candles[bot, pair]
        wish = request(
            bot,
            pair,
            stake,
            candle=START + timedelta(minutes=number),
            tag=f"level {number}",
            is_increase=is_increase,
            until=self.wall + timedelta(hours=1),
        )
        before = self.told.get((bot, pair))
        is_unseen = is_increase and any(
            (each.bot, each.pair) == (bot, pair) for each in self.fleet.reservations.values()
        )
        step = check(RULES, self.fleet, wish, self.now)
        self.settle(step.fleet)
        said = step.answer
        if said.decision is Decision.REJECT:
            assert said.reservation is None
            return
        assert self.fleet.state is GuardState.ACTIVE
        assert not is_unseen
        assert said.reservation is not None
        if before is not None and before[0].key == wish.key:
            assert before[2] not in self.fleet.reservations, "the new one takes its place"
        assert 0.0 < said.stake <= stake
        self.told[bot, pair] = (wish, said.stake, said.reservation, self.seconds + LEASE)

    @precondition(lambda self: self.usable())
    @rule(data=st.data(), count=st.integers(1, 3))
    def bots_order(self, data: st.DataObject, count: int) -> None:
        for _ in range(count):
            if self.usable():
                self.order(*data.draw(st.sampled_from(sorted(self.usable()))))

    def order(self, bot: str, pair: str) -> None:
        _, stake, _, _ = self.told.pop((bot, pair))
        self.candles[bot, pair] += 1
        self.last_id += 1
        kept = order(f"{bot}-{self.last_id}", stake / 100.0, when=self.wall)
        held = next((each for each in self.open[bot].values() if each.pair == pair), None)
        if held is None:
            new = trade(self.last_id, pair, stake, orders=(kept,), opened_at=self.wall)
        else:
            whole = held.stake + stake
            orders = (*held.orders, kept)
            new = replace(held, amount=whole / 100.0, stake=whole, orders=orders)
        self.open[bot][new.trade_id] = new

    @precondition(lambda self: self.usable())
    @rule(data=st.data())
    def bot_gives_back(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.usable())))
        _, _, number, _ = self.told.pop(place)
        try:
            self.settle(release(self.fleet, place[0], number, self.now).fleet)
        except GuardRefusal:
            assert number not in self.fleet.reservations

    @precondition(lambda self: any(self.open.values()))
    @rule(data=st.data())
    def trade_ends(self, data: st.DataObject) -> None:
        bot = data.draw(st.sampled_from([bot for bot in BOTS if self.open[bot]]))
        ended = self.open[bot].pop(data.draw(st.sampled_from(sorted(self.open[bot]))))
        self.candles[bot, ended.pair] += 1

    # -- the guard's eyes -------------------------------------------------------------------------

    @rule(bot=st.sampled_from(BOTS))
    def begin_poll(self, bot: str) -> None:
        seen = snapshot(bot, self.open[bot].values(), when=self.now)
        self.polls.append((bot, seen, self.now.steady_s, self.generation))

    @rule()
    def finish_polls(self) -> None:
        for bot, seen, began_s, generation in self.polls:
            if generation == self.generation:  # an answer does not outlive who asked
                self.settle(take_poll(RULES, self.fleet, seen, began_s, self.now).fleet)
                assert bot in self.fleet.snapshots
        self.polls.clear()

    @rule(bot=st.sampled_from(BOTS))
    def bot_is_lost(self, bot: str) -> None:
        self.settle(poll_failed(RULES, self.fleet, bot, "cannot be reached", self.now).fleet)

    @rule()
    def poll_all(self) -> None:
        self.settle(look_at_losses(RULES, self.fleet, self.now).fleet)
        for bot in BOTS:
            self.begin_poll(bot)
        self.finish_polls()

    def reconcile(self) -> None:
        found = Reconciliation(self.wall)
        self.settle(take_reconciliation(RULES, self.fleet, found, self.now).fleet)

    @rule(is_seen=st.booleans())
    def restart(self, is_seen: bool) -> None:
        """The process is killed and starts again: what was kept is there, another steady clock."""
        before = self.fleet
        self.generation += 1
        self.steady_base = self.seconds - 3.0
        kept = before.kept
        self.settle(
            Fleet(
                started_at=self.wall,
                state_since=self.wall,
                snapshots=kept,
                kept=kept,
                reservations=after_restart(before.reservations.values(), self.now.steady_s, LEASE),
                ledger=before.kept_ledger,
                kept_ledger=before.kept_ledger,
                risk=before.kept_risk,
                kept_risk=before.kept_risk,
                last_number=before.last_number,
            )
        )
        assert self.fleet.state is GuardState.HALTED
        if is_seen:
            self.poll_all()
            self.reconcile()

    # -- what has to hold -------------------------------------------------------------------------

    def usable(self) -> list[tuple[str, str]]:
        """Promises that a bot may still act upon."""
        return [
            (bot, pair)
            for (bot, pair), (wish, _, _, until_s) in self.told.items()
            if self.seconds <= until_s
            # What is closed is not increased any more.
            and (not wish.entry.is_increase or self.holds(bot, pair))
        ]

    def holds(self, bot: str, pair: str) -> bool:
        return any(each.pair == pair for each in self.open[bot].values())

    def held(self) -> list[tuple[str, str, float]]:
        """Bot, pair, stake of all that is open or may still be ordered."""
        found = [(bot, each.pair, each.stake) for bot in BOTS for each in self.open[bot].values()]
        return found + [(*place, self.told[place][1]) for place in self.usable()]

    @invariant()
    def no_slot_is_given_twice(self) -> None:
        assert len({(bot, pair) for bot, pair, _ in self.held()}) <= MOST_POSITIONS

    @invariant()
    def no_asset_has_two_bots(self) -> None:
        bots: dict[str, set[str]] = {}
        for bot, pair, _ in self.held():
            bots.setdefault(pair, set()).add(bot)
        assert all(len(each) == 1 for each in bots.values()), bots

    @invariant()
    def no_bot_has_more_than_its_allotment(self) -> None:
        staked: Counter[str] = Counter()
        for bot, _, stake in self.held():
            staked[bot] += stake  # type: ignore[assignment]
        assert all(stake <= 700.0 + 1e-6 for stake in staked.values()), staked

    @invariant()
    def every_order_was_asked_for(self) -> None:
        assert not self.fleet.unasked

    @invariant()
    def the_reserve_stays(self) -> None:
        assert 2500.0 - sum(stake for _, _, stake in self.held()) >= RESERVE - 1e-6


TestPromises = Promises.TestCase
TestPromises.settings = settings(
    max_examples=120,
    stateful_step_count=30,
    deadline=None,
    # To shrink a world takes minutes, and finds little that its history does not show.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
