"""What a person decided at a score, and what came of it: an append-only table, outcomes, review.

Each score's outcome is the return of its pair from the close that the score speaks of to the
close 30 and 90 days later, in the pair's quote; it is known when that day is over. Outcomes are
counted from candles whenever they are asked for; only the decisions themselves are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import BigInteger, Column, Engine, Float, Integer, MetaData, String, Table, select

from sidecars.common.moments import moment_at
from sidecars.common.observations import MS_PER_DAY
from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.monitor.model import Decision
from sidecars.confluence.monitor.prices import closes_of
from sidecars.confluence.records import ScoreRow

HORIZONS_DAYS = (30, 90)
MAX_NOTE_LENGTH = 500
REVIEWED_THRESHOLD = 75.0
RAISED_THRESHOLD = 80.0
# Fewer scores with a known outcome say nothing about a threshold.
REVIEW_MINIMUM = 20


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision as it is kept. action: what the zone said ("buy 40 %", "wait", "avoid");
    executed_buy: what the person did. price: per coin, in `currency`, at that moment."""

    decided_at_ms: int
    asset: str
    pair: str
    score_as_of_ms: int
    total: float
    zone: str
    action: str
    executed_buy: bool
    price: float
    currency: str
    note: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Of so many scores with a known outcome after `days`, how many were followed by a gain."""

    days: int
    known: int
    won: int

    @property
    def won_pct(self) -> float | None:
        """None where no outcome is known."""
        return None if self.known == 0 else 100.0 * self.won / self.known


@dataclass(frozen=True, slots=True)
class Review:
    """How scores at a threshold and above did, and what follows from it in words.

    zone_days: every day that had such a score. bought: the decisions to buy at one.
    """

    quarter: str
    threshold: float
    zone_days: Sequence[Tally]
    bought: Sequence[Tally]
    suggested_threshold: float
    words: str


def decisions_table(metadata: MetaData) -> Table:
    """The table, added to the sidecar's own metadata."""
    return Table(
        "decisions",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("decided_at_ms", BigInteger, nullable=False),
        Column("asset", String(24), nullable=False),
        Column("pair", String(80), nullable=False),
        Column("score_as_of_ms", BigInteger, nullable=False),
        Column("total", Float(53), nullable=False),
        Column("zone", String(16), nullable=False),
        Column("action", String(16), nullable=False),
        Column("executed_buy", Integer, nullable=False),
        Column("price", Float(53), nullable=False),
        Column("currency", String(24), nullable=False),
        Column("note", String(MAX_NOTE_LENGTH), nullable=False),
    )


class DecisionTable:
    """Append-only. Its methods block: call them in a thread."""

    def __init__(self, engine: Engine, table: Table) -> None:
        """table: made by decisions_table() with the metadata that the engine was opened with."""
        self._engine = engine
        self._table = table
        self._columns = [table.c[each.name] for each in fields(DecisionRecord)]

    def append(self, record: DecisionRecord) -> None:
        """Keep one more."""
        values = {each.name: getattr(record, each.name) for each in fields(DecisionRecord)}
        with self._engine.begin() as connection:
            connection.execute(
                self._table.insert(), {**values, "executed_buy": int(record.executed_buy)}
            )

    def load(self) -> list[DecisionRecord]:
        """All of them, in the order in which they were made."""
        query = select(*self._columns).order_by(self._table.c.decided_at_ms, self._table.c.id)
        with self._engine.begin() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            DecisionRecord(**{**row, "executed_buy": bool(row["executed_buy"])}) for row in rows
        ]


def action_of(tranche_pct: float, zone: str) -> str:
    """What a zone says to do, as it is kept with a decision."""
    return f"buy {tranche_pct:.0f} %" if tranche_pct > 0 else zone.lower()


def return_pct(closes: Mapping[int, float], as_of_ms: int, days: int, now_ms: int) -> float | None:
    """The return from one close to the close `days` later; None before it is due, or without
    one of the candles. closes: by as_of_ms."""
    end_ms = as_of_ms + days * MS_PER_DAY
    start, end = closes.get(as_of_ms), closes.get(end_ms)
    if end_ms > now_ms or start is None or end is None:
        return None
    return (end / start - 1.0) * 100.0


def with_outcome(record: DecisionRecord, closes: Mapping[int, float], now_ms: int) -> Decision:
    """A decision as it is shown."""
    after_30, after_90 = (
        return_pct(closes, record.score_as_of_ms, days, now_ms) for days in HORIZONS_DAYS
    )
    return Decision(
        decided_at_ms=record.decided_at_ms,
        bought=record.executed_buy,
        total=record.total,
        zone=record.zone,
        price=record.price,
        note=record.note,
        return_30d_pct=after_30,
        return_90d_pct=after_90,
    )


def review(
    rows: Mapping[str, Sequence[ScoreRow]],
    decisions: Sequence[DecisionRecord],
    candles: Mapping[str, DailyCandles],
    now_ms: int,
    threshold: float = REVIEWED_THRESHOLD,
) -> Review:
    """How every score of `threshold` and more has done until now; rows: records by pair.

    The suggestion follows the zone days: with 20 or more known outcomes after 30 or after 90
    days, of which half or fewer were gains, the threshold is to be 80.
    """
    closes = {pair: closes_of(each) for pair, each in candles.items()}
    days = sorted(
        {
            (pair, row.as_of_ms)
            for pair, each in rows.items()
            for row in each
            if row.total >= threshold and row.available_at_ms <= now_ms
        }
    )
    bought = [
        (each.pair, each.score_as_of_ms)
        for each in decisions
        if each.executed_buy and each.total >= threshold and each.decided_at_ms <= now_ms
    ]
    zone_days = [_tally(days, closes, horizon, now_ms) for horizon in HORIZONS_DAYS]
    raise_it = threshold < RAISED_THRESHOLD and any(
        each.known >= REVIEW_MINIMUM and 2 * each.won <= each.known for each in zone_days
    )
    return Review(
        quarter=_quarter(now_ms),
        threshold=threshold,
        zone_days=zone_days,
        bought=[_tally(bought, closes, horizon, now_ms) for horizon in HORIZONS_DAYS],
        suggested_threshold=RAISED_THRESHOLD if raise_it else threshold,
        words=_words(threshold, zone_days, raise_it=raise_it),
    )


def _tally(
    scores: Sequence[tuple[str, int]],
    closes: Mapping[str, Mapping[int, float]],
    days: int,
    now_ms: int,
) -> Tally:
    returns = [return_pct(closes.get(pair, {}), as_of, days, now_ms) for pair, as_of in scores]
    known = [each for each in returns if each is not None]
    return Tally(days, len(known), sum(each > 0 for each in known))


def _words(threshold: float, zone_days: Sequence[Tally], *, raise_it: bool) -> str:
    counts = "; ".join(
        f"{each.won} of {each.known} gained within {each.days} days" for each in zone_days
    )
    said = f"Scores of {threshold:.0f} and more: {counts}."
    if raise_it:
        return f"{said} Half or fewer won: raise the threshold to {RAISED_THRESHOLD:.0f}."
    if all(each.known < REVIEW_MINIMUM for each in zone_days):
        return f"{said} Too few to say (at least {REVIEW_MINIMUM} are needed)."
    return f"{said} The threshold stays."


def _quarter(moment_ms: int) -> str:
    moment = moment_at(moment_ms)
    return f"{moment.year}-Q{(moment.month - 1) // 3 + 1}"
