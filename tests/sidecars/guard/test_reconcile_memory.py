"""What is remembered of looks: surpluses, what a person put up with, how far back to read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecars.guard.books import Leftover
from sidecars.guard.model import Mismatch
from sidecars.guard.reconcile_memory import (
    FILLS_LOOK_BACK,
    AccountLook,
    Memory,
    accepted,
    after_look,
    earliest_fills,
    fills_since,
    memory_from_json,
    memory_to_json,
)

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
EVERY = timedelta(minutes=5)
BOTS = frozenset({"dip", "sma"})


def order_mismatch(bot: str = "dip", number: int = 1, account: str = "main") -> Mismatch:
    key = f"{account}|unknown_order|BTC/USDT|{number}"
    return Mismatch(key, account, "unknown_order", f"order {number}", bot, "BTC/USDT", 1.0, 0.0)


COINS = Mismatch("main|coins_missing|BTC", "main", "coins_missing", "BTC is missing")


def look(
    *found: Mismatch, bots: frozenset[str] = BOTS, btc: str | None = None, young: str = "0"
) -> AccountLook:
    left = None if btc is None else {"BTC": Leftover(Decimal(btc), Decimal("0.01"), Decimal(young))}
    return AccountLook("main", bots, bots == BOTS, found, left)


def remembering(*looks: AccountLook) -> Memory:
    return last(*looks)[0]


def last(*looks: AccountLook) -> tuple[Memory, tuple[Mismatch, ...]]:
    """The memory after some looks, and what the last of them has shown."""
    memory = Memory()
    shown: tuple[Mismatch, ...] = ()
    for number, each in enumerate(looks):
        memory, shown = after_look(memory, each, NOON + number * EVERY)
    return memory, shown


def pinned(memory: Memory) -> list[Mismatch]:
    return [each.mismatch for each in memory.remembered.values()]


def test_a_look_shows_what_it_found() -> None:
    seen = order_mismatch()
    assert last(look(seen, COINS))[1] == (COINS, seen)
    assert last(look(seen, COINS), look(seen))[1] == (seen,)
    assert last(look(seen), look())[1] == ()


def test_what_a_look_could_not_see_is_remembered() -> None:
    seen, blind = order_mismatch(), look(bots=frozenset({"sma"}))
    assert last(look(seen), blind)[1] == ()
    assert pinned(remembering(look(seen), blind)) == [seen]
    assert pinned(remembering(look(seen), look())) == []
    assert pinned(remembering(look(seen), look(bots=frozenset({"dip"})))) == []
    # Coins belong to all bots: each may be the one that explains them.
    assert pinned(remembering(look(COINS), blind)) == [COINS]
    assert pinned(remembering(look(COINS), look())) == []


def test_another_account_says_nothing() -> None:
    seen = order_mismatch(account="other")
    memory = remembering(replace(look(seen), account="other"), look(), look())
    assert pinned(memory) == [seen]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["5", "5", "5"], False),  # somebody else's, from the first look on
        (["0", "1"], True),
        (["0", "1", "0"], False),
        (["0", "1", "1", "1"], True),
        (["0", "0.01", "0.02", "0.03"], False),  # dust of many sales
        (["5", "3", "5"], False),  # one look caught a sale that was not booked yet
        (["5", "3", "3", "5"], True),  # taken away, and something else came
        (["-1", "0", "0"], False),  # bots held too much: that is another mismatch
        (["-1", "0", "0.5"], True),
    ],
)
def test_a_surplus_that_grows_is_claimed_by_nobody(values: list[str], shown: bool) -> None:
    _, found = last(*(look(btc=value) for value in values))
    assert [each.key for each in found] == (["main|coins_unclaimed|BTC"] if shown else [])


def test_what_may_be_booked_in_a_moment_is_neither_shown_nor_taken_for_somebody_elses() -> None:
    bought = look(btc="1", young="1")
    assert last(look(btc="0"), bought)[1] == ()
    assert last(look(btc="0"), bought, bought, look(btc="0"))[1] == ()
    assert len(last(look(btc="0"), bought, bought, look(btc="1"))[1]) == 1
    assert len(last(look(btc="0"), look(btc="1", young="0.98"))[1]) == 1
    sold = look(btc="3", young="2")
    assert last(look(btc="5"), sold, sold, look(btc="5"))[1] == ()


def test_the_first_look_that_counts_is_a_quiet_one() -> None:
    bought = look(btc="1", young="1")
    assert last(bought, look(btc="0"), look(btc="0"))[1] == ()
    assert len(last(bought, look(btc="0"), look(btc="0.5"))[1]) == 1


def test_a_surplus_is_only_followed_when_every_bot_was_read() -> None:
    partial = look(bots=frozenset({"dip"}))
    _, found = last(look(btc="0"), look(btc="1"), partial, look(btc="1"))
    assert [each.text for each in found] == [
        "main, BTC: the account has 1 more than the bots hold, it used to be 0"
    ]


def test_what_a_person_accepts_is_quiet_until_it_changes() -> None:
    seen = order_mismatch()
    memory = accepted(remembering(look(seen, btc="0"), look(seen, btc="1")))
    assert memory.remembered == {}
    at = NOON + timedelta(hours=1)
    memory, shown = after_look(memory, look(seen, btc="1"), at)
    assert shown == () and memory.remembered == {}
    # It survives a look that could not see it, and is forgotten once it is gone.
    blind, _ = after_look(memory, look(bots=frozenset({"sma"})), at)
    assert after_look(blind, look(seen, btc="1"), at)[1] == ()
    gone, _ = after_look(memory, look(btc="1"), at)
    assert after_look(gone, look(seen, btc="1"), at)[1] == (seen,)
    changed = replace(seen, text="order 1 has more filled")
    assert after_look(memory, look(changed, btc="1"), at)[1] == (changed,)
    _, grown = after_look(memory, look(seen, btc="2"), at)
    assert [each.kind for each in grown] == ["coins_unclaimed"]


def test_fills_are_read_as_far_back_as_is_needed() -> None:
    pairs = ["BTC/USDT", "ETH/USDT"]
    usual = NOON - FILLS_LOOK_BACK
    assert fills_since(Memory(), "main", pairs, NOON) == dict.fromkeys(pairs, usual)
    late = NOON + timedelta(days=3)
    paused = remembering(look())
    assert fills_since(paused, "main", pairs, late)["ETH/USDT"] == NOON - timedelta(hours=1)
    assert fills_since(paused, "main", pairs, NOON + timedelta(days=30))["ETH/USDT"] == (
        NOON + timedelta(days=23)
    )
    wrong, _ = after_look(remembering(look(order_mismatch())), look(order_mismatch()), late)
    since = fills_since(wrong, "main", pairs, late)
    assert since == {"BTC/USDT": usual, "ETH/USDT": late - FILLS_LOOK_BACK}
    assert earliest_fills(wrong, "main", late) == usual
    assert earliest_fills(wrong, "other", late) == late - FILLS_LOOK_BACK


def test_memory_outlives_the_process() -> None:
    memory = remembering(look(order_mismatch(), COINS, btc="0.5"), look(COINS, btc="0.5"))
    memory = replace(memory, accepted={"main|fills|BTC/USDT|2": "text"})
    assert memory_from_json(memory_to_json(memory)) == memory
    for text in ("", "[]", '{"remembered": {"a": 1}}'):
        with pytest.raises(ValueError, match="memory of reconciliation"):
            memory_from_json(text)


AMOUNTS = st.integers(-30, 300).map(lambda cents: str(Decimal(cents) / 100))


@settings(max_examples=60)
@given(st.lists(AMOUNTS, min_size=1, max_size=10), st.integers(2, 300))
def test_whatever_came_before_growth_is_shown_until_it_is_gone_or_accepted(
    history: list[str], cents: int
) -> None:
    highest = max(Decimal(0), *(Decimal(value) for value in history))
    grown = look(btc=str(highest + Decimal(cents) / 100))
    memory, shown = last(*(look(btc=value) for value in history), grown)
    for _ in range(3):
        assert len(shown) == 1
        memory, shown = after_look(memory, grown, NOON)
    assert after_look(accepted(memory), grown, NOON)[1] == ()
    # Once it has settled lower, that is what is taken for somebody else's.
    for _ in range(2):
        memory, shown = after_look(memory, look(btc="0"), NOON)
        assert shown == ()
    assert len(after_look(memory, look(btc="0.02"), NOON)[1]) == 1
    assert after_look(memory, look(btc="0.01"), NOON)[1] == ()
