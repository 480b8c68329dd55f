"""The whole engine through random days: entries, fills, gaps, closes, restarts, wrong clocks."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.risk.breakers import families_to_close, for_one_bot, observe, resume
from aquatrade.risk.judging import Scope, judge_entry
from aquatrade.risk.model import Decision, Entry, Market, RiskState, Side, Verdict
from aquatrade.risk.profile import LossLimit, RiskProfile
from aquatrade.risk.state_json import from_json, to_json
from tests.aquatrade.risk.breaker_cases import TUESDAY
from tests.aquatrade.risk.cases import CALM, PAIRS, profiles
from tests.aquatrade.risk.naive import breaches
from tests.aquatrade.risk.naive_breakers import NaiveBreakers
from tests.aquatrade.risk.paper_account import LOT, Account, Ended

CONFIGS = Path(__file__).parents[3] / "user_data" / "config"
SHIPPED = [
    RiskProfile.model_validate_json(
        json.dumps(json.loads((CONFIGS / f"risk-{name}.json").read_text())["aquatrade"]["risk"])
    )
    for name in ("lab", "quant", "scalp")
]
PRICES = dict(zip(PAIRS, (60_000.0, 3_000.0, 150.0, 60_010.0, 0.5), strict=True))
LOSS_LIMITS = st.builds(  # short pauses and long recoveries, so that much is entered in them
    LossLimit,
    limit_pct=st.sampled_from((2.0, 5.0, 12.0)),
    close=st.sampled_from(("nothing", "all", ["momentum"])),
    resume=st.sampled_from(("next_period", "after_hours", "by_hand", "config_change")),
    off_hours=st.sampled_from((0.5, 6.0)),
    recovery_hours=st.sampled_from((48.0, 2_000.0)),
    recovery_factor=st.sampled_from((0.25, 0.5)),
)
COUNTS: Counter[str] = Counter()


@st.composite
def engines(draw: st.DrawFn) -> tuple[RiskProfile, Scope]:
    scope = draw(st.sampled_from(Scope))
    profile: RiskProfile = draw(st.sampled_from(SHIPPED) | profiles())
    if profile not in SHIPPED:
        limits: dict[str, Any] = {name: draw(LOSS_LIMITS) for name in ("day", "week")}
        limits |= {
            "max_entries_per_hour": draw(st.sampled_from((None, 2, 3))),
            "max_entries_per_day": draw(st.sampled_from((None, 4, 6))),
        }
        profile = profile.model_copy(update=limits)
    return (profile if scope is Scope.FLEET else for_one_bot(profile)), scope


class Engine:
    """One account under one profile."""

    def __init__(self, profile: RiskProfile, scope: Scope) -> None:
        self.profile, self.scope = profile, scope
        self.account = Account(capital=5_000.0, prices=dict(PRICES))
        self.state, self.naive = RiskState(), NaiveBreakers()
        self.clock = TUESDAY
        self.market: Market = CALM
        self.look()

    # -- entries ----------------------------------------------------------------------------------

    def a_signal(
        self,
        pair: str,
        side: Side,
        share: float,
        stop_distance: float,
        leverage: float,
        bot: str,
        fills: bool,
    ) -> None:
        self.look()
        book, rate = self.account.book(self.clock), self.account.prices[pair]
        entry = Entry(
            bot=bot if self.scope is Scope.FLEET else "first",
            exchange="binance",
            family="dip" if bot == "first" else "momentum",
            pair=pair,
            side=side,
            stake=share * max(book.free, 1.0),
            rate=rate,
            stop_rate=rate * (1 - stop_distance if side is Side.LONG else 1 + stop_distance),
            leverage=leverage,
        )
        verdict = judge_entry(self.profile, self.state, book, entry, self.market, self.scope)
        COUNTS[verdict.decision] += 1
        self.nothing_is_allowed_while_tripped(verdict)
        if verdict.decision is Decision.REJECT:
            return
        factor = self.naive.factor(self.clock)
        COUNTS["entered while recovering"] += factor < 1.0
        assert 0.0 < verdict.stake <= entry.stake * factor
        for filled in (False, True):
            assert breaches(
                self.profile, book, entry, verdict.stake, self.market.correlations,
                fleet=self.scope is Scope.FLEET, filled=filled,
            ) == []  # fmt: skip
        self.the_entry_is_not_one_too_many(book.entries_at)
        if self.account.order(entry, verdict.stake, self.clock):
            ordered = self.account.positions[-1].pending_stake
            lot = LOT * entry.rate / entry.leverage
            assert verdict.stake - lot * (1 + 1e-9) <= ordered <= verdict.stake * (1 + 1e-12)
            if fills:
                self.account.fill_orders()

    def nothing_is_allowed_while_tripped(self, verdict: Verdict) -> None:
        if self.state.trips:
            COUNTS["refused while tripped"] += 1
            assert verdict.decision is Decision.REJECT
            assert verdict.stake == 0.0
            texts = [reason.text for reason in verdict.reasons]
            assert all(trip.text in texts for trip in self.state.trips)

    def the_entry_is_not_one_too_many(self, entries_at: tuple[Any, ...]) -> None:
        if self.scope is Scope.FLEET:
            return
        for hours, most in (
            (1, self.profile.max_entries_per_hour),
            (24, self.profile.max_entries_per_day),
        ):
            recent = [one for one in entries_at if one > self.clock - timedelta(hours=hours)]
            assert most is None or len(recent) + 1 <= most

    # -- what orders and prices do ----------------------------------------------------------------

    def orders_are_filled(self) -> None:
        self.account.fill_orders()

    def orders_are_cancelled(self) -> None:
        self.account.cancel_orders()

    def stops_are_raised(self) -> None:
        self.account.raise_stops()

    def the_price_moves(self, which: int, percent: float, minutes: int) -> None:
        self.clock += timedelta(minutes=minutes)
        ended = self.account.move(
            self.one_that_matters(which), 1 + percent / 100, self.clock, jumps=False
        )
        self.look()
        for trade in ended:
            COUNTS["stopped"] += 1
            self.it_lost_no_more_than_stop_and_costs(trade)

    def the_price_jumps(self, which: int, percent: float) -> None:
        self.clock += timedelta(minutes=1)
        ended = self.account.move(
            self.one_that_matters(which), 1 + percent / 100, self.clock, jumps=True
        )
        self.look()
        for trade in ended:
            COUNTS["gapped"] += 1
            self.it_lost_no_more_than_stop_and_costs(trade)

    def one_that_matters(self, which: int) -> str:
        """A pair that is held, if any is."""
        held = [one.pair for one in self.account.positions] or PAIRS
        return held[which % len(held)]

    def it_lost_no_more_than_stop_and_costs(self, trade: Ended) -> None:
        """A gap adds its share of the value that was left at the stop."""
        one, stop = trade.position, trade.first_stop_rate
        notional = one.stake * one.leverage
        at_stop = stop / one.entry_rate
        worse = 1 - trade.gap if one.side is Side.LONG else 1 + trade.gap
        sold_for = notional * at_stop * worse
        fall = notional - sold_for if one.side is Side.LONG else sold_for - notional
        largest = fall + one.cost_rate * (notional + sold_for)
        assert -trade.profit <= largest * (1 + 1e-9)

    def all_is_sold(self) -> None:
        for one in list(self.account.positions):
            self.account.close(one, self.account.prices[one.pair], self.clock)
        self.look()

    # -- people and machines ----------------------------------------------------------------------

    def the_clock_jumps(self, hours: int) -> None:
        self.clock += timedelta(hours=hours)
        self.look()

    def time_passes(self, hours: int) -> None:
        self.clock = max(self.clock, self.state.last_at or self.clock) + timedelta(hours=hours)
        self.look()

    def the_machine_restarts(self) -> None:
        self.state = from_json(to_json(self.state))

    def a_person_resumes(self) -> None:
        self.look()
        if not self.state.trips:
            return
        book = self.account.book(self.clock)
        self.state, changes = resume(self.profile, self.state, book, None)
        self.naive.resume(book, [one.rule for one in changes if one.kind == "resume"])
        self.look()

    def look(self) -> None:
        """One look; what it trips closes what the profile says, and is what the twin trips."""
        book = self.account.book(self.clock)
        if book.equity < 100.0:
            self.account.capital += 1_000.0 - book.equity
            book = self.account.book(self.clock)
        self.state, changes = observe(self.profile, self.state, book)
        self.naive.look(self.profile, book)
        assert {one.rule: one.until for one in self.state.trips} == {
            name: trip["until"] for name, trip in self.naive.trips.items()
        }
        COUNTS["tripped"] += sum(change.kind == "trip" for change in changes)
        if self.state.trips:
            self.account.cancel_orders()
        closing = families_to_close(self.state)
        for one in list(self.account.positions):
            if closing == "all" or one.family in closing:
                self.account.close(one, self.account.prices[one.pair], self.clock)
                COUNTS["closed by a trip"] += 1


def doing(
    action: Callable[..., None], **arguments: st.SearchStrategy[Any]
) -> st.SearchStrategy[Callable[[Engine], None]]:
    return st.fixed_dictionaries(arguments).map(
        lambda values: lambda engine: action(engine, **values)
    )


signals = doing(
    Engine.a_signal,
    pair=st.sampled_from(PAIRS),
    side=st.sampled_from((Side.LONG, Side.LONG, Side.SHORT)),
    share=st.sampled_from((0.02, 0.1, 0.25, 0.4)),
    stop_distance=st.sampled_from((0.005, 0.02, 0.1)),
    leverage=st.sampled_from((1.0, 1.0, 2.0)),
    bot=st.sampled_from(("first", "second")),
    fills=st.sampled_from((True, True, False)),
)
moves = doing(
    Engine.the_price_moves,
    which=st.integers(0, 4),
    percent=st.sampled_from((-12.0, -3.0, -1.0, 0.7, 3.0, 12.0)),
    minutes=st.sampled_from((1, 30, 300, 1_500)),
)
jumps = doing(
    Engine.the_price_jumps,
    which=st.integers(0, 4),
    percent=st.sampled_from((-50.0, -20.0, 50.0)),
)
rare = st.one_of(
    doing(Engine.orders_are_filled),
    doing(Engine.orders_are_cancelled),
    doing(Engine.stops_are_raised),
    doing(Engine.all_is_sold),
    doing(Engine.the_clock_jumps, hours=st.sampled_from((-300, -26, -1, 5, 24, 80, 800))),
    doing(Engine.the_machine_restarts),
    doing(Engine.a_person_resumes),
)
waits = doing(Engine.time_passes, hours=st.sampled_from((1, 7, 30)))
days = st.lists(
    st.integers(0, 9).flatmap(
        lambda n: signals if n < 5 else (moves, jumps, jumps, rare, waits)[n - 5]
    ),
    min_size=30,
    max_size=60,
)


@given(engines(), days)
@settings(max_examples=60)
def play(engine: tuple[RiskProfile, Scope], actions: list[Callable[[Engine], None]]) -> None:
    played = Engine(*engine)
    for action in actions:
        action(played)


def test_limits_hold_whatever_happens() -> None:
    COUNTS.clear()
    play()
    # All that is spoken of above has happened, and often.
    expected = (*Decision, "refused while tripped", "stopped", "gapped", "tripped",
                "closed by a trip", "entered while recovering")  # fmt: skip
    assert {name: COUNTS[name] for name in expected if COUNTS[name] < 10} == {}
