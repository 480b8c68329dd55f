"""`python -m sidecars.replay.public_data`: serve all stand-ins until told to stop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from sidecars.common.clock import Clock, SystemClock
from sidecars.common.lockstep import LockstepClock, LockstepError
from sidecars.common.logs import configure_logging
from sidecars.common.offset_clock import OffsetClock
from sidecars.common.running import listening, run_until_stopped
from sidecars.replay.public_data.app import create_app
from sidecars.replay.public_data.catalogue import all_stand_ins
from sidecars.replay.public_data.settings import PublicDataSettings, parse_settings
from sidecars.replay.settings import SettingsError

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
BAD_INPUT = 2


def main(
    port: Annotated[int, typer.Option(help="0: any free one")] = 8104,
    start: Annotated[
        str | None, typer.Option(help="what becomes now, ISO, UTC [the present]")
    ] = None,
    lockstep: Annotated[
        str | None, typer.Option(help="HOST:PORT of the replay exchange's lock-step clock")
    ] = None,
) -> None:
    """Answers as the public data sources do, with made-up values, for runs without a network.

    Each source is at /KEY/. It can be told to fail: POST /control/faults {"source": "coingecko",
    "kind": "rate_limited", "count": 3}; GET and DELETE /control/faults.
    """
    try:
        settings = parse_settings(port, start, lockstep)
        configure_logging()
        asyncio.run(serve(settings))
    except (SettingsError, LockstepError, OSError) as error:
        line = str(error).splitlines()[0]
        typer.echo(f"public data: {line}", err=True)
        raise typer.Exit(BAD_INPUT) from None


async def serve(settings: PublicDataSettings) -> None:
    """Run until SIGTERM or SIGINT. Raises OSError (address taken) and LockstepError."""
    async with _clock(settings) as clock:
        stand_ins = all_stand_ins()
        app = create_app(stand_ins, clock)
        async with listening(app, HOST, settings.port) as port:
            url = f"http://{HOST}:{port}"
            logger.info(
                "ready",
                extra={
                    "url": url,
                    "now": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}",
                    "sources": [each.key for each in stand_ins],
                },
            )
            await run_until_stopped(_forever())
    logger.info("stopped")


async def _forever() -> None:
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _clock(settings: PublicDataSettings) -> AsyncIterator[Clock]:
    system = SystemClock()
    if settings.lockstep is None:
        start = settings.start
        yield system if start is None else OffsetClock(system, start - system.now())
        return
    clock = await LockstepClock.connect(*settings.lockstep, "public-data")
    try:
        yield clock
    finally:
        await clock.close()


if __name__ == "__main__":
    typer.run(main)
