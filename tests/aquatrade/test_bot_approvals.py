"""What was allowed and not ordered yet."""

from datetime import UTC, datetime, timedelta

import pytest

from aquatrade.bot_approvals import Approval, Approvals

NOW = datetime(2024, 3, 12, 7, tzinfo=UTC)


def granted(**changes: object) -> Approvals:
    approvals = Approvals()
    values: dict[str, object] = {"pair": "BTC/USDT", "side": "long", "notional": 200.0, "at": NOW}
    approvals.grant(Approval(**(values | changes)))  # type: ignore[arg-type]
    return approvals


@pytest.mark.parametrize(
    ("pair", "side", "notional", "allowed"),
    [
        ("BTC/USDT", "long", 200.0, True),
        ("BTC/USDT", "long", 150.0, True),
        ("BTC/USDT", "long", 200.00001, True),  # what rounding makes of it
        ("BTC/USDT", "long", 200.01, False),
        ("BTC/USDT", "short", 200.0, False),
        ("ETH/USDT", "long", 200.0, False),
        ("BTC/USDT", "long", 0.0, False),
        ("BTC/USDT", "long", float("nan"), False),
    ],
)
def test_an_order_needs_an_approval_of_its_size(
    pair: str, side: str, notional: float, allowed: bool
) -> None:
    assert granted().use(pair, side, notional) is allowed


def test_what_is_revoked_allows_nothing() -> None:
    approvals = granted()
    assert approvals.revoke("BTC/USDT", "long") is not None
    assert not approvals.use("BTC/USDT", "long", 1.0)


@pytest.mark.parametrize(("is_sent", "patience"), [(False, 5.0), (True, 30.0)])
def test_an_order_that_never_comes_is_given_back_after_a_while(
    is_sent: bool, patience: float
) -> None:
    approvals = granted(is_sent=is_sent)

    def settled(seconds: float) -> list[Approval]:
        moment = NOW + timedelta(seconds=seconds)
        return list(approvals.settle(moment, lambda _: False, lambda _: False))

    assert settled(patience - 1.0) == [] and len(approvals) == 1
    assert len(settled(patience)) == 1 and len(approvals) == 0


def test_an_order_that_waits_keeps_its_approval_for_the_one_in_its_place() -> None:
    approvals = granted()
    later = NOW + timedelta(hours=3)
    assert list(approvals.settle(later, lambda _: True, lambda _: True)) == []
    assert approvals.use("BTC/USDT", "long", 200.0)
    assert list(approvals.settle(later, lambda _: True, lambda _: False)) == []
    assert len(approvals) == 0
