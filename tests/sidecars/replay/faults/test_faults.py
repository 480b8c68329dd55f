"""Which requests, messages and orders a fault plan hits."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.faults.fills import FaultFills
from sidecars.replay.faults.plan import (
    LOG_ENTRIES,
    FaultPlanFullError,
    Faults,
    WebsocketAction,
    in_force,
    is_hit,
)
from sidecars.replay.faults.rules import MAX_RULES, CountedRule, parse_plan
from sidecars.replay.model import Order, OrderRequest, OrderStatus, OrderType, Side

START_MS = 1_709_600_000_000


class HandClock:
    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def faults(clock: HandClock) -> Faults:
    return Faults(7, clock.now_ms)


def rule(**fields: object) -> CountedRule:
    parsed = parse_plan(json.dumps({"kind": "reset", **fields}))[0]
    assert parsed.kind != "clock_skew"
    return parsed


def hits(faults: Faults, count: int, symbol: str = "BTCUSDT") -> list[int]:
    """Numbers (from 1) of the requests that a rule of the plan hit."""
    return [
        number
        for number in range(1, count + 1)
        if faults.request_fault("GET", "/api/v3/klines", symbol)
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7]),
        ({"next": 2}, [1, 2]),
        ({"every": 3}, [3, 6]),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6, 7]),
        ({"match": {"method": "POST"}}, []),
        ({"match": {"path": "/api/v3/depth"}}, []),
        ({"match": {"path": "/api/*", "symbol": "BTCUSDT"}, "next": 1}, [1]),
        ({"match": {"symbol": "ETHUSDT"}}, []),
    ],
)
def test_which_requests_are_hit(
    faults: Faults, fields: dict[str, object], expected: list[int]
) -> None:
    faults.add(rule(**fields))
    assert hits(faults, 7) == expected


def test_probability_is_kept_and_repeats_with_the_seed(clock: HandClock) -> None:
    def run(seed: int) -> list[int]:
        faults = Faults(seed, clock.now_ms)
        faults.add(rule(probability=0.3))
        return hits(faults, 2000)

    assert run(1) == run(1)
    assert run(1) != run(2)
    # 600 expected, standard deviation 20.5: five of them is a chance of one in a million.
    assert abs(len(run(1)) - 600) < 103


def test_draws_of_a_rule_do_not_depend_on_the_others(faults: Faults, clock: HandClock) -> None:
    alone = Faults(7, clock.now_ms)
    for plan in (alone, faults):
        plan.add(rule(probability=0.5, match={"path": "/api/v3/klines"}))
    faults.add(rule(match={"path": "/api/v3/depth"}))
    for _ in range(5):
        assert faults.request_fault("GET", "/api/v3/depth", None) is not None
    assert hits(faults, 200) == hits(alone, 200)


@given(
    number=st.integers(1, 500),
    every=st.integers(1, 20),
    count=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_counted_choices_equal_counting_by_hand(
    number: int, every: int, count: int, seed: int
) -> None:
    by_hand = list(range(every, number + 1, every))
    assert is_hit(rule(every=every), seed, 1, number) == (number in by_hand)
    assert is_hit(rule(next=count), seed, 1, number) == (number in list(range(1, count + 1)))


@given(
    start=st.none() | st.integers(0, 100),
    until=st.none() | st.integers(0, 100),
    duration=st.none() | st.integers(0, 100),
    added=st.integers(0, 100),
)
def test_window_equals_a_list_of_its_moments(
    start: int | None, until: int | None, duration: int | None, added: int
) -> None:
    if until is not None:
        duration = None
    timed = rule(from_ms=start, until_ms=until, duration_ms=duration)
    first = added if start is None else start
    end = 300 if duration is None and until is None else (until if until is not None else 0)
    moments = list(range(first, first + duration if duration is not None else end))
    assert [now for now in range(300) if in_force(timed, added, now)] == moments


def test_a_request_hit_by_one_rule_is_not_counted_by_the_next(faults: Faults) -> None:
    faults.add(rule(every=2))
    faults.add(rule(next=2))
    assert hits(faults, 6) == [1, 2, 3, 4, 6]
    assert [(s.matches, s.hits) for s in faults.rules()] == [(6, 3), (3, 2)]


def test_window_follows_the_exchange_clock(faults: Faults, clock: HandClock) -> None:
    faults.add(rule(from_ms=START_MS + 10, duration_ms=5))
    seen = []
    for clock.ms in range(START_MS, START_MS + 20):
        if hits(faults, 1):
            seen.append(clock.ms - START_MS)
    assert seen == [10, 11, 12, 13, 14]


def test_removed_rules_hit_nothing_and_ids_are_never_used_twice(faults: Faults) -> None:
    first = faults.add(rule())
    faults.remove(first)
    assert hits(faults, 3) == []
    with pytest.raises(KeyError):
        faults.remove(first)
    second = faults.add(rule())
    faults.clear()
    assert (first, second, faults.add(rule())) == (1, 2, 3)


def test_the_plan_is_bounded(faults: Faults) -> None:
    for _ in range(MAX_RULES):
        faults.add(rule(match={"path": "/never"}))
    with pytest.raises(FaultPlanFullError, match="1000 rules"):
        faults.add(rule())


def test_websocket_messages_are_dropped_and_silenced_by_stream(faults: Faults) -> None:
    faults.add(rule(kind="websocket_silence", match={"stream": "btcusdt@kline_*"}))
    faults.add(rule(kind="websocket_drop", match={"stream": "ethusdt@*"}, next=1))
    assert faults.websocket_action("btcusdt@kline_1m") is WebsocketAction.SILENCE
    assert faults.websocket_action("btcusdt@trade") is WebsocketAction.SEND
    assert faults.websocket_action("ethusdt@trade") is WebsocketAction.DROP
    assert faults.websocket_action("ethusdt@trade") is WebsocketAction.SEND
    assert [event.target for event in faults.log()] == [
        "stream btcusdt@kline_1m",
        "stream ethusdt@trade",
    ]


def test_request_rules_leave_streams_alone_and_the_other_way_round(faults: Faults) -> None:
    faults.add(rule(kind="websocket_drop"))
    assert hits(faults, 1) == []
    assert not faults.asks_about("GET", "/api/v3/time")
    faults.add(rule(match={"path": "/api/v3/time"}))
    assert faults.asks_about("GET", "/api/v3/time")
    assert not faults.asks_about("GET", "/api/v3/klines")


def test_the_symbol_is_asked_for_only_where_it_matters(faults: Faults) -> None:
    faults.add(rule(match={"path": "/api/v3/time"}))
    faults.add(rule(match={"path": "/api/v3/order", "symbol": "BTCUSDT"}))
    assert not faults.asks_for_symbol("POST", "/api/v3/time")
    assert faults.asks_for_symbol("POST", "/api/v3/order")


def test_an_upgrade_has_no_answer_to_damage(faults: Faults) -> None:
    faults.add(rule(kind="reset_mid_body"))
    faults.add(rule(kind="slow_answer"))
    assert faults.request_fault("GET", "/ws", None, upgrade=True) is None
    faults.add(rule(kind="reset"))
    fault = faults.request_fault("GET", "/ws", None, upgrade=True)
    assert fault is not None
    assert fault.rule.kind == "reset"


def test_skews_add_up_within_their_windows(faults: Faults, clock: HandClock) -> None:
    for line in (
        '{"kind": "clock_skew", "duration_ms": 10, "parameters": {"offset_ms": -3000}}',
        '{"kind": "clock_skew", "parameters": {"offset_ms": 500}}',
    ):
        faults.add(parse_plan(line)[0])
    assert (faults.clock_skew_ms, faults.clock_skew_ms) == (-2500, -2500)
    clock.ms += 10
    assert faults.clock_skew_ms == 500
    assert [event.outcome for event in faults.log()] == ["off by -3000 ms", "off by 500 ms"]


def test_the_log_is_paged_and_bounded(faults: Faults, clock: HandClock) -> None:
    faults.add(rule(kind="websocket_silence"))
    for _ in range(LOG_ENTRIES + 5):
        faults.websocket_action("btcusdt@trade")
    assert [event.number for event in faults.log(limit=2)] == [6, 7]
    last = faults.log(after=LOG_ENTRIES + 4)
    assert [event.number for event in last] == [LOG_ENTRIES + 5]
    assert (last[0].rule_id, last[0].kind, last[0].time_ms) == (1, "websocket_silence", clock.ms)


def order(order_id: int, symbol: str = "BTCUSDT", created_ms: int = START_MS) -> Order:
    request = OrderRequest(symbol, Side.BUY, OrderType.MARKET, Decimal(1), f"order-{order_id}")
    return Order(order_id, request, OrderStatus.NEW, created_ms, created_ms)


def test_the_longest_delay_and_the_smallest_share_count(faults: Faults) -> None:
    fills = FaultFills(faults)
    assert (fills.delay_ms_of(order(1)), fills.max_share_of(order(1))) == (0, None)
    for delay_ms, fraction in ((500, 0.3), (2000, 0.1), (1000, 0.7)):
        faults.add(rule(kind="late_fill", parameters={"delay_ms": delay_ms}))
        faults.add(rule(kind="partial_fill", parameters={"fraction": fraction}))
    assert (fills.delay_ms_of(order(2)), fills.max_share_of(order(2))) == (2000, Decimal("0.1"))


def test_fill_rules_keep_to_the_orders_they_have_chosen(faults: Faults, clock: HandClock) -> None:
    fills = FaultFills(faults)
    match = {"symbol": "BTCUSDT", "side": "BUY"}
    rule_id = faults.add(
        rule(kind="late_fill", match=match, every=2, duration_ms=10, parameters={"delay_ms": 5})
    )
    before, other = order(1, created_ms=START_MS - 1), order(2, "ETHUSDT")
    orders = [before, other, order(3), order(4), order(5), order(6), order(7, created_ms=START_MS)]
    chosen = [o.order_id for o in orders if fills.delay_ms_of(o)]
    clock.ms += 100
    assert chosen == [4, 6] == [o.order_id for o in orders if fills.delay_ms_of(o)]
    assert fills.delay_ms_of(order(8, created_ms=clock.ms)) == 0
    assert [event.target for event in faults.log()] == ["order 4 BTCUSDT", "order 6 BTCUSDT"]
    faults.remove(rule_id)
    assert fills.delay_ms_of(order(4)) == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "input: Invalid JSON"),
        ("[]", "input: List should have at least 1 item"),
        ('{"kind": "explode"}', "Input tag 'explode' found using 'kind' does not match any of"),
        ('{"kind": "reset", "matching": {}}', "reset.matching: Extra inputs are not permitted"),
        ('{"kind": "reset", "match": {"stream": "x"}}', "reset.match.stream: Extra inputs"),
        ('{"kind": "reset", "every": 2, "next": 1}', "not every and next"),
        ('{"kind": "reset", "every": 0}', "reset.every: Input should be greater than or equal"),
        ('{"kind": "reset", "probability": 2}', "reset.probability: Input should be less than"),
        ('{"kind": "reset", "probability": NaN}', "reset.probability: Input should be a fin"),
        ('{"kind": "reset", "until_ms": 1, "duration_ms": 1}', "until_ms or duration_ms, not bo"),
        ('{"kind": "late_fill"}', "late_fill.parameters: Field required"),
        (
            '[{"kind": "reset"}, {"kind": "rate_limit", "parameters": {"status": 500}}]',
            "1.rate_limit.parameters.status: Input should be 418 or 429, got 500",
        ),
        ('{"kind": "clock_skew", "next": 1, "parameters": {"offset_ms": 1}}', "clock_skew.next"),
    ],
)
def test_a_bad_plan_is_refused_with_one_line(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        parse_plan(text)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)
