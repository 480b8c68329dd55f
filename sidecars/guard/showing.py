"""What people are shown of the fleet: state, bots, limits. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from aquatrade.risk.breakers import CLOCK, CLOCK_WENT_BACK
from aquatrade.risk.limits import LimitUse, describe
from aquatrade.risk.model import RiskState
from sidecars.guard.acts import is_locked
from sidecars.guard.book import at_stake, family_of, fleet_book
from sidecars.guard.danger import danger_shown
from sidecars.guard.fleet import Fleet, PollState, Rules, purse_of
from sidecars.guard.model import (
    Approval,
    ApprovalStatus,
    BotView,
    Held,
    KillSwitch,
    LimitView,
    Stage,
    StateView,
)
from sidecars.guard.settings import BotSettings
from sidecars.guard.states import against
from sidecars.guard.unasked import RULE as UNASKED

SHOWN_ANSWERS = timedelta(days=1)
_RULES = {
    "loss of the day": "day",
    "loss of the week": "week",
    "loss of the month": "month",
    "equity": "stop_equity",
    "positions": "open_positions",
    "entries per hour": "entries_per_hour",
    "entries per day": "entries_per_day",
}


def state_view(rules: Rules, fleet: Fleet) -> StateView:
    """The state with everything that stands against ACTIVE."""
    purse = rules.purses[0]
    risk = fleet.risk.get(purse, RiskState())
    return StateView(
        state=fleet.state,
        reasons=tuple(each.text for each in against(rules, fleet, purse)),
        since=fleet.state_since,
        trips=risk.trips,
        kill=kill_shown(fleet),
        recovery_until=risk.recovery_until,
        recovery_factor=risk.recovery_factor,
        mismatches=tuple(seen.mismatch for seen in fleet.mismatches.values()),
        reconciled_at=fleet.reconciled_at,
        reconcile_errors=fleet.reconcile_errors,
        profile=rules.profile.name,
        danger=danger_shown(rules.settings.danger, fleet.danger),
        held=tuple(_held(fleet, risk)),
    )


def _held(fleet: Fleet, risk: RiskState) -> Iterator[Held]:
    for each in fleet.unasked.values():
        yield Held(UNASKED, each.text)
    if risk.error is not None and risk.error.startswith(CLOCK_WENT_BACK):
        yield Held(CLOCK, risk.error)


def kill_shown(fleet: Fleet) -> KillSwitch | None:
    """The kill switch, whoever holds it."""
    if fleet.kill is not None or fleet.kill_file is None:
        return fleet.kill
    return KillSwitch(fleet.state_since, "file", fleet.kill_file, close=False)


def bot_view(fleet: Fleet, bot: BotSettings, account: str | None) -> BotView:
    """A bot as it was last seen. account: the one that it trades on."""
    snapshot = fleet.snapshots.get(bot.name)
    poll = fleet.polls.get(bot.name, PollState())
    held = fleet.ledger.get((purse_of(bot), bot.name))
    problem = poll.error
    if problem is None and snapshot is not None:
        if bot.stage is Stage.PAPER and not snapshot.is_dry_run:
            problem = f"bot {bot.name} trades real money, configured is paper"
        elif bot.name in fleet.unasked:
            problem = fleet.unasked[bot.name].text
        elif snapshot.unpriced:
            problem = f"bot {bot.name} has no price of {', '.join(snapshot.unpriced)}"
    return BotView(
        name=bot.name,
        url=bot.url,
        stage=bot.stage,
        exchange=bot.exchange,
        family=family_of(fleet, bot),
        account=account,
        allotment=bot.allotment,
        is_reached=poll.is_fresh and poll.error is None,
        error=problem,
        seen_at=None if snapshot is None else snapshot.at,
        run_state=None if snapshot is None else snapshot.run_state,
        is_dry_run=None if snapshot is None else snapshot.is_dry_run,
        strategy=None if snapshot is None else snapshot.strategy,
        at_stake=at_stake(fleet, bot.name),
        profit=0.0 if snapshot is None else snapshot.profit,
        profit_day=None if held is None else _today(fleet, bot),
        open_trades=0 if snapshot is None else len(snapshot.trades),
        reservations=sum(each.bot == bot.name for each in fleet.reservations.values()),
        is_locked=is_locked(snapshot),
        locks=() if snapshot is None else snapshot.locks,
    )


def _today(fleet: Fleet, bot: BotSettings) -> float | None:
    """What the bot's trades of today have realised, and what its open ones stand at."""
    snapshot = fleet.snapshots.get(bot.name)
    if snapshot is None:
        return None
    midnight = snapshot.at.replace(hour=0, minute=0, second=0, microsecond=0)
    closed = sum(trade.profit for trade in snapshot.closed if trade.closed_at >= midnight)
    return closed + sum(trade.unrealized_profit or 0.0 for trade in snapshot.trades)


def limit_views(rules: Rules, fleet: Fleet, now: datetime) -> tuple[LimitView, ...]:
    """Every limit of the profile with its present use; of several of a kind the fullest."""
    purse = rules.purses[0]
    uses = describe(
        rules.profile,
        fleet.risk.get(purse, RiskState()),
        fleet_book(rules, fleet, purse, now),
        fleet.correlations,
    )
    currency = rules.settings.stake_currency
    fullest: dict[str, LimitView] = {}
    for use in uses:
        view = _limit_view(use, currency)
        there = fullest.get(view.rule)
        if there is None or (view.share or 0.0) > (there.share or 0.0):
            fullest[view.rule] = view
    return tuple(fullest.values())


def _limit_view(use: LimitUse, currency: str) -> LimitView:
    unit = {"stake currency": currency, "% of equity": "%"}.get(use.unit, use.unit)
    value = "not known" if use.value is None else f"{use.value:.4g}"
    return LimitView(
        rule=_RULES.get(use.name, use.name.partition(" ")[0]),
        value=use.value,
        limit=use.limit,
        unit=unit,
        text=f"{use.name}: {value}, limit {use.limit:.6g} {unit}",
        share=use.share,
    )


def approvals_shown(approvals: Iterable[Approval], now: datetime) -> tuple[Approval, ...]:
    """Those that wait first, then what was asked since yesterday, newest first."""
    newest = sorted(approvals, key=lambda each: each.asked_at, reverse=True)
    waiting = [each for each in newest if each.status is ApprovalStatus.WAITING]
    rest = [
        each
        for each in newest
        if each.status is not ApprovalStatus.WAITING and each.asked_at >= now - SHOWN_ANSWERS
    ]
    return (*waiting, *rest)
