"""What the exchange's answers mean for a start. Pure: answers and settings in, findings out."""

from collections.abc import Iterator, Mapping

from aquatrade.live_confirmations import LiveConfirmations
from aquatrade.preflight_asking import Unknown
from aquatrade.preflight_exchange import NOT_ASKED, ExchangeAnswers, KeyRefused
from aquatrade.preflight_findings import Finding, Nature, ok, refused, unknown, warning
from aquatrade.wording import did_you_mean, shown

# Binance's names -> what a key with it could do. None of it is needed to trade spot.
TOO_MUCH = {
    "enableWithdrawals": "can withdraw",
    "enableMargin": "has margin rights",
    "enableFutures": "has futures rights",
    "enableVanillaOptions": "has options rights",
    "enablePortfolioMarginTrading": "has portfolio margin rights",
}
MOVES_MONEY = {
    "enableInternalTransfer": "between the main account and its sub-accounts",
    "permitsUniversalTransfer": "between the wallets of the account",
}
ADDRESS_BOUND = "ipRestrict"
TRADING_RIGHT = {"spot": "enableSpotAndMarginTrading", "futures": "enableFutures"}
MOST_NAMED = 5


def check_reached(answers: ExchangeAnswers) -> Iterator[Finding]:
    """One line for an exchange that is down, in place of one for each thing not asked."""
    if isinstance(answers.tradable, Unknown):
        yield unknown("exchange", f"{answers.name}: {answers.tradable.why}, expected its markets")


def check_pairs(answers: ExchangeAnswers) -> Iterator[Finding]:
    """Every pair of the whitelist can be traded now."""
    if isinstance(answers.tradable, Unknown):
        return
    missing = [pair for pair in answers.wanted if pair not in answers.tradable]
    for pair in missing:
        if pair in answers.halted:
            text = f"{pair} is not traded on {answers.name} at the moment, expected one that is"
            yield refused("pairs", f"exchange.pair_whitelist: {text}")
        else:
            yield refused(
                "pairs",
                f"exchange.pair_whitelist: {shown(pair)} does not exist on {answers.name}, "
                f"expected a pair that is traded there{did_you_mean(pair, answers.tradable)}",
            )
    if not missing:
        yield ok("pairs", f"{len(answers.wanted)} of {len(answers.wanted)} on {answers.name}")


def check_min_orders(
    answers: ExchangeAnswers, stake: float | Unknown, currency: str
) -> Iterator[Finding]:
    """No pair's smallest order is above what one trade would stake.

    stake: of one trade, in stake currency, as the sizing would have it with the money there is.
    """
    if NOT_ASKED in (answers.min_stakes, stake) or isinstance(answers.tradable, Unknown):
        return
    if isinstance(answers.min_stakes, Unknown):
        yield unknown("minimum order", f"prices of {answers.name}: {answers.min_stakes.why}")
        return
    if isinstance(stake, Unknown):
        yield unknown("minimum order", f"stake: {stake.why}")
        return
    too_large = {p: least for p, least in answers.min_stakes.items() if least > stake}
    for pair, least in too_large.items():
        yield refused(
            "minimum order",
            f"{pair}: the smallest order, with freqtrade's reserve for stop and fees, is "
            f"{least:.2f} {currency}, a trade stakes {stake:.2f}: expected a larger "
            "aquatrade.sizing.stake_usd, more capital, or another pair",
        )
    unpriced = [
        pair
        for pair in answers.wanted
        if pair in answers.tradable and pair not in answers.min_stakes
    ]
    if unpriced:
        yield unknown("minimum order", f"no price for {_named(unpriced)} on {answers.name}")
    elif not too_large and answers.min_stakes:
        pair, least = max(answers.min_stakes.items(), key=lambda item: item[1])
        yield ok(
            "minimum order", f"at most {least:.2f} {currency} ({pair}), a trade stakes {stake:.2f}"
        )


def check_clock(answers: ExchangeAnswers, limit_seconds: float | None) -> Iterator[Finding]:
    """This machine's clock is as the exchange's; None: the profile has the rule off."""
    if answers.clock is NOT_ASKED or isinstance(answers.tradable, Unknown):
        return
    if isinstance(answers.clock, Unknown):
        yield unknown("clock", f"time of {answers.name}: {answers.clock.why}")
        return
    skew, doubt = answers.clock.skew_seconds, answers.clock.uncertain_by_seconds
    told = (
        f"this machine is {abs(skew):.2f} s {'behind' if skew > 0 else 'ahead of'} {answers.name}"
    )
    if limit_seconds is None:
        yield warning("clock", f"{told}; aquatrade.risk.max_clock_skew_seconds is off")
    elif abs(skew) - doubt > limit_seconds:
        yield refused(
            "clock",
            f"{told}, expected at most {limit_seconds:g} s: set the clock (NTP)",
            Nature.PASSING,
        )
    elif abs(skew) + doubt > limit_seconds:
        yield unknown(
            "clock",
            f"{told}, or {doubt:.2f} s more or less as the answer took so long; expected at most "
            f"{limit_seconds:g} s",
        )
    else:
        yield ok("clock", f"{told}, limit {limit_seconds:g} s")


def check_key(
    answers: ExchangeAnswers, trading_mode: str, confirmed: LiveConfirmations
) -> Iterator[Finding]:
    """The key may trade, and nothing beyond that."""
    rights = answers.rights
    if rights is NOT_ASKED or isinstance(answers.tradable, Unknown):
        return
    if isinstance(rights, KeyRefused):
        yield refused("key", f"exchange.key: {answers.name} refuses it ({rights.why})")
    elif isinstance(rights, Unknown):
        yield unknown("key", f"rights of exchange.key at {answers.name}: {rights.why}")
    elif rights is None:
        yield _not_told(answers.name, confirmed)
    else:
        yield from _judge(rights, trading_mode)


def check_capital(
    answers: ExchangeAnswers,
    currency: str,
    *,
    needed: float | Unknown,
    available_capital: float | None,
    reserve_pct: float,
) -> Iterator[Finding]:
    """The money is there: the bot's allotment with the reserve beside it, or one stake.

    needed: the stake of one trade. Not to be asked of a bot that holds trades: its money is in
    them.
    """
    if answers.totals is NOT_ASKED or isinstance(answers.tradable, Unknown):
        return
    if isinstance(answers.totals, Unknown):
        yield unknown("capital", f"balances at {answers.name}: {answers.totals.why}")
        return
    held = answers.totals.get(currency, 0.0)
    if available_capital is not None:
        allotted = available_capital / (1.0 - reserve_pct / 100.0)
        what = f"available_capital {available_capital:.2f} with a reserve of {reserve_pct:g} %"
    elif isinstance(needed, Unknown):
        yield unknown("capital", f"stake of one trade: {needed.why}")
        return
    else:
        allotted, what = needed, "the stake of one trade"
    if held < allotted:
        yield refused(
            "capital",
            f"{held:.2f} {currency} at {answers.name}, expected {allotted:.2f} or more: {what}",
        )
        return
    yield ok("capital", f"{held:.2f} {currency} at {answers.name}, {allotted:.2f} needed: {what}")
    if available_capital is None and reserve_pct > 0.0:
        yield warning(
            "capital",
            f"available_capital is not set: this bot counts on all that the account holds, and "
            f"only the guard holds the reserve of {reserve_pct:g} % back",
        )


def check_fees(answers: ExchangeAnswers, cost_pct_per_side: float) -> Iterator[Finding]:
    """What the sizing takes for fee and slippage covers the exchange's fee."""
    if answers.taker_rate is None:
        return
    fee_pct = answers.taker_rate * 100.0
    if fee_pct > cost_pct_per_side:
        yield warning(
            "fees",
            f"aquatrade.sizing.cost_pct_per_side is {cost_pct_per_side:g} %, the taker's fee alone "
            f"is {fee_pct:g} % on {answers.name}: stakes are sized for too small a loss",
        )


def _not_told(name: str, confirmed: LiveConfirmations) -> Finding:
    if confirmed.key_rights_checked:
        return ok("key", f"{name} does not tell what a key may do; checked by a person")
    return unknown(
        "key",
        f"{name} does not tell what a key may do, expected "
        "aquatrade.live_confirmations.key_rights_checked true once you saw there that it cannot "
        "withdraw, has no margin or futures rights and is bound to your address",
        Nature.LASTING,
    )


def _judge(rights: Mapping[str, object], trading_mode: str) -> Iterator[Finding]:
    needed = TRADING_RIGHT.get(trading_mode, TRADING_RIGHT["spot"])
    asked = [needed, ADDRESS_BOUND, *TOO_MUCH, *MOVES_MONEY]
    untold = [name for name in asked if not isinstance(rights.get(name), bool)]
    if untold:
        yield unknown("key", f"the exchange does not say {_named(untold)} of exchange.key")
    wrong = list(_wrong(rights, needed, trading_mode))
    yield from wrong
    for name, where in MOVES_MONEY.items():
        if rights.get(name) is True:
            yield warning("key", f"exchange.key can move money {where} ({name})")
    if not wrong and not untold:
        yield ok("key", f"trades {trading_mode}, cannot withdraw, bound to its address")


def _wrong(rights: Mapping[str, object], needed: str, trading_mode: str) -> Iterator[Finding]:
    if rights.get(needed) is False:
        yield refused("key", f"exchange.key may not trade {trading_mode}, expected {needed}")
    for name, what in TOO_MUCH.items():
        if rights.get(name) is True and name != needed:
            yield refused(
                "key",
                f"exchange.key {what} ({name}), expected a key for {trading_mode} trading alone",
            )
    if rights.get(ADDRESS_BOUND) is False:
        yield refused(
            "key",
            f"exchange.key is open to every address ({ADDRESS_BOUND} is false), expected one that "
            "is bound to this machine's address",
        )


def _named(names: list[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
