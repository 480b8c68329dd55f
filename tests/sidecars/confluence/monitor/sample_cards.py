"""Hand-made cards for the pages: a profit, a loss, a veto, a stale price, unknown cost, nothing."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime

from sidecars.confluence.monitor.advice import HONEST_NOTE
from sidecars.confluence.monitor.model import (
    Card,
    Decision,
    History,
    Holding,
    Price,
    Rung,
    RungState,
    ScoreView,
    Signal,
    SignalState,
)

MS_PER_DAY = 86_400_000
NOW = datetime(2024, 3, 14, 6, 42, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
TODAY_MS = NOW_MS - NOW_MS % MS_PER_DAY
SIGNALS = (
    ("sma200", "Price against its 200-day mean", "technical", 7, 10, "11.9 % above its mean"),
    ("rsi", "RSI(14)", "technical", 5, 10, "RSI(14) 42.0"),
    ("bollinger", "Bollinger bands", "technical", 4, 10, "at 0.50 of the bands (0 lower, 1 upper)"),
    ("drawdown", "Drawdown from the all-time high", "technical", 2, 5, "19.0% under the high"),
    ("volume", "Volume", "momentum", 10, 10, "volume 1.80 x its 30-day mean"),
    ("macd", "MACD", "momentum", 4, 8, "below its signal, histogram rising for 3 bars"),
    ("candles", "Last five candles", "momentum", 5, 7, "2 higher lows, bullish engulfing"),
    ("btc", "Bitcoin's trend", "regime", 10, 10, "BTC 6.1 % above its 50-day mean"),
    ("market", "Whole market", "regime", 12, 12, "18.2 % above its 200-day mean, weekly RSI 58.0"),
    ("funding", "Funding", "regime", 8, 8, "funding 0.030 % per 8 h over 7 days"),
    ("fear_greed", "Fear & greed", "sentiment", 4, 5, "fear & greed 35"),
    ("social", "Social volume", "sentiment", 1, 3, "social volume 1.1 x its mean"),
    ("whales", "Whales", "sentiment", 0, 2, "whales do not accumulate"),
)  # fmt: skip


def signals_of(missing: tuple[str, ...] = ()) -> list[Signal]:
    """The worked case of the formula, some inputs of it missing."""
    made = []
    for name, label, part, points, most, reading in SIGNALS:
        if name in missing:
            state, got, said = SignalState.UNAVAILABLE, 0.0, "no source connected"
        else:
            state = SignalState.TICK if 2 * points >= most else SignalState.CROSS
            got, said = float(points), reading
        made.append(Signal(name, label, part, got, float(most), state, said))
    return made


def history_of(seed: int, last_price: float, days: int = 420, vetoed: int = 0) -> History:
    """A seeded walk of prices and scores that ends today; a stretch of vetoed days in it."""
    chance = random.Random(seed)
    prices = [last_price]
    for _ in range(days - 1):
        prices.append(prices[-1] * math.exp(chance.gauss(-0.0012, 0.028)))
    totals = []
    level = 55.0
    for _ in range(days):
        level += 0.08 * (56 - level) + chance.gauss(0, 4)
        totals.append(float(round(min(90, max(20, level)))))
    flags = [days // 2 - vetoed <= number < days // 2 for number in range(days)]
    return History(
        as_of_ms=[TODAY_MS - (days - 1 - number) * MS_PER_DAY for number in range(days)],
        total=[0.0 if flag else total for flag, total in zip(flags, totals, strict=True)],
        vetoed=flags,
        price=list(reversed(prices)),
    )


def ladder_of(cost: float, hit: int) -> list[Rung]:
    """Three rungs over the average cost, the first `hit` of them hit."""
    rungs = []
    targets = ((20.0, 38.9, 55.0), (30.0, 58.3, 45.0), (30.0, 77.8, None))
    for number, (sell_pct, gain_pct, trigger) in enumerate(targets, start=1):
        was_hit = number <= hit
        state = RungState.NEXT if number == hit + 1 else RungState.LATER
        rungs.append(
            Rung(
                number=number,
                sell_pct=sell_pct,
                gain_pct=gain_pct,
                price=cost * (1 + gain_pct / 100),
                score_trigger=trigger,
                on_bearish_regime=trigger is None,
                state=RungState.HIT if was_hit else state,
                hit_at_ms=TODAY_MS - (30 - number) * MS_PER_DAY if was_hit else None,
                hit_by=("price", "score", "regime")[number - 1] if was_hit else None,
            )
        )
    return rungs


def profit() -> Card:
    """Bitcoin, bought early, one target hit, decisions with notes that try to be markup."""
    price = Price(301_220.5, "MYR", NOW_MS - 180_000, "Luno BTC/MYR", is_stale=False)
    return Card(
        holding=Holding("BTC", 0.4213, "MYR", "BTC/USDT", 198_000.0, TODAY_MS - 250 * MS_PER_DAY),
        price=price,
        value=0.4213 * price.value,
        gain_pct=100 * (price.value / 198_000 - 1),
        score=ScoreView(
            total=72.0,
            zone="WAIT",
            vetoed=False,
            confidence=1.0,
            percentile=83.4,
            as_of_ms=TODAY_MS,
            available_at_ms=TODAY_MS + 7_000,
            is_stale=False,
            parts=(
                ("technical", 18.0, 35.0), ("momentum", 19.0, 25.0),
                ("regime", 30.0, 30.0), ("sentiment", 5.0, 10.0),
            ),
            reasons=(
                "market 18.2 % above its 200-day mean, weekly RSI 58.0 (12 of 12)",
                "volume 1.80 x its 30-day mean (10 of 10)",
                "BTC 6.1 % above its 50-day and 21.4 % above its 200-day mean (10 of 10)",
            ),
        ),
        tranche_pct=0.0,
        signals=signals_of(),
        recommendation=f"WAIT at 72: by its zone, buy nothing now. {HONEST_NOTE}",
        next_review="score reaches 75 (now 72), or price falls another 5 % (to 286,159 MYR)",
        regime="bull",
        ladder=ladder_of(198_000.0, hit=1),
        keep_pct=20.0,
        history=history_of(1, price.value, vetoed=36),
        decisions=(
            Decision(
                NOW_MS - 40 * MS_PER_DAY, True, 76.0, "MODERATE_BUY", 251_300.0,
                "First tranche <script>alert('x')</script> & \"more\" later", 12.4, None,
            ),
            Decision(NOW_MS - 120 * MS_PER_DAY, False, 64.0, "WAIT", 228_900.0, "", -3.2, 26.6),
        ),
        warnings=(),
    )  # fmt: skip


def loss() -> Card:
    """Ether under water; a buying zone."""
    made = profit()
    assert made.score is not None
    price = Price(11_204.0, "MYR", NOW_MS - 45_000, "Luno ETH/MYR", is_stale=False)
    return replace(
        made,
        holding=Holding("ETH", 3.75, "MYR", "ETH/USDT", 14_020.0, TODAY_MS - 90 * MS_PER_DAY),
        price=price,
        value=3.75 * price.value,
        gain_pct=100 * (price.value / 14_020 - 1),
        score=replace(made.score, total=78.0, zone="MODERATE_BUY", percentile=99.0, confidence=0.9),
        tranche_pct=25.0,
        signals=signals_of(missing=("whales", "funding")),
        recommendation="MODERATE BUY at 78: by its zone, buy 25 % of the next tranche. "
        + HONEST_NOTE,
        next_review="score reaches 85 (now 78)",
        regime="mixed",
        ladder=ladder_of(14_020.0, hit=0),
        history=history_of(2, price.value, days=300, vetoed=12),
        decisions=(),
    )


def vetoed() -> Card:
    """A weak regime forces the total to 0; a price of many decimals."""
    made = profit()
    assert made.score is not None
    price = Price(0.043217, "USDT", NOW_MS - 8_000, "binance HBAR/USDT", is_stale=False)
    return replace(
        made,
        holding=Holding("HBAR", 120_000.0, "USDT", "HBAR/USDT", 0.0291, TODAY_MS - 99 * MS_PER_DAY),
        price=price,
        value=120_000 * price.value,
        gain_pct=100 * (price.value / 0.0291 - 1),
        score=replace(
            made.score, total=0.0, zone="AVOID", vetoed=True, percentile=0.0,
            reasons=("veto: regime 11 of 30 is under 15, total forced to 0",),
        ),
        recommendation="AVOID: the regime vetoes buying (11 of 30 points, 15 are needed). "
        + HONEST_NOTE,
        next_review="score reaches 75 (first the regime has to reach 15 of 30)",
        regime="bear",
        ladder=ladder_of(0.0291, hit=3),
        history=history_of(3, price.value, vetoed=180),
        decisions=(),
    )  # fmt: skip


def stale_price() -> Card:
    """A price and a score that are old."""
    made = profit()
    assert made.score is not None
    price = Price(2.61, "MYR", NOW_MS - 26 * 3_600_000, "Luno XRP/MYR", is_stale=True)
    history = history_of(4, price.value)
    return replace(
        made,
        holding=Holding("XRP", 5_400.0, "MYR", "XRP/USDT", 2.58, TODAY_MS - 30 * MS_PER_DAY),
        price=price,
        value=5_400 * price.value,
        gain_pct=100 * (price.value / 2.58 - 1),
        score=replace(
            made.score, total=41.0, zone="AVOID", percentile=None, confidence=0.82,
            is_stale=True, as_of_ms=TODAY_MS - 3 * MS_PER_DAY,
        ),
        signals=signals_of(missing=("funding", "fear_greed", "social", "whales")),
        ladder=ladder_of(2.58, hit=0),
        history=replace(history, price=[None] * 40 + list(history.price[40:])),
        warnings=(
            "Luno has not answered for 26 hours: the price is stale.",
            "The score is 3 days old: no candles of XRP/USDT since.",
        ),
        decisions=(),
    )  # fmt: skip


def unknown_cost() -> Card:
    """From Luno's balances: no cost, so no gain and no ladder."""
    made = profit()
    price = Price(701.2, "MYR", NOW_MS - 70_000, "binance SOL/USDT x 4.41 MYR", is_stale=False)
    return replace(
        made,
        holding=Holding("SOL", 12.0, "MYR", "SOL/USDT", None, None),
        price=price,
        value=12 * price.value,
        gain_pct=None,
        ladder=(),
        history=history_of(5, price.value, days=60),
        warnings=("The average cost is not known: gain and sell ladder are left out.",),
        decisions=(),
    )


def nothing_known() -> Card:
    """Just after a start: neither price nor score nor history."""
    return Card(
        holding=Holding("LINK", 80.0, "MYR", "LINK/USDT", 61.0, TODAY_MS - 10 * MS_PER_DAY),
        price=None,
        value=None,
        gain_pct=None,
        score=None,
        tranche_pct=0.0,
        signals=(),
        recommendation="No score, so nothing is recommended.",
        next_review="when there is a score or a price again",
        regime="unknown",
        ladder=(),
        keep_pct=20.0,
        history=History((), (), (), ()),
        decisions=(),
        warnings=("No score yet: the service is catching up.", "No price yet."),
    )


def all_cards() -> list[Card]:
    """Every kind once."""
    return [profit(), loss(), vetoed(), stale_price(), unknown_cost(), nothing_known()]
