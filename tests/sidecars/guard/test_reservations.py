"""The life of a reservation: used, given back, or outlived; and by no jump of a clock."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from aquatrade.risk.model import Side
from sidecars.guard.model import Reservation
from sidecars.guard.reservations import after_restart, reserve, settle
from sidecars.guard.snapshots import BotSnapshot
from tests.sidecars.guard.guard_rig import START, at, order, request, snapshot, trade

LEASE = 120.0


def made(
    number: str = "r1",
    seconds: float = 0.0,
    seen: BotSnapshot | None = None,
    pair: str = "BTC/USDT",
    **more: object,
) -> Reservation:
    return reserve(
        request(pair=pair, **more),  # type: ignore[arg-type]
        number=number,
        stake=100.0,
        reasons=(),
        now=at(seconds),
        lease_seconds=LEASE,
        snapshot=seen,
        is_paper=False,
    )


def test_order_that_is_new_uses_it() -> None:
    settled = settle([made(seen=snapshot())], snapshot(trades=[trade()]), at(3).steady_s)
    assert [each.id for each in settled.used] == ["r1"]
    assert not settled.left


def test_order_that_was_there_before_does_not() -> None:
    before = snapshot(trades=[trade()])
    settled = settle([made(seen=before)], before, at(3).steady_s)
    assert [each.id for each in settled.left] == ["r1"]


def test_one_order_uses_one_reservation_the_oldest() -> None:
    first, second = made("r1", 0), made("r2", 1, tag="level 2", is_increase=True)
    settled = settle([first, second], snapshot(trades=[trade()]), at(3).steady_s)
    assert [each.id for each in settled.used] == ["r1"]
    again = settle(settled.left, snapshot(trades=[trade()]), at(8).steady_s)
    assert [each.id for each in again.left] == ["r2"], "the same order uses no second one"


def test_order_of_another_pair_or_side_is_none_of_its_business() -> None:
    seen = snapshot(trades=[trade(1, "ETH/USDT"), trade(2, side=Side.SHORT)])
    assert settle([made()], seen, at(3).steady_s).left


def test_lease_ends_only_with_a_poll_that_began_after_it() -> None:
    late_answer = settle([made()], snapshot(), at(LEASE - 1).steady_s)
    assert late_answer.left, "asked before the end: what it showed may be old"
    assert settle([made()], snapshot(), at(LEASE).steady_s).left
    assert settle([made()], snapshot(), at(LEASE + 0.1).steady_s).over


def test_order_that_replaces_a_cancelled_one_uses_nothing() -> None:
    first = order("o1", 1.0, is_open=True)
    there = trade(orders=(first,), amount=0.0, stake=0.0)
    promised = made(seen=snapshot(trades=[there]))
    gone = replace(first, is_open=False)
    again = order("o2", 1.0, 100.5, is_open=True)
    seen = snapshot(trades=[replace(there, orders=(gone, again))])
    assert settle([promised], seen, at(3).steady_s).left
    more = snapshot(trades=[replace(there, orders=(gone, again, order("o3", 1.0)))])
    assert settle([promised], more, at(8).steady_s).orders == {"o3"}


def test_wall_clock_that_jumps_ends_nothing() -> None:
    far = replace(snapshot(), at=START + timedelta(days=400), began_at=START + timedelta(days=400))
    assert settle([made()], far, at(10).steady_s).left


def test_after_a_restart_the_lease_begins_anew() -> None:
    kept = after_restart([made()], steady_s=5.0, lease_seconds=LEASE)
    assert settle(kept.values(), snapshot(), 5.0 + LEASE - 1).left
    assert settle(kept.values(), snapshot(), 5.0 + LEASE + 1).over


@given(
    old=st.sets(st.integers(0, 9), max_size=5),
    new=st.sets(st.integers(10, 19), max_size=5),
    count=st.integers(0, 6),
)
def test_as_many_are_used_as_there_are_new_orders(old: set[int], new: set[int], count: int) -> None:
    before = snapshot(trades=[trade(orders=tuple(order(str(each)) for each in sorted(old)))])
    after = snapshot(trades=[trade(orders=tuple(order(str(each)) for each in sorted(old | new)))])
    promised = [
        made(f"r{each}", each, before, tag=f"level {each}", is_increase=True)
        for each in range(count)
    ]
    settled = settle(promised, after, at(10).steady_s)
    assert len(settled.used) == min(count, len(new))
    assert [each.id for each in (*settled.used, *settled.left)] == [each.id for each in promised]
    assert not settle(settled.left, after, at(11).steady_s).used
