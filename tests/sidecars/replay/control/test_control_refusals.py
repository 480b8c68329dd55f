"""What the control API refuses, and how it says so. Nothing that comes in makes it fail (5xx)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from sidecars.replay.control.guard import (
    ControlAccess,
    ControlRefusedError,
    check_access,
    is_loopback,
)
from tests.sidecars.replay.control_rig import Control, running_control

TOKEN = "a-token-of-some-length"
PATHS = [
    "/state", "/ledger/orders", "/ledger/fills", "/ledger/deposits", "/ledger/balances",
    "/ledger/totals", "/ledger/verify", "/deposits", "/faults", "/faults/1", "/faults/log",
    "/clock/advance", "/openapi.json", "/nothing", "/", "/faults/x", "/faults/9999999999999999",
]  # fmt: skip


@pytest.fixture
async def control(request: pytest.FixtureRequest) -> AsyncIterator[Control]:
    async with running_control(**getattr(request, "param", {})) as running:
        yield running


with_token = pytest.mark.parametrize(
    "control", [{"access": ControlAccess(token=TOKEN)}], indirect=True
)


@with_token
async def test_the_token_is_asked_for(control: Control) -> None:
    for header in (None, "", "Bearer", f"Bearer {TOKEN}x", f"bearer {TOKEN}", f"Basic {TOKEN}"):
        headers = {} if header is None else {"Authorization": header}
        async with control.client.get("/control/state", headers=headers) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert "control token" in (await response.json())["error"]
    async with control.client.get(
        "/control/state", headers={"Authorization": f"Bearer {TOKEN}"}
    ) as response:
        assert response.status == 200


async def raw(control: Control, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to these very bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", control.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


@with_token
async def test_a_header_that_is_no_text_is_a_wrong_token(control: Control) -> None:
    status, _ = await raw(
        control,
        b"GET /control/state HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n"
        b"Connection: close\r\n\r\n",
    )
    assert status == 401


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True),
        ("::ffff:127.0.0.1", True), ("::ffff:10.0.0.1", False), ("10.0.0.1", False),
        ("0.0.0.0", False), ("", False), ("localhost.evil.example", False), ("127.0.0.1.x", False),
    ],
)  # fmt: skip
def test_who_is_local(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local


@pytest.mark.parametrize(
    ("remote", "host", "status"),
    [
        ("127.0.0.1", "localhost:8100", None),
        ("::1", "[::1]:8100", None),
        ("127.0.0.1", "LOCALHOST", None),
        ("10.0.0.7", "127.0.0.1", 403),
        ("127.0.0.1", "evil.example", 403),
        ("127.0.0.1", "localhost.evil.example:80", 403),
        ("", "localhost", 403),
    ],
)
def test_strangers_are_not_let_in(remote: str, host: str, status: int | None) -> None:
    request = make_mocked_request("GET", "/control/state", headers={"Host": host})
    came = request.clone(remote=remote)
    if status is None:
        check_access(came, ControlAccess())
        return
    with pytest.raises(ControlRefusedError) as refusal:
        check_access(came, ControlAccess())
    assert refusal.value.status == status


def test_remote_clients_need_a_token() -> None:
    with pytest.raises(ValueError, match="only with a control token"):
        ControlAccess(allow_remote=True)
    with pytest.raises(ValueError, match="got an empty one"):
        ControlAccess(token=" ", allow_remote=True)
    request = make_mocked_request("GET", "/", headers={"Host": "replay:8100"})
    came = request.clone(remote="10.0.0.7", headers={"Authorization": f"Bearer {TOKEN}"})
    check_access(came, ControlAccess(token=TOKEN, allow_remote=True))
    assert TOKEN not in repr(ControlAccess(token=TOKEN))


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "line"),
    [
        ("GET", "/nothing", None, 404, "no such control path; see GET /control/openapi.json"),
        ("GET", "/faults/\u0661", None, 404, "no such control path"),
        ("PUT", "/state", None, 405, "method PUT is not for this path, expected GET"),
        ("DELETE", "/faults/7", None, 404, "rule 7: not in the fault plan"),
        ("GET", "/state?verbose=1", None, 400, "verbose: Extra inputs are not permitted, got '1'"),
        ("GET", "/ledger/orders?limit=0", None, 400, "limit: Input should be greater than or equ"),
        ("GET", "/ledger/orders?limit=1001", None, 400, "limit: Input should be less than or equ"),
        ("GET", "/ledger/orders?limit=1&limit=2", None, 400, "the query string names a parameter"),
        ("GET", "/ledger/orders?symbol=btc", None, 400, "symbol: String should match pattern"),
        ("GET", "/ledger/orders?open_only=yes", None, 400, "open_only: Input should be 'true' or"),
        ("GET", "/ledger/fills?order_id=1.5", None, 400, "order_id: Input should be a valid inte"),
        ("GET", f"/ledger/fills?order_id={10**30}", None, 400, "order_id: "),
        ("GET", "/faults/log?after=-1", None, 400, "after: Input should be greater than or equal"),
        ("POST", "/deposits", {"asset": "USDT", "amount": 5}, 400, "amount: Input should be a va"),
        ("POST", "/deposits", {"asset": "USDT", "amount": "0.0"}, 400, "amount: expected more th"),
        ("POST", "/deposits", {"asset": "USDT", "amount": "-1"}, 400, "amount: String should ma"),
        ("POST", "/deposits", {"asset": "USDT", "amount": "1e9"}, 400, "amount: String should ma"),
        ("POST", "/deposits", {"asset": "USDT"}, 400, "amount: Field required"),
        ("POST", "/deposits", ["USDT"], 400, "input: Input should be an object, got ['USDT']"),
        ("POST", "/clock/advance", {}, 400, "give either by_ms or to_ms"),
        ("POST", "/clock/advance", {"by_ms": 1, "to_ms": 1}, 400, "give either by_ms or to_ms"),
        ("POST", "/clock/advance", {"by_ms": True}, 400, "by_ms: Input should be a valid integer"),
        ("POST", "/clock/advance?x=1", {"by_ms": 1}, 400, "x: Extra inputs are not permitted"),
        ("POST", "/faults", {}, 400, "Unable to extract tag using discriminator 'kind'"),
        ("POST", "/faults", 5, 400, "input: Input should be "),
    ],
)
async def test_bad_input_is_answered_with_one_line(
    control: Control, method: str, path: str, body: object, status: int, line: str
) -> None:
    answered, answer = await control.ask(method, path, body)
    assert answered == status
    assert list(answer) == ["error"]
    assert line in answer["error"]
    assert "\n" not in answer["error"]


@pytest.mark.parametrize("path", ["/faults", "/deposits", "/clock/advance"])
async def test_only_json_is_taken(control: Control, path: str) -> None:
    post = control.client.post
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        async with post(
            f"/control{path}", data=b'{"kind":"reset"}', headers={"Content-Type": content_type}
        ) as response:
            assert response.status == 415
            assert await response.json() == {"error": "Content-Type: expected application/json"}
    json_type = {"Content-Type": "application/json"}
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"kind":"\\ud800"}', b"NaN", b'"'):
        async with post(f"/control{path}", data=body, headers=json_type) as response:
            assert response.status == 400
            assert list(await response.json()) == ["error"]
    async with post(f"/control{path}", data=b" " * 2_000_000, headers=json_type) as response:
        assert response.status == 413
    assert control.faults.rules() == []


async def test_a_body_that_is_not_what_its_encoding_says(control: Control) -> None:
    for encoding in (b"gzip", b"deflate", b"br"):
        status, body = await raw(
            control,
            b"POST /control/faults HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: " + encoding
            + b"\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"
            b'Connection: close\r\n\r\n{"kind":"reset"}',
        )  # fmt: skip
        assert status == 400, body
    assert control.faults.rules() == []


async def test_openapi_describes_exactly_what_there_is(control: Control) -> None:
    document = await control.get("/openapi.json")
    validate(document)
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    sub_app = control.app._subapps[0]
    served = {
        (route.method, re.sub(r":[^}]*(\{[^}]*\})?[^}]*\}", "}", route.resource.canonical))
        for route in sub_app.router.routes()
        if route.resource is not None and not route.resource.canonical.endswith("openapi.json")
    }
    assert described == served
    assert "security" not in document["paths"]["/control/state"]["get"]
    names = {p["name"] for p in document["paths"]["/control/ledger/orders"]["get"]["parameters"]}
    assert {"from_order_id", "limit", "open_only", "symbol"} <= names


@with_token
async def test_openapi_says_that_a_token_is_needed(control: Control) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with control.client.get("/control/openapi.json", headers=headers) as response:
        document = await response.json()
    validate(document)
    assert document["paths"]["/control/faults"]["post"]["security"] == [{"token": []}]


NAMES = st.sampled_from(
    ["kind", "match", "parameters", "every", "next", "probability", "from_ms", "duration_ms",
     "symbol", "limit", "after", "asset", "amount", "by_ms", "to_ms", "path", "status", "stream"]
) | st.text(max_size=5)  # fmt: skip
KINDS = st.sampled_from(["reset", "late_fill", "clock_skew", "bad_klines", "rate_limit", "USDT"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KINDS
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
VALID: list[dict[str, Any]] = [
    {"kind": "reset", "match": {"path": "/a", "symbol": "BTCUSDT"}, "every": 2},
    {"kind": "rate_limit", "parameters": {"status": 429, "retry_after_seconds": 1}},
    {"kind": "clock_skew", "duration_ms": 0, "parameters": {"offset_ms": 5}},
    {"asset": "USDT", "amount": "1.5"},
    {"by_ms": 1},
]
NEARLY_VALID = st.builds(
    lambda whole, changes: {**whole, **changes},
    st.sampled_from(VALID),
    st.dictionaries(NAMES, JSON, max_size=1),
)
BODIES = st.binary(max_size=40) | (JSON | NEARLY_VALID | NEARLY_VALID).map(
    lambda value: json.dumps(value).encode()
)
QUERIES = st.lists(st.tuples(NAMES, VALUES.map(str)), max_size=3)


async def test_nothing_makes_it_fail(control: Control) -> None:
    statuses: set[int] = set()
    loop = asyncio.get_running_loop()

    async def send(method: str, path: str, query: Any, body: bytes, content_type: str) -> None:
        async with control.client.request(
            method,
            f"/control{path}",
            params=query,
            data=body,
            headers={"Content-Type": content_type},
        ) as response:
            statuses.add(response.status)
            text = await response.read()
            assert response.status < 500, text
            if response.status >= 400:
                answer = json.loads(text)
                assert list(answer) == ["error"]
                assert answer["error"].splitlines() == [answer["error"]]

    @settings(
        max_examples=600, deadline=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(
        method=st.sampled_from(["GET", "POST", "POST", "DELETE", "PUT", "OPTIONS"]),
        path=st.sampled_from(["/faults"] * 9 + PATHS),
        query=QUERIES,
        body=BODIES,
        content_type=st.sampled_from(["application/json"] * 3 + ["text/plain", "a/b; charset=x"]),
    )
    def fuzz(method: str, path: str, query: Any, body: bytes, content_type: str) -> None:
        sent = asyncio.run_coroutine_threadsafe(send(method, path, query, body, content_type), loop)
        sent.result(20)

    await asyncio.to_thread(fuzz)
    assert {200, 201, 400, 404, 405, 415} <= statuses
