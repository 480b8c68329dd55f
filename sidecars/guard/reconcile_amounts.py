"""Coins, positions and cash of an account against what its bots believe. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from sidecars.guard.books import (
    ZERO,
    AccountBooks,
    BotBooks,
    BotIdentity,
    Fill,
    Holding,
    Leftover,
    filled_of,
)
from sidecars.guard.model import Mismatch

# Cash is bookkept from the fee rates that freqtrade keeps, the exchange rounds each fee.
CASH_TOLERANCE_SHARE = Decimal("0.001")


def leftovers(account: AccountBooks, bots: Sequence[BotBooks]) -> dict[str, Leftover]:
    """By coin what the account has beyond the bots' holdings. For the base coins of the bots'
    pairs that `own` does not name; only sound when every bot of the account was read."""
    currencies = {books.cash.currency for books in bots if books.cash is not None}
    assets = {_base(pair) for books in bots for pair in books.pairs if ":" not in pair}
    return {
        asset: Leftover(
            account.totals.get(asset, ZERO) - held(asset, bots),
            _dust(account, bots, asset) + _dust_of_sales(account, asset),
            _young_coins(account, bots, asset),
        )
        for asset in sorted(assets - currencies - set(account.own))
    }


def missing_coins(account: AccountBooks, bots: Sequence[BotBooks]) -> Iterator[Mismatch]:
    for asset in sorted({holding.asset for holding in _spot(bots)}):
        has = account.totals.get(asset, ZERO) - account.own.get(asset, ZERO)
        believed = held(asset, bots)
        tolerance = _dust(account, bots, asset) + _young_coins(account, bots, asset)
        if believed - has > tolerance:
            owned = (
                f" beside {plain(account.own[asset])} of its own" if asset in account.own else ""
            )
            text = f"the bots hold {plain(believed)}, the account has {plain(has)}{owned}"
            yield mismatch_of_asset("coins_missing", account.account, asset, text, has, believed)


def _dust(account: AccountBooks, bots: Sequence[BotBooks], asset: str) -> Decimal:
    """A step for each trade, which rounds what it holds to one, and fees that it did not book."""
    holdings = [each for each in _spot(bots) if each.asset == asset]
    of_trades = sum(
        (account.steps.get(each.pair, ZERO) + each.unbooked_fee for each in holdings), ZERO
    )
    steps = [step for pair, step in account.steps.items() if _base(pair) == asset]
    return max(of_trades, max(steps, default=ZERO))


def _dust_of_sales(account: AccountBooks, asset: str) -> Decimal:
    """A step for each order that was filled lately: a sale leaves what is no whole step."""
    keys = {fill.key for fill in account.fills if _base(fill.pair) == asset}
    return sum((account.steps.get(pair, ZERO) for pair, _ in keys), ZERO)


def _young_coins(account: AccountBooks, bots: Sequence[BotBooks], asset: str) -> Decimal:
    return sum((fill.amount for fill in _young(account, bots) if _base(fill.pair) == asset), ZERO)


def _young(account: AccountBooks, bots: Iterable[BotBooks]) -> list[Fill]:
    """What was filled a moment ago, of orders that no bot has booked so far."""
    booked = {key: order.filled for books in bots for key, order in books.orders.items()}
    filled = filled_of(account.fills)
    return [
        fill
        for fill in account.fills
        if fill.at > account.settled_at and filled[fill.key] != booked.get(fill.key)
    ]


def wrong_positions(
    account: AccountBooks, bots: Sequence[BotBooks], unread: Sequence[BotIdentity]
) -> Iterator[Mismatch]:
    holdings = [each for books in bots for each in books.holdings if each.is_position]
    traded = {pair for books in bots for pair in books.pairs if ":" in pair}
    for pair in sorted({*(each.pair for each in holdings), *(account.positions.keys() & traded)}):
        if unread:
            return  # theirs may be the difference, in either direction
        mine = [each for each in holdings if each.pair == pair]
        believed = sum((each.amount for each in mine), ZERO)
        has = account.positions.get(pair, ZERO)
        step = account.steps.get(pair, ZERO)
        young = (fill.amount for fill in _young(account, bots) if fill.pair == pair)
        if abs(believed - has) > step * max(1, len(mine)) + sum(young, ZERO):
            text = f"the bots hold {plain(believed)}, the account has {plain(has)}"
            yield mismatch_of_asset("position", account.account, pair, text, has, believed)


def missing_money(account: AccountBooks, bots: Sequence[BotBooks]) -> Iterator[Mismatch]:
    purses = [books.cash for books in bots if books.cash is not None]
    for currency in sorted({cash.currency for cash in purses}):
        mine = [cash for cash in purses if cash.currency == currency]
        expected = sum((cash.expected for cash in mine), ZERO)
        has = account.totals.get(currency, ZERO) - account.own.get(currency, ZERO)
        young = (fill.cost for fill in _young(account, bots) if _quote(fill.pair) == currency)
        capital = sum((cash.capital for cash in mine), ZERO)
        if expected - has > CASH_TOLERANCE_SHARE * capital + sum(young, ZERO):
            text = (
                f"by their capital of {plain(capital)} and their trades the bots have "
                f"{plain(expected)} in cash, the account has {plain(has)}"
            )
            yield mismatch_of_asset("money_missing", account.account, currency, text, has, expected)


def held(asset: str, bots: Iterable[BotBooks]) -> Decimal:
    """What all bots hold of a coin."""
    amounts = (each.amount for each in _spot(bots) if each.asset == asset)
    return sum(amounts, ZERO)


def plain(value: Decimal) -> str:
    """Without an exponent and without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _spot(bots: Iterable[BotBooks]) -> list[Holding]:
    return [each for books in bots for each in books.holdings if not each.is_position]


def _base(pair: str) -> str:
    return pair.partition("/")[0]


def _quote(pair: str) -> str:
    return pair.partition("/")[2].partition(":")[0]


def mismatch_of_asset(
    kind: str, account: str, what: str, text: str, has: Decimal, believed: Decimal
) -> Mismatch:
    """One of a coin, a currency or a futures pair."""
    return Mismatch(
        key="|".join((account, kind, what)),
        account=account,
        kind=kind,
        text=f"{account}, {what}: {text}",
        pair=what if "/" in what else None,
        exchange_value=float(has),
        bots_value=float(believed),
    )
