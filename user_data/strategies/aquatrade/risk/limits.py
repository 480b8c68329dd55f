"""Limits on size: one order, one trade, what is open, one asset, one exchange, the reserve.

Stakes above the most of an order or of a trade are reduced; what does not fit beside the open
positions is refused. `describe` shows every limit of a profile with how much of it is used.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from aquatrade.risk.correlation import Correlations, clusters, link_threshold
from aquatrade.risk.exposure import asset_exposures, exchange_exposure, total_exposure
from aquatrade.risk.heat import total_heat
from aquatrade.risk.model import Book, Mark, Period, Reason, RiskState, Side
from aquatrade.risk.periods import loss_pct
from aquatrade.risk.profile import RiskProfile
from aquatrade.risk.question import (
    TOLERANCE,
    Question,
    exceeds,
    fitting,
    percent,
    reduction,
    refusal,
    rounded_down,
)
from aquatrade.risk.rhythm import DAY, HOUR, entries_within


def judge_order_size(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Reduces an order to the most of one order: what is bought, borrowed money included."""
    limit, leverage = question.profile.max_order, question.entry.leverage
    if limit is None or not exceeds(stake * leverage, limit):
        return stake
    text = f"order of {stake * leverage:.8g}, limit {limit:.8g}"
    reasons.append(reduction("order", text, stake * leverage, limit))
    return rounded_down(limit / leverage)


def judge_notional(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Reduces a trade to an equal part of the equity, times the leverage; refuses above it."""
    places = question.profile.max_open_positions
    if places is None:
        return stake
    leverage = question.entry.leverage
    limit = question.book.equity / places * leverage
    present = total_exposure(question.own)
    value = present + stake * leverage
    if not exceeds(value, limit):
        return stake
    text = f"notional {value:.8g}, limit {limit:.8g} (equity / {places} places x leverage)"
    fits = fitting(limit - present, limit, leverage)
    if fits <= 0.0:
        reasons.append(refusal("notional", text, value, limit))
        return stake
    reasons.append(reduction("notional", text, value, limit))
    return min(stake, fits)


def judge_exposure(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Refuses what would take all positions together above their limit."""
    limit_pct = question.profile.max_exposure_pct
    if limit_pct is None:
        return stake
    book = question.book
    present = total_exposure(book.positions)
    value = 100.0 * (present + stake * question.entry.leverage) / book.equity
    if exceeds(value, limit_pct):
        text = f"exposure {percent(value)} of equity, limit {percent(limit_pct)}"
        reasons.append(refusal("exposure", text, value, limit_pct))
    return stake


def exchanges_of(book: Book) -> set[str]:
    """All exchanges that are known to be traded on."""
    return {*book.exchanges, *(position.exchange for position in book.positions)}


def judge_exchange(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Refuses what would take one exchange above its share, once there are two."""
    limit_pct = question.profile.max_exchange_pct
    book, entry = question.book, question.entry
    if limit_pct is None or len(exchanges_of(book) | {entry.exchange}) < 2:
        return stake
    present = exchange_exposure(book.positions, entry.exchange)
    value = 100.0 * (present + stake * entry.leverage) / book.equity
    if exceeds(value, limit_pct):
        text = f"{entry.exchange} {percent(value)} of equity, limit {percent(limit_pct)}"
        reasons.append(refusal("exchange", text, value, limit_pct))
    return stake


def judge_pair(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Refuses what would take one asset above its limit, the legs of a hedge counted net."""
    limit_pct = question.profile.max_pair_pct
    if limit_pct is None:
        return stake
    asset = question.entry.asset
    figures = asset_exposures(question.book.positions, (asset,), question.entry, stake)
    value = 100.0 * figures[asset] / question.book.equity
    if exceeds(value, limit_pct):
        text = f"{asset} {percent(value)} of equity, limit {percent(limit_pct)}"
        reasons.append(refusal("pair", text, value, limit_pct))
    return stake


def judge_positions(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Refuses one more position than may be open; an increase is none."""
    limit = question.profile.max_open_positions
    count = len(question.book.positions)
    if limit is not None and not question.own and count >= limit:
        text = f"{count} positions open, limit {limit}"
        reasons.append(refusal("positions", text, float(count), float(limit)))
    return stake


def judge_reserve(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Refuses what would leave less free cash than the reserve."""
    book, least_pct = question.book, question.profile.reserve_pct
    least = book.equity * least_pct / 100.0
    left = book.free - stake
    if not left >= least * (1.0 - TOLERANCE):
        value = 100.0 * left / book.equity
        text = f"{percent(value)} of equity would stay in cash, the reserve is {percent(least_pct)}"
        reasons.append(refusal("reserve", text, value, least_pct))
    return stake


# -- the present use of every limit ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LimitUse:
    """A limit and how much of it is used: share 1 is at the limit. None: not known."""

    name: str  # "exposure", "pair BTC", "loss of the week"
    value: float | None
    limit: float
    unit: str  # "% of equity", "positions", "entries", "stake currency"
    share: float | None


EQUITY = "% of equity"


def describe(
    profile: RiskProfile, state: RiskState, book: Book, correlations: Correlations | None
) -> list[LimitUse]:
    """Every limit of the profile that is on, with its present value.

    The share of a floor (the reserve, the equity at which all stops) rises to 1 as it is neared.
    """
    return [
        *_held(profile, book),
        *_grouped(profile, book, correlations or {}),
        *_cash(profile, book),
        *_lost(profile, state, book),
        *_entered(profile, book),
    ]


def _ceiling(name: str, value: float, limit: float, unit: str = EQUITY) -> LimitUse:
    if not math.isfinite(value):
        return LimitUse(name, None, limit, unit, None)
    return LimitUse(name, value, limit, unit, max(0.0, value) / limit)


def _of_equity(book: Book, amount: float) -> float:
    """In percent; NaN where there is no equity to speak of."""
    return 100.0 * amount / book.equity if book.equity > 0.0 else math.nan


def _held(profile: RiskProfile, book: Book) -> Iterator[LimitUse]:
    positions = book.positions
    if profile.max_exposure_pct is not None:
        total = _of_equity(book, total_exposure(positions))
        yield _ceiling("exposure", total, profile.max_exposure_pct)
    if profile.max_pair_pct is not None:
        for asset, amount in sorted(asset_exposures(positions).items()):
            yield _ceiling(f"pair {asset}", _of_equity(book, amount), profile.max_pair_pct)
    exchanges = exchanges_of(book)
    if profile.max_exchange_pct is not None and len(exchanges) > 1:
        for exchange in sorted(exchanges):
            share = _of_equity(book, exchange_exposure(positions, exchange))
            yield _ceiling(f"exchange {exchange}", share, profile.max_exchange_pct)
    if profile.max_heat_pct is not None:
        yield _ceiling("heat", _of_equity(book, total_heat(positions)), profile.max_heat_pct)
    if profile.max_open_positions is not None:
        count = float(len(positions))
        yield _ceiling("positions", count, float(profile.max_open_positions), "positions")


def _grouped(profile: RiskProfile, book: Book, known: Correlations) -> Iterator[LimitUse]:
    rule = profile.correlation
    if rule is None and profile.max_group_pct is None:
        return
    figures = asset_exposures(book.positions)
    pairs = sorted({position.pair for position in book.positions})
    for cluster in clusters(pairs, known, link_threshold(profile)):
        assets = sorted({pair.partition("/")[0] for pair in cluster})
        name = "+".join(assets)
        if profile.max_group_pct is not None:
            amount = sum(figures[asset] for asset in assets)
            yield _ceiling(f"group {name}", _of_equity(book, amount), profile.max_group_pct)
        if rule is not None:
            most = max(
                sum(one.pair in cluster and one.side == side for one in book.positions)
                for side in Side
            )
            limit = float(rule.max_open_in_cluster)
            yield _ceiling(f"cluster {name}", float(most), limit, "positions")


def _cash(profile: RiskProfile, book: Book) -> Iterator[LimitUse]:
    if profile.reserve_pct > 0.0:
        cash, least = _of_equity(book, book.free), profile.reserve_pct
        if math.isfinite(cash):
            used = max(0.0, 100.0 - cash) / (100.0 - least)
            yield LimitUse("reserve", cash, least, EQUITY, used)
        else:
            yield LimitUse("reserve", None, least, EQUITY, None)
    if profile.stop_equity is not None:
        usable = math.isfinite(book.equity) and book.equity > 0.0
        yield LimitUse(
            "equity",
            book.equity if math.isfinite(book.equity) else None,
            profile.stop_equity,
            "stake currency",
            profile.stop_equity / book.equity if usable else None,
        )


def _lost(profile: RiskProfile, state: RiskState, book: Book) -> Iterator[LimitUse]:
    limits = {Period.DAY: profile.day, Period.WEEK: profile.week, Period.MONTH: profile.month}
    for period, limit in limits.items():
        if limit is not None:
            mark = state.marks.get(period)
            yield _ceiling(f"loss of the {period}", _lost_since(mark, book), limit.limit_pct)


def _lost_since(mark: Mark | None, book: Book) -> float:
    """Lost since the mark, in percent of the equity then; NaN where it cannot be told."""
    if mark is None or not mark.equity > 0.0:
        return math.nan
    return loss_pct(mark, book.profit)


def _entered(profile: RiskProfile, book: Book) -> Iterator[LimitUse]:
    for name, limit, span in (
        ("entries per hour", profile.max_entries_per_hour, HOUR),
        ("entries per day", profile.max_entries_per_day, DAY),
    ):
        if limit is not None:
            count = float(entries_within(book.entries_at, book.at, span))
            yield _ceiling(name, count, float(limit), "entries")
