"""Sums, groups and sentences for the pages."""

from dataclasses import replace

import pytest

from sidecars.confluence.monitor import page_views as views
from sidecars.confluence.monitor.web_model import SidecarHealth, SourceHealth, SourceStatus
from tests.sidecars.confluence.monitor.sample_cards import (
    MS_PER_DAY,
    NOW_MS,
    TODAY_MS,
    all_cards,
    history_of,
    ladder_of,
    loss,
    nothing_known,
    profit,
    unknown_cost,
    vetoed,
)
from tests.sidecars.confluence.monitor.sample_sources import all_sidecars


def test_totals_count_what_is_known_and_say_what_is_not() -> None:
    ringgit, dollars = views.totals(all_cards())
    assert (ringgit.currency, ringgit.holdings, ringgit.priced, ringgit.costed) == ("MYR", 5, 4, 3)
    assert ringgit.value == pytest.approx(
        0.4213 * 301_220.5 + 3.75 * 11_204 + 5_400 * 2.61 + 8_414.4
    )
    paid = 0.4213 * 198_000 + 3.75 * 14_020 + 5_400 * 2.58
    assert ringgit.gain == pytest.approx(ringgit.value - 8_414.4 - paid)
    assert ringgit.gain_pct == pytest.approx(100 * ringgit.gain / paid)
    assert (dollars.currency, dollars.holdings, dollars.priced) == ("USDT", 1, 1)


def test_totals_without_any_cost_or_price() -> None:
    (total,) = views.totals([unknown_cost()])
    assert (total.gain_pct, total.costed) == (None, 0)
    (total,) = views.totals([nothing_known()])
    assert (total.value, total.priced, total.gain_pct) == (0.0, 0, None)
    assert views.totals([]) == []


def test_today_in_one_sentence() -> None:
    assert views.today([]) == "No holding has a score yet."
    assert views.today([nothing_known()]) == "No holding has a score yet."
    assert views.today([profit()]) == "No holding is in a buying zone."
    assert views.today([profit(), loss()]) == "1 of 2 holdings is in a buying zone."
    assert views.today([loss(), loss(), vetoed()]) == (
        "2 of 3 holdings are in a buying zone, 1 is vetoed."
    )
    score = vetoed().score
    assert score is not None
    odd = replace(vetoed(), score=replace(score, zone="STRONG_BUY"))
    assert views.today([odd, vetoed()]) == "No holding is in a buying zone, 2 are vetoed."


def test_targets_hit_within_a_week() -> None:
    card = profit()
    rung = replace(ladder_of(100.0, hit=1)[0], hit_at_ms=NOW_MS - 7 * MS_PER_DAY)
    assert views.recent_hits([replace(card, ladder=[rung])], NOW_MS) == ["BTC (sell 20\u00a0%)"]
    assert views.recent_hits([replace(card, ladder=[rung])], NOW_MS + 1) == []
    assert views.recent_hits([card], NOW_MS) == []


def test_signals_lie_under_their_parts() -> None:
    parts = views.signal_parts(profit())
    assert [(part.name, part.points, part.max_points) for part in parts] == [
        ("technical", 18.0, 35.0), ("momentum", 19.0, 25.0), ("regime", 30.0, 30.0),
        ("sentiment", 5.0, 10.0),
    ]  # fmt: skip
    assert sum(len(part.signals) for part in parts) == 13
    without = views.signal_parts(replace(profit(), score=None))
    assert [(part.name, part.points) for part in without] == [
        ("technical", 18.0), ("momentum", 19.0), ("regime", 30.0), ("sentiment", 5.0)
    ]  # fmt: skip
    assert views.missing_inputs(loss()) == ["Funding", "Whales"]


def test_the_next_target_and_how_far_it_is() -> None:
    rung = views.next_rung(profit())
    assert rung is not None
    assert rung.number == 2
    assert views.distance_pct(profit(), rung.price) == pytest.approx(
        100 * (313_434 / 301_220.5 - 1)
    )
    assert views.next_rung(vetoed()) is None
    assert views.distance_pct(nothing_known(), 1.0) is None


def test_advice_without_the_note_that_the_page_has_anyway() -> None:
    assert views.advice_lines(profit()) == ["WAIT at 72: by its zone, buy nothing now."]
    assert views.advice_lines(nothing_known()) == ["No score, so nothing is recommended."]
    both = "AVOID at 49.5: buy nothing. Sell target reached: 1 (by price); sell 0.5 BTC."
    assert views.advice_lines(replace(profit(), recommendation=both)) == [
        "AVOID at 49.5: buy nothing.", "Sell target reached: 1 (by price); sell 0.5 BTC."
    ]  # fmt: skip
    assert views.advice_lines(replace(profit(), recommendation="")) == []


def test_the_newest_decision_comes_first() -> None:
    old, new = sorted(profit().decisions, key=lambda decision: decision.decided_at_ms)
    assert views.newest_first([old, new]) == views.newest_first([new, old]) == [new, old]


def test_months_end_with_their_last_close() -> None:
    history = history_of(1, 100.0, days=420)
    rows = views.month_rows(history)
    assert len(rows) == 12
    assert rows[0].as_of_ms == TODAY_MS
    # The close of 29 February is the moment at which March begins.
    march_1_ms = TODAY_MS - 13 * MS_PER_DAY
    assert rows[1].as_of_ms == march_1_ms
    at = list(history.as_of_ms).index(march_1_ms)
    assert (rows[1].total, rows[1].price) == (history.total[at], history.price[at])


def test_sources_in_one_line() -> None:
    summary = views.sources_summary(all_sidecars())
    assert summary.trouble == "1 failing, 1 stale, onchain cannot be reached"
    assert summary.rest == "2 ok, 1 starting, 1 off"
    assert views.sources_summary([]).words == "none configured"
    fine = SidecarHealth("sentiment", [SourceHealth("CoinGecko", SourceStatus.OK)])
    assert views.sources_summary([fine]) == views.SourcesSummary("", "1 ok")
    silent = SidecarHealth("onchain", fine.sources, unreachable="refused")
    assert views.sources_summary([silent]).words == "onchain cannot be reached"
