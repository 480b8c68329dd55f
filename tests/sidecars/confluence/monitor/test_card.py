"""A card from records, prices and a holding: what it shows, says, and warns of."""

from dataclasses import replace
from typing import Any

import pytest

from sidecars.confluence.answers import STALE_AFTER_MS
from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.monitor import signals
from sidecars.confluence.monitor.advice import HONEST_NOTE
from sidecars.confluence.monitor.card import HISTORY_DAYS, CardInputs, ladder_hits, make_card
from sidecars.confluence.monitor.model import Card, Holding, Price, RungState, SignalState
from sidecars.confluence.monitor.prices import DailyPrices
from tests.sidecars.confluence.monitor.monitor_rig import (
    BEAR,
    ETH,
    LAST_CLOSE_MS,
    NOW_MS,
    SINCE_MS,
    calm,
    row,
)

HOUR_MS = 3_600_000


def price(value: float, **changes: Any) -> Price:
    given = {"currency": "MYR", "as_of_ms": NOW_MS, "source": "Luno ETH/MYR", "is_stale": False}
    return Price(value, **{**given, **changes})


def closes(*values: float) -> DailyPrices:
    """Of the last days, the last value that of the last close."""
    first_ms = LAST_CLOSE_MS - (len(values) - 1) * MS_PER_DAY
    return DailyPrices({first_ms + n * MS_PER_DAY: each for n, each in enumerate(values)})


def card(holding: Holding = ETH, **changes: Any) -> Card:
    given = {"rows": [calm(0, 50.0)], "price": price(120.0), "daily": closes(120.0)}
    return make_card(CardInputs(holding, NOW_MS, **{**given, **changes}))


def test_worth_and_gain_come_from_price_amount_and_cost() -> None:
    made = card()
    assert made.value == 240.0
    assert made.gain_pct == pytest.approx(20.0)
    unknown = card(price=None)
    assert (unknown.value, unknown.gain_pct) == (None, None)
    assert "no price in MYR" in unknown.warnings


@pytest.mark.parametrize(
    ("zone", "total", "tranche_pct", "said"),
    [
        ("STRONG_BUY", 87.0, 40.0, "STRONG BUY at 87: by its zone, buy 40 % of the next tranche."),
        ("MODERATE_BUY", 75.0, 25.0, "buy 25 % of the next tranche."),
        ("WAIT", 66.0, 0.0, "WAIT at 66: by its zone, buy nothing now."),
        ("AVOID", 41.0, 0.0, "AVOID at 41: by its zone, buy nothing now."),
    ],
)
def test_a_zone_says_its_tranche_and_what_zones_are_worth(
    zone: str, total: float, tranche_pct: float, said: str
) -> None:
    made = card(rows=[calm(0, total, zone=zone)])
    assert made.tranche_pct == tranche_pct
    assert said in made.recommendation
    assert made.recommendation.endswith(HONEST_NOTE)


def test_a_veto_says_the_regimes_points() -> None:
    made = card(rows=[row(0, BEAR, total=0.0, zone="AVOID", vetoed=True, regime=12.0)])
    assert made.regime == "bear"
    assert "the regime vetoes buying (12 of 30 points, 15 are needed)" in made.recommendation
    assert made.next_review.startswith("score reaches 75 (first the regime has to reach 15 of 30)")


def test_the_zone_by_percentile_counts_where_it_is_asked_for() -> None:
    rows = [calm(0, 60.0, zone="WAIT", percentile=98.0)]
    assert card(rows=rows).tranche_pct == 0.0
    made = card(rows=rows, preset="percentile")
    assert (made.tranche_pct, made.score and made.score.zone) == (40.0, "STRONG_BUY")
    assert made.next_review.startswith("percentile falls under 97 (now 98)")


def test_every_input_is_a_signal_with_its_reading() -> None:
    made = card(rows=[row(0, {"rsi": 5.0, "macd": 3.9, "whales": None, "sma200": 3.0})])
    by_name = {each.name: each for each in made.signals}
    assert len(by_name) == 13
    assert by_name["rsi"].state is SignalState.TICK  # half of its points
    assert by_name["macd"].state is SignalState.CROSS
    assert by_name["sma200"].state is SignalState.CROSS
    assert by_name["whales"].state is SignalState.UNAVAILABLE
    assert by_name["rsi"].reading.startswith("RSI(14) ")
    assert set(by_name) == set(signals.LABELS)


def test_stale_means_what_it_means_elsewhere() -> None:
    assert signals.STALE_AFTER_MS == STALE_AFTER_MS


def test_a_stale_score_recommends_nothing() -> None:
    strong = calm(0, 90.0, zone="STRONG_BUY")
    made = make_card(CardInputs(ETH, LAST_CLOSE_MS + 25 * HOUR_MS, [strong], price(120.0)))
    assert made.tranche_pct == 0.0
    assert made.regime == "unknown"
    assert "too old to act on" in made.recommendation
    assert any("a newer one is overdue" in each for each in made.warnings)


def test_without_a_score_it_says_why() -> None:
    made = card(rows=[], missing="it is not among the pairs that are scored")
    assert (made.score, made.signals, made.tranche_pct) == (None, (), 0.0)
    assert made.recommendation == "No score, so nothing is recommended."
    expected = "no score of ETH/USDT: it is not among the pairs that are scored"
    assert expected in made.warnings


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (50.0, "score reaches 75 (now 50), or price falls another 5 % (to 114.00 MYR)"),
        (75.0, "score reaches 85 (now 75), or price falls another 5 % (to 114.00 MYR)"),
        (85.0, "score falls under 85 (now 85), or price falls another 5 % (to 114.00 MYR)"),
    ],
)
def test_the_next_review_is_a_zone_or_a_fall_from_the_last_close(
    total: float, expected: str
) -> None:
    assert card(rows=[calm(0, total)], price=price(118.0)).next_review == expected


def test_a_review_is_due_once_the_price_fell() -> None:
    made = card(price=price(114.0))
    assert made.next_review == (
        "due now: the price fell 5.0 % under the last daily close (120.00 MYR)"
    )


def test_a_cost_that_is_not_known_leaves_gain_and_ladder_out() -> None:
    made = card(replace(ETH, average_cost=None))
    assert (made.gain_pct, made.ladder) == (None, ())
    assert any("average cost unknown" in each for each in made.warnings)
    no_day = card(replace(ETH, since_ms=None))
    assert no_day.ladder[0].state is RungState.NEXT
    assert any("day of purchase unknown" in each for each in no_day.warnings)


def test_reached_targets_ask_for_a_sale_until_the_amount_shows_it() -> None:
    rows = [calm(back, 50.0) for back in (2, 1, 0)]
    daily = closes(120.0, 150.0, 170.0)
    made = card(rows=rows, daily=daily, price=price(150.0))
    assert [rung.state.value for rung in made.ladder] == ["hit", "hit", "next"]
    assert "1 on 2020-02-23 (by price), 2 on 2020-02-24 (by price)" in made.recommendation
    assert "sell 50 % of the holding (1 ETH) unless you did" in made.recommendation
    some = replace(ETH, amount=1.6, started_with=2.0)
    made = card(some, rows=rows, daily=daily, price=price(150.0))
    assert "sell 0.6 ETH more (50 % asked, 20 % sold)" in made.recommendation
    done = replace(ETH, amount=1.0, started_with=2.0)
    made = card(done, rows=rows, daily=daily, price=price(150.0))
    assert "all that they ask for is sold" in made.recommendation


def test_a_present_price_above_a_target_is_a_preview() -> None:
    assert "it counts if the day closes there" in card(price=price(150.0)).recommendation
    assert "it counts" not in card(price=price(144.0)).recommendation  # 144.74 in a bull regime
    assert "it counts" not in card(price=price(150.0, is_stale=True)).recommendation


def test_the_ladder_reads_the_record_that_was_known_first() -> None:
    later = calm(0, 60.0, revision=1, available_at_ms=LAST_CLOSE_MS + HOUR_MS)
    rows = [calm(1, 60.0), calm(0, 50.0), later]
    hits = ladder_hits(ETH, rows, closes(110.0, 110.0).close)
    assert [(hit.number, hit.by) for hit in hits] == [(1, "score")]
    made = card(rows=rows, daily=closes(110.0, 110.0))
    assert made.score is not None
    assert made.score.total == 60.0
    assert made.history.total == (60.0, 60.0)


def test_later_records_never_change_earlier_hits() -> None:
    rows = [calm(back, 60.0 if back % 3 else 50.0) for back in range(29, -1, -1)]
    prices = closes(*(100.0 + 2 * (n % 20) for n in range(30))).close
    whole = ladder_hits(ETH, rows, prices)
    assert whole
    for cut in range(len(rows)):
        part = ladder_hits(ETH, rows[:cut], prices)
        assert part == whole[: len(part)]
        assert ladder_hits(ETH, rows, prices) == whole


def test_history_is_a_year_in_the_holdings_currency() -> None:
    rows = [row(back) for back in range(399, -1, -1)]
    made = card(rows=rows, daily=closes(110.0, 120.0))
    history = made.history
    assert len(history.as_of_ms) == HISTORY_DAYS
    assert history.as_of_ms[-1] == LAST_CLOSE_MS
    assert history.price[-3:] == (None, 110.0, 120.0)
    assert len(history.total) == len(history.vetoed) == len(history.price) == HISTORY_DAYS


def test_what_makes_a_card_doubtful_is_said() -> None:
    first_rate_ms = SINCE_MS + MS_PER_DAY
    made = card(
        rows=[row(0, {"whales": None, "social": None, "funding": None}, confidence=0.87)],
        price=price(120.0, as_of_ms=NOW_MS - 3 * HOUR_MS, is_stale=True),
        daily=DailyPrices({LAST_CLOSE_MS: 120.0}, first_rate_ms),
        warnings=("Luno holds 3 ETH",),
    )
    said = "\n".join(made.warnings)
    assert "price is 3 h old (Luno ETH/MYR)" in said
    assert "only 87 of 100 points could be judged; unavailable: " in said
    assert "Funding" in said
    assert "sell targets reached before it are approximate" in said
    assert "Luno holds 3 ETH" in said
    assert card().warnings == ()
