"""Rules, bots as they were seen, and checks, for tests of the guard's pure parts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aquatrade.risk.model import ClosedTrade, Entry, Side
from aquatrade.risk.profile import RiskProfile
from sidecars.guard.fleet import Fleet, Rules, Step
from sidecars.guard.model import CheckRequest, Reconciliation
from sidecars.guard.moves import settled_state, take_poll, take_reconciliation
from sidecars.guard.reservations import Moment
from sidecars.guard.settings import GuardSettings
from sidecars.guard.snapshots import BotSnapshot, EntrySeen, LockSeen, OrderSeen, TradeSeen

START = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday
CANDLE = START - timedelta(minutes=5)


def at(seconds: float = 0.0) -> Moment:
    """A moment so long after the start, on both clocks."""
    return Moment(START + timedelta(seconds=seconds), 1000.0 + seconds)


def rules(
    bots: Iterable[dict[str, Any]] = ({"name": "dip"}, {"name": "sma"}),
    profile: RiskProfile | None = None,
    **settings: Any,
) -> Rules:
    """Bots are live with an allotment of 1,000 where nothing else is said; capital 5,000."""
    filled = [
        {
            "url": "http://127.0.0.1:1", "username": "guard", "stage": "live",
            "allotment": 1000.0, "family": "dip", **bot,
        }
        for bot in bots
    ]  # fmt: skip
    content = {"bots": filled, "capital": 5000.0, "profile_files": ["risk.json"], **settings}
    made = GuardSettings.model_validate(content)
    return Rules(made, RiskProfile(name="test") if profile is None else profile)


def order(
    order_id: str,
    amount: float = 1.0,
    rate: float = 100.0,
    *,
    is_open: bool = False,
    when: datetime = START,
) -> OrderSeen:
    """An entry order of a long position."""
    filled = 0.0 if is_open else amount
    return OrderSeen(order_id, "buy", True, "limit", amount, filled, rate, is_open, when)


def trade(
    trade_id: int = 1,
    pair: str = "BTC/USDT",
    stake: float = 100.0,
    *,
    profit: float | None = 0.0,
    **more: Any,
) -> TradeSeen:
    """A long position, bought at 100."""
    values: dict[str, Any] = {
        "side": Side.LONG,
        "amount": stake / 100.0,
        "stake": stake,
        "open_rate": 100.0,
        "current_rate": 100.0,
        "stop_rate": 95.0,
        "leverage": 1.0,
        "opened_at": START,
        "realized_profit": 0.0,
        "unrealized_profit": profit,
        "fee_rate": 0.001,
        "orders": (order(f"o{trade_id}", stake / 100.0),),
        **more,
    }
    return TradeSeen(trade_id=trade_id, pair=pair, **values)


def snapshot(
    bot: str = "dip",
    trades: Iterable[TradeSeen] = (),
    *,
    closed_profit: float = 0.0,
    closed_count: int = 0,
    closed: Iterable[ClosedTrade] = (),
    locks: Iterable[LockSeen] = (),
    when: Moment | None = None,
    **more: Any,
) -> BotSnapshot:
    moment = at() if when is None else when
    kept = tuple(trades)
    entries = tuple(
        EntrySeen(each.order_id, held.pair, held.side, each.at or held.opened_at, each.is_open)
        for held in kept
        for each in held.orders
        if each.is_entry
    )
    values: dict[str, Any] = {
        "began_at": moment.at,
        "at": moment.at,
        "bot_name": bot,
        "exchange": "binance",
        "trading_mode": "spot",
        "is_dry_run": False,
        "run_state": "running",
        "strategy": "BuyTheDip",
        "stake_currency": "USDT",
        "closed": tuple(closed),
        "closed_count": closed_count,
        "closed_profit": closed_profit,
        "entries": entries,
        "locks": tuple(locks),
        **more,
    }
    return BotSnapshot(bot=bot, trades=kept, **values)


def polled(made: Rules, fleet: Fleet, seen: BotSnapshot, when: Moment) -> Fleet:
    """The fleet after a poll, with the state that follows."""
    step = take_poll(made, fleet, seen, when.steady_s, when)
    return settled_state(made, step.fleet, when.at)[0]


def new_fleet(when: Moment | None = None) -> Fleet:
    moment = at() if when is None else when
    return Fleet(started_at=moment.at, state_since=moment.at)


def ready_fleet(made: Rules, when: Moment | None = None) -> Fleet:
    """All bots read, all accounts agree: ACTIVE."""
    moment = at() if when is None else when
    fleet = new_fleet(moment)
    for bot in made.settings.bots:
        is_paper = bot.stage.value == "paper"
        seen = snapshot(bot.name, when=moment, is_dry_run=is_paper, exchange=bot.exchange)
        fleet = polled(made, fleet, seen, moment)
    step = take_reconciliation(made, fleet, Reconciliation(moment.at), moment)
    return settled_state(made, step.fleet, moment.at)[0]


def holding(made: Rules, trades: Iterable[TradeSeen], bot: str = "dip") -> Fleet:
    """All is well, and a bot has held trades since before it was first read."""
    fleet = ready_fleet(made)
    others = {name: each for name, each in fleet.snapshots.items() if name != bot}
    return polled(made, replace(fleet, snapshots=others), snapshot(bot, trades), at(1))


def entry(bot: str = "dip", pair: str = "BTC/USDT", stake: float = 100.0, **more: Any) -> Entry:
    values: dict[str, Any] = {
        "exchange": "binance", "family": "dip", "side": Side.LONG, "rate": 100.0,
        "stop_rate": 95.0, "min_stake": 5.0, **more,
    }  # fmt: skip
    return Entry(bot=bot, pair=pair, stake=stake, **values)


def request(
    bot: str = "dip",
    pair: str = "BTC/USDT",
    stake: float = 100.0,
    *,
    candle: datetime = CANDLE,
    tag: str = "dip",
    until: datetime | None = None,
    dry_run: bool = False,
    **more: Any,
) -> CheckRequest:
    wanted = entry(bot, pair, stake, **more)
    expires = until or START + timedelta(hours=1)
    return CheckRequest(wanted, candle, tag, expires, dry_run=dry_run, process="p1")


def answered(step: Step[Any]) -> Any:
    return step.answer


def with_wall_clock(moment: Moment, wall: datetime) -> Moment:
    return replace(moment, at=wall)
