"""Transfers: every number of the formula, direction, and silence that is no neutrality."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.observations import MS_PER_MINUTE
from sidecars.common.sources import Transfer
from sidecars.onchain.flows import SUPPLY_GROWTH
from sidecars.onchain.transfers import SMART, STABLECOINS_TO_EXCHANGE, whale_strength
from tests.sidecars.onchain.onchain_rig import HEARD, NOW, moved, part, scored, strengths, supply


@pytest.mark.parametrize(
    ("transfers", "long"),
    [
        ([moved("to_exchange", 1e6)], 25),
        ([moved("to_exchange", 6e5, 2), moved("to_exchange", 6e5, 29)], 25),
        ([moved("to_exchange", 600_000)], 35),  # on the line from none to a million
        ([moved("from_exchange", 600_000)], 80),
        ([moved("from_exchange", 6e5, minutes) for minutes in (1, 2)], 85),
        ([moved("from_exchange", 6e5, minutes) for minutes in (1, 2, 3)], 90),
        ([moved("from_exchange", 6e5, minutes) for minutes in (1, 2, 3, 4, 5)], 90),
        ([moved("to_exchange", 2e6, 5), moved("from_exchange", 2e6, 1)], (25 + 80) / 2),
        ([moved("between_exchanges", 9e6), moved("between_wallets", 9e6)], 50),
        ([moved("to_exchange", 500_000)], 50),  # not above 500 k
        ([moved("to_exchange", 2e6, 30)], 50),  # not within 30 minutes
        ([moved("to_exchange", 2e6, token="ETH")], 50),
        ([], 50),
    ],
)
def test_whale_numbers(transfers: Sequence[Transfer], long: float) -> None:
    score = part(scored(HEARD, transfers), "whales")
    assert strengths(score) == pytest.approx((long, 100 - long))


@pytest.mark.parametrize(
    ("minutes", "freshness"), [(1, 1.0), (5, 0.7), (14, 0.7), (15, 0.4), (29, 0.4)]
)
def test_the_freshness_of_transfers(minutes: float, freshness: float) -> None:
    assert part(scored({}, [moved("to_exchange", 1e6, minutes)]), "whales").freshness == freshness


@pytest.mark.parametrize(
    ("asset", "source", "minutes", "freshness"),
    [
        ("BTC", "whale_alert", 1, 1.0),
        ("BTC", "blockchain_com", 20, 0.4),
        ("BTC", "blockchain_com", 31, None),
        ("BTC", "etherscan", 1, None),
        ("ETH", "whale_alert", 6, 0.7),
        ("ETH", "etherscan", 1, None),  # it would not have told of ether
        ("SOL", "blockchain_com", 1, None),
    ],
)
def test_no_whale_is_a_reading_only_where_somebody_listened(
    asset: str, source: str, minutes: int, freshness: float | None
) -> None:
    heard = {f"heard:{source}": [(NOW - minutes * MS_PER_MINUTE, 1.0)]}
    score = part(scored(heard, asset=asset), "whales")
    if freshness is None:
        assert score.long is None
    else:
        assert (score.long, score.freshness) == (50.0, freshness)


def test_one_transaction_told_by_two_sources_counts_once() -> None:
    first = moved("to_exchange", 600_000, 2)
    told_again = replace(
        first, event_id="b", source="blockchain_com", tx_hash="0x" + first.tx_hash.upper()
    )
    once, twice = (
        part(scored({}, transfers), "whales") for transfers in ([first], [first, told_again])
    )
    assert once == twice
    # Two outputs of one transaction, told by one source, are two transfers.
    second = replace(first, event_id="c")
    both = part(scored({}, [first, second]), "whales")
    assert both.readings["to_exchanges_usd"] == 1_200_000


usd = st.floats(5e5, 1e9)


@given(usd, usd, st.floats(0, 1e9), st.integers(0, 9))
def test_whales_more_in_is_never_better_more_out_never_worse(
    to_usd: float, from_usd: float, more_usd: float, in_a_row: int
) -> None:
    base = whale_strength(to_usd, from_usd, in_a_row)
    assert 25 <= base <= 90
    assert whale_strength(to_usd + more_usd, from_usd, in_a_row) <= base + 1e-9
    assert whale_strength(to_usd, from_usd + more_usd, in_a_row) >= base - 1e-9
    assert whale_strength(to_usd, from_usd, in_a_row + 1) >= base


@pytest.mark.parametrize(
    ("transfers", "long"),
    [
        ([moved("to_exchange", 500_001, token="USDT")], 75),
        ([moved("to_exchange", 5.25e6, token="USDC")], 82.5),
        ([moved("to_exchange", 5e7, token="DAI")], 90),
        ([moved("from_exchange", 500_001, token="USDT")], 40),
        ([moved("from_exchange", 2e7, token="USDT")], 30),
        ([moved("to_exchange", 3e6, 2, "USDT"), moved("from_exchange", 3e6, 1, "USDC")], 50),
    ],
)
def test_stablecoin_numbers(transfers: Sequence[Transfer], long: float) -> None:
    score = part(scored({}, transfers, asset="ETH"), "stablecoin_flow")
    assert strengths(score) == pytest.approx((long, 100 - long), abs=1e-4)


@pytest.mark.parametrize(("growth", "long"), [(-3, 40), (-0.5, 45), (0, 50), (0.75, 57.5), (9, 65)])
def test_the_daily_stand_in_says_so_and_counts_half(growth: float, long: float) -> None:
    score = part(scored(supply(growth)), "stablecoin_flow")
    assert strengths(score) == pytest.approx((long, 100 - long))
    assert score.freshness == 0.5
    assert "stand-in" in score.reason


def test_transfers_come_before_the_stand_in_and_silence_after_it() -> None:
    transfer = moved("to_exchange", 5e7, token="USDT")
    assert part(scored(supply(-3), [transfer]), "stablecoin_flow").long == 90.0
    assert part(scored({**supply(-3), **HEARD}), "stablecoin_flow").long == 40.0
    assert part(scored(HEARD), "stablecoin_flow").long == 50.0
    assert part(scored({}), "stablecoin_flow").long is None


WATCHED = ("fund a", "fund b", "fund c")


def trades(buyers: int, sellers: int, minutes_ago: float = 40) -> list[Transfer]:
    bought = [
        # A label that is no exchange's looks like one to who labels the ends.
        replace(
            moved("from_exchange", 1e6, minutes_ago, to_label=name), direction="between_exchanges"
        )
        for name in WATCHED[:buyers]
    ]
    sold = [moved("to_exchange", 1e6, minutes_ago, from_label=name) for name in WATCHED[:sellers]]
    return bought + sold


@pytest.mark.parametrize(
    ("buyers", "sellers", "long"),
    [(3, 0, 90), (2, 0, 70), (1, 0, 70), (0, 0, 50), (1, 1, 50), (0, 1, 30), (0, 2, 25),
     (0, 3, 20)],
)  # fmt: skip
def test_smart_money_numbers(buyers: int, sellers: int, long: float) -> None:
    score = part(scored(HEARD, trades(buyers, sellers), watched=WATCHED), "smart_money")
    assert strengths(score) == pytest.approx((long, 100 - long))


def test_smart_money_counts_wallets_within_an_hour_and_only_watched_ones() -> None:
    again = [moved("from_exchange", 2e6, minute, to_label="fund a") for minute in (3, 4, 5)]
    assert part(scored(HEARD, again, watched=WATCHED), "smart_money").long == 70.0
    late = trades(3, 0, minutes_ago=60)
    assert part(scored(HEARD, late, watched=WATCHED), "smart_money").long == 50.0
    assert part(scored({}, watched=WATCHED), "smart_money").long is None
    assert part(scored(HEARD, trades(3, 0)), "smart_money").long is None


def test_a_watched_wallet_is_no_exchange_to_the_whales() -> None:
    out = trades(1, 0, minutes_ago=5)
    assert part(scored(HEARD, out, watched=WATCHED), "whales").long == 80.0


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_directions_of_the_other_ranges(first: float, second: float) -> None:
    low, high = sorted((first, second))
    for curve, unit in ((SMART, 1.0), (STABLECOINS_TO_EXCHANGE, 1e6), (SUPPLY_GROWTH, 1.0)):
        assert 20 <= curve(low * unit) <= curve(high * unit) <= 90
