"""The slow, obvious twin of the comparison: every rule read out anew, over plain lists."""

from collections.abc import Sequence
from decimal import Decimal

from sidecars.guard.books import SETTLE, AccountBooks, BotBooks


def naive_orders(account: AccountBooks, bots: Sequence[BotBooks]) -> set[str]:
    """Keys of all differences of orders; every bot was read and has a prefix of its own."""
    old = account.at - SETTLE
    keys = set()
    for pair, number in _all_orders(account, bots):
        on_exchange = account.orders.get((pair, number))
        in_bots = [books.orders[pair, number] for books in bots if (pair, number) in books.orders]
        all_fills = [fill for fill in account.fills if (fill.pair, fill.order_id) == (pair, number)]
        old_sum = sum((fill.amount for fill in all_fills if fill.at <= old), Decimal(0))
        whole_sum = sum((fill.amount for fill in all_fills), Decimal(0))
        if not in_bots:
            if on_exchange is None or on_exchange.changed_at > old:
                continue
            is_something = on_exchange.status == "open" or on_exchange.filled > 0
            prefixes = [books.bot.client_id_prefix or "?" for books in bots]
            if is_something and any(
                on_exchange.client_order_id.startswith(prefix) for prefix in prefixes
            ):
                keys.add(f"{account.account}|unknown_order|{pair}|{number}")
            continue
        (in_bot,) = in_bots
        if on_exchange is None:
            if in_bot.is_open and (pair, number) in account.missing and in_bot.created_at <= old:
                keys.add(f"{account.account}|order_state|{pair}|{number}")
                continue
            at_least, at_most = old_sum, whole_sum
            if in_bot.created_at < account.fills_since[pair]:
                at_most = max(whole_sum, in_bot.filled)
        else:
            is_open = on_exchange.status == "open"
            if is_open != in_bot.is_open and on_exchange.changed_at <= old:
                keys.add(f"{account.account}|order_state|{pair}|{number}")
                continue
            at_least = on_exchange.filled if on_exchange.changed_at <= old else old_sum
            at_most = max(on_exchange.filled, whole_sum)
        step = account.steps[pair]
        if at_least - in_bot.filled >= step or in_bot.filled - at_most >= step:
            keys.add(f"{account.account}|fills|{pair}|{number}")
    return keys


def naive_coins(account: AccountBooks, bots: Sequence[BotBooks]) -> set[str]:
    """Keys of all coins that are missing."""
    keys = set()
    for asset in {holding.pair.split("/")[0] for books in bots for holding in books.holdings}:
        held = allowed = Decimal(0)
        for books in bots:
            for holding in books.holdings:
                if holding.pair.split("/")[0] == asset:
                    held += holding.amount
                    allowed += account.steps[holding.pair] + holding.unbooked_fee
        for fill in account.fills:
            if fill.pair.split("/")[0] != asset or fill.at <= account.at - SETTLE:
                continue
            key = (fill.pair, fill.order_id)
            of_order = [each.amount for each in account.fills if (each.pair, each.order_id) == key]
            if [sum(of_order)] != [
                books.orders[key].filled for books in bots if key in books.orders
            ]:
                allowed += fill.amount
        if held - allowed > account.totals.get(asset, Decimal(0)) - account.own.get(
            asset, Decimal(0)
        ):
            keys.add(f"{account.account}|coins_missing|{asset}")
    return keys


def _all_orders(account: AccountBooks, bots: Sequence[BotBooks]) -> set[tuple[str, str]]:
    found = set(account.orders) | {(fill.pair, fill.order_id) for fill in account.fills}
    for books in bots:
        found |= set(books.orders)
    return found
