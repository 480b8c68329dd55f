"""A card as text: for a terminal of 72 columns, and short for a chat. Pure."""

import textwrap
from collections.abc import Sequence

from sidecars.confluence.monitor.advice import HONEST_NOTE
from sidecars.confluence.monitor.figures import (
    age,
    amount,
    closed_day,
    day,
    money,
    signed_pct,
    zone_words,
)
from sidecars.confluence.monitor.model import Card, Rung, RungState, SignalState

WIDTH = 72
_MARKS = {SignalState.TICK: "+", SignalState.CROSS: "-", SignalState.UNAVAILABLE: "?"}
_SHOWN_DECISIONS = 3
# What Telegram's markup would take for its own.
_MARKUP = str.maketrans({"_": " ", "*": " ", "`": "'", "[": "(", "]": ")"})


def terminal_card(card: Card, now_ms: int) -> str:
    """Everything on the card, in lines of at most 72 columns."""
    lines = [
        *_wrapped(_headline(card)),
        *_wrapped(_price_line(card, now_ms), "  "),
        *_wrapped(_score_line(card), "  "),
        "",
        *_wrapped(card.recommendation),
        *_wrapped(f"Next review: {card.next_review}."),
    ]
    if card.signals:
        lines += ["", *_signal_lines(card)]
    if card.ladder:
        lines += ["", *_ladder_lines(card)]
    if card.decisions:
        lines += ["", *_decision_lines(card)]
    if card.warnings:
        lines += ["", *(line for each in card.warnings for line in _wrapped(f"! {each}", "", "  "))]
    return "\n".join(lines)


def terminal_list(cards: Sequence[Card], now_ms: int, review: str | None = None) -> str:
    """Every holding's card, one under the other; then how the scores' thresholds did."""
    if not cards:
        return "No holdings."
    parts = [terminal_card(card, now_ms) for card in cards]
    if review is not None:
        parts.append("\n".join(_wrapped(f"Thresholds: {review}")))
    rule = "=" * WIDTH
    return f"\n{rule}\n".join(parts)


def chat_card(card: Card, now_ms: int) -> str:
    """The card in a few plain lines, without anything that a chat takes for markup."""
    lines = [
        _headline(card),
        _price_line(card, now_ms),
        _score_line(card),
        *_signals_in_short(card),
        card.recommendation,
        f"Next review: {card.next_review}.",
        *(f"Next sell target {_rung_text(rung, card.holding.currency)}" for rung in _coming(card)),
        *(f"! {each}" for each in card.warnings),
    ]
    return _plain("\n".join(lines))


def chat_list(cards: Sequence[Card], now_ms: int) -> str:
    """All holdings in one message: two or three lines each, the sum, and what a zone is worth."""
    if not cards:
        return "No holdings."
    blocks = [_chat_block(card, now_ms) for card in cards]
    return _plain("\n\n".join([*blocks, *_sums(cards), HONEST_NOTE]))


def _headline(card: Card) -> str:
    holding = card.holding
    value = "" if card.value is None else f" = {money(card.value, holding.currency)}"
    return f"{holding.asset}  {amount(holding.amount)}{value}{_gain(card)}"


def _gain(card: Card) -> str:
    if card.gain_pct is None or card.holding.average_cost is None:
        return ""
    cost = money(card.holding.average_cost, card.holding.currency)
    return f"  ({signed_pct(card.gain_pct)} on {cost})"


def _price_line(card: Card, now_ms: int) -> str:
    if card.price is None:
        return "Price: not known"
    price = card.price
    old = f", {age(now_ms - price.as_of_ms)} old" if price.is_stale else ""
    return f"Price {money(price.value, price.currency)} ({price.source}{old})"


def _score_line(card: Card) -> str:
    if card.score is None:
        return "Score: none"
    score = card.score
    details = [f"regime {card.regime}"]
    if score.percentile is not None:
        details.append(f"above {score.percentile:.0f} % of its last two years")
    if score.confidence < 1:
        details.append(f"{score.confidence * 100:.0f} of 100 points judged")
    veto = ", vetoed" if score.vetoed else ""
    return (
        f"Score {score.total:.0f} of 100, {zone_words(score.zone)}{veto}, "
        f"of {closed_day(score.as_of_ms)}; {'; '.join(details)}"
    )


def _signal_lines(card: Card) -> list[str]:
    lines = []
    for each in card.signals:
        start = f"{_MARKS[each.state]} {each.points:>2.0f}/{each.max_points:<2.0f} "
        lines += _wrapped(f"{start}{each.label}: {each.reading}", "", " " * len(start))
    return lines


def _signals_in_short(card: Card) -> list[str]:
    """'Good: MACD, Funding' and so on, a line for each state."""
    words = {
        SignalState.TICK: "Good",
        SignalState.CROSS: "Bad",
        SignalState.UNAVAILABLE: "Not known",
    }
    by_state = {
        state: [each.label for each in card.signals if each.state is state] for state in words
    }
    return [f"{words[state]}: {', '.join(labels)}" for state, labels in by_state.items() if labels]


def _ladder_lines(card: Card) -> list[str]:
    lines = [f"Sell targets (daily closes; {card.keep_pct:.0f} % is kept)"]
    for rung in card.ladder:
        mark = "> " if rung.state is RungState.NEXT else "  "
        lines += _wrapped(_rung_text(rung, card.holding.currency), mark, "     ")
    return lines


def _rung_text(rung: Rung, currency: str) -> str:
    ways = [f"{money(rung.price, currency)} ({signed_pct(rung.gain_pct)})"]
    if rung.score_trigger is not None:
        ways.append(f"score falling through {rung.score_trigger:.0f} in profit")
    if rung.on_bearish_regime:
        ways.append("regime turning bearish")
    text = f"{rung.number}: sell {rung.sell_pct:.0f} % at {' or '.join(ways)}"
    if rung.hit_at_ms is None:
        return text
    at = "" if rung.hit_price is None else f" at {money(rung.hit_price, currency)}"
    return f"{text} - REACHED {closed_day(rung.hit_at_ms)} by {rung.hit_by}{at}"


def _decision_lines(card: Card) -> list[str]:
    lines = ["Decisions"]
    for each in list(card.decisions)[-_SHOWN_DECISIONS:]:
        did = "bought" if each.bought else "not bought"
        outcomes = [
            f"{days} days {signed_pct(value)}"
            for days, value in ((30, each.return_30d_pct), (90, each.return_90d_pct))
            if value is not None
        ]
        note = f" ({each.note})" if each.note else ""
        lines += _wrapped(
            f"{day(each.decided_at_ms)} {did} at {money(each.price, card.holding.currency)}, "
            f"score {each.total:.0f}{note}: {', '.join(outcomes) or 'outcome not due yet'}",
            "  ",
            "    ",
        )
    return lines


def _chat_block(card: Card, now_ms: int) -> str:
    score = card.score
    if score is None:
        said = "no score"
    else:
        stale = f", of {closed_day(score.as_of_ms)}" if score.is_stale else ""
        said = f"{score.total:.0f} {zone_words(score.zone)}{stale}, regime {card.regime}"
    lines = [_headline(card), f"{_price_line(card, now_ms)}; score {said}"]
    reached = [rung for rung in card.ladder if rung.state is RungState.HIT]
    if reached:
        lines.append(f"Sell targets reached: {', '.join(str(rung.number) for rung in reached)}")
    lines += [
        f"Next sell target {_rung_text(rung, card.holding.currency)}" for rung in _coming(card)
    ]
    return "\n".join(lines)


def _coming(card: Card) -> list[Rung]:
    return [rung for rung in card.ladder if rung.state is RungState.NEXT]


def _sums(cards: Sequence[Card]) -> list[str]:
    by_currency: dict[str, float] = {}
    unpriced = [card.holding.asset for card in cards if card.value is None]
    for card in cards:
        if card.value is not None:
            currency = card.holding.currency
            by_currency[currency] = by_currency.get(currency, 0.0) + card.value
    if not by_currency:
        return []
    total = " and ".join(money(value, each) for each, value in sorted(by_currency.items()))
    left_out = f" (without {', '.join(unpriced)}: no price)" if unpriced else ""
    return [f"Together {total}{left_out}"]


def _plain(text: str) -> str:
    return text.translate(_MARKUP)


def _wrapped(text: str, indent: str = "", later: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if later is None else later,
        break_on_hyphens=False,
    ) or [""]
