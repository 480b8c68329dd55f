"""The seeded plan of faults of the replay exchange: which request, message or order is hit.

Decisions are pure functions of the seed, the rule's id and the number of the match, so the same
plan against the same sequence of requests always hits the same ones. What a hit does to a request
is in fault_middleware.py; streams ask `websocket_action`, the matching engine `fill_rules`
(through fault_fills.py), and whoever tells or checks the server's time adds `clock_skew_ms`.

The plan lives in memory: after a restart of the exchange it is the one it was started with.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from sidecars.replay.faults.rules import (
    MAX_RULES,
    ClockSkew,
    CountedRule,
    FillRule,
    LateFill,
    RequestRule,
    StreamRule,
    WebsocketDrop,
)

logger = logging.getLogger(__name__)

LOG_ENTRIES = 10_000
NEEDS_AN_ANSWER = ("slow_answer", "reset_mid_body", "bad_klines", "response_lost")

AnyRule = CountedRule | ClockSkew


class WebsocketAction(StrEnum):
    """What a stream does with the message it is about to send."""

    SEND = "send"
    SILENCE = "silence"  # do not send this message, keep the connection
    DROP = "drop"  # cut the connection at once, without a closing handshake


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """One injected fault. `number` counts from 1 without gaps; the log keeps the latest ones."""

    number: int
    time_ms: int
    rule_id: int
    kind: str
    target: str  # "POST /api/v3/order BTCUSDT", "stream btcusdt@trade", "order 17 BTCUSDT"
    outcome: str


@dataclass(slots=True)
class StandingRule:
    """A rule of the plan and what became of it so far."""

    rule_id: int
    rule: AnyRule
    added_ms: int
    matches: int = 0
    hits: int = 0
    order_hits: dict[int, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestFault:
    """The rule that hits a request."""

    standing: StandingRule
    rule: RequestRule
    target: str


class FaultPlanFullError(ValueError):
    """The plan holds as many rules as it can."""


def in_force(rule: AnyRule, added_ms: int, now_ms: int) -> bool:
    """Whether now is in the rule's window; one without an end stays until it is removed."""
    start_ms = added_ms if rule.from_ms is None else rule.from_ms
    end_ms = start_ms + rule.duration_ms if rule.duration_ms is not None else rule.until_ms
    return start_ms <= now_ms and (end_ms is None or now_ms < end_ms)


def is_hit(rule: CountedRule, seed: int, rule_id: int, number: int) -> bool:
    """Whether the rule hits its match with this number (from 1)."""
    if rule.next is not None:
        return number <= rule.next
    if rule.every is not None:
        return number % rule.every == 0
    if rule.probability is not None:
        return Random(f"{seed}:{rule_id}:{number}").random() < rule.probability
    return True


def _effect_on_fills(rule: FillRule) -> str:
    if isinstance(rule, LateFill):
        return f"fills told {rule.parameters.delay_ms} ms late"
    return f"at most {rule.parameters.fraction:g} of it filled at a time"


class Faults:
    """The plan in force. Rules are asked in the order of their ids; the first that hits wins,
    and those after it do not count that match.

    seed: of the draws of rules with a probability.
    now_ms: the exchange's clock (ReplayClock.now_ms).
    """

    def __init__(self, seed: int, now_ms: Callable[[], int]) -> None:
        self._seed = seed
        self._now_ms = now_ms
        self._rules: dict[int, StandingRule] = {}
        self._last_rule_id = 0
        self._events: deque[FaultEvent] = deque(maxlen=LOG_ENTRIES)
        self._last_event = 0

    def add(self, rule: AnyRule) -> int:
        """Put a rule in force and return its id. Raises FaultPlanFullError at MAX_RULES."""
        return self.add_all([rule])[0]

    def add_all(self, rules: Sequence[AnyRule]) -> list[int]:
        """Put all of the rules in force, in their order, or none. Raises FaultPlanFullError."""
        if len(self._rules) + len(rules) > MAX_RULES:
            raise FaultPlanFullError(
                f"the plan holds {len(self._rules)} of at most {MAX_RULES} rules: "
                f"no room for {len(rules)} more, remove some first"
            )
        added_ms = self._now_ms()
        ids = [self._last_rule_id + number for number in range(1, len(rules) + 1)]
        for rule_id, rule in zip(ids, rules, strict=True):
            self._rules[rule_id] = StandingRule(rule_id, rule, added_ms)
        self._last_rule_id += len(rules)
        return ids

    @property
    def seed(self) -> int:
        return self._seed

    def remove(self, rule_id: int) -> None:
        """Take a rule out; requests that hang in it are let go. Raises KeyError."""
        del self._rules[rule_id]

    def clear(self) -> None:
        """Take all rules out; the log stays."""
        self._rules.clear()

    def rules(self) -> list[StandingRule]:
        return list(self._rules.values())

    def holds(self, rule_id: int) -> bool:
        """Whether a rule is still part of the plan (a hanging request asks now and then)."""
        return rule_id in self._rules

    def log(self, after: int = 0, limit: int = 500) -> list[FaultEvent]:
        """The first `limit` events with a number above `after`, oldest first."""
        return [event for event in self._events if event.number > after][:limit]

    @property
    def clock_skew_ms(self) -> int:
        """What the server's clock is off by: add it to every time it tells or checks against."""
        offset_ms = 0
        for standing in self._in_force():
            rule = standing.rule
            if not isinstance(rule, ClockSkew):
                continue
            offset_ms += rule.parameters.offset_ms
            if standing.hits == 0:  # a skewed time is told all the time: its start is the event
                standing.matches = standing.hits = 1
                self._log(standing, "server clock", f"off by {rule.parameters.offset_ms} ms")
        return offset_ms

    def asks_about(self, method: str, path: str) -> bool:
        """Whether any rule looks at such requests."""
        return any(True for _ in self._request_rules(method, path))

    def asks_for_symbol(self, method: str, path: str) -> bool:
        """Whether the symbol of such a request makes a difference."""
        return any(r.match.symbol is not None for r in self._request_rules(method, path))

    def request_fault(
        self, method: str, path: str, symbol: str | None, *, upgrade: bool = False
    ) -> RequestFault | None:
        """The rule that hits this request, or None.

        upgrade: the request opens a websocket, which has no answer that could be damaged.
        """
        for standing in self._in_force():
            rule = standing.rule
            if not isinstance(rule, RequestRule) or (upgrade and rule.kind in NEEDS_AN_ANSWER):
                continue
            if not rule.match.fits(method, path) or rule.match.symbol not in (None, symbol):
                continue
            if self._counts_as_hit(standing, rule):
                target = " ".join(filter(None, (method, path, symbol)))
                return RequestFault(standing, rule, target)
        return None

    def record(self, fault: RequestFault, outcome: str) -> None:
        """Log what was done to a request."""
        self._log(fault.standing, fault.target, outcome)

    def websocket_action(self, stream: str) -> WebsocketAction:
        """To be asked before each message of a stream ("btcusdt@kline_1m") is sent."""
        for standing in self._in_force():
            rule = standing.rule
            if not isinstance(rule, StreamRule) or not rule.match.fits(stream):
                continue
            if self._counts_as_hit(standing, rule):
                drop = isinstance(rule, WebsocketDrop)
                self._log(standing, f"stream {stream}", "cut" if drop else "message swallowed")
                return WebsocketAction.DROP if drop else WebsocketAction.SILENCE
        return WebsocketAction.SEND

    def fill_rules(self, order_id: int, symbol: str, side: str, created_ms: int) -> list[FillRule]:
        """The rules that hit an order's fills: those in force when it was placed.

        Decided when the order is first asked about and kept for it while the rule is in the plan.
        """
        hitting = []
        for standing in tuple(self._rules.values()):
            rule = standing.rule
            if not isinstance(rule, FillRule) or not rule.match.fits(symbol, side):
                continue
            if not in_force(rule, standing.added_ms, created_ms):
                continue
            if order_id not in standing.order_hits:
                hit = standing.order_hits[order_id] = self._counts_as_hit(standing, rule)
                if hit:
                    self._log(standing, f"order {order_id} {symbol}", _effect_on_fills(rule))
            if standing.order_hits[order_id]:
                hitting.append(rule)
        return hitting

    def _request_rules(self, method: str, path: str) -> Iterator[RequestRule]:
        for standing in self._in_force():
            rule = standing.rule
            if isinstance(rule, RequestRule) and rule.match.fits(method, path):
                yield rule

    def _in_force(self) -> Iterator[StandingRule]:
        if not self._rules:  # the normal case costs next to nothing
            return
        now_ms = self._now_ms()
        for standing in tuple(self._rules.values()):
            if in_force(standing.rule, standing.added_ms, now_ms):
                yield standing

    def _counts_as_hit(self, standing: StandingRule, rule: CountedRule) -> bool:
        standing.matches += 1
        hit = is_hit(rule, self._seed, standing.rule_id, standing.matches)
        standing.hits += hit
        return hit

    def _log(self, standing: StandingRule, target: str, outcome: str) -> None:
        self._last_event += 1
        event = FaultEvent(
            self._last_event, self._now_ms(), standing.rule_id, standing.rule.kind, target, outcome
        )
        self._events.append(event)
        logger.info("fault %d (%s) on %s: %s", event.rule_id, event.kind, target, outcome)
