"""Macro danger: what an answer says, how long it counts, what follows for entries."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aquatrade.event_log import StoredEvent
from aquatrade.risk.model import Decision
from sidecars.common.alert import Level
from sidecars.common.layer.answers import scores_body
from sidecars.common.layer.records import make_record
from sidecars.common.layer.scores import combine
from sidecars.common.moments import ms_of
from sidecars.common.observations import KnownAt
from sidecars.common.source_errors import SourceError
from sidecars.guard.alerts import alert_of
from sidecars.guard.checks import check
from sidecars.guard.danger import (
    PAUSE_LASTS,
    DangerSettings,
    DangerStatus,
    Sighting,
    danger_now,
    read_answer,
)
from sidecars.guard.danger_watch import take_danger
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.model import GuardState, Stage
from sidecars.guard.moves import settled_state
from sidecars.guard.showing import state_view
from sidecars.guard.views_events import event_row
from sidecars.sentiment.macro import judge_macro
from tests.sidecars.guard.guard_rig import (
    START,
    at,
    polled,
    ready_fleet,
    request,
    rules,
    snapshot,
)
from tests.sidecars.guard.scripted_sentiment import answer_of

Found = Sighting | SourceError
SETTINGS = DangerSettings.model_validate({})
DEAD = SourceError("sentiment: cannot be reached")
MAX_AGE = SETTINGS.max_age_seconds


def seen(*flags: str, known: bool = True, seconds: float = 0.0) -> Sighting:
    moves = {"S&P 500": -2.3}
    return Sighting(START + timedelta(seconds=seconds), frozenset(flags), known, moves)


def pausing(seconds: float = 0.0) -> Sighting:
    return seen("DANGER", "PAUSE_ENTRIES", seconds=seconds)


class Watched:
    """A fleet that is told of danger, with what was logged."""

    def __init__(self, **danger: Any) -> None:
        self.rules: Rules = rules(danger=danger)
        self.fleet: Fleet = ready_fleet(self.rules)
        self.events: list[Any] = []

    def look(self, found: Found, seconds: float = 0.0) -> "Watched":
        settings = self.rules.settings.danger
        assert settings is not None
        step = take_danger(settings, self.fleet, found, None, at(seconds))
        self.fleet = settled_state(self.rules, step.fleet, at(seconds).at)[0]
        self.events += step.events
        return self

    def refusals(self, seconds: float = 0.0) -> list[str]:
        """Rules that refuse an entry. The bots have just been read."""
        for bot in self.rules.settings.bots:
            when = at(seconds)
            self.fleet = polled(self.rules, self.fleet, snapshot(bot.name, when=when), when)
        said = check(self.rules, self.fleet, request(), at(seconds)).answer
        assert (said.decision is Decision.REJECT) == bool(said.reasons)
        return [reason.rule for reason in said.reasons]

    @property
    def statuses(self) -> list[str]:
        return [event.data["status"] for event in self.events]


@pytest.mark.parametrize(
    ("danger", "found", "refused", "status"),
    [
        ({}, seen(), [], "calm"),
        ({}, seen("HALF_SIZE"), [], "calm"),
        ({}, pausing(), ["danger"], "pause"),
        ({}, seen("PAUSE_ENTRIES", known=False), ["danger"], "pause"),
        ({}, seen("DANGER"), [], "danger"),
        ({"pause_on": "DANGER"}, seen("DANGER"), ["danger"], "pause"),
        ({"pause_on": "DANGER"}, pausing(), ["danger"], "pause"),
        ({}, seen(known=False), [], "not_told"),
        ({"required": True}, seen(known=False), ["danger"], "not_told"),
        ({"required": True}, seen("DANGER", known=False), ["danger"], "danger"),
        ({}, DEAD, ["danger"], "unknown"),
    ],
)
def test_what_an_answer_does_to_entries(
    danger: dict[str, Any], found: Found, refused: list[str], status: str
) -> None:
    watched = Watched(**danger).look(found)
    assert watched.refusals() == refused
    view = state_view(watched.rules, watched.fleet)
    assert (view.danger.status, view.danger.refuses) == (status, bool(refused))
    assert view.state is (GuardState.REDUCING if refused else GuardState.ACTIVE)
    assert (view.danger.text in view.reasons) == bool(refused)


def test_before_the_first_answer_nothing_is_let_through() -> None:
    assert Watched().refusals() == ["danger"]


def test_without_the_section_it_is_said_that_nobody_watches() -> None:
    made = rules()
    fleet = ready_fleet(made)
    assert check(made, fleet, request(), at()).answer.decision is Decision.APPROVE
    assert state_view(made, fleet).danger.status is DangerStatus.OFF


def test_entries_of_all_bots_pause_and_go_on_afterwards() -> None:
    watched = Watched()
    made, fleet = watched.rules, watched.look(seen()).fleet
    first = check(made, fleet, request(), at(1))
    watched.fleet = first.fleet
    watched.look(pausing(20.0), 20.0)
    # Nor does a promise that was made before outlive it.
    assert watched.refusals(21.0) == ["danger"]
    other = check(made, watched.fleet, request("sma", "ETH/USDT"), at(21)).answer
    assert "all entries pause: S&P 500 -2.30 %" in other.reasons[0].text
    watched.look(seen(seconds=40.0), 40.0)
    again = check(made, watched.fleet, request(), at(41)).answer
    assert again.reservation is not None
    assert watched.statuses == ["pause", "calm"]


def test_paper_bots_pause_too() -> None:
    made = rules([{"name": "dip", "stage": "paper"}], danger={})
    settings = made.settings.danger
    assert settings is not None
    fleet = take_danger(settings, ready_fleet(made), pausing(), None, at()).fleet
    said = check(made, fleet, request(dry_run=True), at()).answer
    assert made.settings.bots[0].stage is Stage.PAPER
    assert [reason.rule for reason in said.reasons] == ["danger"]


def test_last_word_counts_until_it_is_too_old_and_is_told_once() -> None:
    watched = Watched().look(seen())
    assert watched.look(DEAD, 60.0).refusals(60.0) == []
    assert watched.refusals(MAX_AGE) == []
    # Also between two looks.
    assert watched.refusals(MAX_AGE + 1) == ["danger"]
    for minute in range(31, 35):
        watched.look(DEAD, minute * 60.0)
    assert watched.statuses == ["unknown"]
    assert "sentiment: cannot be reached" in watched.events[0].text
    watched.look(seen(seconds=2400.0), 2400.0)
    assert watched.refusals(2400.0) == []
    assert watched.statuses == ["unknown", "calm"]


def test_answer_that_always_is_the_same_gets_old() -> None:
    watched = Watched()
    for minute in range(40):
        watched.look(seen(), minute * 60.0)
    assert watched.refusals(39 * 60.0) == ["danger"]
    assert watched.statuses == ["unknown"]


@given(back=st.floats(0.0, 1e6), elapsed=st.floats(0.0, 2 * MAX_AGE))
def test_clock_that_is_set_back_makes_no_word_younger(back: float, elapsed: float) -> None:
    fleet = Watched().look(seen()).fleet
    now = at(elapsed)
    view = danger_now(
        SETTINGS, fleet.danger, now.at - timedelta(seconds=back), now.steady_s
    )  # fmt: skip
    assert view.refuses == (elapsed > MAX_AGE)


def test_pause_outlives_sources_that_fall_silent_for_an_hour() -> None:
    watched = Watched().look(pausing())
    lasts = PAUSE_LASTS.total_seconds()
    watched.look(seen(known=False, seconds=lasts), lasts)
    assert watched.refusals(lasts) == ["danger"]
    watched.look(seen(known=False, seconds=lasts + 900), lasts + 900)
    assert watched.refusals(lasts + 900) == []
    assert watched.statuses == ["pause", "not_told"]
    # A known calm ends it at once, and for good.
    watched = Watched().look(pausing()).look(seen(seconds=900), 900)
    watched.look(seen(known=False, seconds=1800), 1800)
    assert watched.refusals(1800) == []


def test_events_are_of_changes_and_people_are_told() -> None:
    watched = Watched()
    calm, silent, warning = seen(), seen(known=False), seen("DANGER")
    said: list[Found] = [calm, silent, calm, warning, warning, pausing(), DEAD, calm]
    for minute, found in enumerate(said):
        watched.look(found, minute * 60.0)
    # Sources that fall silent for a while are shown, and no news.
    assert watched.statuses == ["danger", "pause", "calm"]
    stored = StoredEvent(1, watched.events[1], "h" * 64, "")
    alert = alert_of(stored)
    assert alert is not None
    assert alert.level is Level.WARNING
    assert (event_row(stored).word, event_row(stored).tone) == ("Macro danger", "stale")


@given(
    flags=st.sets(st.sampled_from(["DANGER", "PAUSE_ENTRIES", "HALF_SIZE"])),
    known=st.booleans(),
    required=st.booleans(),
    pause_on=st.sampled_from(["DANGER", "PAUSE_ENTRIES"]),
)
def test_only_what_is_told_lets_through(
    flags: set[str], known: bool, required: bool, pause_on: str
) -> None:
    watched = Watched(required=required, pause_on=pause_on)
    watched.look(seen(*flags, known=known))
    # The rule once more, in one line.
    expected = (
        "PAUSE_ENTRIES" in flags or ("DANGER" in flags and pause_on == "DANGER")
        or (required and not known)
    )  # fmt: skip
    assert bool(watched.refusals()) == expected


def test_answer_of_the_sidecar_is_read() -> None:
    found = read_answer(answer_of(START, "PAUSE_ENTRIES", sp500=-2.34), "BTC", START)
    assert found == Sighting(START, frozenset({"PAUSE_ENTRIES"}), True, {"S&P 500": -2.34})
    assert found.moves == "S&P 500 -2.34 % at worst within an hour, as of 2026-11-18 12:00 UTC"
    assert not read_answer(answer_of(START, known=False), "BTC", START).is_known


def test_answer_is_that_of_the_sidecar() -> None:
    part, flags = judge_macro(KnownAt({}, ms_of(START)))
    record = make_record("v1", combine("BTC", ms_of(START), [part], flags), ms_of(START))
    answer = orjson.loads(scores_body(ms_of(START), {"BTC": record}, {}, []))
    assert read_answer(answer, "BTC", START) == Sighting(START, frozenset(), False, {})
    # The scripted answer names readings as the sidecar does.
    scripted = answer_of(START)["scores"]["BTC"]["sub_scores"][1]["readings"]
    assert set(scripted) - {"sp500_day_move"} == set(part.readings)


def broken(change: Mapping[str, Any]) -> dict[str, Any]:
    answer = answer_of(START)
    score = {**answer["scores"]["BTC"], **change}
    return {**answer, "scores": {"BTC": score}}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ([], "valid dictionary"),
        ({"scores": {}, "missing": {"BTC": "not among the configured assets"}}, "not among the"),
        ({"scores": {}}, "no score of BTC"),
        (broken({"flags": "PAUSE_ENTRIES"}), "flags"),
        (broken({"as_of": "2026-11-18T12:00:00"}), "as_of"),
        (broken({"as_of": "2026-11-18T12:02:00Z"}), "which is to come"),
        (broken({"sub_scores": []}), "no part 'macro'"),
        (broken({"sub_scores": [{"name": "macro", "readings": {"pause_known": "?"}}]}), "number"),
    ],
)
def test_what_is_no_such_answer_is_an_error_of_one_line(answer: object, text: str) -> None:
    with pytest.raises(SourceError, match=text) as error:
        read_answer(answer, "BTC", START)
    assert "\n" not in str(error.value)


def test_reading_that_is_not_there_is_not_known() -> None:
    part = {"name": "macro", "readings": {"danger_known": 1.0}}
    assert not read_answer(broken({"sub_scores": [part]}), "BTC", START).is_known


def test_settings() -> None:
    with pytest.raises(ValidationError, match="max_age_seconds"):
        DangerSettings.model_validate({"poll_seconds": 600, "max_age_seconds": 600})
    with pytest.raises(ValidationError, match="pause_on"):
        DangerSettings.model_validate({"pause_on": "PANIC"})
    assert replace(seen(), moves_pct={}).moves.startswith("no move of the hour is told")
