"""What a card shows of the days that are over: counted once, kept until something of it changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sidecars.common.observations import MS_PER_DAY
from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.monitor.card import history_of, ladder_hits
from sidecars.confluence.monitor.decisions import DecisionRecord, with_outcome
from sidecars.confluence.monitor.ladder import Hit
from sidecars.confluence.monitor.model import Decision, History, Holding
from sidecars.confluence.monitor.price_board import KnownPrices
from sidecars.confluence.monitor.prices import DailyPrices, closes_of
from sidecars.confluence.records import ScoreRow
from sidecars.confluence.timeline import Timeline

_NO_RECORDS = Timeline(())


@dataclass(frozen=True, slots=True)
class PastInputs:
    """Everything that a card's past is made of, at a moment. place: of the last record known.

    Timelines, candles and known prices are replaced as a whole when they change, so that it is
    enough to compare which objects they are.
    """

    holding: Holding
    now_ms: int
    timeline: Timeline | None
    candles: DailyCandles
    prices: KnownPrices
    decisions: Sequence[DecisionRecord]

    @property
    def place(self) -> int:
        return (self.timeline or _NO_RECORDS).place_at(self.now_ms)

    def is_same(self, other: "PastInputs") -> bool:
        """Whether both have the same past."""
        return (
            self.timeline is other.timeline
            and self.candles is other.candles
            and self.prices.is_same(other.prices)
            and self.now_ms // MS_PER_DAY == other.now_ms // MS_PER_DAY
            and self.holding == other.holding
            and self.place == other.place
            and self.decisions == other.decisions
        )


@dataclass(frozen=True, slots=True)
class Past:
    """The days that are over, of one holding. rows: the records that were known."""

    given: PastInputs
    rows: Sequence[ScoreRow]
    daily: DailyPrices
    hits: Sequence[Hit]
    history: History
    decisions: Sequence[Decision]


def past_of(given: PastInputs) -> Past:
    """Count it: some 30 ms of work. Pure, so that a thread can do it."""
    candles = given.candles.before(given.now_ms)
    rows = () if given.timeline is None else given.timeline.rows[: given.place + 1]
    daily = given.prices.daily(given.holding, candles)
    closes = closes_of(candles)
    return Past(
        given=given,
        rows=rows,
        daily=daily,
        hits=ladder_hits(given.holding, rows, daily.close),
        history=history_of(rows, daily.close),
        decisions=tuple(with_outcome(each, closes, given.now_ms) for each in given.decisions),
    )
