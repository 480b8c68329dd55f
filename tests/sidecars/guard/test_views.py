"""Figures arranged for the overview: bars, shares, conditions, stories."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aquatrade.event_log import Event
from sidecars.common.pages.formats import cash, signed_cash, signed_number
from sidecars.guard import views
from sidecars.guard.model import GuardState, LimitView, Stage
from sidecars.guard.views_events import EventFilter
from sidecars.guard.views_why import stories
from tests.sidecars.guard import pages_samples as samples

MONEY = st.floats(0.0, 1e9)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@given(st.floats(-1e6, 1e6), st.floats(0.01, 1e6))
def test_a_bar_says_over_when_it_is_and_never_leaves_its_frame(value: float, limit: float) -> None:
    bar = views.limit_bar(LimitView("exposure", value, limit, "%", ""))
    assert bar.width is not None
    assert 0.0 <= bar.width <= 100.0
    assert (bar.tone == "over") == (value >= limit)
    assert ("limit" in bar.word) == (value / limit >= 0.8)


@pytest.mark.parametrize(
    ("equity", "tone", "word"),
    [
        (5000.0, "calm", "750.00 USDT above it"),
        (4300.0, "near", "50.00 USDT above it, near the limit"),
        (4250.0, "over", "at the limit"),
        (4000.0, "over", "under the limit"),
        (-1.0, "over", "under the limit"),
    ],
)
def test_a_floor_is_full_where_a_value_has_fallen_to_it(
    equity: float, tone: str, word: str
) -> None:
    share = 4250.0 / equity if equity > 0.0 else 9.9
    bar = views.limit_bar(LimitView("stop_equity", equity, 4250.0, "USDT", "", share))
    assert (bar.tone, plain(bar.word), plain(bar.limit)) == (tone, word, "at least 4,250.00 USDT")


def test_a_bar_of_what_is_not_known_is_not_empty_but_unknown() -> None:
    bar = views.limit_bar(LimitView("made_up", None, 5.0, "positions", ""))
    assert (bar.label, bar.value, bar.width, bar.tone) == (
        "Made up", "not known", None, "unknown",
    )  # fmt: skip
    assert plain(bar.limit) == "of 5 positions"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(41.25, "%", "41.2 %"), (640.0, "USDT", "640.00 USDT"), (3.0, "positions", "3 positions"),
     (2.5, "x", "2.50 x")],
)  # fmt: skip
def test_amounts_carry_their_unit(value: float, unit: str, said: str) -> None:
    assert plain(views.amount(value, unit)) == said


@given(st.dictionaries(st.text("ABCDE", min_size=1, max_size=3), MONEY, max_size=6), MONEY)
def test_shares_are_of_the_whole_and_leave_out_nothing_that_is_there(
    money: dict[str, float], whole: float
) -> None:
    found = views.shares(money, whole)
    assert {share.label: share.money for share in found} == {
        label: value for label, value in money.items() if value > 0.0
    }
    assert [share.money for share in found] == sorted((s.money for s in found), reverse=True)
    for share in found:
        assert 0.0 <= share.width <= 100.0
        assert (share.share_pct is None) == (whole <= 0.0)


def test_the_condition_of_a_bot_is_the_worst_of_what_is_wrong() -> None:
    well = samples.bot("dip")
    said = [
        views.bot_row(bot).condition
        for bot in (
            well,
            replace(well, is_locked=True),
            replace(well, is_locked=True, run_state="stopped"),
            replace(well, is_reached=False, run_state="stopped", error="dead"),
            replace(well, is_reached=False, seen_at=None, error="dead"),
            replace(well, is_reached=False, seen_at=None),
        )
    ]
    assert said == ["running", "no entries: locked", "stopped", "not reached", "never reached",
                    "not seen yet"]  # fmt: skip
    assert views.bot_row(replace(well, profit=-12.5)).equity == pytest.approx(987.5)


def test_every_state_and_stage_has_words() -> None:
    assert set(views.STATE_WORDS) == set(GuardState)
    assert set(views.STAGE_WORDS) == set(Stage)


def test_profit_in_per_cent_is_of_the_equity_before_it() -> None:
    book = replace(
        samples.book(), profit_day=-100.0, profit_week=None, profit_month=5000.0,
        book=replace(samples.book().book, equity=4900.0),
    )  # fmt: skip
    assert views.profit_pcts(book) == {"day": pytest.approx(-2.0), "week": None, "month": None}


def test_what_waits_and_what_was_answered() -> None:
    first, done = samples.approvals()
    sooner = replace(first, id="b", expires_at=first.expires_at - timedelta(minutes=1))
    assert [each.id for each in views.waiting([first, done, sooner])] == ["b", "a1b2c3"]
    assert views.answered([first, done, sooner]) == [done]


def test_reconciliation_in_words() -> None:
    view = samples.active()
    assert views.agreement(view).word == "they agree"
    assert views.agreement(replace(view, reconciled_at=None)).word == "not compared yet"
    assert views.agreement(replace(view, reconcile_errors={"a": "b"})).tone == "failing"
    assert views.agreement(samples.reducing()).word == "1 mismatch"


def test_the_address_of_a_page_of_events() -> None:
    assert EventFilter().address() == "/events"
    assert EventFilter(pair="BTC/USDT").address(7) == "/events?pair=BTC%2FUSDT&before=7"


def event(kind: str, origin: str, text: str, **data: object) -> Event:
    return Event(samples.NOW, origin, kind, text, "BTC/USDT", samples.CANDLE, data)


def test_a_story_for_each_bot_with_the_bots_own_conclusion() -> None:
    own = {"decision": "REDUCE", "stake": 5.0, "reasons": [{"text": "heat"}, {"text": "order"}]}
    told = stories(
        [
            event("verdict", "dip", "reduced: heat; order", verdict=own),
            event("verdict", "guard", "valve", decision="REJECT", bot="dip", reasons=[]),
            event("signal", "dip", "signal not tried", became="not tried"),
            event("signal", "dip", "signal refused: valve", became="refused"),
            event("verdict", "guard", "fits", decision="APPROVE", bot="sma"),
            event("signal", "grid", "no free slot", became="no free slot"),
            event("error", "guard", "no bot in it"),
            Event(samples.NOW, "guard", "state", "about no candle"),
        ]
    )
    assert [(each.bot, each.word, each.tone, each.conclusion) for each in told] == [
        ("dip", "refused", "failing", "signal refused: valve"),
        ("grid", "no free slot", "stale", "no free slot"),
        ("guard", "Error", "off", "no bot in it"),
        ("sma", "allowed", "ok", "fits"),
    ]
    assert [(line.word, line.text, line.reasons) for line in told[0].lines] == [
        ("Allowed, reduced in the bot", "", ("heat", "order")),
        ("Refused by the guard", "valve", ()),
        ("Signal", "signal not tried", ()),
        ("Signal", "signal refused: valve", ()),
    ]


def test_the_newest_candle_is_told_first() -> None:
    later = replace(event("signal", "dip", "b"), candle=samples.CANDLE + timedelta(hours=1))
    told = stories([event("signal", "dip", "a"), later])
    assert [each.conclusion for each in told] == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (12.3, "+12.30"),
        (-1234.5, "\u22121,234.50"),
        (0.004, "0.00"),
        (-0.004, "0.00"),
        (0.0, "0.00"),
    ],
)
def test_signed_money(value: float, said: str) -> None:
    assert signed_number(value) == said
    assert plain(signed_cash(value, "USDT")) == f"{said} USDT"
    assert plain(cash(1234.5, "USDT")) == "1,234.50 USDT"
