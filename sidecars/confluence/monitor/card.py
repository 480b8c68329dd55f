"""The card of one holding, from its records, prices and decisions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sidecars.confluence.candles import MS_PER_DAY
from sidecars.confluence.monitor import advice
from sidecars.confluence.monitor.figures import age, closed_day
from sidecars.confluence.monitor.ladder import KEEP_PCT, Day, Hit, climb, rungs
from sidecars.confluence.monitor.model import (
    Card,
    Decision,
    History,
    Holding,
    Price,
    Rung,
    ScoreView,
    Signal,
    SignalState,
)
from sidecars.confluence.monitor.prices import NO_PRICES, DailyPrices
from sidecars.confluence.monitor.regime import UNKNOWN, regime_of_record
from sidecars.confluence.monitor.signals import record_of, score_view, signals_of
from sidecars.confluence.records import ScoreRow
from sidecars.confluence.settings import ZonePreset

HISTORY_DAYS = 365
LOW_CONFIDENCE = 0.9
# The last regime that was known before the purchase is looked for in so many days.
_BEFORE_PURCHASE_MS = 30 * MS_PER_DAY


@dataclass(frozen=True, slots=True)
class CardInputs:
    """What a card is made of, as known at `now_ms`.

    rows: records of the holding's pair that were available, in order of availability. daily:
    closes in the holding's currency. missing: why there is no record. preset: which zones count.
    warnings: shown as well. hits, history: where they are counted already.
    """

    holding: Holding
    now_ms: int
    rows: Sequence[ScoreRow] = ()
    price: Price | None = None
    daily: DailyPrices = NO_PRICES
    decisions: Sequence[Decision] = ()
    missing: str = "none is known yet"
    preset: ZonePreset = "points"
    warnings: Sequence[str] = field(default_factory=tuple)
    hits: Sequence[Hit] | None = None
    history: History | None = None


def make_card(given: CardInputs) -> Card:
    """Everything that is shown of a holding."""
    holding, price = given.holding, given.price
    row = given.rows[-1] if given.rows else None
    record = None if row is None else record_of(row)
    score = (
        None
        if row is None or record is None
        else score_view(row, record, given.now_ms, given.preset)
    )
    signals = () if record is None else signals_of(record)
    regime = UNKNOWN if row is None or score is None or score.is_stale else regime_of_record(row)
    hits = given.hits
    if hits is None:
        hits = ladder_hits(holding, given.rows, given.daily.close)
    ladder = () if holding.average_cost is None else rungs(holding.average_cost, hits, regime)
    last_close = None if row is None else given.daily.close.get(row.as_of_ms)
    cost = holding.average_cost
    return Card(
        holding=holding,
        price=price,
        value=None if price is None else price.value * holding.amount,
        gain_pct=None if price is None or cost is None else (price.value / cost - 1.0) * 100.0,
        score=score,
        tranche_pct=advice.tranche_pct(score),
        signals=signals,
        recommendation=_recommendation(holding, score, hits, ladder, price),
        next_review=advice.next_review(score, price, last_close, given.preset),
        regime=regime,
        ladder=ladder,
        keep_pct=KEEP_PCT,
        history=given.history or history_of(given.rows, given.daily.close),
        decisions=tuple(given.decisions),
        warnings=_warnings(given, score, signals),
    )


def ladder_hits(
    holding: Holding, rows: Sequence[ScoreRow], closes: Mapping[int, float]
) -> tuple[Hit, ...]:
    """The targets that were reached since the purchase; none without its cost or its day.

    Of each day the record that was known first counts, as it was acted on; a later revision
    never takes a target back.
    """
    if holding.average_cost is None or holding.since_ms is None:
        return ()
    from_ms = holding.since_ms - _BEFORE_PURCHASE_MS
    first: dict[int, ScoreRow] = {}
    for row in rows:
        if row.as_of_ms > from_ms:
            first.setdefault(row.as_of_ms, row)
    days = (
        Day(as_of_ms, closes.get(as_of_ms), row.total, row.vetoed, regime_of_record(row))
        for as_of_ms, row in sorted(first.items())
    )
    return climb(holding.average_cost, holding.since_ms, days).hits


def history_of(rows: Sequence[ScoreRow], closes: Mapping[int, float]) -> History:
    """The last year of records, of each day the latest one."""
    latest = {row.as_of_ms: row for row in rows[-2 * HISTORY_DAYS :]}
    shown = sorted(latest)[-HISTORY_DAYS:]
    return History(
        as_of_ms=tuple(shown),
        total=tuple(latest[each].total for each in shown),
        vetoed=tuple(latest[each].vetoed for each in shown),
        price=tuple(closes.get(each) for each in shown),
    )


def _recommendation(
    holding: Holding,
    score: ScoreView | None,
    hits: Sequence[Hit],
    ladder: Sequence[Rung],
    price: Price | None,
) -> str:
    fresh = price if price is not None and not price.is_stale else None
    sentences = [
        advice.score_sentence(score),
        advice.ladder_sentence(holding, hits, ladder, fresh),
        None if score is None else advice.HONEST_NOTE,
    ]
    return " ".join(each for each in sentences if each)


def _warnings(
    given: CardInputs, score: ScoreView | None, signals: Sequence[Signal]
) -> tuple[str, ...]:
    said = [*_price_warnings(given), *_score_warnings(given, score, signals)]
    holding = given.holding
    if holding.average_cost is None:
        said.append("average cost unknown: no gain and no sell targets; the holdings file takes it")
    elif holding.since_ms is None:
        said.append("day of purchase unknown: which sell targets were reached cannot be said")
    return (*said, *given.warnings)


def _price_warnings(given: CardInputs) -> list[str]:
    holding, price = given.holding, given.price
    said = []
    if price is None:
        said.append(f"no price in {holding.currency}")
    elif price.is_stale:
        said.append(f"price is {age(given.now_ms - price.as_of_ms)} old ({price.source})")
    assumed_ms = given.daily.assumed_before_ms
    if assumed_ms is not None and holding.since_ms is not None and holding.since_ms < assumed_ms:
        said.append(
            f"{holding.currency} prices before {closed_day(assumed_ms)} use the exchange rate of "
            "that day, the first one observed: sell targets reached before it are approximate"
        )
    return said


def _score_warnings(
    given: CardInputs, score: ScoreView | None, signals: Sequence[Signal]
) -> list[str]:
    if score is None:
        return [f"no score of {given.holding.pair}: {given.missing}"]
    said = []
    if score.is_stale:
        said.append(f"score is of {closed_day(score.as_of_ms)}: a newer one is overdue")
    if score.confidence < LOW_CONFIDENCE:
        missing = [each.label for each in signals if each.state is SignalState.UNAVAILABLE]
        said.append(
            f"only {score.confidence * 100:.0f} of 100 points could be judged; "
            f"unavailable: {', '.join(missing)}"
        )
    return said
