"""The quick look of a backtest changes nothing: the rules, asked at every candle, say the same."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.bot_quick_look import QuickLook
from aquatrade.risk.breakers import observe
from aquatrade.risk.model import Book, Change, RiskState
from aquatrade.risk.profile import LossLimit, RiskProfile

START = datetime(2024, 1, 29, 20, tzinfo=UTC)
HOURS = [1, 1, 1, 1, 1, 2, 9, 30, 200]
MADE_PCT = [-4.0, -1.0, -0.999999, -0.4, 0.5, 2.0]


def limit(chance: random.Random) -> LossLimit | None:
    if chance.random() < 0.3:
        return None
    return LossLimit(
        limit_pct=chance.choice([1.0, 3.0, 10.0]),
        resume=chance.choice(["next_period", "after_hours", "by_hand"]),
        off_hours=chance.choice([1.0, 5.0, 24.0]),
        recovery_hours=chance.choice([0.0, 7.0]),
    )


class Quick:
    """As the bot does it."""

    def __init__(self, profile: RiskProfile) -> None:
        self.profile = profile
        self.quick = QuickLook(profile)
        self.state = RiskState()
        self.whole_looks = 0

    def look(self, book: Book, *, is_quiet: bool) -> list[Change]:
        if is_quiet and self.quick.may_idle(book.at):
            return []
        if self.quick.is_enough(book.at, book.equity, book.profit):
            return []
        self.whole_looks += 1
        self.state, changes = observe(self.profile, self.quick.caught_up(self.state), book)
        self.quick.looked(self.state, book.at)
        return changes


@settings(max_examples=150)
@given(seed=st.integers(0, 10**9))
def test_the_same_trips_at_the_same_looks(seed: int) -> None:
    chance = random.Random(seed)
    profile = RiskProfile(name="test", day=limit(chance), week=limit(chance), month=limit(chance))
    quick, slow = Quick(profile), RiskState()
    now, profit = START, 0.0
    for _ in range(chance.randint(1, 40)):
        now += timedelta(hours=chance.choice(HOURS))
        is_quiet = chance.random() < 0.4
        profit += 0.0 if is_quiet else 100.0 * chance.choice(MADE_PCT)
        book = Book(now, max(10_000.0 + profit, 1.0), 1_000.0, profit)
        slow, expected = observe(profile, slow, book)
        assert quick.look(book, is_quiet=is_quiet) == expected
        assert quick.state.trips == slow.trips
        assert quick.state.recovery_until == slow.recovery_until
        if quick.state.last_at == now:
            assert quick.state.marks == slow.marks


def test_most_looks_are_quick() -> None:
    quick = Quick(RiskProfile(name="test", day=LossLimit(limit_pct=5.0)))
    for hour in range(24 * 30):
        book = Book(START + timedelta(hours=hour), 10_000.0, 1_000.0, float(hour % 7))
        quick.look(book, is_quiet=False)
    assert 30 <= quick.whole_looks <= 32
