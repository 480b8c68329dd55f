"""The control API of the replay exchange: its ledger for judges, its clock and faults for tests.

It lives under /control/, apart from Binance's names, and is never signed like Binance. The edge
that builds the application calls, after VIEW, ENGINE, LEDGER, CLOCK and FAULTS are set:

    install_control(app, ControlSettings(...), participants=lambda: timekeeper.participants)

Every answer first brings the book up to the exchange's present moment, as Binance's own do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, runtime_checkable

from aiohttp import web

from sidecars.replay.app_keys import CLOCK, ENGINE, FAULTS, LEDGER, VIEW
from sidecars.replay.control import words
from sidecars.replay.control.guard import (
    ControlAccess,
    ControlRefusedError,
    body_of,
    guard_middleware,
    json_bytes_of,
    query_of,
)
from sidecars.replay.control.key_rights_routes import key_rights_routes
from sidecars.replay.control.openapi import PATH_ID, Route, openapi_document
from sidecars.replay.faults.plan import FaultPlanFullError
from sidecars.replay.faults.rules import FaultRule, parse_plan
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.matching.ledger_records import Deposit
from sidecars.replay.timekeeper import NS_PER_MS

DAY_MS = 86_400_000


@runtime_checkable
class TakesDeposits(Protocol):
    """A matching engine whose account can be paid into while it runs."""

    def deposit(self, asset: str, amount: Decimal, now_ms: int) -> Deposit:
        """Commits a deposit. Raises ValueError (one line) for an amount it cannot hold."""
        ...


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """What the control API tells about the exchange, and what it lets clients do.

    mode: how time flows ("natural", "lockstep"); feed: where prices come from ("recorded",
    "synthetic"); max_advance_ms: longest jump of one request.
    """

    mode: str
    feed: str
    seed: int
    span_ms: tuple[int, int]
    access: ControlAccess = field(default_factory=ControlAccess)
    allow_clock_advance: bool = False
    max_advance_ms: int = DAY_MS


def install_control(
    app: web.Application,
    settings: ControlSettings,
    *,
    participants: Callable[[], Sequence[str]] = tuple,
) -> None:
    """Serve the control API under /control of `app`.

    participants: names of those that take part in the lock-step clock at the moment.
    """
    control = _Control(app, settings, participants)
    sub_app = web.Application(middlewares=[guard_middleware(settings.access)])
    for route in control.routes():
        sub_app.router.add_route(route.method, route.path, route.respond)
    has_token = settings.access.token is not None
    document = openapi_document(control.routes(), has_token=has_token)

    async def openapi(_: web.Request) -> web.Response:
        return web.json_response(document)

    sub_app.router.add_route("GET", "/openapi.json", openapi)
    app.add_subapp("/control", sub_app)


class _Control:
    """The operations. Parts are looked up at each request: they are put on the app at start-up."""

    def __init__(
        self,
        app: web.Application,
        settings: ControlSettings,
        participants: Callable[[], Sequence[str]],
    ) -> None:
        self._app = app
        self._settings = settings
        self._participants = participants

    def routes(self) -> list[Route]:
        ledger = "/ledger"
        w = words
        return [
            Route("GET", "/state", "what runs, and its time", self.state, w.StateAnswer),
            Route(
                "GET", f"{ledger}/orders", "orders with their fills", self.orders,
                w.OrdersAnswer, w.OrdersQuery,
            ),
            Route("GET", f"{ledger}/fills", "fills", self.fills, w.FillsAnswer, w.FillsQuery),
            Route("GET", f"{ledger}/deposits", "deposits", self.deposits, w.DepositsAnswer),
            Route("GET", f"{ledger}/balances", "balances", self.balances, w.BalancesAnswer),
            Route("GET", f"{ledger}/totals", "counts and sums", self.totals, w.TotalsAnswer),
            Route("GET", f"{ledger}/verify", "the books checked", self.verify, w.VerifyAnswer),
            Route(
                "POST", "/deposits", "pay in", self.deposit, w.DepositAnswer,
                body=w.DepositRequest, status=201,
            ),
            Route("GET", "/faults", "the fault plan in force", self.rules, w.RulesAnswer),
            Route(
                "POST", "/faults", "add one rule or a list", self.add_rules, w.AddedAnswer,
                body=FaultRule | list[FaultRule], status=201,
            ),
            Route("DELETE", "/faults", "remove all rules", self.clear, w.RemovedAnswer),
            Route(
                "DELETE", f"/faults/{PATH_ID}", "remove one rule", self.remove, w.RemovedAnswer
            ),
            Route(
                "GET", "/faults/log", "what was injected", self.log, w.LogAnswer, w.LogQuery
            ),
            Route(
                "POST", "/clock/advance", "jump forward in time", self.advance, w.MomentAnswer,
                body=w.AdvanceRequest,
            ),
            *key_rights_routes(self._app),
        ]  # fmt: skip

    async def state(self, request: web.Request) -> words.StateAnswer:
        query_of(request, words.NoQuery)
        start_ms, end_ms = self._settings.span_ms
        faults = self._app[FAULTS]
        return words.StateAnswer(
            **self._moment().model_dump(),
            mode=self._settings.mode,
            feed=self._settings.feed,
            seed=self._settings.seed,
            span_start_ms=start_ms,
            span_end_ms=end_ms,
            symbols=sorted(self._app[VIEW].markets),
            participants=list(self._participants()),
            clock_advance_allowed=self._settings.allow_clock_advance,
            clock_skew_ms=faults.clock_skew_ms,
            fault_rules=len(faults.rules()),
        )

    async def orders(self, request: web.Request) -> words.OrdersAnswer:
        asked = query_of(request, words.OrdersQuery)
        orders = self._ledger().orders(
            asked.symbol,
            from_order_id=asked.from_order_id,
            start_ms=asked.start_ms,
            end_ms=asked.end_ms,
            limit=asked.limit,
            open_only=asked.open_only == "true",
            updated_after_ms=asked.updated_after_ms,
        )
        more = len(orders) == asked.limit
        return words.OrdersAnswer(
            orders=[words.order_answer(order) for order in orders],
            next_from_order_id=orders[-1].order_id + 1 if more else None,
        )

    async def fills(self, request: web.Request) -> words.FillsAnswer:
        asked = query_of(request, words.FillsQuery)
        fills = self._ledger().fills(
            asked.symbol,
            order_id=asked.order_id,
            from_trade_id=asked.from_trade_id,
            start_ms=asked.start_ms,
            end_ms=asked.end_ms,
            limit=asked.limit,
        )
        more = len(fills) == asked.limit
        return words.FillsAnswer(
            fills=[words.FillAnswer.model_validate(fill) for fill in fills],
            next_from_trade_id=fills[-1].trade_id + 1 if more else None,
        )

    async def deposits(self, request: web.Request) -> words.DepositsAnswer:
        query_of(request, words.NoQuery)
        deposits = self._ledger().deposits()
        return words.DepositsAnswer(
            deposits=[words.DepositAnswer.model_validate(deposit) for deposit in deposits]
        )

    async def balances(self, request: web.Request) -> words.BalancesAnswer:
        query_of(request, words.NoQuery)
        balances = self._ledger().balances()
        return words.BalancesAnswer(
            balances=[words.BalanceAnswer.model_validate(balance) for balance in balances]
        )

    async def totals(self, request: web.Request) -> words.TotalsAnswer:
        query_of(request, words.NoQuery)
        return words.TotalsAnswer.model_validate(self._ledger().totals())

    async def verify(self, request: web.Request) -> words.VerifyAnswer:
        query_of(request, words.NoQuery)
        disagreements = self._ledger().verify()
        return words.VerifyAnswer(agrees=not disagreements, disagreements=disagreements)

    async def deposit(self, request: web.Request) -> words.DepositAnswer:
        asked = await body_of(request, words.DepositRequest)
        engine = self._app[ENGINE]
        if not isinstance(engine, TakesDeposits):
            raise ControlRefusedError(409, "this exchange takes no deposits while it runs")
        try:
            now_ms = self._app[CLOCK].now_ms()
            deposit = engine.deposit(asked.asset, Decimal(asked.amount), now_ms)
        except ValueError as error:
            raise ControlRefusedError(400, str(error)) from error
        return words.DepositAnswer.model_validate(deposit)

    async def rules(self, request: web.Request) -> words.RulesAnswer:
        query_of(request, words.NoQuery)
        faults = self._app[FAULTS]
        standing = [words.StandingRuleAnswer.model_validate(rule) for rule in faults.rules()]
        return words.RulesAnswer(seed=faults.seed, rules=standing)

    async def add_rules(self, request: web.Request) -> words.AddedAnswer:
        text = await json_bytes_of(request)
        try:
            rules = parse_plan(text)
        except ValueError as error:
            raise ControlRefusedError(400, str(error)) from error
        try:
            return words.AddedAnswer(rule_ids=self._app[FAULTS].add_all(rules))
        except FaultPlanFullError as error:
            raise ControlRefusedError(409, str(error)) from error

    async def clear(self, request: web.Request) -> words.RemovedAnswer:
        query_of(request, words.NoQuery)
        faults = self._app[FAULTS]
        removed = len(faults.rules())
        faults.clear()
        return words.RemovedAnswer(removed=removed)

    async def remove(self, request: web.Request) -> words.RemovedAnswer:
        query_of(request, words.NoQuery)
        rule_id = int(request.match_info["rule_id"])
        try:
            self._app[FAULTS].remove(rule_id)
        except KeyError as error:
            raise ControlRefusedError(404, f"rule {rule_id}: not in the fault plan") from error
        return words.RemovedAnswer(removed=1)

    async def log(self, request: web.Request) -> words.LogAnswer:
        asked = query_of(request, words.LogQuery)
        events = self._app[FAULTS].log(asked.after, asked.limit)
        more = len(events) == asked.limit
        return words.LogAnswer(
            events=[words.EventAnswer.model_validate(event) for event in events],
            next_after=events[-1].number if more else None,
        )

    async def advance(self, request: web.Request) -> words.MomentAnswer:
        asked = await body_of(request, words.AdvanceRequest)
        settings = self._settings
        if not settings.allow_clock_advance:
            raise ControlRefusedError(403, "the clock may not be moved (allow_clock_advance)")
        if names := list(self._participants()):
            raise ControlRefusedError(
                409, f"the clock is moved by its participants ({', '.join(names)})"
            )
        clock = self._app[CLOCK]
        now_ms = clock.now_ms()
        target_ms = asked.to_ms if asked.to_ms is not None else now_ms + (asked.by_ms or 0)
        latest_ms = min(now_ms + settings.max_advance_ms, settings.span_ms[1])
        if not now_ms < target_ms <= latest_ms:
            raise ControlRefusedError(
                400, f"the clock can move to {now_ms + 1}..{latest_ms}, asked for {target_ms}"
            )
        clock.jump_to_ns(target_ms * NS_PER_MS)
        self._ledger()
        return self._moment()

    def _moment(self) -> words.MomentAnswer:
        clock = self._app[CLOCK]
        return words.MomentAnswer(now_ms=clock.now_ms(), now=clock.now().isoformat())

    def _ledger(self) -> Ledger:
        """The ledger, with the orders matched up to now.

        Asked for balances, not to `advance`: that one's news are for the user's streams.
        """
        self._app[ENGINE].balances(self._app[CLOCK].now_ms())
        return self._app[LEDGER]
