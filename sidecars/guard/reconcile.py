"""What an exchange has against what the bots on one account believe. Pure; the exchange is right.

What is looked for, each with a kind of its own:
- unknown_order: an order of a bot, open or with something filled, that the bot does not know;
- order_state: one that a bot has open and the exchange has not, or the other way round;
- fills: the exchange filled more or less of an order than the bot has booked;
- coins_missing: bots hold more of a coin in sum than the account has;
- position: the same for futures, in both directions;
- money_missing: the cash that the bots' capital and trades leave them is not there.

Whatever is younger than SETTLE is left for the next look. What a tolerance allows, and why, stands
beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from sidecars.guard.books import (
    ZERO,
    AccountBooks,
    BotBooks,
    BotIdentity,
    BotOrder,
    ExchangeOrder,
    OrderKey,
    filled_of,
)
from sidecars.guard.model import Mismatch
from sidecars.guard.reconcile_amounts import missing_coins, missing_money, plain, wrong_positions


def compare(
    account: AccountBooks, bots: Sequence[BotBooks], unread: Sequence[BotIdentity] = ()
) -> tuple[Mismatch, ...]:
    """All differences, ordered by key. unread: bots of the account that did not answer; what only
    they could explain is no difference."""
    found = [
        *_orders(account, bots, unread),
        *missing_coins(account, bots),
        *wrong_positions(account, bots, unread),
        *missing_money(account, bots),
    ]
    return tuple(sorted(found, key=lambda mismatch: mismatch.key))


def owner_of(
    order: ExchangeOrder, bots: Sequence[BotBooks], unread: Sequence[BotIdentity] = ()
) -> str | None:
    """The bot that an order belongs to; None: to nobody here, or to a bot that was not read."""
    readable = {books.bot.name for books in bots}
    identities = [*(books.bot for books in bots), *unread]
    named = [
        bot
        for bot in identities
        if bot.client_id_prefix and order.client_order_id.startswith(bot.client_id_prefix)
    ]
    if named:
        bot = max(named, key=lambda each: len(each.client_id_prefix or ""))
        return bot.name if bot.name in readable else None
    if any(not bot.client_id_prefix for bot in unread):
        return None
    nameless = [
        books.bot.name
        for books in bots
        if not books.bot.client_id_prefix and order.pair in books.pairs
    ]
    return min(nameless, default=None)


def _orders(
    account: AccountBooks, bots: Sequence[BotBooks], unread: Sequence[BotIdentity]
) -> Iterator[Mismatch]:
    known = {key: (books.bot.name, order) for books in bots for key, order in books.orders.items()}
    filled = filled_of(account.fills)
    settled = filled_of(each for each in account.fills if each.at <= account.settled_at)
    for key, (bot, order) in known.items():
        told = account.orders.get(key)
        text = _state_text(account, order, told)
        if text is not None:
            has = None if told is None else told.filled
            yield _of_order("order_state", account, key, bot, text, has, order.filled)
            continue
        least, most = _bounds(account, order, told, settled.get(key, ZERO), filled.get(key, ZERO))
        step = account.steps.get(order.pair, ZERO)
        wrong = _beyond(least, order.filled, step) or _beyond(order.filled, most, step)
        if wrong and most is not None:
            has = least if order.filled < least else most
            text = f"the exchange has {plain(has)} of it filled, the bot {plain(order.filled)}"
            yield _of_order("fills", account, key, bot, text, has, order.filled)
    for key, told in _of_nobody(account, known, filled, settled).items():
        owner = owner_of(told, bots, unread)
        if owner is not None:
            text = (
                f"{told.side} order, {told.status}, {plain(told.filled)} of {plain(told.amount)} "
                "filled on the exchange: the bot does not know it"
            )
            yield _of_order("unknown_order", account, key, owner, text, told.filled, ZERO)


def _state_text(account: AccountBooks, order: BotOrder, told: ExchangeOrder | None) -> str | None:
    """What is wrong about an order being open; None: nothing, or too young to say."""
    if told is None:
        is_due = order.key in account.missing and order.created_at <= account.settled_at
        return "the bot has it open, the exchange has not" if order.is_open and is_due else None
    if order.is_open == told.is_open or told.changed_at > account.settled_at:
        return None
    has = "open" if order.is_open else "closed"
    return f"the bot has it {has}, on the exchange it is {told.status}"


def _bounds(
    account: AccountBooks,
    order: BotOrder,
    told: ExchangeOrder | None,
    settled: Decimal,
    filled: Decimal,
) -> tuple[Decimal, Decimal | None]:
    """The least that a bot must have booked of an order, and the most that there is to book; None:
    that is not known, as the order is older than the fills that were read."""
    if told is not None:
        is_settled = told.changed_at <= account.settled_at
        return (told.filled if is_settled else settled), max(told.filled, filled)
    since = account.fills_since.get(order.pair)
    is_whole = since is not None and order.created_at >= since
    return settled, (filled if is_whole or order.key in account.missing else None)


def _beyond(value: Decimal, limit: Decimal | None, step: Decimal) -> bool:
    """Whether it is more by at least a step, the smallest that an exchange can fill."""
    return limit is not None and value > limit and value - limit >= step


def _of_nobody(
    account: AccountBooks,
    known: Mapping[OrderKey, object],
    filled: Mapping[OrderKey, Decimal],
    settled: Mapping[OrderKey, Decimal],
) -> dict[OrderKey, ExchangeOrder]:
    """Orders that no bot knows and that matter: open, or with something filled."""
    found = {
        key: order
        for key, order in account.orders.items()
        if key not in known
        and (order.is_open or order.filled > 0)
        and order.changed_at <= account.settled_at
    }
    for key in settled.keys() - known.keys() - account.orders.keys():
        # The exchange has forgotten the order but not its fills: nobody's name stands on it.
        pair, order_id = key
        amount = filled[key]
        found[key] = ExchangeOrder(pair, order_id, "", "", "closed", amount, amount, account.at)
    return found


def _of_order(
    kind: str,
    account: AccountBooks,
    key: OrderKey,
    bot: str,
    text: str,
    has: Decimal | None,
    believed: Decimal,
) -> Mismatch:
    pair, order_id = key
    return Mismatch(
        key="|".join((account.account, kind, pair, order_id)),
        account=account.account,
        kind=kind,
        text=f"{account.account}, bot {bot}, order {order_id} of {pair}: {text}",
        bot=bot,
        pair=pair,
        exchange_value=None if has is None else float(has),
        bots_value=float(believed),
    )
