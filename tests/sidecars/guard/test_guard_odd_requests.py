"""Malformed requests: hundreds of them, each refused with one clear line, none with a 5xx."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from tests.sidecars.common.answer_variants import WHOLE_ANSWERS, Variants
from tests.sidecars.common.request_storm import storm
from tests.sidecars.guard.service_rig import (
    TOKEN,
    Running,
    check_body,
    rules_over,
    running,
    started,
)

GETS = (
    "/v1/state", "/v1/book", "/v1/events", "/v1/why", "/v1/approvals", "/v1/checks", "/v1/kill",
    "/v1/reservations/r1/release", "/health", "/metrics", "/openapi.json", "/v1/nothing", "/",
    "/events", "/why", "/kill", "/resume",
)  # fmt: skip
EVENT = {
    "seq": 1, "at": "2026-11-18T12:00:00Z", "kind": "signal", "pair": "BTC/USDT",
    "candle": "2026-11-18T11:55:00Z", "text": "a signal", "data": {"score": 71.5},
}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/v1/checks": check_body("dip"),
    "/v1/reservations/r1/release": {"bot": "dip"},
    "/v1/events": {"bot": "dip", "process": "p1", "events": [EVENT]},
    "/v1/approvals/a1": {"answer": "approve", "by": "me"},
    "/v1/resume": {"by": "me", "rule": "day"},
    "/v1/kill": {"by": "me", "reason": "storm", "close": False},
    "/v1/reconcile": {},
}


@pytest.fixture
async def guard(tmp_path: Path) -> AsyncIterator[Running]:
    bots = await started()
    rules = rules_over(bots, tmp_path / "guard.sqlite", stages={"sma": "hybrid"})
    async with running(rules, bots) as made:
        await made.until_active()
        yield made
    for bot in bots.values():
        await bot.stop()


async def test_bodies_that_no_bot_should_send(guard: Running) -> None:
    statuses: Counter[int] = Counter()
    for path, example in BODIES.items():
        variants = Variants(json.dumps(example).encode())
        chance = random.Random(path)
        bodies = [*WHOLE_ANSWERS, *(variants(chance) for _ in range(60))]
        for body in bodies:
            async with guard.session.post(guard.url + path, data=body) as answer:
                said = await answer.read()
                statuses[answer.status] += 1
                assert answer.status < 500, (path, body[:300], said)
                if answer.status >= 400:
                    error = json.loads(said)["error"]
                    assert error["code"]
                    assert "\n" not in error["message"]
    assert statuses[400] > 300
    assert statuses[200] > 5


async def test_a_storm_of_odd_requests(guard: Running) -> None:
    result = await storm(guard.port, TOKEN, GETS, 600, seed=5)
    assert result.unwell[:3] == []
    assert result.statuses[200] > 20
    assert result.statuses[400] > 50
    assert guard.guard.state().kill is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stake": "much"}, "key 'stake': got 'much', expected: "),
        ({"stake": 0}, "key 'stake'"),
        ({"stop": 95.0}, "key 'stop' is unknown"),
        ({"side": "up"}, "key 'side'"),
        ({"candle": "2026-11-18T12:00:00"}, "key 'candle'"),
        ({"pair": "BTCUSDT"}, 'expected a pair like "BTC/USDT"'),
        ({"tag": "two\nlines"}, "key 'tag'"),
    ],
)
async def test_refusal_names_the_key(
    guard: Running, changes: dict[str, object], words: str
) -> None:
    said = await guard.post("/v1/checks", check_body("dip", **changes), 400)
    assert words in said["error"]["message"]


async def test_document_describes_the_answers(guard: Running) -> None:
    document = await guard.get("/openapi.json")
    validate(document)
    answers = {
        "/v1/state": await guard.get("/v1/state"),
        "/v1/book": await guard.get("/v1/book"),
        "/v1/events": await guard.get("/v1/events"),
        "/health": await guard.get("/health"),
    }
    for path, answer in answers.items():
        _check(document["paths"][path]["get"], answer)
    for bot in ("dip", "sma"):
        said = await guard.check(bot, pair=f"{bot.upper()}/USDT")
        _check(document["paths"]["/v1/checks"]["post"], said)
    waiting = await guard.get("/v1/approvals")
    assert waiting["approvals"]
    _check(document["paths"]["/v1/approvals"]["get"], waiting)


def _check(operation: dict[str, Any], answer: Any) -> None:
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, schema)
