"""Alerts reach a real webhook: once, in time, after failures, silence and SIGKILL."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sidecars.common.alert import Alert, Level
from sidecars.common.alert_targets import AppriseTarget, DeliveryError, Target
from sidecars.common.clock import ManualClock
from sidecars.common.notify import Notifier, retry_ms
from sidecars.common.outbox import Outbox
from tests.sidecars.common.webhook import webhook

START = datetime(2024, 6, 12, 10, tzinfo=UTC)
FALL = Alert(Level.WARNING, "target:BTC:1", "BTC: target 1 hit", "sell 20 % at 93,000 USDT")
NEWS = Alert(Level.INFO, "zone:BTC:2024-06-11", "BTC: WAIT", "score 62")
MakeNotifier = Callable[..., Notifier]


class WatchedClock(ManualClock):
    """Tells when somebody sleeps on it."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.asleep = asyncio.Event()

    async def sleep_until(self, moment: datetime) -> None:
        self.asleep.set()
        await super().sleep_until(moment)


class FakeTarget:
    """Takes alerts in memory. refuse: titles it never takes; free: while not set it hangs."""

    def __init__(self, name: str = "fake", refuse: Sequence[str] = ()) -> None:
        self.name = name
        self.refuse = set(refuse)
        self.taken: list[Alert] = []
        self.asked = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def send(self, alert: Alert) -> None:
        self.asked.set()
        self.free.wait(30)
        if alert.title in self.refuse:
            raise DeliveryError("refused")
        self.taken.append(alert)

    @property
    def titles(self) -> list[str]:
        return [alert.title for alert in self.taken]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'alerts.sqlite'}"


@pytest.fixture
def clock() -> WatchedClock:
    return WatchedClock(START)


@pytest.fixture
def make(database: str, clock: ManualClock) -> MakeNotifier:
    def notifier(*targets: Target, timeout_seconds: float = 10.0) -> Notifier:
        return Notifier(Outbox(database), targets, clock, timeout_seconds=timeout_seconds)

    return notifier


@contextlib.asynccontextmanager
async def running(notifier: Notifier) -> AsyncIterator[None]:
    task = asyncio.create_task(notifier.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        notifier.close()


async def test_a_warning_comes_at_once_and_once(make: MakeNotifier) -> None:
    async with webhook() as hook:
        notifier = make(AppriseTarget(hook.url))
        async with running(notifier):
            assert await notifier.post([FALL, FALL]) == 1
            async with asyncio.timeout(10):
                await hook.came.wait()
            assert await notifier.post([FALL]) == 0
            await notifier.send_due()
        # A restart knows it as well.
        again = make(AppriseTarget(hook.url))
        assert await again.post([FALL]) == 0
        await again.send_due()
        assert len(hook.received) == 1
        assert hook.received[0]["title"] == "BTC: target 1 hit"
        assert hook.received[0]["message"] == "sell 20 % at 93,000 USDT\nid: target:BTC:1"
        assert hook.received[0]["type"] == "warning"


async def test_critical_is_loud_and_first(make: MakeNotifier) -> None:
    async with webhook() as hook:
        notifier = make(AppriseTarget(hook.url))
        await notifier.post([FALL, Alert(Level.CRITICAL, "breaker", "Breaker open")])
        await notifier.send_due()
        assert hook.titles == ["CRITICAL: Breaker open", "BTC: target 1 hit"]
        assert hook.received[0]["type"] == "failure"


async def test_info_comes_in_one_digest_a_day(make: MakeNotifier, clock: ManualClock) -> None:
    target = FakeTarget()
    notifier = make(target)
    await notifier.post([NEWS, Alert(Level.INFO, "b", "ETH: AVOID")])
    await notifier.send_due()
    assert target.taken == []
    await clock.move_to(datetime(2024, 6, 13, tzinfo=UTC))
    await notifier.post([Alert(Level.INFO, "c", "of the next day")])
    await notifier.send_due()
    await make(target).send_due()
    assert target.titles == ["Digest of 2024-06-13: 2"]
    assert target.taken[0].text == "- ETH: AVOID\n- BTC: WAIT: score 62"
    await clock.move_to(datetime(2024, 6, 15, 7, tzinfo=UTC))
    await make(target).send_due()
    assert target.titles[1:] == ["Digest of 2024-06-15: 1"]


async def test_a_sender_that_runs_wakes_for_retries_and_the_digest(
    make: MakeNotifier, clock: WatchedClock
) -> None:
    async with webhook(statuses=[500]) as hook:
        notifier = make(AppriseTarget(hook.url))
        await notifier.post([NEWS, FALL])
        async with running(notifier), asyncio.timeout(20):
            for moment in (START + timedelta(seconds=5), datetime(2024, 6, 13, tzinfo=UTC)):
                await clock.asleep.wait()
                clock.asleep.clear()
                hook.came.clear()
                await clock.move_to(moment)
                await hook.came.wait()
        assert hook.titles == [FALL.title, FALL.title, "Digest of 2024-06-13: 1"]


async def test_failures_are_tried_again_later_and_later(
    make: MakeNotifier, clock: ManualClock
) -> None:
    async with webhook(statuses=[500, 500]) as hook:
        good = FakeTarget()
        notifier = make(AppriseTarget(hook.url), good)
        await notifier.post([FALL])
        await notifier.send_due()
        await notifier.send_due()
        assert good.titles == [FALL.title]  # one that is down holds up nobody else
        assert len(hook.received) == 1
        bad_status, good_status = await notifier.status()
        assert (bad_status.counts.waiting, bad_status.is_troubled) == (1, True)
        assert "500" in (bad_status.counts.error or "")
        assert (good_status.counts.waiting, good_status.is_troubled) == (0, False)
        for wait_seconds, received in ((4, 1), (1, 2), (9, 2), (1, 3), (900, 3)):
            await clock.move_to(clock.now() + timedelta(seconds=wait_seconds))
            await notifier.send_due()
            assert len(hook.received) == received
        assert (await notifier.status())[0].counts.last_sent_ms is not None
    assert [retry_ms(n) / 1000 for n in (1, 2, 3, 8, 9, 99)] == [5, 10, 20, 640, 900, 900]


async def test_after_a_day_it_is_given_up_and_shown(
    make: MakeNotifier, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    target = FakeTarget(refuse=[FALL.title])
    notifier = make(target)
    await notifier.post([FALL])
    await notifier.send_due()
    await clock.move_to(START + timedelta(hours=24, seconds=1))
    await notifier.send_due()
    target.refuse.clear()
    await notifier.send_due()
    assert target.taken == []
    status = (await notifier.status())[0]
    assert (status.counts.waiting, status.counts.given_up, status.is_troubled) == (0, 1, True)
    assert "alert given up" in caplog.text
    await clock.move_to(START + timedelta(days=9))
    assert not (await notifier.status())[0].is_troubled


async def test_what_a_target_never_takes_holds_up_nothing_else(
    make: MakeNotifier, clock: ManualClock
) -> None:
    target = FakeTarget(refuse=["poison"])
    notifier = make(target)
    await notifier.post([Alert(Level.CRITICAL, "poison", "poison")])
    await notifier.send_due()
    for place in range(3):
        await clock.move_to(clock.now() + timedelta(hours=1))  # all of them are due
        await notifier.post([Alert(Level.WARNING, f"{place}", f"{place}")])
        await notifier.send_due()
    assert target.titles == ["0", "1", "2"]


async def test_two_senders_at_once_hand_over_once(make: MakeNotifier) -> None:
    target = FakeTarget()
    target.free.clear()
    notifier = make(target)
    await notifier.post([FALL])
    first = asyncio.create_task(notifier.send_due())
    await asyncio.to_thread(target.asked.wait, 20)
    second = asyncio.create_task(notifier.send_due())
    for _ in range(20):  # turns of the loop and of the outbox's threads
        await asyncio.to_thread(notifier.target_names.count, "")
    target.free.set()
    await asyncio.gather(first, second)
    assert target.titles == [FALL.title]


async def test_a_target_that_hangs_is_left_alone_and_believed_in_the_end(
    make: MakeNotifier, clock: ManualClock
) -> None:
    slow, quick = FakeTarget("slow"), FakeTarget("quick")
    slow.free.clear()
    notifier = make(slow, quick, timeout_seconds=0.1)
    await notifier.post([FALL])
    await notifier.send_due()
    assert quick.titles == [FALL.title]
    assert "no answer within 0.1 s" in ((await notifier.status())[0].counts.error or "")
    await clock.move_to(clock.now() + timedelta(hours=1))
    await notifier.send_due()  # still busy with the first: no second one is handed over
    slow.free.set()
    _, sending = notifier._unfinished["slow"]
    await asyncio.wait({sending}, timeout=10)
    await clock.move_to(clock.now() + timedelta(hours=1))
    await notifier.send_due()
    assert slow.titles == [FALL.title]
    assert (await notifier.status())[0].counts.waiting == 0


async def test_who_is_stopped_lets_arrive_what_is_on_its_way(make: MakeNotifier) -> None:
    target = FakeTarget()
    target.free.clear()
    notifier = make(target)
    await notifier.post([FALL, Alert(Level.WARNING, "z", "second")])
    sending = asyncio.create_task(notifier.run())
    async with asyncio.timeout(20):
        await asyncio.to_thread(target.asked.wait)
        sending.cancel()
        await asyncio.sleep(0)
        target.free.set()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
    assert target.titles == [FALL.title]
    await make(target).send_due()
    assert target.titles == [FALL.title, "second"]


async def test_alerts_are_kept_without_any_target(make: MakeNotifier) -> None:
    notifier = make()
    assert await notifier.post([FALL, NEWS]) == 2
    assert await notifier.post([FALL, NEWS]) == 0
    await notifier.send_due()
    assert await notifier.status() == []


def test_an_info_that_comes_too_late_for_its_digest_is_in_the_next(database: str) -> None:
    outbox = Outbox(database)
    late = Alert(Level.INFO, "late", "late")
    for posted, (alert, before_ms) in enumerate(((NEWS, 10), (late, 10), (None, 20))):
        outbox.post([alert] if alert else [], ["a"], now_ms=posted)
        outbox.post_digest(f"digest:{before_ms}", "Digest", ["a"], before_ms, now_ms=before_ms)
    texts = [each.alert.text for each in outbox.due("a", 100)]
    assert texts == ["- BTC: WAIT: score 62", "- late"]
