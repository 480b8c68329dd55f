"""The paper evidence of a bot: how long it ran with paper money, and whether anything broke."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from aquatrade.bot_store import STATE, key_of, values_table
from aquatrade.config_database import SQLITE_PREFIX
from aquatrade.event_log import Event, EventLog, open_event_database
from aquatrade.preflight_asking import NoAnswerError, Unknown
from aquatrade.preflight_findings import Finding, ok, refused, warning
from aquatrade.risk.state_json import from_json
from aquatrade.wording import one_line

CHECK = "paper evidence"
# What must not have happened within the days of paper trading. An error that a person made, as by
# lifting a trip that no hand lifts, is none: it names the trip's rule.
CRITICAL_KINDS = ("error", "mismatch")
RULES_OF_PEOPLE = frozenset({"day", "week", "month", "stop_equity", "clock", "all"})
MOST_ERRORS_READ = 200
EXERCISED_KINDS = {"trip": "a breaker", "kill": "the kill switch"}
# Freqtrade's tables and the moments in them that show that the bot was running.
MOMENTS = {
    "trades": ("open_date", "close_date"),
    "orders": ("order_date", "order_filled_date"),
    "wallet_history": ("timestamp",),  # once a day
    "KeyValueStore": ("datetime_value",),  # first start and last one
}
DAY = timedelta(days=1)
SHARE_OF_DAYS = 0.8


@dataclass(frozen=True, slots=True)
class PaperRecord:
    """What the two databases of a paper bot say.

    days: UTC days on which it left a trace. last_critical: when, and what it was.
    """

    started: datetime
    last_seen: datetime
    days: frozenset[date]
    trades: int
    last_critical: tuple[datetime, str] | None = None
    exercised: frozenset[str] = frozenset()
    broken_at: int | None = None  # the first event that was altered afterwards


def paper_database_url(live_url: str) -> str | None:
    """The paper bot's database beside a live one: dip-live.sqlite -> dip-paper.sqlite.

    None where the name does not tell.
    """
    for live, paper in (("-live.", "-paper."), ("tradesv3.sqlite", "tradesv3.dryrun.sqlite")):
        before, found, after = live_url.rpartition(live)
        if found:
            return f"{before}{paper}{after}"
    return None


def check_paper(record: PaperRecord | Unknown, days_asked: int, where: str) -> Iterator[Finding]:
    """Days of paper trading since its start, or since the last critical event.

    days_asked: of the risk profile. where: the database's name, as it may be shown.
    """
    if days_asked == 0:
        yield ok(CHECK, "aquatrade.risk.paper_days is 0: none is asked for")
        return
    if isinstance(record, Unknown):
        yield refused(CHECK, f"{where}: {record.why}, expected {days_asked} days of paper trading")
        return
    if record.broken_at is not None:
        yield refused(
            CHECK,
            f"{where}: the risk events were altered, first at number {record.broken_at}; expected "
            "them as they were written",
        )
    since, told = record.started, "its first start"
    if record.last_critical is not None and record.last_critical[0] >= since:
        since = record.last_critical[0]
        told = f"the last critical event ({record.last_critical[1]})"
    lasted = (record.last_seen - since) / DAY
    figures = (
        f"{where}: {lasted:.1f} days from {told} on {since:%Y-%m-%d} to {record.last_seen:%Y-%m-%d}"
    )
    if lasted < days_asked:
        yield refused(CHECK, f"{figures}, expected {days_asked} without a critical event")
        return
    yield ok(CHECK, f"{figures}, {record.trades} trades")
    seen = sum(day >= since.date() for day in record.days)
    if seen < SHARE_OF_DAYS * lasted:
        yield warning(CHECK, f"{where}: the bot left traces on {seen} of these {lasted:.0f} days")


def check_exercised(
    record: PaperRecord | Unknown, where: str, *, confirmed: bool
) -> Iterator[Finding]:
    """Breaker and kill switch were tried, so that nobody meets them for real first.

    confirmed: a person says so.
    """
    seen = frozenset[str]() if isinstance(record, Unknown) else record.exercised
    missing = [what for kind, what in EXERCISED_KINDS.items() if kind not in seen]
    if not missing:
        yield ok("exercise", "breaker and kill switch were tried in paper mode")
    elif confirmed:
        yield ok("exercise", "breaker and kill switch were tried, says a person")
    else:
        yield refused(
            "exercise",
            f"{where}: no event of {' nor of '.join(missing)}, expected both to have been tried "
            "(docs/risk.md), or aquatrade.live_confirmations.breakers_exercised true",
        )


def read_paper(url: str, risk_url: str) -> PaperRecord:
    """Read a paper bot's trades and risk events. Raises NoAnswerError, with the reason."""
    for needed in (url, risk_url):
        path = Path(needed.removeprefix(SQLITE_PREFIX))
        if needed.startswith(SQLITE_PREFIX) and not path.is_file():
            raise NoAnswerError(f"there is no file {path.name}")
    try:
        moments, trades = _trading(url)
        return _with_events(risk_url, moments, trades)
    except (SQLAlchemyError, ValueError) as error:
        raise NoAnswerError(f"cannot be read ({one_line(str(error))})") from None


def _trading(url: str) -> tuple[list[datetime], int]:
    engine = create_engine(url)
    try:
        if not inspect(engine).has_table("trades"):
            raise NoAnswerError("holds no trades of freqtrade")
        return _moments(engine)
    finally:
        engine.dispose()


def _moments(engine: Engine) -> tuple[list[datetime], int]:
    metadata = MetaData()
    metadata.reflect(engine, only=lambda name, _: name in MOMENTS)
    found: list[datetime] = []
    trades = 0
    with engine.connect() as connection:
        for name, table in metadata.tables.items():
            rows = connection.execute(select(*(table.c[column] for column in MOMENTS[name]))).all()
            found += [moment.replace(tzinfo=UTC) for row in rows for moment in row if moment]
            trades = len(rows) if name == "trades" else trades
    if not found:
        raise NoAnswerError("the bot has never been started with it")
    return found, trades


def _with_events(risk_url: str, moments: list[datetime], trades: int) -> PaperRecord:
    engine = open_event_database(risk_url)
    try:
        log = EventLog(engine)
        newest = log.newest(1)
        last = max(_critical(log), key=lambda event: event.at, default=None)
        exercised = frozenset(kind for kind in EXERCISED_KINDS if log.newest(1, kind=kind))
        moments = [*moments, *(stored.event.at for stored in newest), *_looked_last(engine)]
        return PaperRecord(
            started=min(moments),
            last_seen=max(moments),
            days=frozenset(moment.date() for moment in moments),
            trades=trades,
            last_critical=None if last is None else (last.at, one_line(last.text)),
            exercised=exercised,
            broken_at=log.verify(),
        )
    finally:
        engine.dispose()


def _critical(log: EventLog) -> Iterator[Event]:
    """The newest of each kind that is a fault of the machinery."""
    for kind in CRITICAL_KINDS:
        for stored in log.newest(MOST_ERRORS_READ, kind=kind):
            if stored.event.data.get("rule") not in RULES_OF_PEOPLE:
                yield stored.event
                break


def _looked_last(engine: Engine) -> list[datetime]:
    """When the risk rules of the bot last looked at its book, as they keep it each minute."""
    if not inspect(engine).has_table(values_table.name):
        return []
    is_state = values_table.c.name.startswith(key_of(STATE, ""), autoescape=True)
    with engine.connect() as connection:
        kept = connection.execute(select(values_table.c.value).where(is_state)).scalars()
        looks = [from_json(text).last_at for text in kept]
    return [moment for moment in looks if moment is not None]
