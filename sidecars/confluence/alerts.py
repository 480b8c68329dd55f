"""What people are told of scores and sell targets: found in records, worded for a phone. Pure.

The same day scored again, or sent again, gives the same keys, so that nobody is told twice; what a
later revision says differently is news.
"""

from collections.abc import Mapping, Sequence

from sidecars.common.alert import Alert, Level
from sidecars.common.moments import iso_ms
from sidecars.confluence.monitor.model import Holding, Rung, RungState
from sidecars.confluence.monitor.regime import BEAR, UNKNOWN, regime_of_record
from sidecars.confluence.records import ScoreRow, recommended_zone
from sidecars.confluence.scoring import PARTS, Zone
from sidecars.confluence.settings import ZonePreset

TRANCHE_PCT: Mapping[str, int] = {Zone.STRONG_BUY: 40, Zone.MODERATE_BUY: 25}
NO_TIMING = "Zones have not timed entries in the past."
_REACHED_BY = {
    "price": "the price reached it",
    "score": "the score fell through its value",
    "regime": "the regime turned bearish",
}


def score_alerts(
    records: Mapping[str, Sequence[ScoreRow]], as_of_ms: int, preset: ZonePreset = "points"
) -> list[Alert]:
    """Changes of zone and of regime on the day that closed at as_of_ms.

    records: by pair, rising by as_of, one a day (the latest revision), that day's among them;
    pairs without one have nothing to tell. preset: which zones count. A flip of the regime is one
    alert for all its pairs.
    """
    alerts: list[Alert] = []
    flipped: dict[str, list[ScoreRow]] = {}
    for _, rows in sorted(records.items()):
        known = [row for row in rows if row.as_of_ms <= as_of_ms]
        if len(known) < 2 or known[-1].as_of_ms != as_of_ms:
            continue
        zone = _zone_alert(known[-2], known[-1], preset)
        if zone is not None:
            alerts.append(zone)
        flip = _flip(known)
        if flip is not None:
            flipped.setdefault(flip, []).append(known[-1])
    return [*(_flip_alert(flip, rows) for flip, rows in sorted(flipped.items())), *alerts]


def target_alerts(holding: Holding, before: Sequence[Rung], now: Sequence[Rung]) -> list[Alert]:
    """Sell targets of a holding that were reached since `before`; each is told once for the
    holding as it was bought."""
    had = {rung.number for rung in before if rung.state is RungState.HIT}
    reached = [rung for rung in now if rung.state is RungState.HIT and rung.number not in had]
    return [_target_alert(holding, rung) for rung in reached]


def _zone_alert(before: ScoreRow, now: ScoreRow, preset: ZonePreset) -> Alert | None:
    """The zone changed. Into a buying zone is a reason to look at once; the rest is for the digest.

    A total that the veto forces to 0 is no score; what the veto does is told as a flip. The first
    score after a veto is told only where it is in a buying zone.
    """
    zone, zone_before = recommended_zone(now, preset), recommended_zone(before, preset)
    share, share_before = TRANCHE_PCT.get(zone, 0), TRANCHE_PCT.get(zone_before, 0)
    if now.vetoed or (before.vetoed and share == 0) or zone_before == zone:
        return None
    into_buying = share > share_before
    was = "vetoed" if before.vetoed else f"{zone_before} {before.total:.0f}"
    lines = [f"{part} {getattr(now, part):.0f} of {limit}" for part, limit in PARTS.items()]
    text = f"{', '.join(lines)}; judged {now.confidence:.0%} of the points."
    if into_buying:
        text = f"Review: by the rules {share} % of a tranche. {text} {NO_TIMING}"
    return Alert(
        level=Level.WARNING if into_buying else Level.INFO,
        key=f"zone:{now.formula}:{now.pair}:{_day(now.as_of_ms)}:{zone}",
        title=f"{now.pair} {now.total:.0f} {zone} (was {was})",
        text=text,
    )


def _flip(rows: Sequence[ScoreRow]) -> str | None:
    """ "bear" or "no bear" where the last row's regime differs from the last known before it."""
    now = regime_of_record(rows[-1])
    if now == UNKNOWN:  # an outage is no bear market
        return None
    before = next(
        (word for row in reversed(rows[:-1]) if (word := regime_of_record(row)) != UNKNOWN), None
    )
    if before is None or (before == BEAR) == (now == BEAR):
        return None
    return BEAR if now == BEAR else "no bear"


def _flip_alert(flip: str, rows: Sequence[ScoreRow]) -> Alert:
    points = sorted({row.regime for row in rows})
    shown = f"{points[0]:.0f}" if len(points) == 1 else f"{points[0]:.0f} to {points[-1]:.0f}"
    pairs = ", ".join(row.pair for row in rows)
    if flip == BEAR:
        title = f"Regime turned bearish ({shown} of 30)"
        text = f"The veto is on: scores are 0, no buying. {pairs}"
    else:
        title = f"Regime no longer bearish ({shown} of 30)"
        text = f"The veto is off: scores count again. {pairs}"
    day = _day(rows[0].as_of_ms)
    key = f"regime:{rows[0].formula}:{day}:{'bear' if flip == BEAR else 'lifted'}"
    return Alert(level=Level.WARNING, key=key, title=title, text=text)


def _target_alert(holding: Holding, rung: Rung) -> Alert:
    whole = holding.amount if holding.started_with is None else holding.started_with
    amount = whole * rung.sell_pct / 100.0
    bought = "unknown" if holding.since_ms is None else _day(holding.since_ms)
    day = "" if rung.hit_at_ms is None else f" on {_day(rung.hit_at_ms)}"
    because = _REACHED_BY.get(rung.hit_by or "", "reached")
    return Alert(
        level=Level.WARNING,
        key=f"target:{holding.asset}/{holding.currency}:{bought}:{rung.number}",
        title=f"{holding.asset}: target {rung.number} hit, sell {rung.sell_pct:.0f} %",
        text=(
            f"{because.capitalize()}{day}: {rung.price:,.2f} {holding.currency} "
            f"({rung.gain_pct:+.1f} %). {rung.sell_pct:.0f} % is {amount:.8g} {holding.asset}. "
            "Nothing is sold unless you do it."
        ),
    )


def _day(moment_ms: int) -> str:
    return iso_ms(moment_ms)[:10]
