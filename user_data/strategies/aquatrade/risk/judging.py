"""The one question of the rules: may this entry be made, and with how much of its stake.

The rules are asked in a fixed order, each about what the ones before it have left of the stake:
what a trade risks, exposure, one asset, correlation, breakers; recovery and streaks make it
smaller; then the reserve, and last the exchange's minimum. All reasons are collected.

What has to be known, or an entry is refused:
- always: the numbers of the entry, of the book and of each open position;
- where the rules on correlation or groups are on: that with the pair of each open position;
- for a bot, where their limits are on: the ratio of the ATR, the age of the newest candle, how far
  the clock is off, how long the exchange was silent. The one that asks says 0 where a thing cannot
  be otherwise, as the age of a candle in a backtest. The guard has no candles: it is not asked.
"""

import math
from enum import StrEnum

from aquatrade.risk.breakers import stake_factor
from aquatrade.risk.correlation import judge_correlation
from aquatrade.risk.heat import judge_costs, judge_heat, judge_risk
from aquatrade.risk.limits import (
    judge_exchange,
    judge_exposure,
    judge_notional,
    judge_order_size,
    judge_pair,
    judge_positions,
    judge_reserve,
)
from aquatrade.risk.model import Book, Decision, Entry, Market, Reason, RiskState, Verdict
from aquatrade.risk.profile import RiskProfile
from aquatrade.risk.question import (
    Question,
    Rule,
    added_to,
    exceeds,
    reduction,
    refusal,
    rounded_down,
)
from aquatrade.risk.rhythm import (
    judge_frequency,
    judge_holder,
    judge_hours,
    judge_rest,
    judge_streak,
    judge_valve,
)
from aquatrade.risk.sanity import book_faults, entry_faults


class Scope(StrEnum):
    """Who asks: a bot about its own book, or the guard about the book of all bots."""

    BOT = "bot"
    FLEET = "fleet"


def judge_entry(
    profile: RiskProfile,
    state: RiskState,
    book: Book,
    entry: Entry,
    market: Market,
    scope: Scope,
) -> Verdict:
    """What may be staked on the entry, with every reason. Never raises: what it cannot tell, and
    what is no number where one belongs, it refuses.
    """
    try:
        faults = [*entry_faults(entry), *book_faults(book)]
        if faults:
            return _verdict(0.0, 0.0, [refusal("numbers", fault) for fault in faults])
        question = Question(profile, state, book, entry, market, added_to(book, entry))
        stake, reasons = entry.stake, list[Reason]()
        for rule in RULES[scope]:
            stake = rule(question, stake, reasons)
        return _verdict(entry.stake, stake, reasons)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        text = f"cannot be judged: {type(error).__name__}: {error}"
        return _verdict(0.0, 0.0, [refusal("numbers", text)])


def _verdict(asked: float, stake: float, reasons: list[Reason]) -> Verdict:
    if any(reason.decision == Decision.REJECT for reason in reasons):
        return Verdict(Decision.REJECT, 0.0, tuple(reasons))
    if not 0.0 < stake <= asked:
        reasons.append(refusal("minimum", f"nothing is left of the stake of {asked:.8g}"))
        return Verdict(Decision.REJECT, 0.0, tuple(reasons))
    decision = Decision.REDUCE if reasons else Decision.APPROVE
    return Verdict(decision, stake, tuple(reasons))


def _judge_breakers(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Trips that have not been resumed, a state that is in doubt, the kill switch, danger."""
    reasons += [
        refusal("breaker", trip.text, trip.value, trip.limit) for trip in question.state.trips
    ]
    if question.state.error is not None:
        reasons.append(refusal("state", question.state.error))
    if question.market.kill_switch:
        reasons.append(refusal("kill", "the kill switch is on"))
    if question.market.danger is not None:
        reasons.append(refusal("danger", question.market.danger or "macro danger"))
    return stake


def _judge_surroundings(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Extreme volatility, stale candles, a clock that is off, an exchange that is silent."""
    profile, market = question.profile, question.market
    skew, silence = market.clock_skew_seconds, market.exchange_silence_seconds
    off_by = None if skew is None else abs(skew)
    silent = None if silence is None else silence / 60.0
    for rule, limit, value, words in (
        ("volatility", profile.max_atr_ratio, market.atr_ratio, "ATR over its mean"),
        ("data", profile.max_candle_age, market.candle_age, "candles since the newest one closed"),
        ("clock", profile.max_clock_skew_seconds, off_by, "seconds that the clock is off"),
        (
            "exchange_silence",
            profile.max_exchange_silence_minutes,
            silent,
            "minutes without a good answer of the exchange",
        ),
    ):
        if limit is None:
            continue
        if value is None or not 0.0 <= value < math.inf:
            reasons.append(refusal(rule, f"{words}: not known", None, limit))
        elif exceeds(value, limit):
            text = f"{words}: {value:.4g}, limit {limit:g}"
            reasons.append(refusal(rule, text, value, limit))
    return stake


def _judge_recovery(question: Question, stake: float, reasons: list[Reason]) -> float:
    """Smaller stakes for a while after a breaker was resumed."""
    factor = stake_factor(question.state, question.book.at)
    if not 0.0 < factor <= 1.0:
        reasons.append(refusal("recovery", f"stakes x {factor} make no sense"))
        return stake
    if factor >= 1.0:
        return stake
    text = f"recovery after a breaker: stake x {factor:g}"
    reasons.append(reduction("recovery", text, factor, 1.0))
    return rounded_down(stake * factor)


def _judge_minimum(question: Question, stake: float, reasons: list[Reason]) -> float:
    """A stake is never rounded up: under the exchange's minimum there is no entry."""
    least = question.entry.min_stake
    if stake < least:
        text = f"stake {stake:.8g} is under the exchange's minimum of {least:.8g}"
        reasons.append(refusal("minimum", text, stake, least))
    return stake


RULES: dict[Scope, tuple[Rule, ...]] = {
    Scope.BOT: (
        judge_risk,
        judge_costs,
        judge_order_size,
        judge_notional,
        judge_heat,
        judge_exposure,
        judge_pair,
        judge_correlation,
        _judge_breakers,
        judge_positions,
        judge_frequency,
        judge_rest,
        judge_hours,
        _judge_surroundings,
        _judge_recovery,
        judge_streak,
        _judge_minimum,
    ),
    Scope.FLEET: (
        judge_heat,
        judge_exposure,
        judge_exchange,
        judge_pair,
        judge_correlation,
        judge_valve,
        judge_holder,
        _judge_breakers,
        judge_positions,
        _judge_recovery,
        judge_reserve,
        _judge_minimum,
    ),
}
