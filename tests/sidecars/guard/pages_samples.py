"""A fleet on a bad day, as the pages are to show it: every part of the overview has something."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aquatrade.event_log import Event
from aquatrade.risk.model import Book, Decision, Reason, Side, Trip
from sidecars.guard.model import (
    Approval,
    ApprovalStatus,
    BookView,
    BotView,
    GuardState,
    KillSwitch,
    LimitView,
    LockSeen,
    Mismatch,
    Stage,
    StateView,
)

NOW = datetime(2026, 3, 12, 14, 7, 20, tzinfo=UTC)
CANDLE = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
DAY_TEXT = (
    "daily loss 3.4 % of 5,112.12, limit 3 %: no entries until 2026-03-13 12:04 UTC, "
    "positions of momentum are closed"
)


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


def reducing() -> StateView:
    trip = Trip(
        rule="day",
        at=ago(hours=2, minutes=3),
        value=3.4,
        limit=3.0,
        text=DAY_TEXT,
        close=("momentum",),
        until=ago(hours=-21, minutes=-57),
        recovery_hours=48.0,
        recovery_factor=0.5,
    )
    return StateView(
        state=GuardState.REDUCING,
        reasons=(DAY_TEXT,),
        since=ago(hours=2, minutes=3),
        trips=(trip,),
        kill=None,
        recovery_until=None,
        recovery_factor=1.0,
        mismatches=(
            Mismatch(
                key="binance:balance:SOL",
                account="binance",
                kind="balance",
                text="the exchange has 12.4 SOL, the bots together 12.9 SOL",
                bot="sma",
                pair="SOL/USDT",
                exchange_value=12.4,
                bots_value=12.9,
            ),
        ),
        reconciled_at=ago(minutes=3),
        reconcile_errors={},
        profile="quant",
    )


def active() -> StateView:
    return replace(
        reducing(), state=GuardState.ACTIVE, reasons=(), trips=(), mismatches=(),
        since=ago(days=3),
    )  # fmt: skip


def halted() -> StateView:
    return replace(
        reducing(),
        state=GuardState.HALTED,
        reasons=(
            "kill switch, by web page at 2026-03-12 14:03 UTC: news about it",
            "bot sma has not been read since the start",
        ),
        kill=KillSwitch(at=ago(minutes=4), by="web page", reason="news about it", close=True),
        reconcile_errors={"kraken": "does not answer: timed out after 10 s"},
    )


def bot(name: str, **changes: Any) -> BotView:
    made = BotView(
        name=name,
        url=f"http://127.0.0.1/{name}",
        stage=Stage.LIVE,
        exchange="binance",
        family="dip",
        account="binance",
        allotment=1000.0,
        is_reached=True,
        error=None,
        seen_at=ago(seconds=3),
        run_state="running",
        is_dry_run=False,
        strategy="BuyTheDip",
        at_stake=0.0,
        profit=0.0,
        profit_day=0.0,
        open_trades=0,
        reservations=0,
        is_locked=False,
    )
    return replace(made, **changes)


def bots() -> tuple[BotView, ...]:
    lock = LockSeen(7, "*", "*", ago(hours=-22), DAY_TEXT)
    return (
        bot("dip", at_stake=612.4, profit=48.31, profit_day=-21.4, open_trades=2, is_locked=True,
            locks=(lock,)),
        bot("sma", strategy="SmaTrend", family="trend", at_stake=931.0, profit=-87.2,
            profit_day=-118.75, open_trades=3, is_reached=False, seen_at=ago(minutes=4),
            error="no answer within 5 s"),
        bot("grid", strategy="Grid", family="grid", stage=Stage.HYBRID, at_stake=744.0,
            profit=12.06, profit_day=1.2, open_trades=6, reservations=1),
        bot("scalper", strategy="Scalper", family="scalp", stage=Stage.PAPER, allotment=800.0,
            at_stake=120.0, profit=3.5, profit_day=None, open_trades=1, run_state="paused"),
    )  # fmt: skip


def limits() -> tuple[LimitView, ...]:
    return (
        LimitView("day", 3.4, 3.0, "%", "lost since 00:00 UTC"),
        LimitView("week", 5.9, 7.0, "%", "lost since Monday"),
        LimitView("month", -1.2, 12.0, "%", "lost since the first"),
        LimitView("exposure", 46.1, 60.0, "%", "all positions"),
        LimitView("pair", 15.3, 20.0, "%", "pair SOL: 15.3, limit 20 %", 0.765),
        LimitView("heat", 2.2, 6.0, "%", "loss at all stops"),
        LimitView("open_positions", 11.0, 20.0, "positions", "open"),
        LimitView("reserve", 53.7, 20.0, "%", "reserve: 53.7, limit 20 %", 0.579),
        LimitView("stop_equity", 4973.17, 4250.0, "USDT", "equity: 4973, limit 4250 USDT", 0.8546),
        LimitView("group", None, 35.0, "%", "group BTC+ETH: not known, limit 35 %"),
    )


def book(*, paper: bool = False) -> BookView:
    more = 120.0 if paper else 0.0
    return BookView(
        book=Book(at=NOW, equity=4973.17 + more, free=2685.77, profit=-26.83),
        capital=5000.0,
        reserve=1000.0,
        at_stake_by_bot={"dip": 612.4, "sma": 931.0, "grid": 744.0, "scalper": more},
        exposure_by_asset={"BTC": 1044.1, "SOL": 761.3, "ETH": 482.0 + more, "BNB": 0.0},
        exposure_by_exchange={"binance": 2287.4 + more},
        profit_by_bot={"dip": 48.31, "sma": -87.2, "grid": 12.06},
        profit_day=-138.95,
        profit_week=None,
        profit_month=61.2,
        reservations=(),
    )


def reason(rule: str, decision: Decision, text: str) -> Reason:
    return Reason(rule, decision, text)


def approvals() -> list[Approval]:
    first = Approval(
        id="a1b2c3",
        bot="grid",
        exchange="binance",
        family="grid",
        pair="BTC/USDT",
        side=Side.LONG,
        candle=CANDLE,
        is_increase=False,
        tag="level 7",
        score=71.5,
        stake=125.0,
        rate=68_412.5,
        stop_rate=66_100.0,
        reasons=(reason("order", Decision.REDUCE, "stake reduced from 180 to 125 USDT: heat"),),
        asked_at=ago(minutes=7),
        expires_at=ago(minutes=-53),
    )
    done = replace(
        first,
        id="d4e5f6",
        pair="ETH/USDT",
        rate=3501.0,
        stop_rate=None,
        score=None,
        status=ApprovalStatus.REJECTED,
        answered_at=ago(hours=5),
        answered_by="telegram",
    )
    return [first, done]


def events() -> list[Event]:
    verdict = {
        "decision": "REJECT",
        "stake": 0.0,
        "bot": "dip",
        "reasons": [
            {"rule": "exposure", "decision": "REJECT", "value": 63.1, "limit": 60.0,
             "text": "exposure 63.1 % of equity, limit 60 %"},
            {"rule": "day", "decision": "REJECT", "value": 3.4, "limit": 3.0, "text": DAY_TEXT},
        ],
    }  # fmt: skip
    text = "; ".join(each["text"] for each in verdict["reasons"])  # type: ignore[attr-defined]
    at = ago(minutes=6, seconds=40)
    return [
        Event(ago(days=2), "guard", "state", "ACTIVE: every bot was seen, the books agree"),
        Event(ago(hours=2, minutes=3), "guard", "trip", DAY_TEXT, data={"value": 3.4}),
        Event(ago(hours=2, minutes=2), "guard", "action", "sma: forced exit of all of momentum"),
        Event(at, "guard", "verdict", text, "ETH/USDT", CANDLE, verdict),
        Event(at, "dip", "signal", f"ETH/USDT long signal refused: {text}", "ETH/USDT",
              CANDLE, {"tag": "crash", "became": "refused"}, 31),
        Event(ago(minutes=7), "guard", "approval", "grid waits for a yes: BTC/USDT long, 125 USDT",
              "BTC/USDT", CANDLE, {"bot": "grid"}),
        Event(ago(minutes=3), "guard", "mismatch",
              "binance: the exchange has 12.4 SOL, the bots together 12.9 SOL"),
        Event(ago(minutes=1), "guard", "error", "sma: no answer within 5 s"),
    ]  # fmt: skip
