"""How long bots wait for the guard's word while it polls all of them and keeps every promise.

Ten bots, each with three open trades, are polled over HTTP as often as by default, from a process
of their own. From another process each of the ten asks at moments of its own, twice a second on
average, for a pair and a candle that are new, so that every answer is a reservation that is kept
before it is given; then it gives back what was promised. After that all ten ask at one moment,
again and again; there a time counts from that moment, and the last has waited for nine.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from sidecars.common.clock import SystemClock
from sidecars.common.moments import ms_of

GOAL_P99_MS: Final = 10.0
BOTS: Final = 10
POSITIONS: Final = 3  # of each bot
CHECKS_OF_A_BOT: Final = 100
CHECKS_A_SECOND: Final = 2.0  # of a bot, on average
ROUNDS: Final = 50  # in which all ask at one moment
WARM_UP: Final = 10  # checks of a bot that do not count
EVERY_SECONDS: Final = 0.5
SETTLE_SECONDS: Final = 6.0
STAKE: Final = 10.0
TOKEN: Final = "a-token-for-a-benchmark"
PASSWORD: Final = "a-password-for-a-benchmark"
Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CALL: Final = "import sys; from benchmarks import guard_checks as it; getattr(it, sys.argv[1])()"


def main() -> int:
    """Measure and print the BENCH line; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _child("run_bots", ready=True) as bots:
            ports = json.loads(bots)
            with _child("run_guard", str(folder), json.dumps(ports), ready=True) as guard:
                time.sleep(SETTLE_SECONDS)
                asked = subprocess.run(
                    [sys.executable, "-c", CALL, "run_client", guard.strip()],
                    capture_output=True,
                    text=True,
                    check=False,
                )
    if asked.returncode != 0:
        raise RuntimeError(f"the client failed: {asked.stderr.strip().splitlines()[-1]}")
    found = json.loads(asked.stdout)
    p99_ms = _told("each at moments of its own", found["alone"])
    verdict = "ok" if p99_ms <= GOAL_P99_MS else "short"
    _say(f"BENCH guard_check_p99_ms value={p99_ms:.2f} unit=ms goal=<={GOAL_P99_MS:g} {verdict}")
    _told("all ten at one moment", found["at_once"])
    return 0


def _told(what: str, seconds: Sequence[float]) -> float:
    """Say how the times lie; returns the 99th percentile in milliseconds."""
    times = sorted(1000.0 * each for each in seconds)
    p99_ms = _percentile(times, 99)
    _say(
        f"{len(times)} checks, {what}: p50 {statistics.median(times):.1f} ms, p90 "
        f"{_percentile(times, 90):.1f} ms, p99 {p99_ms:.1f} ms, max {times[-1]:.1f} ms"
    )
    return p99_ms


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


@contextmanager
def _child(call: str, *arguments: str, ready: bool) -> Iterator[str]:
    """A process of this module; yields the first line that it says."""
    command = [sys.executable, "-c", CALL, call, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline() if ready else ""
        finally:
            process.terminate()


# -- the bots --------------------------------------------------------------------------------------


def run_bots() -> None:
    """The process of the bots: what freqtrade would answer, always the same."""
    asyncio.run(_serve_bots())


async def _serve_bots() -> None:
    ports = []
    for number in range(BOTS):
        app = web.Application()
        for path, answer in _bot_answers(number).items():
            app.router.add_get(f"/api/v1/{path}", _always(answer))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
    _say(json.dumps(ports))
    await asyncio.Event().wait()


def _always(answer: Any) -> Any:
    """The same answer, of trades as many as are asked for."""

    async def handler(request: web.Request) -> web.Response:
        if "limit" not in request.query:
            return web.json_response(answer)
        page = answer["trades"][: int(request.query["limit"])]
        return web.json_response({**answer, "trades": page})

    return handler


def _bot_answers(number: int) -> dict[str, Any]:
    now_ms = ms_of(SystemClock().now())
    trades = [_trade(number, place, now_ms) for place in range(POSITIONS)]
    closed = [
        {**_trade(number, place, now_ms), "trade_id": 100 + place, "is_open": False,
         "close_timestamp": now_ms, "close_profit_abs": 0.5, "realized_profit": 0.5}
        for place in range(100)
    ]  # fmt: skip
    return {
        "show_config": {
            "bot_name": f"bot{number}", "exchange": "binance", "dry_run": True,
            "trading_mode": "spot", "stake_currency": "USDT", "state": "running",
            "runmode": "dry_run", "strategy": "BuyTheDip",
        },
        "status": trades,
        "trades": {"trades": closed, "trades_count": 100, "offset": 0, "total_trades": 100},
        "locks": {"lock_count": 0, "locks": []},
    }  # fmt: skip


def _trade(bot: int, place: int, now_ms: int) -> dict[str, Any]:
    pair = f"H{bot}N{place}/USDT"
    order = {
        "pair": pair, "order_id": f"{bot}-{place}", "status": "closed", "remaining": 0.0,
        "amount": 1.0, "safe_price": 10.0, "cost": 10.0, "filled": 1.0, "ft_order_side": "buy",
        "order_type": "limit", "is_open": False, "order_timestamp": now_ms,
    }  # fmt: skip
    return {
        "trade_id": place + 1, "pair": pair, "is_open": True, "is_short": False,
        "exchange": "binance", "amount": 1.0, "stake_amount": 10.0, "open_rate": 10.0,
        "open_timestamp": now_ms, "realized_profit": 0.0, "profit_abs": 0.1, "current_rate": 10.1,
        "stop_loss_abs": 9.5, "leverage": 1.0, "fee_open": 0.001, "fee_close": 0.001,
        "orders": [order],
    }  # fmt: skip


# -- the guard -------------------------------------------------------------------------------------


def run_guard() -> None:
    """The process of the guard, as it is served."""
    from sidecars.guard.service import BotAccess, serve_until_stopped

    ports = json.loads(sys.argv[3])
    rules = _rules(Path(sys.argv[2]), ports)
    _say(str(rules.settings.port))
    access = BotAccess({f"bot{number}": PASSWORD for number in range(BOTS)})
    asyncio.run(serve_until_stopped(rules, TOKEN, access, {}))


def _rules(folder: Path, ports: Sequence[int]) -> Any:
    from aquatrade.risk.profile import RiskProfile
    from sidecars.guard.fleet import Rules
    from sidecars.guard.settings import GuardSettings

    settings = GuardSettings.model_validate(
        {
            "bots": [
                {
                    "name": f"bot{number}", "url": f"http://127.0.0.1:{port}", "username": "guard",
                    "stage": "live", "allotment": 1000.0, "family": f"family{number}",
                }
                for number, port in enumerate(ports)
            ],
            "capital": 20_000.0,
            "profile_files": ["none.json"],
            "database_url": f"sqlite:///{folder / 'guard.sqlite'}",
            "port": _free_port(),
        }
    )  # fmt: skip
    profile = RiskProfile.model_validate(
        {
            "name": "benchmark", "reserve_pct": 20.0, "max_exposure_pct": 60.0,
            "max_pair_pct": 20.0, "max_heat_pct": 50.0, "valve_minutes": 60.0,
            "max_clock_skew_seconds": 5.0, "day": {"limit_pct": 5.0}, "stop_equity": 4_000.0,
        }
    )  # fmt: skip
    return Rules(settings, profile)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- who asks --------------------------------------------------------------------------------------


def run_client() -> None:
    """The process that asks for all bots; prints the seconds that each check took as JSON."""
    _say(json.dumps(asyncio.run(_ask_in_both_ways(int(sys.argv[2])))))


async def _ask_in_both_ways(port: int) -> dict[str, list[float]]:
    links = [await asyncio.open_connection("127.0.0.1", port) for _ in range(BOTS)]
    alone = await asyncio.gather(*(_ask_now_and_then(link, bot) for bot, link in enumerate(links)))
    return {"alone": [each for times in alone for each in times], "at_once": await _rounds(links)}


async def _ask_now_and_then(link: Link, bot: int) -> list[float]:
    moments = random.Random(bot)
    times: list[float] = []
    for number in range(WARM_UP + CHECKS_OF_A_BOT):
        await asyncio.sleep(moments.expovariate(CHECKS_A_SECOND))
        asked = time.perf_counter()
        done, reservation = await _ask(link, bot, number)
        if number >= WARM_UP:
            times.append(done - asked)
        await _give_back(link, bot, reservation)
    return times


async def _rounds(links: Sequence[Link]) -> list[float]:
    times: list[float] = []
    first = WARM_UP + CHECKS_OF_A_BOT  # these pairs are new, too
    start = time.perf_counter()
    for number in range(ROUNDS):
        await asyncio.sleep(max(0.0, start + number * EVERY_SECONDS - time.perf_counter()))
        asked = time.perf_counter()
        waited = await asyncio.gather(
            *(_ask(link, bot, first + number) for bot, link in enumerate(links))
        )
        times += [done - asked for done, _ in waited]
        await asyncio.gather(
            *(_give_back(links[bot], bot, each) for bot, (_, each) in enumerate(waited))
        )
    return times


async def _give_back(link: Link, bot: int, reservation: str) -> None:
    body = json.dumps({"bot": f"bot{bot}"})
    await _post(link, f"/v1/reservations/{reservation}/release", body)


async def _ask(link: Link, bot: int, number: int) -> tuple[float, str]:
    """When it was answered, and the reservation; anything but a yes ends the benchmark."""
    now = SystemClock().now()
    answer = json.loads(await _post(link, "/v1/checks", _check(bot, number, now)))
    done = time.perf_counter()
    if answer["decision"] != "APPROVE":
        raise RuntimeError(f"expected APPROVE, got {answer}")
    return done, answer["reservation"]


def _check(bot: int, number: int, now: datetime) -> str:
    candle = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * number)
    return json.dumps(
        {
            "bot": f"bot{bot}", "process": "benchmark", "dry_run": True,
            "exchange": "binance", "family": f"family{bot}",
            "pair": f"A{bot}R{number}/USDT", "side": "long", "stake": STAKE, "rate": 10.0,
            "stop_rate": 9.5, "leverage": 1.0, "cost_rate": 0.0015, "is_increase": False,
            "score": 70.0, "min_stake": 5.0, "candle": candle.isoformat(), "tag": "benchmark",
            "signal_until": (now + timedelta(minutes=5)).isoformat(),
        }
    )  # fmt: skip


async def _post(link: Link, path: str, body: str) -> bytes:
    reader, writer = link
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body.encode())
    said = await reader.readuntil(b"\r\n\r\n")
    length = int(said.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    content = await reader.readexactly(length)
    if not said.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"expected a 200, got {said[:40]!r} {content[:200]!r}")
    return content


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
