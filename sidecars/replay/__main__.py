"""`python -m sidecars.replay`: run the replay exchange until it is told to stop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from sidecars.common.clock import SystemClock
from sidecars.replay.app_keys import VIEW
from sidecars.replay.binance.streams import STREAMS
from sidecars.replay.client_config import LOCAL_KEY, LOCAL_SECRET
from sidecars.replay.service import create_app, open_feed, start_moment
from sidecars.replay.settings import (
    CONTROL_TOKEN_VARIABLE,
    KEY_VARIABLE,
    SECRET_VARIABLE,
    SYNTHETIC_END,
    SYNTHETIC_START,
    ReplaySettings,
    SettingsError,
    parse_balances,
    parse_moment,
    parse_pairs,
    parse_start,
)
from sidecars.replay.timekeeper import ReplayClock

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2.0
BAD_INPUT = 2


def main(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one")] = 8100,
    data: Annotated[
        Path | None, typer.Option(help="freqtrade datadir: spot candles, futures/ beside them")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the synthetic market and of all prices")] = 1,
    synthetic_start: Annotated[
        str, typer.Option(help="first day of the synthetic market")
    ] = f"{SYNTHETIC_START:%Y-%m-%d}",
    synthetic_end: Annotated[
        str, typer.Option(help="end of the synthetic market")
    ] = f"{SYNTHETIC_END:%Y-%m-%d}",
    start: Annotated[
        str | None,
        typer.Option(help="what becomes now, ISO, UTC ['now'; of a record 30 days before its end]"),
    ] = None,
    pairs: Annotated[str | None, typer.Option(help="BTC/USDT,ETH/USDT [all]")] = None,
    ledger: Annotated[Path | None, typer.Option(help="SQLite file [in memory]")] = None,
    balance: Annotated[
        list[str] | None, typer.Option(help="ASSET=AMOUNT, repeatable [USDT=10000]")
    ] = None,
    lockstep_port: Annotated[
        int | None, typer.Option(help="serve the lock-step clock on this port")
    ] = None,
    participants: Annotated[int, typer.Option(help="whom the lock-step clock waits for")] = 1,
    faults: Annotated[Path | None, typer.Option(help="JSON fault plan, in force at once")] = None,
    allow_clock_advance: Annotated[
        bool, typer.Option(help="let the control API jump the clock")
    ] = False,
    allow_remote_control: Annotated[
        bool, typer.Option(help=f"control API from elsewhere; needs {CONTROL_TOKEN_VARIABLE}")
    ] = False,
    key_rights: Annotated[
        str | None,
        typer.Option(help="what the key is told to be allowed: '{\"enableWithdrawals\": true}'"),
    ] = None,
) -> None:
    """A local exchange that speaks Binance's spot API, fed by recorded or synthetic candles.

    Its key and secret come from AQUATRADE_REPLAY_KEY and AQUATRADE_REPLAY_SECRET; without them
    they are local-replay-key and local-replay-secret, as in the shipped configs.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        settings = ReplaySettings(
            host=host,
            port=port,
            data=data,
            seed=seed,
            synthetic_start=parse_moment("--synthetic-start", synthetic_start),
            synthetic_end=parse_moment("--synthetic-end", synthetic_end),
            start=parse_start(start),
            pairs=parse_pairs(pairs),
            ledger=ledger,
            balances=parse_balances(balance or ()),
            api_key=os.environ.get(KEY_VARIABLE, LOCAL_KEY),
            api_secret=os.environ.get(SECRET_VARIABLE, LOCAL_SECRET),
            lockstep_port=lockstep_port,
            participants=participants,
            control_token=os.environ.get(CONTROL_TOKEN_VARIABLE),
            allow_remote_control=allow_remote_control,
            allow_clock_advance=allow_clock_advance,
            fault_plan=None if faults is None else _read(faults),
            key_rights=key_rights,
        )
        asyncio.run(serve(settings))
    except SettingsError as error:
        typer.echo(f"replay exchange: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--faults {path}: cannot be read ({error})") from error


async def serve(settings: ReplaySettings) -> None:
    """Run until SIGTERM or SIGINT. Raises SettingsError."""
    feed = open_feed(settings)
    clock = ReplayClock(start_moment(settings, feed, SystemClock()))
    app = create_app(settings, clock, feed)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        for symbol in app[VIEW].markets:
            # Records are read when they are first needed; no client should have to wait for that.
            app[VIEW].last_price(symbol, clock.now_ms())
        url = await _listen(runner, settings)
        # What lives now lives on: keep the collector from looking at it again and again.
        gc.freeze()
        typer.echo(
            f"replay exchange ready at {url}, now {clock.now():%Y-%m-%dT%H:%M:%SZ}, "
            f"{len(app[VIEW].markets)} pairs, {_kind(settings)}"
        )
        beating = asyncio.create_task(app[STREAMS].run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({beating, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (beating, stopping):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    finally:
        await runner.cleanup()
    typer.echo("replay exchange stopped")


async def _listen(runner: web.AppRunner, settings: ReplaySettings) -> str:
    try:
        await runner.setup()
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise SettingsError(f"cannot listen: {error.strerror or error}") from error
    port = runner.addresses[0][1]
    return f"http://{settings.host}:{port}"


def _kind(settings: ReplaySettings) -> str:
    market = f"recorded in {settings.data}" if settings.data else f"synthetic, seed {settings.seed}"
    if settings.lockstep_port is None:
        return market
    return f"{market}, lock-step clock at {settings.host}:{settings.lockstep_port}"


if __name__ == "__main__":
    typer.run(main)
