"""The rules of risk once more, slow and obvious: by trading to the stop, by trying all pairs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from aquatrade.risk.model import Book, Entry, Position, Side
from aquatrade.risk.profile import CorrelationRule, RiskProfile

Known = Mapping[tuple[str, str], float]


def asset_of(pair: str) -> str:
    return pair.split("/")[0]


def loss_by_trading(
    side: Side, amount: float, rate: float, stop_rate: float, exit_cost_rate: float
) -> float:
    """Open `amount` at the rate, close it at the stop, pay for the closing."""
    paid, received = amount * rate, amount * stop_rate
    loss = paid - received if side is Side.LONG else received - paid
    return loss + received * exit_cost_rate


def heat_of(position: Position) -> float:
    if position.stop_rate is None:
        return position.stake + position.pending_stake
    heat = 0.0
    if position.amount > 0:
        loss = loss_by_trading(
            position.side,
            position.amount,
            position.entry_rate,
            position.stop_rate,
            position.cost_rate,
        )
        heat += loss if loss > 0 else 0.0
    if position.pending_stake > 0:
        rates = [position.entry_rate]
        if position.amount > 0:
            rates.append(position.current_rate)
        losses = [
            loss_by_trading(
                position.side,
                position.pending_stake * position.leverage / rate,
                rate,
                position.stop_rate,
                position.cost_rate,
            )
            for rate in rates
        ]
        heat += max(0.0, *losses)
    return heat


def correlation(known: Known, first: str, second: str) -> float:
    return 1.0 if asset_of(first) == asset_of(second) else known[first, second]


def clusters_by_spreading(pairs: Sequence[str], known: Known, above: float) -> set[frozenset[str]]:
    """Give each pair a number, spread the smaller one over each link until nothing changes."""
    names = sorted(set(pairs))
    number = {name: index for index, name in enumerate(names)}
    for _ in names:
        for first, second in product(names, names):
            if first != second and correlation(known, first, second) > above:
                number[first] = number[second] = min(number[first], number[second])
    groups = set(number.values())
    return {frozenset(name for name in names if number[name] == group) for group in groups}


def correlation_by_loops(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's, of log returns of two lists of closes; None where it is not defined."""
    left, right = [], []
    for index in range(1, len(first)):
        prices = (first[index - 1], first[index], second[index - 1], second[index])
        if all(math.isfinite(price) and price > 0 for price in prices):
            left.append(math.log(first[index] / first[index - 1]))
            right.append(math.log(second[index] / second[index - 1]))
    if len(left) < 2:
        return None
    mean_left, mean_right = math.fsum(left) / len(left), math.fsum(right) / len(right)
    above = math.fsum((x - mean_left) * (y - mean_right) for x, y in zip(left, right, strict=True))
    spread_left = math.fsum((x - mean_left) ** 2 for x in left)
    spread_right = math.fsum((y - mean_right) ** 2 for y in right)
    if spread_left < 1e-20 or spread_right < 1e-20:
        return None
    return above / math.sqrt(spread_left * spread_right)


def exposure_of_asset(positions: Sequence[Position], asset: str) -> float:
    """Families apart; in a family the worst that can come of which pending orders are filled."""
    total = 0.0
    for family in {one.family for one in positions}:
        legs = [one for one in positions if one.family == family and asset_of(one.pair) == asset]
        worst = 0.0
        for fill_longs, fill_shorts in product((False, True), repeat=2):
            net = 0.0
            for leg in legs:
                fills = fill_longs if leg.side is Side.LONG else fill_shorts
                value = leg.amount * leg.current_rate
                value += leg.pending_stake * leg.leverage if fills else 0.0
                net += value if leg.side is Side.LONG else -value
            worst = max(worst, abs(net))
        total += worst
    return total


def gross(positions: Sequence[Position]) -> float:
    return math.fsum(
        one.amount * one.current_rate + one.pending_stake * one.leverage for one in positions
    )


def with_entry(book: Book, entry: Entry, stake: float, *, filled: bool) -> Book:
    """The book after the entry, as one more position; its free cash is less by the stake."""
    added = Position(
        bot=entry.bot,
        exchange=entry.exchange,
        family=entry.family,
        pair=entry.pair,
        side=entry.side,
        amount=stake * entry.leverage / entry.rate if filled else 0.0,
        entry_rate=entry.rate,
        current_rate=entry.rate,
        stop_rate=entry.stop_rate,
        stake=stake if filled else 0.0,
        opened_at=book.at,
        pending_stake=0.0 if filled else stake,
        leverage=entry.leverage,
        cost_rate=entry.cost_rate,
    )
    return replace(book, positions=(*book.positions, added), free=book.free - stake)


def breaches(
    profile: RiskProfile,
    book: Book,
    entry: Entry,
    stake: float,
    known: Known | None,
    *,
    fleet: bool,
    filled: bool,
) -> list[str]:
    """Which limits do not hold once the stake is in, each recomputed from the book after it."""
    after = with_entry(book, entry, stake, filled=filled)
    positions = after.positions
    equity = book.equity
    figures: list[tuple[str, float, float | None]] = [
        ("heat", 100 * math.fsum(map(heat_of, positions)) / equity, profile.max_heat_pct),
        ("exposure", 100 * gross(positions) / equity, profile.max_exposure_pct),
        (
            "pair",
            100 * exposure_of_asset(positions, entry.asset) / equity,
            profile.max_pair_pct,
        ),
    ]
    own = [
        one
        for one in book.positions
        if entry.is_increase
        and (one.bot, one.exchange, one.pair, one.side)
        == (entry.bot, entry.exchange, entry.pair, entry.side)
    ]
    places = len(book.positions) + (0 if own else 1)
    figures.append(("positions", places, profile.max_open_positions if not own else None))
    if fleet:
        exchanges = {one.exchange for one in positions} | set(book.exchanges)
        if len(exchanges) > 1:
            there = [one for one in positions if one.exchange == entry.exchange]
            figures.append(("exchange", 100 * gross(there) / equity, profile.max_exchange_pct))
        figures.append(("reserve", profile.reserve_pct, 100 * after.free / equity + 1e-9))
    else:
        risk = stake
        if entry.stop_rate is not None:
            notional = stake * entry.leverage
            amount = notional / entry.rate
            risk = notional * entry.cost_rate + loss_by_trading(
                entry.side, amount, entry.rate, entry.stop_rate, entry.cost_rate
            )
        risk += math.fsum(map(heat_of, own))
        figures.append(("risk", 100 * risk / equity, profile.risk_per_trade_pct))
        figures.append(("order", stake * entry.leverage, profile.max_order))
        if profile.max_open_positions is not None:
            room = equity / profile.max_open_positions * entry.leverage
            figures.append(("notional", gross(own) + stake * entry.leverage, room))
    figures += _correlation_figures(profile, book, positions, entry, own, known)
    return [
        f"{name} {value} > {limit}"
        for name, value, limit in figures
        if limit is not None and not value <= limit * (1 + 3e-9)
    ]


def _correlation_figures(
    profile: RiskProfile,
    book: Book,
    positions: Sequence[Position],
    entry: Entry,
    own: Sequence[Position],
    known: Known | None,
) -> list[tuple[str, float, float | None]]:
    rule = profile.correlation
    if rule is None and profile.max_group_pct is None:
        return []
    others = [one for one in book.positions if one not in own]
    above = (rule or CorrelationRule()).link_above
    groups = clusters_by_spreading([one.pair for one in positions], known or {}, above)
    group = next(group for group in groups if entry.pair in group)
    held = sum(exposure_of_asset(positions, asset) for asset in {asset_of(pair) for pair in group})
    found: list[tuple[str, float, float | None]] = [
        ("group", 100 * held / book.equity, profile.max_group_pct)
    ]
    if rule is not None:
        alike = [one for one in others if one.side is entry.side]
        for one in alike:
            value = correlation(known or {}, entry.pair, one.pair)
            found.append(("correlation", value, rule.block_above))
        count = sum(one.pair in group for one in alike) + 1
        found.append(("cluster", count, rule.max_open_in_cluster))
    return found
