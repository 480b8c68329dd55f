"""The HTTP side over a small memory: what is answered, what is refused, and never a 500."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from yarl import URL

from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.routes import make_app
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS
from tests.sidecars.confluence.test_updater import DAY, DAYS, START, Bench, FakeSource, candles_of

TOKEN = "0123456789abcdef"
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}
NOW = START + DAYS * DAY + timedelta(hours=6)

Client = TestClient[Any, Any]


@pytest.fixture
async def bench(make_settings: MakeSettings) -> AsyncIterator[Bench]:
    settings = make_settings()
    made = Bench(settings, FakeSource(candles_of(settings.all_pairs)), NOW)
    await made.start()
    yield made
    made.store.close()


@pytest.fixture
async def plain_client(bench: Bench) -> AsyncIterator[Client]:
    """For tests that read files themselves while they ask."""
    async with TestClient(TestServer(make_app(bench.updater, TOKEN))) as client:
        yield client


@pytest.fixture
async def client(plain_client: Client) -> AsyncIterator[Client]:
    """A handler that blocks the event loop fails its test."""
    with blockbuster_ctx():
        yield plain_client


async def get(client: Client, path: str, **query: str) -> tuple[int, Any]:
    async with client.get(path, params=query, headers=ALLOWED) as response:
        return response.status, orjson.loads(await response.read())


async def test_many_pairs_in_one_request(client: Client) -> None:
    status, answer = await get(client, "/v1/scores", pairs="BTC/USDT,ETH/USDT,NO/USDT")
    assert status == 200
    assert list(answer["scores"]) == ["BTC/USDT", "ETH/USDT"]
    assert answer["missing"] == {"NO/USDT": "not among the configured pairs"}
    assert answer["at"] == "2019-10-28T06:00:00Z"
    for pair, record in answer["scores"].items():
        assert record["pair"] == pair
        assert record["as_of"] == "2019-10-28T00:00:00Z"
        assert record["available_at"] == "2019-10-28T00:01:00Z"
    assert answer["stale"] == []
    assert answer["zone_preset"] == "points"


async def test_a_moment_gets_what_was_available_by_then(client: Client, bench: Bench) -> None:
    rows = {row.as_of_ms: row for row in bench.updater.timelines["BTC/USDT"].rows}
    for asked, expected_day in (
        ("2019-05-01T00:00:59.999Z", 119),
        ("2019-05-01T00:01:00Z", 120),
        ("2019-05-01T02:01:00+02:00", 120),
        ("2019-05-01T23:59:59Z", 120),
    ):
        _, answer = await get(client, "/v1/scores", pairs="BTC/USDT", at=asked)
        record = answer["scores"]["BTC/USDT"]
        row = rows[FIRST_DAY_MS + expected_day * MS_PER_DAY]
        assert (record["total"], record["confidence"]) == (row.total, row.confidence)
        assert datetime.fromisoformat(record["as_of"]) == START + expected_day * DAY


async def test_before_the_first_record_there_is_a_reason(client: Client) -> None:
    _, answer = await get(client, "/v1/scores", pairs="BTC/USDT", at="2019-01-05T00:00:00Z")
    assert answer["scores"] == {}
    assert answer["missing"] == {
        "BTC/USDT": "no score at that moment: the first was available 2019-01-16T00:01:00Z"
    }


async def test_a_moment_to_come_is_answered_as_now(client: Client, bench: Bench) -> None:
    await bench.at(START + (DAYS + 1) * DAY)  # live: available a second after
    _, answer = await get(client, "/v1/scores", pairs="BTC/USDT", at="2030-01-01T00:00:00Z")
    assert answer["at"] == "2019-10-29T00:00:00Z"
    assert answer["scores"]["BTC/USDT"]["as_of"] == "2019-10-28T00:00:00Z"
    await bench.clock.move_to(START + (DAYS + 1) * DAY + timedelta(seconds=1))
    _, answer = await get(client, "/v1/scores", pairs="BTC/USDT")
    assert answer["scores"]["BTC/USDT"]["as_of"] == "2019-10-29T00:00:00Z"


async def test_old_scores_are_said_to_be_stale(client: Client, bench: Bench) -> None:
    bench.source.broken = {"BTC/USDT", "ETH/USDT"}
    await bench.clock.move_to(START + (DAYS + 1) * DAY + timedelta(minutes=59))
    _, answer = await get(client, "/v1/scores", pairs="BTC/USDT,ETH/USDT")
    assert answer["stale"] == []
    await bench.clock.move_to(START + (DAYS + 1) * DAY + timedelta(hours=1))
    _, answer = await get(client, "/v1/scores", pairs="BTC/USDT,ETH/USDT")
    assert answer["stale"] == ["BTC/USDT", "ETH/USDT"]


async def test_history_in_columns(client: Client, bench: Bench) -> None:
    window = {"start": "2019-05-01T00:01:00Z", "end": "2019-05-04T00:01:00Z"}
    _, answer = await get(client, "/v1/scores/history", pair="BTC/USDT", **window)
    columns = answer["columns"]
    as_of = [FIRST_DAY_MS + day * MS_PER_DAY for day in (120, 121, 122)]
    assert columns["as_of_ms"] == as_of
    assert columns["available_at_ms"] == [moment + 60_000 for moment in as_of]
    rows = [row for row in bench.updater.timelines["BTC/USDT"].rows if row.as_of_ms in as_of]
    for name in ("total", "confidence", "technical", "momentum", "regime", "sentiment",
                 "vetoed", "zone", "percentile", "zone_by_percentile"):  # fmt: skip
        assert columns[name] == [getattr(row, name) for row in rows]
    _, led = await get(client, "/v1/scores/history", pair="BTC/USDT", lead="1", **window)
    assert led["columns"]["as_of_ms"] == [as_of[0] - MS_PER_DAY, *as_of]


async def test_history_ends_with_what_is_known_now(client: Client, bench: Bench) -> None:
    await bench.at(START + (DAYS + 1) * DAY)
    _, answer = await get(client, "/v1/scores/history", pair="BTC/USDT", end="2030-01-01T00:00:00Z")
    assert answer["columns"]["as_of_ms"][-1] == FIRST_DAY_MS + DAYS * MS_PER_DAY
    assert len(answer["columns"]["total"]) == DAYS - 14
    _, none = await get(client, "/v1/scores/history", pair="BTC/USDT", start="2030-01-01T00:00:00Z")
    assert none["columns"]["total"] == []


REFUSED: list[tuple[str, dict[str, str], int, str]] = [
    ("/v1/scores", {}, 400, "bad_pair"),
    ("/v1/scores", {"pairs": ""}, 400, "bad_pair"),
    ("/v1/scores", {"pairs": "BTCUSDT"}, 400, "bad_pair"),
    ("/v1/scores", {"pairs": "BTC/USDT,"}, 400, "bad_pair"),
    ("/v1/scores", {"pairs": "BTC/USDT' OR 1=1"}, 400, "bad_pair"),
    ("/v1/scores", {"pairs": ",".join(["A/B"] * 201)}, 400, "too_many_pairs"),
    ("/v1/scores", {"pairs": "BTC/USDT", "at": "yesterday"}, 400, "bad_moment"),
    ("/v1/scores", {"pairs": "BTC/USDT", "at": "2024-01-01T00:00:00"}, 400, "bad_moment"),
    ("/v1/scores", {"pairs": "BTC/USDT", "at": "0001-01-01T00:00:00+23:00"}, 400, "bad_moment"),
    ("/v1/scores", {"pairs": "BTC/USDT", "att": "x"}, 400, "unknown_parameter"),
    ("/v1/scores/history", {}, 400, "bad_pair"),
    ("/v1/scores/history", {"pair": "NO/USDT"}, 404, "unknown_pair"),
    ("/v1/scores/history", {"pair": "BTC/USDT", "lead": "yes"}, 400, "bad_flag"),
    ("/v1/scores/history", {"pair": "BTC/USDT", "start": "2024"}, 400, "bad_moment"),
    (
        "/v1/scores/history",
        {"pair": "BTC/USDT", "start": "2024-01-02T00:00:00Z", "end": "2024-01-02T00:00:00Z"},
        400,
        "bad_range",
    ),
    ("/v1/pairs", {"all": "1"}, 400, "unknown_parameter"),
    ("/v1/nothing", {}, 404, "not_found"),
]


@pytest.mark.parametrize(("path", "query", "status", "code"), REFUSED)
async def test_refusals_are_one_clear_line(
    client: Client, path: str, query: dict[str, str], status: int, code: str
) -> None:
    found, answer = await get(client, path, **query)
    assert (found, answer["error"]["code"]) == (status, code)
    message = answer["error"]["message"]
    assert message.isprintable()
    assert len(message) < 300


async def test_a_wrong_name_gets_the_right_one(client: Client) -> None:
    _, answer = await get(client, "/v1/scores", pair="BTC/USDT")
    assert 'did you mean "pairs"?' in answer["error"]["message"]


async def test_a_parameter_given_twice_is_refused(client: Client) -> None:
    url = "/v1/scores?pairs=BTC/USDT&pairs=ETH/USDT"
    async with client.get(url, headers=ALLOWED) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "doubled_parameter"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"bearer {TOKEN}", TOKEN,
     f"Basic {TOKEN}", "Bearer \xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9"],
)  # fmt: skip
async def test_without_the_token_nothing_is_told(client: Client, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for path in ("/v1/scores?pairs=BTC/USDT", "/v1/scores/history", "/v1/pairs", "/v1/nothing"):
        async with client.get(path, headers=headers) as response:
            assert response.status == 401
            assert (await response.json())["error"]["code"] == "unauthorized"


async def test_other_methods_are_refused(client: Client) -> None:
    async with client.post("/v1/scores", headers=ALLOWED, data=b"x" * 1000) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET,HEAD"
        assert (await response.json())["error"]["code"] == "method_not_allowed"


async def test_health_metrics_and_description_need_no_token(
    plain_client: Client, bench: Bench
) -> None:
    async with plain_client.get("/health") as response:
        assert response.status == 200
        report = await response.json()
    assert report["status"] == "ok"
    assert report["pairs"]["BTC/USDT"]["as_of"] == "2019-10-28T00:00:00Z"
    assert report["sources"]["candles"]["age_seconds"] == 0
    for name in ("derivatives", "sentiment", "onchain"):
        assert report["sources"][name]["state"] == "not_connected"
        assert report["sources"][name]["why"] == "not in the settings"
    async with plain_client.get("/metrics") as response:
        text = await response.text()
    assert 'confluence_latest_as_of_seconds{pair="BTC/USDT"} 1.5722208e+09' in text
    assert 'http_requests_total{route="/health",status="200"} 1.0' in text
    async with plain_client.get("/openapi.json") as response:
        document = await response.json()
    validate(document)
    assert set(document["paths"]) == {
        resource.canonical for resource in make_app(bench.updater, TOKEN).router.resources()
    }
    bench.updater.caught_up = False
    async with plain_client.get("/health") as response:
        assert response.status == 503
        assert (await response.json())["status"] == "starting"


async def test_answers_are_as_described(client: Client) -> None:
    from jsonschema import Draft202012Validator

    async with client.get("/openapi.json") as response:
        document = await response.json()
    for path, query in (
        ("/v1/scores", {"pairs": "BTC/USDT,ETH/USDT,NO/USDT"}),
        ("/v1/scores/history", {"pair": "BTC/USDT"}),
        ("/v1/pairs", {}),
    ):
        _, answer = await get(client, path, **query)
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer)


text = st.text(max_size=40) | st.sampled_from(["BTC/USDT", "2024-01-01T00:00:00Z", "1"])
names = st.sampled_from(["pairs", "pair", "at", "start", "end", "lead"]) | st.text(max_size=8)


async def test_no_request_makes_a_500(plain_client: Client) -> None:
    asked: list[tuple[str, list[tuple[str, str]]]] = []

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(
        path=st.sampled_from(["/v1/scores", "/v1/scores/history", "/v1/pairs", "/health", "/x"]),
        query=st.lists(st.tuples(names, text), max_size=4),
    )
    def collect(path: str, query: list[tuple[str, str]]) -> None:
        asked.append((path, query))

    collect()
    for path, query in asked:
        printable = [(a.encode("utf-8", "ignore").decode(), b.encode("utf-8", "ignore").decode())
                     for a, b in query]  # fmt: skip
        async with plain_client.get(URL(path).with_query(printable), headers=ALLOWED) as response:
            assert response.status in (200, 400, 404), (path, query)
            body = orjson.loads(await response.read())
        if response.status != 200:
            assert body["error"]["message"].isprintable()


@pytest.mark.parametrize(
    "raw", ["%", "%zz", "%ff%fe", "pairs=%00", "pairs=%c3%28", "&&==&", "?" * 9]
)
async def test_raw_bytes_in_a_query_make_no_500(client: Client, raw: str) -> None:
    url = URL(f"/v1/scores?{raw}", encoded=True)
    async with client.get(url, headers=ALLOWED) as response:
        assert response.status == 400


async def test_an_answer_kept_is_dropped_when_it_is_no_longer_right(
    client: Client, bench: Bench
) -> None:
    seen = []
    for hours in (0, 1, 23, 25, 26):
        moment = NOW.replace(hour=0) - DAY + timedelta(hours=hours)
        text_of = moment.astimezone(UTC).isoformat()
        for _ in range(2):
            _, answer = await get(client, "/v1/scores", pairs="BTC/USDT", at=text_of)
            seen.append(answer["scores"]["BTC/USDT"]["as_of"][:10])
    assert seen == ["2019-10-26"] * 2 + ["2019-10-27"] * 4 + ["2019-10-28"] * 4
