"""Reading a layer over real HTTP: pages, one value a day, and every lie refused whole."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.fetch import Fetcher, RateLimit
from sidecars.common.layer import answers as layer_answers
from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, Observation
from sidecars.common.source_errors import SourceError
from sidecars.confluence.feed import ImportedFeed, last_of_days
from sidecars.confluence.layer_client import SERIES_AT_ONCE, LayerFeed, read_page
from tests.sidecars.common.jumping_clock import JumpingClock
from tests.sidecars.confluence.local_layer import (
    TOKEN,
    LocalLayer,
    layer_running,
    seeded_sentiment,
)

START = 18_000 * MS_PER_DAY
DAYS = 40
END = START + DAYS * MS_PER_DAY
ASSETS = ("BTC", "ETH", "SOL", "ADA", "XRP")
SERIES = ("fear_greed", "total_market_cap_usd", *(f"social_ratio:{asset}" for asset in ASSETS))


@pytest.fixture
async def layer() -> AsyncIterator[LocalLayer]:
    async with layer_running(LocalLayer(seeded_sentiment(1, START, DAYS, ASSETS))) as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def feed_of(
    layer: LocalLayer, session: aiohttp.ClientSession, series: tuple[str, ...] = SERIES
) -> LayerFeed:
    fetcher = Fetcher(
        "sentiment", layer.url, session, JumpingClock.at_ms(END), RateLimit(50, 1.0),
        headers={"Authorization": f"Bearer {TOKEN}"}, secrets=[TOKEN],
    )  # fmt: skip
    return LayerFeed("sentiment", fetcher, series)


def in_order(observations: list[Observation]) -> list[Observation]:
    return sorted(observations, key=lambda each: (each.series, each.available_at_ms, each.as_of_ms))


async def test_all_series_come_thinned_to_what_records_can_read(
    layer: LocalLayer, session: aiohttp.ClientSession
) -> None:
    answer = await feed_of(layer, session, (*SERIES, "social_ratio:NEW")).read(START, END)
    expected = last_of_days(each for each in layer.observations if each.available_at_ms < END)
    assert in_order(list(answer.observations)) == in_order(expected)
    assert len(answer.observations) < len(layer.observations) / 2
    assert answer.missing == {"social_ratio:NEW": "no value of it yet"}
    assert max(asked.count(",") + 1 for asked in layer.asked) == SERIES_AT_ONCE


async def test_a_range_is_what_was_available_in_it(
    layer: LocalLayer, session: aiohttp.ClientSession
) -> None:
    since, until = START + 3 * MS_PER_DAY, START + 5 * MS_PER_DAY
    answer = await feed_of(layer, session).read(since, until)
    assert {each.available_at_ms // MS_PER_DAY for each in answer.observations} == {18_003, 18_004}
    assert all(since <= each.available_at_ms < until for each in answer.observations)
    assert (await feed_of(layer, session).read(until, until)).observations == []


async def test_what_does_not_fit_in_an_answer_is_asked_for_again(
    layer: LocalLayer, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (await feed_of(layer, session).read(START, END)).observations
    monkeypatch.setattr(layer_answers, "MOST_ROWS", 7)
    asked = len(layer.asked)
    paged = (await feed_of(layer, session).read(START, END)).observations
    assert in_order(list(paged)) == in_order(list(whole))
    assert len(layer.asked) - asked > 60


@pytest.mark.parametrize(
    ("status", "words"), [(503, "HTTP 503"), (401, "HTTP 401"), (404, "HTTP 404")]
)
async def test_a_layer_that_refuses_is_an_error_of_one_line(
    layer: LocalLayer, session: aiohttp.ClientSession, status: int, words: str
) -> None:
    layer.trouble = lambda: web.json_response({"error": {"message": TOKEN}}, status=status)
    with pytest.raises(SourceError) as caught:
        await feed_of(layer, session).read(START, END)
    assert str(caught.value) == f"sentiment: {words}"
    assert len(layer.asked) == (4 if status == 503 else 1)


async def test_a_layer_that_is_not_there_is_an_error(session: aiohttp.ClientSession) -> None:
    nobody = LocalLayer([])
    nobody.url = "http://127.0.0.1:9"
    with pytest.raises(SourceError, match="sentiment: Cannot connect"):
        await feed_of(nobody, session).read(START, END)


def columns(**changes: Any) -> dict[str, Any]:
    return {
        "as_of_ms": [START], "available_at_ms": [START + 5], "value": [30.0], "source": ["x"],
        **changes,
    }  # fmt: skip


LIES: dict[str, object] = {
    "no object": [],
    "nothing said": {"series": {}, "missing": {}},
    "not asked for": {"series": {"fear_greed": columns(), "other": columns()}},
    "series is a list": {"series": [], "missing": {"fear_greed": "no"}},
    "columns are a list": {"series": {"fear_greed": []}},
    "a column is missing": {"series": {"fear_greed": {**columns(), "source": None}}},
    "unequal columns": {"series": {"fear_greed": columns(value=[1.0, 2.0])}},
    "a moment is text": {"series": {"fear_greed": columns(as_of_ms=["2020"])}},
    "a moment is true": {"series": {"fear_greed": columns(as_of_ms=[True])}},
    "a moment is a fraction": {"series": {"fear_greed": columns(as_of_ms=[1.5])}},
    "known before it was": {"series": {"fear_greed": columns(as_of_ms=[START + 6])}},
    "from before": {"series": {"fear_greed": columns(available_at_ms=[START - 1], as_of_ms=[1])}},
    "from the end": {"series": {"fear_greed": columns(available_at_ms=[END])}},
    "a value is text": {"series": {"fear_greed": columns(value=["30"])}},
    "a value is null": {"series": {"fear_greed": columns(value=[None])}},
    "a value is true": {"series": {"fear_greed": columns(value=[True])}},
    "out of range": {"series": {"fear_greed": columns(value=[101.0])}},
    "nobody said it": {"series": {"fear_greed": columns(source=[""])}},
    "next is no moment": {"series": {"fear_greed": columns()}, "next": {"fear_greed": "soon"}},
    "next goes back": {
        "series": {"fear_greed": columns()}, "next": {"fear_greed": "2019-04-14T00:00:00Z"},
    },
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused_whole(lie: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_page("sentiment", json.dumps(LIES[lie]).encode(), ("fear_greed",), START, END)
    assert caught.value.kind == "malformed"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"series": {"fear_greed": NaN}}', b"\xff"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError, match="sentiment: not JSON"):
        read_page("sentiment", body, ("fear_greed",), START, END)


def test_the_truth_is_taken() -> None:
    body = json.dumps({"series": {"fear_greed": columns()}, "missing": {}, "next": {}}).encode()
    page = read_page("sentiment", body, ("fear_greed",), START, END)
    assert page.observations == [Observation("fear_greed", START, START + 5, 30.0, "x")]
    with pytest.raises(SourceError, match="expected 0 to 1"):
        text = body.replace(b"fear_greed", b"whales_accumulating:BTC")
        read_page("onchain", text, ("whales_accumulating:BTC",), START, END)


@given(
    rows=st.lists(st.tuples(st.integers(0, 24 * 6), st.integers(0, 60)), max_size=40, unique=True),
    asked=st.integers(0, 10),
)
def test_thinning_loses_nothing_that_a_record_reads(
    rows: list[tuple[int, int]], asked: int
) -> None:
    known = [
        Observation("s", as_of * MS_PER_HOUR, (as_of + delay) * MS_PER_HOUR, float(number), "x")
        for number, (as_of, delay) in enumerate(rows)
    ]

    def read(observations: list[Observation]) -> Observation | None:
        there = [each for each in observations if each.available_at_ms < asked * MS_PER_DAY]
        return max(there, key=lambda each: (each.as_of_ms, each.available_at_ms), default=None)

    assert read(last_of_days(known)) == read(known)


async def test_what_only_files_bring_is_never_late() -> None:
    feed = ImportedFeed("derivatives", ("funding_rate_pct:BTC",))
    assert (await feed.read(0, 5)).observations == ()
    await feed.close()
