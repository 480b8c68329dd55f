"""Alerts survive SIGKILL at the worst moments; addresses are never shown."""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecars.common.alert import Alert, Level
from sidecars.common.alert_targets import AppriseTarget
from sidecars.common.clock import ManualClock
from sidecars.common.notify import Notifier
from sidecars.common.outbox import Outbox
from tests.sidecars.common.webhook import webhook

START = datetime(2024, 6, 12, 10, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'alerts.sqlite'}"


CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from sidecars.common.alert import Alert, Level
from sidecars.common.alert_targets import AppriseTarget
from sidecars.common.clock import ManualClock
from sidecars.common.notify import Notifier
from sidecars.common.outbox import Outbox

async def main(database, target, then):
    clock = ManualClock(datetime(2024, 6, 12, 10, tzinfo=UTC))
    notifier = Notifier(Outbox(database), [AppriseTarget(target)], clock)
    await notifier.post([Alert(Level.CRITICAL, "breaker:1", "Breaker open")])
    print("posted", flush=True)
    if then == "send":
        await notifier.run()
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(("then", "received"), [("wait", 1), ("send", 2)])
async def test_sigkill_loses_nothing(database: str, then: str, received: int) -> None:
    async with webhook() as hook:
        hook.held = asyncio.Event()  # whom the child reaches never answers it
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CHILD, database, hook.url, then),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        async with asyncio.timeout(60):
            assert child.stdout is not None
            assert await child.stdout.readline() == b"posted\n"
            if then == "send":
                await hook.came.wait()
            child.kill()
            await child.wait()
        hook.held.set()
        notifier = Notifier(Outbox(database), [AppriseTarget(hook.url)], ManualClock(START))
        await notifier.send_due()
        await notifier.send_due()
        # At least once; who comes twice has the same id.
        assert [each["message"] for each in hook.received] == [
            "Breaker open\nid: breaker:1"
        ] * received


async def test_no_secret_in_logs_and_status(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with webhook(statuses=[403]) as hook:
        url = f"json://trader:hunter2%21xyz@127.0.0.1:{hook.port}/T0PSECRET/path"
        unreachable = "json://127.0.0.1:9/ANOTHERSECRET"
        targets = [AppriseTarget(url), AppriseTarget(unreachable)]
        notifier = Notifier(Outbox(database), targets, ManualClock(START))
        await notifier.post([Alert(Level.WARNING, "fall", "BTC fell")])
        await notifier.send_due()
        shown = caplog.text + repr(await notifier.status())
    assert len(hook.received) == 1
    for secret in ("hunter2", "T0PSECRET", "ANOTHERSECRET"):
        assert secret not in shown
