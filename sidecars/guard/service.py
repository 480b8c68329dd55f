"""Wires clock, store, bots, accounts, alerts and HTTP together."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from sqlalchemy.exc import SQLAlchemyError

from sidecars.common.alert_targets import read_targets
from sidecars.common.clock import Clock, SystemClock
from sidecars.common.lockstep import LockstepClock
from sidecars.common.notify import Notifier
from sidecars.common.outbox import Outbox
from sidecars.common.promptness import keep_what_lives, share_fairly
from sidecars.common.running import listening, run_until_stopped
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.guard.alone import alone_with
from sidecars.guard.bot_client import BotClient
from sidecars.guard.bot_news import BotNews
from sidecars.guard.closes import CcxtCloses, CorrelationFeed, needs_correlations
from sidecars.guard.danger_watch import connected_watch
from sidecars.guard.desk import Desk
from sidecars.guard.fleet import Fleet, Rules
from sidecars.guard.guard import Guard
from sidecars.guard.moves import without_unknown_bots
from sidecars.guard.pages import add_guard_pages
from sidecars.guard.polling import BotPoller
from sidecars.guard.reconcile_setup import make_reconciler
from sidecars.guard.refusals import StoreError
from sidecars.guard.routes import make_app
from sidecars.guard.settings import CorrelationData
from sidecars.guard.store import Store, machine_boot_id
from sidecars.guard.telling import EVERY_SECONDS, Teller
from sidecars.guard.timekeeping import Timekeeper
from sidecars.guard.upkeep import Upkeep
from sidecars.guard.words import plain_event

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BotAccess:
    """How bots are entered, by name, and enter. passwords: of all; ws_tokens: where one is set;
    token: with which bots ask the guard; None: with the people's."""

    passwords: Mapping[str, str] = field(repr=False)
    ws_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class GuardService:
    """A guard with everything that keeps it up. tasks: what is to be run, by name."""

    guard: Guard
    desk: Desk
    upkeep: Upkeep
    pollers: Mapping[str, BotPoller]
    time: Timekeeper
    tasks: Mapping[str, Callable[[], Coroutine[Any, Any, None]]]


async def serve(
    rules: Rules, token: str, access: BotAccess, environment: Mapping[str, str]
) -> None:
    """Answer and keep up until cancelled.

    Raises OSError (address taken), SQLAlchemyError or StoreError (no database), LockstepError
    (clock gone), SettingsError (keys, alert targets).
    """
    share_fairly()
    with alone_with(rules.settings.database_url):
        await _serve(rules, token, access, environment)


async def _serve(
    rules: Rules, token: str, access: BotAccess, environment: Mapping[str, str]
) -> None:
    settings = rules.settings
    async with opened(rules, access, environment) as service:
        app = make_app(service.guard, token, service.time, access.token)
        add_guard_pages(app, service.guard, token, service.time.clock)
        async with listening(app, settings.host, settings.port) as port:
            keep_what_lives()
            logger.info(
                "ready",
                extra={
                    "url": f"http://{settings.host}:{port}",
                    "bots": [bot.name for bot in settings.bots],
                    "profile": rules.profile.name,
                },
            )
            await keep_up(service)


async def keep_up(service: GuardService) -> None:
    """Run all of a guard's tasks until cancelled."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for name, run in service.tasks.items():
                tasks.create_task(run(), name=name)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def serve_until_stopped(
    rules: Rules, token: str, access: BotAccess, environment: Mapping[str, str]
) -> bool:
    """The same until a signal comes; True then."""
    stopped = await run_until_stopped(serve(rules, token, access, environment))
    logger.info("stopped")
    return stopped


@contextlib.asynccontextmanager
async def opened(
    rules: Rules,
    access: BotAccess,
    environment: Mapping[str, str],
    clock: Clock | None = None,
) -> AsyncIterator[GuardService]:
    """A guard with its store, bots and accounts; closed at the end of the block."""
    settings = rules.settings
    async with contextlib.AsyncExitStack() as stack:
        store = Store(settings.database_url, machine_boot_id())
        stack.callback(store.close)
        time = Timekeeper(await _clock(rules, stack) if clock is None else clock)
        desk = Desk(rules, store, await asyncio.to_thread(_loaded, rules, store, time), time)
        clients: dict[str, BotClient] = {}
        for bot in settings.bots:
            client = BotClient(
                bot,
                access.passwords[bot.name],
                time.clock,
                timeout_seconds=settings.bot_timeout_seconds,
                # In a replay the clocks of bot and guard are one, but read at other moments.
                tells_clock=settings.lockstep is None,
            )
            stack.callback(client.close)
            clients[bot.name] = client
        pollers = {
            bot.name: BotPoller(rules, bot, clients[bot.name], desk, time) for bot in settings.bots
        }

        def hurry() -> None:
            for poller in pollers.values():
                poller.hurry()

        reconciler = make_reconciler(settings, environment, clients, time.clock, store.engine)
        stack.push_async_callback(reconciler.close)
        await _remember(reconciler.load)
        feed = await _feed(rules, desk, time, clients, stack)
        want_pair = (lambda pair: None) if feed is None else feed.want
        guard = Guard(
            rules,
            desk,
            store,
            reconciler,
            time,
            hurry,
            want_pair,
            hurry_bot=lambda name: pollers[name].hurry(),
        )
        upkeep = Upkeep(rules, guard, desk, store, time, hurry)
        notifier = _notifier(rules, environment, time.clock, stack)
        # In a replay each look is a halt of the clock for all.
        told_every = EVERY_SECONDS if settings.lockstep is None else settings.poll_seconds
        tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "desk": desk.run,
            **{f"bot {name}": poller.run for name, poller in pollers.items()},
            "losses": upkeep.watch_losses,
            "kill file": upkeep.watch_kill_file,
            "accounts": upkeep.watch_accounts,
            "database": upkeep.tidy_database,
            "alerts": notifier.run,
            "telling": Teller(store, notifier, time.clock, told_every).run,
        }
        if feed is not None:
            tasks["correlations"] = feed.run
        if settings.danger is not None:
            watch = await connected_watch(
                settings.danger, desk, store.log, time, environment, stack
            )
            tasks["danger"] = watch.run
        if settings.lockstep is None:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            for bot in settings.bots:
                news = BotNews(
                    bot,
                    access.passwords[bot.name],
                    session,
                    pollers[bot.name].hurry,
                    access.ws_tokens.get(bot.name),
                )
                tasks[f"news of {bot.name}"] = news.run
        yield GuardService(guard, desk, upkeep, pollers, time, tasks)


def _loaded(rules: Rules, store: Store, time: Timekeeper) -> Fleet:
    """What was kept, with what the settings say now. Blocks."""
    now = time.now()
    kept = store.load(now.at, now.steady_s, rules.settings.lease_seconds)
    step = without_unknown_bots(rules, kept, now.at)
    event = plain_event("state", "start: HALTED", now.at, {"to": "START"})
    store.save(kept, step.fleet, [*step.events, event])
    return replace(step.fleet, started_at=now.at)


async def _remember(load: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await load()
    except ValueError as error:
        raise StoreError(f"the database holds no memory of reconciliations: {error}") from None


async def _clock(rules: Rules, stack: contextlib.AsyncExitStack) -> Clock:
    lockstep = rules.settings.lockstep
    if lockstep is None:
        return SystemClock()
    clock = await LockstepClock.connect(lockstep.host, lockstep.port, "guard")
    stack.push_async_callback(clock.close)
    return clock


async def _feed(
    rules: Rules,
    desk: Desk,
    time: Timekeeper,
    clients: Mapping[str, BotClient],
    stack: contextlib.AsyncExitStack,
) -> CorrelationFeed | None:
    if not needs_correlations(rules):
        return None
    source = CcxtCloses(rules.settings.correlations or CorrelationData())
    stack.push_async_callback(source.close)

    async def traded() -> Iterable[str]:
        lists = await asyncio.gather(*(_whitelist(client) for client in clients.values()))
        return [pair for each in lists for pair in each]

    return CorrelationFeed(rules, source, desk, time, traded)


async def _whitelist(client: BotClient) -> list[str]:
    """What a bot may trade; nothing where it does not say: what it asks for comes by its checks."""
    try:
        answer = await client.get("whitelist")
    except SourceError as error:
        logger.info("no whitelist", extra={"error": str(error)})
        return []
    pairs = answer.get("whitelist") if isinstance(answer, dict) else None
    return [pair for pair in pairs if isinstance(pair, str)] if isinstance(pairs, list) else []


def _notifier(
    rules: Rules,
    environment: Mapping[str, str],
    clock: Clock,
    stack: contextlib.AsyncExitStack,
) -> Notifier:
    try:
        outbox = Outbox(rules.settings.database_url)
    except SQLAlchemyError as error:
        raise SettingsError(f"key 'database_url': {str(error).splitlines()[0]}") from None
    stack.callback(outbox.close)
    notifier = Notifier(outbox, read_targets(environment), clock)
    stack.callback(notifier.close)
    return notifier
