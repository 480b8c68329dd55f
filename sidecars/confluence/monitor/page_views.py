"""Cards and sources arranged for the pages: sums, groups, sentences. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sidecars.common.pages.formats import percent
from sidecars.confluence.monitor.advice import HONEST_NOTE
from sidecars.confluence.monitor.model import (
    Card,
    Decision,
    History,
    Rung,
    RungState,
    Signal,
    SignalState,
)
from sidecars.confluence.monitor.web_model import SidecarHealth, SourceStatus

BUYING_ZONES = ("STRONG_BUY", "MODERATE_BUY")
SHOWN_MONTHS = 12
RECENT_MS = 7 * 86_400_000
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z])")
STATUS_WORDS = {
    SourceStatus.OK: "ok",
    SourceStatus.STARTING: "starting",
    SourceStatus.OFF: "off",
    SourceStatus.STALE: "stale",
    SourceStatus.FAILING: "failing",
}


@dataclass(frozen=True, slots=True)
class Total:
    """All holdings of a currency. gain_pct: of those whose cost is known, None without any."""

    currency: str
    holdings: int
    priced: int
    value: float
    costed: int
    gain: float
    gain_pct: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """One of the score's four parts with its signals."""

    name: str
    points: float
    max_points: float
    signals: Sequence[Signal]


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month's last day in the table under the picture."""

    as_of_ms: int
    total: float
    vetoed: bool
    price: float | None


@dataclass(frozen=True, slots=True)
class SourcesSummary:
    """How the sources are doing in words. trouble: what to look at; rest: all others."""

    trouble: str
    rest: str

    @property
    def words(self) -> str:
        """Both in one."""
        return "; ".join(part for part in (self.trouble, self.rest) if part) or "none configured"


def totals(cards: Sequence[Card]) -> list[Total]:
    """One line for each currency, in the order in which they first appear."""
    result = []
    for currency in dict.fromkeys(card.holding.currency for card in cards):
        held = [card for card in cards if card.holding.currency == currency]
        worth = [(card, card.value) for card in held if card.value is not None]
        pairs = [
            (value, card.holding.average_cost * card.holding.amount)
            for card, value in worth
            if card.holding.average_cost is not None
        ]
        cost = sum(paid for _, paid in pairs)
        gain = sum(value - paid for value, paid in pairs)
        result.append(
            Total(
                currency=currency,
                holdings=len(held),
                priced=len(worth),
                value=sum(value for _, value in worth),
                costed=len(pairs),
                gain=gain,
                gain_pct=100 * gain / cost if cost > 0 else None,
            )
        )
    return result


def today(cards: Sequence[Card]) -> str:
    """'1 of 6 holdings is in a buying zone, 2 are vetoed.'"""
    scored = [card.score for card in cards if card.score is not None]
    if not scored:
        return "No holding has a score yet."
    buying = sum(score.zone in BUYING_ZONES and not score.vetoed for score in scored)
    vetoed = sum(score.vetoed for score in scored)
    count = f"{buying} of {len(cards)} holdings" if buying else "No holding"
    words = f"{count} {'are' if buying > 1 else 'is'} in a buying zone"
    if vetoed:
        words += f", {vetoed} {'are' if vetoed > 1 else 'is'} vetoed"
    return f"{words}."


def recent_hits(cards: Sequence[Card], now_ms: int) -> list[str]:
    """'BTC (sell 20 %)' for each target that was hit within the last seven days."""
    return [
        f"{card.holding.asset} (sell {percent(rung.sell_pct)})"
        for card in cards
        for rung in card.ladder
        if rung.hit_at_ms is not None and 0 <= now_ms - rung.hit_at_ms <= RECENT_MS
    ]


def newest_score_ms(cards: Sequence[Card]) -> int | None:
    """The day that the newest of the scores speaks of."""
    return max((card.score.as_of_ms for card in cards if card.score is not None), default=None)


def signal_parts(card: Card) -> list[Part]:
    """The signals under their parts, in the order of the score's parts."""
    sums = {name: (got, most) for name, got, most in (card.score.parts if card.score else ())}
    names = list(dict.fromkeys([*sums, *(signal.part for signal in card.signals)]))
    parts = []
    for name in names:
        signals = [signal for signal in card.signals if signal.part == name]
        got, most = sums.get(
            name,
            (
                sum(signal.points for signal in signals),
                sum(signal.max_points for signal in signals),
            ),
        )
        parts.append(Part(name, got, most, signals))
    return parts


def advice_lines(card: Card) -> list[str]:
    """What to do, sentence by sentence, without the note on the zones: a page has that once."""
    said = card.recommendation.removesuffix(HONEST_NOTE).strip()
    return _BETWEEN_SENTENCES.split(said) if said else []


def newest_first(decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions as a person looks for them."""
    return sorted(decisions, key=lambda decision: -decision.decided_at_ms)


def missing_inputs(card: Card) -> list[str]:
    """Labels of the signals that could not be had."""
    return [signal.label for signal in card.signals if signal.state is SignalState.UNAVAILABLE]


def next_rung(card: Card) -> Rung | None:
    """The sell target that comes next."""
    return next((rung for rung in card.ladder if rung.state is RungState.NEXT), None)


def distance_pct(card: Card, price: float) -> float | None:
    """How far the price has to go to another one, in per cent of where it is."""
    if card.price is None or card.price.value <= 0:
        return None
    return 100 * (price / card.price.value - 1)


def month_rows(history: History) -> list[MonthRow]:
    """The last known day of each of the last twelve months, newest first."""
    last_of: dict[tuple[int, int], MonthRow] = {}
    for as_of_ms, total, vetoed, price in zip(
        history.as_of_ms, history.total, history.vetoed, history.price, strict=True
    ):
        ended = datetime.fromtimestamp((as_of_ms - 1) / 1000, UTC)
        last_of[ended.year, ended.month] = MonthRow(as_of_ms, total, vetoed, price)
    return list(last_of.values())[: -SHOWN_MONTHS - 1 : -1]


def sources_summary(sidecars: Sequence[SidecarHealth]) -> SourcesSummary:
    """'1 failing, 2 stale, onchain cannot be reached' and '9 ok, 1 off'."""
    reached = [sidecar for sidecar in sidecars if sidecar.unreachable is None]
    counts = Counter(source.status for sidecar in reached for source in sidecar.sources)
    trouble = _counted(counts, (SourceStatus.FAILING, SourceStatus.STALE))
    silent = [sidecar.name for sidecar in sidecars if sidecar.unreachable is not None]
    if silent:
        trouble.append(f"{' and '.join(silent)} cannot be reached")
    rest = _counted(counts, (SourceStatus.OK, SourceStatus.STARTING, SourceStatus.OFF))
    return SourcesSummary(", ".join(trouble), ", ".join(rest))


def _counted(counts: Mapping[SourceStatus, int], statuses: Sequence[SourceStatus]) -> list[str]:
    return [f"{counts[status]} {STATUS_WORDS[status]}" for status in statuses if counts[status]]
