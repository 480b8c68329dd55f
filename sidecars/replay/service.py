"""Puts the replay exchange together: feed, view, ledger, engine, faults, control, streams, REST."""

import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from sidecars.common.clock import Clock
from sidecars.replay import app_keys as keys
from sidecars.replay.binance.endpoints import JUMPS, MAX_BODY_BYTES, count_weights, error_middleware
from sidecars.replay.binance.futures_doors import add_futures_doors
from sidecars.replay.binance.key_rights import KeyRights, ToldRights, parse_key_rights
from sidecars.replay.binance.rest_account import add_account_routes
from sidecars.replay.binance.rest_market import WEIGHTS, add_market_routes
from sidecars.replay.binance.rest_orders import add_order_routes
from sidecars.replay.binance.signing import JumpLog
from sidecars.replay.binance.streams import STREAMS, StreamHub, add_stream_routes
from sidecars.replay.control.guard import ControlAccess
from sidecars.replay.control.routes import ControlSettings, install_control
from sidecars.replay.faults.fills import FaultFills
from sidecars.replay.faults.middleware import install_faults
from sidecars.replay.faults.plan import Faults
from sidecars.replay.faults.rules import parse_plan
from sidecars.replay.market.columns import FeedError
from sidecars.replay.market.futures import Futures, open_futures
from sidecars.replay.market.market_view import ReplayMarketView
from sidecars.replay.market.recorded import RecordedFeed
from sidecars.replay.market.synthetic import DEFAULT_PAIRS, SyntheticFeed
from sidecars.replay.matching.engine import ReplayEngine
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.model import Feed
from sidecars.replay.settings import ReplaySettings, SettingsError
from sidecars.replay.timekeeper import NS_PER_MS, ReplayClock, Timekeeper

logger = logging.getLogger(__name__)

DEFAULT_LEAD = timedelta(days=30)


def open_feed(settings: ReplaySettings) -> Feed:
    """Recorded candles, or the synthetic market. Raises SettingsError."""
    try:
        if settings.data is not None:
            return RecordedFeed(settings.data, pairs=settings.pairs)
        return SyntheticFeed(
            settings.seed,
            pairs=settings.pairs or DEFAULT_PAIRS,
            start=settings.synthetic_start,
            end=settings.synthetic_end,
        )
    except FeedError as error:
        raise SettingsError(str(error)) from error


def _futures(settings: ReplaySettings) -> Futures | None:
    if settings.data is None:
        return None
    try:
        return open_futures(settings.data, settings.pairs, settings.seed)
    except FeedError as error:
        raise SettingsError(str(error)) from error


def start_moment(settings: ReplaySettings, feed: Feed, wall_clock: Clock) -> datetime:
    """The moment that becomes now. Raises SettingsError when the record does not cover it."""
    first, last = (datetime.fromtimestamp(ms / 1000, UTC) for ms in feed.span_ms)
    present = wall_clock.now()
    if settings.start is None:
        is_synthetic_present = settings.data is None and first <= present < last
        return present if is_synthetic_present else max(first, last - DEFAULT_LEAD)
    start = present if settings.start == "now" else settings.start
    if not first <= start < last:
        raise SettingsError(
            f"--start {start:%Y-%m-%dT%H:%M:%SZ}: expected a moment of the record, "
            f"{first:%Y-%m-%dT%H:%M:%SZ} to {last:%Y-%m-%dT%H:%M:%SZ}"
        )
    return start


def create_app(
    settings: ReplaySettings, clock: ReplayClock, feed: Feed | None = None
) -> web.Application:
    """The exchange as an aiohttp application; its parts are found under `app_keys`.

    A ledger that was already matched beyond the clock's moment moves the clock there: an
    exchange that was killed goes on where it stopped. Raises SettingsError.
    """
    feed = open_feed(settings) if feed is None else feed
    view = ReplayMarketView(feed, settings.seed)
    faults = _faults(settings, clock)
    ledger, engine = _engine(settings, view)
    engine.behaviour = FaultFills(faults)
    _catch_up(settings, clock, ledger)

    app = web.Application(middlewares=[error_middleware], client_max_size=MAX_BODY_BYTES)
    install_faults(app, faults)
    jumps = JumpLog(clock.now_ns)
    hub = StreamHub(app)
    app[keys.SETTINGS] = settings
    app[keys.CLOCK] = clock
    app[keys.VIEW] = view
    app[keys.LEDGER] = ledger
    app[keys.ENGINE] = engine
    app[keys.FAULTS] = faults
    app[keys.KEY_RIGHTS] = ToldRights(_key_rights(settings))
    app[JUMPS] = jumps
    app[STREAMS] = hub
    clock.on_jump(jumps.on_jump)
    clock.on_jump(hub.beat)

    count_weights(app, WEIGHTS)
    add_market_routes(app, hub.books.depth)
    add_account_routes(app)
    add_order_routes(app)
    add_futures_doors(app, _futures(settings))
    add_stream_routes(app)
    participants = _lockstep(app, settings, clock)
    install_control(app, _control_settings(settings, feed), participants=participants)

    async def close(_: web.Application) -> None:
        engine.close()

    async def say_goodbye(_: web.Application) -> None:
        await hub.close()

    app.on_shutdown.append(say_goodbye)
    app.on_cleanup.append(close)
    return app


def _faults(settings: ReplaySettings, clock: ReplayClock) -> Faults:
    faults = Faults(settings.seed, clock.now_ms)
    if settings.fault_plan is not None:
        try:
            faults.add_all(parse_plan(settings.fault_plan))
        except ValueError as error:
            raise SettingsError(f"--faults: {error}") from error
    return faults


def _key_rights(settings: ReplaySettings) -> KeyRights:
    if settings.key_rights is None:
        return KeyRights()
    try:
        return parse_key_rights(settings.key_rights)
    except ValueError as error:
        raise SettingsError(f"--key-rights: {error}") from error


def _engine(settings: ReplaySettings, view: ReplayMarketView) -> tuple[Ledger, ReplayEngine]:
    try:
        ledger = Ledger(settings.ledger)
        engine = ReplayEngine(view, ledger, seed=settings.seed, initial_balances=settings.balances)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return ledger, engine


def _catch_up(settings: ReplaySettings, clock: ReplayClock, ledger: Ledger) -> None:
    # Asked a second time the account is only read: it is open already.
    matched_ms = ledger.open_account(settings.seed, (), {}).matched_ms
    if matched_ms > clock.now_ms():
        clock.jump_to_ns(matched_ms * NS_PER_MS)
        logger.info("the ledger goes on at %s", clock.now().isoformat())


def _control_settings(settings: ReplaySettings, feed: Feed) -> ControlSettings:
    try:
        access = ControlAccess(settings.control_token, settings.allow_remote_control)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return ControlSettings(
        mode="natural" if settings.lockstep_port is None else "lockstep",
        feed="synthetic" if settings.data is None else "recorded",
        seed=settings.seed,
        span_ms=feed.span_ms,
        access=access,
        allow_clock_advance=settings.allow_clock_advance,
    )


def _lockstep(
    app: web.Application, settings: ReplaySettings, clock: ReplayClock
) -> Callable[[], list[str]]:
    """Serve the lock-step clock with the application, if it is asked for."""
    port = settings.lockstep_port
    if port is None:
        return list
    keeper = Timekeeper(clock, settings.participants)

    async def keep_time(_: web.Application) -> AsyncIterator[None]:
        await keeper.start(settings.host, port)
        yield
        await keeper.stop()

    app.cleanup_ctx.append(keep_time)
    return lambda: keeper.participants
