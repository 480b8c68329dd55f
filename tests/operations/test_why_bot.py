"""What a bot says of a candle, in the shape that freqtrade itself gives it."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import requests
from freqtrade.rpc.rpc import RPC

from aquatrade.signal_watch import signal_of
from operations.why_bot import MOST_CANDLES, BotError, ask_bot
from operations.why_words import candle_lines

FIRST = datetime(2026, 3, 12, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = FIRST + 5 * HOUR + timedelta(minutes=3)
PAIR = "BTC/USDT"


def frame(rows: int = 5, **columns: Any) -> pd.DataFrame:
    """Analysed candles; column values are of the last row, 0 before."""
    made = pd.DataFrame(
        {
            "date": pd.date_range(FIRST, periods=rows, freq="1h"),
            "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.5, "volume": 7.0,
            "rsi": [30.0 + row for row in range(rows)],
            "enter_long": 0, "enter_tag": None,
        }
    )  # fmt: skip
    for name, value in columns.items():
        made[name] = [0] * (rows - 1) + [value]
    return made


class Bot:
    """Answers as freqtrade does, from a frame; `broken` is raised or answered in its place."""

    def __init__(self, candles: pd.DataFrame, broken: Any = None) -> None:
        self.candles = candles
        self.broken = broken
        self.asked: list[int] = []

    def show_config(self) -> Any:
        return {"timeframe": "1h", "timeframe_ms": 3_600_000, "strategy": "BuyTheDip"}

    def pair_candles(self, pair: str, timeframe: str, limit: int) -> Any:
        self.asked.append(limit)
        if isinstance(self.broken, Exception):
            raise self.broken
        if self.broken is not None:
            return self.broken
        shown = self.candles.iloc[-limit:].copy()
        answer = RPC._convert_dataframe_to_dict(
            "BuyTheDip", pair, timeframe, shown, NOW, None, []
        )  # fmt: skip
        return json.loads(json.dumps(answer, default=str))


def test_the_last_candle_with_its_signal_and_figures() -> None:
    seen = ask_bot(Bot(frame(enter_long=1, enter_tag="crash", adx=float("nan"))), PAIR, None, NOW)
    assert seen.candle == FIRST + 4 * HOUR
    assert (seen.wants_entry, seen.signals, seen.tag) == (True, ("enter_long",), "crash")
    assert seen.indicators == {"rsi": 34.0, "adx": None}
    assert seen.prices["close"] == pytest.approx(100.5)
    assert list(candle_lines("dip", PAIR, seen)) == [
        'dip  BTC/USDT 1h, candle of 2026-03-12T04:00:00Z: BuyTheDip saw a signal "crash"',
        "    open 100, high 101, low 99, close 100.5",
        "    volume 7",
        "    rsi 34, adx not known",
    ]


def test_a_candle_of_before_is_asked_for_with_no_more_than_needed() -> None:
    bot = Bot(frame(enter_long=1))
    seen = ask_bot(bot, PAIR, FIRST + 2 * HOUR, NOW)
    assert (seen.candle, seen.wants_entry, seen.indicators["rsi"]) == (
        FIRST + 2 * HOUR, False, 32.0,
    )  # fmt: skip
    assert 3 <= bot.asked[0] <= 6
    assert "saw no signal" in next(iter(candle_lines("dip", PAIR, seen)))


def test_a_candle_that_the_bot_has_no_more_is_said() -> None:
    for candle in (FIRST - HOUR, FIRST + timedelta(minutes=30), FIRST - timedelta(days=4000)):
        bot = Bot(frame())
        with pytest.raises(BotError, match=r"its own opened from .* to 2026-03-12T04:00:00Z"):
            ask_bot(bot, PAIR, candle, NOW)
        assert bot.asked[0] <= MOST_CANDLES


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (requests.ConnectionError("no"), "cannot be asked"),
        (ValueError("no JSON"), "not JSON"),
        (None, "no analysed candles"),
        ({}, "no analysed candles"),
        ({"detail": "Unauthorized"}, "refuses: Unauthorized"),
        ({"error": "no such pair"}, "refuses: no such pair"),
        ([], "does not answer"),
        ({"columns": ["__date_ts"], "data": [[]]}, "no analysed candles"),
        ({"columns": ["__date_ts"], "data": [["x"], 3]}, "no analysed candles"),
    ],
)
def test_a_bot_that_cannot_say_is_one_line(broken: Any, said: str) -> None:
    with pytest.raises(BotError, match=said) as refused:
        ask_bot(Bot(frame().iloc[:0], broken), PAIR, None, NOW)
    assert "\n" not in str(refused.value)


def test_a_signal_is_what_freqtrade_takes_for_one() -> None:
    names = ("enter_long", "exit_long", "enter_short", "exit_short")
    for values in itertools.product((0, 1), repeat=4):
        candles = frame(2, **dict(zip(names, values, strict=True)))
        seen = ask_bot(Bot(candles), PAIR, None, NOW)
        assert seen.wants_entry == (signal_of(candles, PAIR, "1h") is not None), values
