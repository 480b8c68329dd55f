"""A card's sentences: what the score, the ladder and the price say to do. Pure."""

from collections.abc import Sequence

from sidecars.confluence.monitor.figures import amount, closed_day, money, zone_words
from sidecars.confluence.monitor.ladder import Hit
from sidecars.confluence.monitor.model import Holding, Price, Rung, RungState, ScoreView
from sidecars.confluence.scoring import VETO_BELOW, Zone
from sidecars.confluence.settings import ZonePreset

TRANCHE_PCT = {Zone.STRONG_BUY: 40.0, Zone.MODERATE_BUY: 25.0}
# Of 61,505 pair-days: docs/score-zones.md.
HONEST_NOTE = (
    "The zones have not timed entries in the past: high scores were followed by less than low "
    "ones. The veto points the right way, no further than chance could."
)
FALL_PCT = 5.0
# A share of the holding that is not worth a sentence.
_SHARE_TOLERANCE_PCT = 0.5


def tranche_pct(score: ScoreView | None) -> float:
    """Share of the next buying tranche; nothing by a score that is stale or not there."""
    if score is None or score.is_stale:
        return 0.0
    return TRANCHE_PCT.get(Zone(score.zone), 0.0)


def score_sentence(score: ScoreView | None) -> str:
    """What the zone says."""
    if score is None:
        return "No score, so nothing is recommended."
    if score.is_stale:
        return (
            f"The last score ({score.total:.0f}) is of {closed_day(score.as_of_ms)}: "
            "too old to act on."
        )
    if score.vetoed:
        return (
            f"AVOID: the regime vetoes buying ({_regime_points(score):.0f} of 30 points, "
            f"{VETO_BELOW} are needed)."
        )
    said = f"{zone_words(score.zone)} at {score.total:.0f}"
    share = tranche_pct(score)
    if share > 0:
        return f"{said}: by its zone, buy {share:.0f} % of the next tranche."
    return f"{said}: by its zone, buy nothing now."


def ladder_sentence(
    holding: Holding, hits: Sequence[Hit], ladder: Sequence[Rung], price: Price | None
) -> str | None:
    """What the reached targets ask for, given what the amount shows as sold; a target that the
    present price has passed is named, as it counts by the day's close."""
    said = [_reached(holding, hits, ladder)] if hits else []
    coming = next((rung for rung in ladder if rung.state is RungState.NEXT), None)
    if coming is not None and price is not None and price.value >= coming.price:
        said.append(
            f"The price is above sell target {coming.number} "
            f"({money(coming.price, holding.currency)}): it counts if the day closes there."
        )
    return " ".join(said) or None


def next_review(
    score: ScoreView | None,
    price: Price | None,
    last_close: float | None,
    preset: ZonePreset = "points",
) -> str:
    """When to look again: a higher zone, or a price that fell another 5 % under the last close."""
    parts = [] if score is None else [_score_trigger(score, preset)]
    if last_close is not None and price is not None:
        trigger = last_close * (1.0 - FALL_PCT / 100.0)
        if price.value <= trigger:
            fallen_pct = (1.0 - price.value / last_close) * 100.0
            return (
                f"due now: the price fell {fallen_pct:.1f} % under the last daily close "
                f"({money(last_close, price.currency)})"
            )
        parts.append(f"price falls another {FALL_PCT:.0f} % (to {money(trigger, price.currency)})")
    return ", or ".join(parts) or "when there is a score or a price again"


def _score_trigger(score: ScoreView, preset: ZonePreset) -> str:
    """The next zone up, by points or by percentile; from the highest, the way down."""
    by_percentile = preset == "percentile" and score.percentile is not None
    what, moderate, strong = ("percentile", 90, 97) if by_percentile else ("score", 75, 85)
    if score.vetoed:
        return f"{what} reaches {moderate} (first the regime has to reach {VETO_BELOW} of 30)"
    now = score.percentile if by_percentile and score.percentile is not None else score.total
    if now >= strong:
        return f"{what} falls under {strong} (now {now:.0f})"
    return f"{what} reaches {moderate if now < moderate else strong} (now {now:.0f})"


def _reached(holding: Holding, hits: Sequence[Hit], ladder: Sequence[Rung]) -> str:
    names = ", ".join(f"{hit.number} on {closed_day(hit.as_of_ms)} (by {hit.by})" for hit in hits)
    which = "Sell target reached" if len(hits) == 1 else "Sell targets reached"
    started = holding.started_with or holding.amount
    numbers = {hit.number for hit in hits}
    asked_pct = sum(rung.sell_pct for rung in ladder if rung.number in numbers)
    sold_pct = (1.0 - holding.amount / started) * 100.0
    left_pct = asked_pct - sold_pct
    if left_pct <= _SHARE_TOLERANCE_PCT:
        return f"{which}: {names}; all that they ask for is sold."
    coins = f"{amount(round(started * left_pct / 100.0, 8))} {holding.asset}"
    if holding.started_with is None:
        return (
            f"{which}: {names}; sell {asked_pct:.0f} % of the holding ({coins}) unless you did "
            "(the holdings file tells of no sale)."
        )
    return f"{which}: {names}; sell {coins} more ({asked_pct:.0f} % asked, {sold_pct:.0f} % sold)."


def _regime_points(score: ScoreView) -> float:
    return next(points for name, points, _ in score.parts if name == "regime")
