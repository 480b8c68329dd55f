"""A bot that speaks freqtrade's REST API: the same paths, shapes, errors and side effects.

What it answers is checked against freqtrade's own schemas in test_fake_bot.py.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

USER, PASSWORD = "guard", "a-password-of-a-bot"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@dataclass
class FakeBot:
    """One bot. `now` is its clock; `mode` how it behaves: "ok", "unauthorized", "garbage",
    "not_trading", "error", "hang", "html"."""

    now: Callable[[], datetime]
    name: str = "dip"
    exchange: str = "binance"
    dry_run: bool = True
    state: str = "running"
    stake_currency: str = "USDT"
    mode: str = "ok"
    runmode: str = "live"
    rates: dict[str, float | None] = field(default_factory=dict)
    trades: dict[int, dict[str, Any]] = field(default_factory=dict)
    closed: dict[int, dict[str, Any]] = field(default_factory=dict)
    locks: list[dict[str, Any]] = field(default_factory=list)
    whitelist: list[str] = field(default_factory=lambda: ["BTC/USDT", "ETH/USDT"])
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    listeners: list[web.WebSocketResponse] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)  # "forceexit", "locks", "open-order"
    _last_id: int = 0
    _runner: web.AppRunner | None = None
    port: int = 0

    # -- trading ----------------------------------------------------------------------------------

    def enter(
        self,
        pair: str,
        stake: float,
        rate: float,
        *,
        filled: bool = True,
        stop_rate: float | None = None,
        is_short: bool = False,
        leverage: float = 1.0,
    ) -> int:
        """Open a trade with one entry order; its id."""
        self._last_id += 1
        self.rates.setdefault(pair, rate)
        amount = stake * leverage / rate
        base, _, quote = pair.partition("/")
        order = self._order(pair, "sell" if is_short else "buy", amount, rate, filled=filled)
        self.trades[self._last_id] = {
            "trade_id": self._last_id,
            "pair": pair,
            "base_currency": base,
            "quote_currency": quote.partition(":")[0],
            "is_open": True,
            "is_short": is_short,
            "exchange": self.exchange,
            "amount": amount,
            "amount_requested": amount,
            "stake_amount": stake,
            "max_stake_amount": stake,
            "strategy": "BuyTheDip",
            "enter_tag": "dip",
            "timeframe": 5,
            "fee_open": 0.001,
            "fee_close": 0.001,
            "open_date": f"{self.now():%Y-%m-%d %H:%M:%S}",
            "open_timestamp": ms(self.now()),
            "open_fill_date": None,
            "open_fill_timestamp": None,
            "open_rate": rate,
            "open_trade_value": stake,
            "realized_profit": 0.0,
            "stop_loss_abs": stop_rate,
            "nr_of_successful_entries": int(filled),
            "nr_of_successful_exits": 0,
            "has_open_orders": not filled,
            "orders": [order],
            "leverage": leverage,
            "trading_mode": "spot",
        }
        return self._last_id

    def add_order(self, trade_id: int, stake: float, rate: float, *, filled: bool = False) -> None:
        """A further entry order of an open trade."""
        trade = self.trades[trade_id]
        side = "sell" if trade["is_short"] else "buy"
        amount = stake * trade["leverage"] / rate
        trade["orders"].append(self._order(trade["pair"], side, amount, rate, filled=filled))
        if filled:
            trade["amount"] += amount
            trade["stake_amount"] += stake

    def fill(self, trade_id: int) -> None:
        """Everything that is open is filled."""
        for order in self.trades[trade_id]["orders"]:
            if order["is_open"]:
                order.update(is_open=False, filled=order["amount"], remaining=0.0, status="closed")

    def close(self, trade_id: int, profit: float, exit_reason: str = "roi") -> None:
        """A trade ends."""
        trade = self.trades.pop(trade_id)
        self.fill_of(trade)
        trade.update(
            is_open=False,
            close_date=f"{self.now():%Y-%m-%d %H:%M:%S}",
            close_timestamp=ms(self.now()),
            close_profit_abs=profit,
            profit_abs=profit,
            realized_profit=profit,
            exit_reason=exit_reason,
            has_open_orders=False,
        )
        self.closed[trade_id] = trade

    def fill_of(self, trade: dict[str, Any]) -> None:
        for order in trade["orders"]:
            order.update(is_open=False, filled=order["amount"], remaining=0.0, status="closed")

    def _order(
        self, pair: str, side: str, amount: float, rate: float, *, filled: bool
    ) -> dict[str, Any]:
        number = sum(len(each["orders"]) for each in (*self.trades.values(), *self.closed.values()))
        return {
            "pair": pair,
            "order_id": f"{self.name}-{self._last_id}-{number}",
            "status": "closed" if filled else "open",
            "remaining": 0.0 if filled else amount,
            "amount": amount,
            "safe_price": rate,
            "cost": amount * rate,
            "filled": amount if filled else 0.0,
            "ft_order_side": side,
            "order_type": "limit",
            "is_open": not filled,
            "order_timestamp": ms(self.now()),
            "order_filled_timestamp": ms(self.now()) if filled else None,
            "ft_fee_base": None,
            "ft_order_tag": None,
        }

    def _shown(self, trade: dict[str, Any]) -> dict[str, Any]:
        rate = self.rates.get(trade["pair"])
        held = any(not order["is_open"] for order in trade["orders"])
        profit: float | None = 0.0
        if held and rate is None:
            profit = None
        elif held and rate is not None:
            bought, sold = trade["amount"] * trade["open_rate"], trade["amount"] * rate
            gross = bought - sold if trade["is_short"] else sold - bought
            profit = gross - 0.001 * (bought + sold)
        total = None if profit is None else profit + trade["realized_profit"]
        return {**trade, "current_rate": rate, "profit_abs": profit, "total_profit_abs": total}

    # -- serving ----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> "FakeBot":
        app = web.Application(middlewares=[self._gate])
        api = "/api/v1"
        app.router.add_get(f"{api}/show_config", self._show_config)
        app.router.add_get(f"{api}/status", self._status)
        app.router.add_get(f"{api}/trades", self._trades)
        app.router.add_get(f"{api}/whitelist", self._whitelist)
        app.router.add_get(f"{api}/locks", self._locks)
        app.router.add_post(f"{api}/locks", self._add_locks)
        app.router.add_delete(f"{api}/locks/{{id}}", self._delete_lock)
        app.router.add_delete(f"{api}/trades/{{id}}/open-order", self._cancel)
        app.router.add_post(f"{api}/forceexit", self._force_exit)
        app.router.add_post(f"{api}/stopbuy", self._pause)
        app.router.add_post(f"{api}/start", self._start)
        app.router.add_post(f"{api}/token/login", self._login)
        app.router.add_get(f"{api}/message/ws", self._messages)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            for listener in self.listeners:
                await listener.close()
            await self._runner.cleanup()
            self._runner = None

    async def say(self, kind: str) -> None:
        """A message to all who listen."""
        for listener in self.listeners:
            await listener.send_str(json.dumps({"type": kind, "data": {}}))

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.text()
        self.calls.append((request.method, request.path, json.loads(body) if body else None))
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        is_known = request.headers.get("Authorization") == f"Basic {expected}"
        if self.mode == "unauthorized" or (not is_known and "/message/" not in request.path):
            return self._json({"detail": "Unauthorized"}, 401)
        if self.mode == "hang":
            await asyncio.sleep(60)
        if self.mode == "garbage":
            return self._json({"weather": "sunny"})
        if self.mode == "html":
            return web.Response(text="<html>no bot here</html>", content_type="text/html")
        if self.mode == "not_trading":
            return self._json({"detail": "Bot is not in the correct state."}, 503)
        if self.mode == "error":
            return self._json({"error": f"Error querying {request.path}: broken"}, 502)
        return await handler(request)

    def _json(self, content: Any, status: int = 200) -> web.Response:
        date = f"{self.now().astimezone(UTC):%a, %d %b %Y %H:%M:%S} GMT"
        return web.json_response(content, status=status, headers={"Date": date})

    def _refused(self, path: str, text: str) -> web.Response:
        return self._json({"error": f"Error querying {path}: {text}"}, 502)

    async def _show_config(self, _: web.Request) -> web.Response:
        return self._json(
            {
                "version": "2026.9", "api_version": 2.5, "dry_run": self.dry_run,
                "trading_mode": "spot", "margin_mode": "", "short_allowed": False,
                "stake_currency": self.stake_currency, "stake_currency_decimals": 3,
                "stake_amount": "100", "max_open_trades": 3, "minimal_roi": {},
                "stoploss_on_exchange": False, "timeframe": "5m", "timeframe_ms": 300000,
                "timeframe_min": 5, "exchange": self.exchange, "demo_trading": False,
                "strategy": "BuyTheDip", "force_entry_enable": False, "exit_pricing": {},
                "entry_pricing": {}, "bot_name": self.name, "state": self.state,
                "runmode": self.runmode, "position_adjustment_enable": False,
                "max_entry_position_adjustment": -1,
            }
        )  # fmt: skip

    async def _status(self, _: web.Request) -> web.Response:
        return self._json([self._shown(trade) for trade in self.trades.values()])

    async def _trades(self, request: web.Request) -> web.Response:
        query = request.query
        rows = sorted(self.closed.values(), key=lambda trade: trade["trade_id"])
        if query.get("order_by_id", "true").lower() == "false":
            rows = sorted(rows, key=lambda trade: trade["close_timestamp"], reverse=True)
        offset, limit = int(query.get("offset", 0)), min(500, int(query.get("limit", 500)))
        page = rows[offset : offset + limit]
        return self._json(
            {"trades": page, "trades_count": len(page), "offset": offset, "total_trades": len(rows)}
        )

    async def _whitelist(self, _: web.Request) -> web.Response:
        names = {"method": ["StaticPairList"], "length": len(self.whitelist)}
        return self._json({**names, "whitelist": self.whitelist})

    def _active_locks(self) -> list[dict[str, Any]]:
        return [
            lock
            for lock in self.locks
            if lock["active"] and lock["lock_end_timestamp"] > ms(self.now())
        ]

    async def _locks(self, _: web.Request) -> web.Response:
        locks = self._active_locks()
        return self._json({"lock_count": len(locks), "locks": locks})

    async def _add_locks(self, request: web.Request) -> web.Response:
        if "locks" in self.refuses:
            return self._refused(request.path, "database is locked")
        for each in await request.json():
            self.lock(each["pair"], datetime.fromisoformat(each["until"]), each["reason"])
        return await self._locks(request)

    def lock(self, pair: str, until: datetime, reason: str) -> None:
        """A lock, by whomever."""
        end = until.replace(second=0, microsecond=0) + timedelta(minutes=5)
        self.locks.append(
            {
                "id": len(self.locks) + 1,
                "active": True,
                "lock_end_time": f"{end:%Y-%m-%d %H:%M:%S}",
                "lock_end_timestamp": ms(end),
                "lock_time": f"{self.now():%Y-%m-%d %H:%M:%S}",
                "lock_timestamp": ms(self.now()),
                "pair": pair,
                "side": "*",
                "reason": reason,
            }
        )

    async def _delete_lock(self, request: web.Request) -> web.Response:
        for lock in self.locks:
            if lock["id"] == int(request.match_info["id"]):
                lock["active"] = False
        return await self._locks(request)

    async def _cancel(self, request: web.Request) -> web.Response:
        trade = self.trades.get(int(request.match_info["id"]))
        if trade is None or "open-order" in self.refuses:
            return self._refused(request.path, "Invalid trade_id.")
        open_ones = [order for order in trade["orders"] if order["is_open"]]
        if not open_ones:
            return self._refused(request.path, "No open order for trade_id.")
        trade["orders"] = [order for order in trade["orders"] if not order["is_open"]]
        if not trade["orders"]:
            del self.trades[trade["trade_id"]]
        return self._json(self._shown(trade))

    async def _force_exit(self, request: web.Request) -> web.Response:
        content = await request.json()
        trade_id = int(content["tradeid"])
        if trade_id not in self.trades or "forceexit" in self.refuses:
            return self._refused(request.path, "invalid argument")
        profit = self._shown(self.trades[trade_id])["profit_abs"] or 0.0
        self.close(trade_id, profit, "force_exit")
        return self._json({"result": f"Created exit order for trade {trade_id}."})

    async def _pause(self, request: web.Request) -> web.Response:
        if "pause" in self.refuses:
            return self._refused(request.path, "busy")
        self.state = "paused"
        return self._json({"status": "paused, no more entries will occur from now."})

    async def _start(self, _: web.Request) -> web.Response:
        self.state = "running"
        return self._json({"status": "starting trader ..."})

    async def _login(self, _: web.Request) -> web.Response:
        return self._json({"access_token": "an-access-token", "refresh_token": "another"})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("token") != "an-access-token":
            return web.Response(status=403)
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        self.listeners.append(connection)
        async for _ in connection:
            pass
        self.listeners.remove(connection)
        return connection
