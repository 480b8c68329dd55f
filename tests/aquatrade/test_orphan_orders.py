"""Which unknown orders a kill explains, and which a person has to look at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.orphan_orders import Action, Books, ExchangeOrder, judge_orphans

NOW = datetime(2024, 3, 5, 16, tzinfo=UTC)
PAIR = "BTC/USDT"


def order(order_id: str = "1", **changes: Any) -> ExchangeOrder:
    values: dict[str, Any] = {
        "client_order_id": f"x-ours-{order_id}",
        "pair": PAIR,
        "side": "buy",
        "is_open": False,
        "filled": 1.0,
        "created": NOW,
    }
    return ExchangeOrder(order_id=order_id, **(values | changes))


def books(**changes: Any) -> Books:
    values: dict[str, Any] = {"order_ids": set(), "open_pairs": {}, "last_activity": NOW}
    return Books(**(values | changes))


def actions(orders: list[ExchangeOrder], known: Books, prefix: str = "x-ours") -> list[Action]:
    return [verdict.action for verdict in judge_orphans(orders, known, prefix, NOW)]


@pytest.mark.parametrize(
    ("why", "orders", "known", "expected"),
    [
        ("all is known", [order()], books(order_ids={"1"}), []),
        ("never filled and gone", [order(filled=0.0)], books(), []),
        ("a person's order", [order(client_order_id="web_1")], books(), []),
        ("a lost entry, filled", [order()], books(), [Action.ADOPT_ENTRY]),
        ("open", [order(is_open=True, filled=0.0)], books(), [Action.ADOPT_ENTRY]),
        ("an empty database", [order()], books(last_activity=None), [Action.ADOPT_ENTRY]),
        (
            "an empty database and an order of long ago",
            [order(created=NOW - timedelta(hours=2))],
            books(last_activity=None),
            [Action.LOCK],
        ),
        (
            "the clocks differ a little",
            [order(created=NOW - timedelta(seconds=59))],
            books(),
            [Action.ADOPT_ENTRY],
        ),
        (
            "the bot wrote orders long after it: no kill explains that",
            [order(created=NOW - timedelta(hours=1))],
            books(),
            [Action.LOCK],
        ),
        ("bought twice", [order()], books(open_pairs={PAIR: False}), [Action.LOCK]),
        (
            "a lost level of a grid",
            [order()],
            books(open_pairs={PAIR: False}, may_increase=True),
            [Action.ADOPT_INCREASE],
        ),
        (
            "a level while an order of the trade works: that one is cancelled first",
            [order()],
            books(open_pairs={PAIR: True}, may_increase=True),
            [Action.LOCK],
        ),
        (
            "two lost levels are more than a kill explains",
            [order(), order("2")],
            books(open_pairs={PAIR: False}, may_increase=True),
            [Action.LOCK],
        ),
        (
            "a level of long ago",
            [order(created=NOW - timedelta(hours=1))],
            books(open_pairs={PAIR: False}, may_increase=True),
            [Action.LOCK],
        ),
        (
            "a lost exit of a short",
            [order()],
            books(open_pairs={PAIR: False}, short_pairs={PAIR}, may_increase=True),
            [Action.ADOPT_EXIT],
        ),
        (
            "a lost increase of a short",
            [order(side="sell")],
            books(open_pairs={PAIR: False}, short_pairs={PAIR}, may_increase=True),
            [Action.ADOPT_INCREASE],
        ),
        (
            "a lost short",
            [order(side="sell")],
            books(can_short=True),
            [Action.ADOPT_ENTRY],
        ),
        (
            "a lost exit",
            [order(side="sell")],
            books(open_pairs={PAIR: False}),
            [Action.ADOPT_EXIT],
        ),
        (
            "the trade has an exit order already",
            [order(side="sell")],
            books(open_pairs={PAIR: True}),
            [Action.LOCK],
        ),
        ("sold without a trade", [order(side="sell")], books(), [Action.LOCK]),
        ("two of a pair", [order(), order("2")], books(), [Action.LOCK]),
        (
            "a database was thrown away: in and out again",
            [order(), order("2", side="sell", filled=0.999)],
            books(),
            [Action.IGNORE],
        ),
    ],
)
def test_by_hand(
    why: str, orders: list[ExchangeOrder], known: Books, expected: list[Action]
) -> None:
    assert actions(orders, known) == expected, why


@pytest.mark.parametrize("prefix", ["", "x-TKT5PX2F", "x-cvBPrNm9"])
def test_where_ids_tell_nothing_nothing_is_adopted(prefix: str) -> None:
    known = books(open_pairs={PAIR: False}, may_increase=True)
    for each in (books(), known):
        assert actions([order(client_order_id=f"{prefix}1")], each, prefix) == [Action.LOCK]


def test_only_what_nobody_looks_after_is_cancelled() -> None:
    pair_locked = [order(), order("2", is_open=True, filled=0.0)]
    (verdict,) = judge_orphans(pair_locked, books(), "x-ours", NOW)
    assert [each.order_id for each in verdict.to_cancel] == ["2"]
    (verdict,) = judge_orphans([order(is_open=True)], books(), "x-ours", NOW)
    assert verdict.to_cancel == ()


def test_the_reason_has_amounts_and_ids() -> None:
    (verdict,) = judge_orphans([order("9", filled=0.25, side="sell")], books(), "x-ours", NOW)
    assert "sell order 9 of BTC/USDT from 2024-03-05 16:00:00 (0.25 filled)" in verdict.why


ORDERS = st.lists(
    st.builds(
        order,
        st.integers(1, 6).map(str),
        pair=st.sampled_from([PAIR, "ETH/USDT"]),
        side=st.sampled_from(["buy", "sell"]),
        is_open=st.booleans(),
        filled=st.sampled_from([0.0, 0.5, 1.0]),
        created=st.sampled_from([NOW - timedelta(days=1), NOW]),
    ),
    max_size=6,
    unique_by=lambda each: each.order_id,
)


@given(
    ORDERS,
    st.sets(st.integers(1, 6).map(str)),
    st.dictionaries(st.sampled_from([PAIR, "ETH/USDT"]), st.booleans()),
    st.booleans(),
    st.booleans(),
)
def test_every_unknown_coin_is_adopted_locked_or_gone(
    orders: list[ExchangeOrder],
    known: set[str],
    open_pairs: dict[str, bool],
    may_increase: bool,
    is_short: bool,
) -> None:
    told = books(
        order_ids=known,
        open_pairs=open_pairs,
        may_increase=may_increase,
        short_pairs=set(open_pairs) if is_short else set(),
    )
    verdicts = judge_orphans(orders, told, "x-ours", NOW)
    unknown = {o.order_id for o in orders if o.order_id not in known and (o.is_open or o.filled)}
    assert {o.order_id for verdict in verdicts for o in verdict.orders} == unknown
    assert len({verdict.pair for verdict in verdicts}) == len(verdicts)
    for verdict in verdicts:
        if verdict.action in (Action.LOCK, Action.IGNORE):
            continue
        (adopted,) = verdict.orders
        assert open_pairs.get(verdict.pair) in (None, False)
        assert (verdict.pair in open_pairs) == (verdict.action != Action.ADOPT_ENTRY)
        enters = (adopted.side == "sell") if is_short and verdict.pair in open_pairs else (
            adopted.side == "buy"
        )  # fmt: skip
        assert enters == (verdict.action != Action.ADOPT_EXIT)
        assert may_increase or verdict.action != Action.ADOPT_INCREASE
