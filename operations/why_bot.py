"""What a bot itself saw on a candle: signal columns and indicators, through its REST API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from requests import RequestException

from sidecars.common.moments import iso_ms, moment_at, ms_of

MOST_CANDLES = 1500  # freqtrade gives no more at once
SIGNALS = ("enter_long", "enter_short", "exit_long", "exit_short")
PRICES = ("open", "high", "low", "close", "volume")
_OTHER = frozenset({"date", "enter_tag", "exit_tag", *SIGNALS, *PRICES})


class BotError(Exception):
    """The bot cannot say; one line that says why."""


class BotApi(Protocol):
    """Of freqtrade's REST client what is used here."""

    def show_config(self) -> Any: ...

    def pair_candles(self, pair: str, timeframe: str, limit: int) -> Any: ...


@dataclass(frozen=True, slots=True)
class BotCandle:
    """One analysed candle. signals: the set ones; prices, indicators: None where not known."""

    candle: datetime  # its open
    timeframe: str
    strategy: str
    signals: tuple[str, ...]
    tag: str | None
    prices: Mapping[str, float | None]
    indicators: Mapping[str, float | None]

    @property
    def wants_entry(self) -> bool:
        """Whether freqtrade reads an entry from it: an exit at once, or both sides, is none."""
        is_set = set(self.signals)
        is_long = "enter_long" in is_set and not is_set & {"exit_long", "enter_short"}
        is_short = "enter_short" in is_set and not is_set & {"exit_short", "enter_long"}
        return is_long or is_short


def ask_bot(api: BotApi, pair: str, candle: datetime | None, now: datetime) -> BotCandle:
    """The candle with that open (None: the last one) as the bot analysed it. Raises BotError."""
    config = _asked(api.show_config)
    timeframe, length_ms = config.get("timeframe"), config.get("timeframe_ms")
    if not isinstance(timeframe, str) or not isinstance(length_ms, int) or length_ms <= 0:
        raise BotError("does not tell its timeframe")
    limit = 1
    if candle is not None:
        back = (now - candle) // timedelta(milliseconds=length_ms) + 2
        limit = min(max(back, 1), MOST_CANDLES)
    answer = _asked(lambda: api.pair_candles(pair, timeframe, limit))
    columns, rows = answer.get("columns"), answer.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise BotError(f"has no analysed candles of {pair}: is it in its whitelist?")
    return _candle(_row(pair, candle, columns, rows), timeframe, str(config.get("strategy")))


def _asked(ask: Any) -> Mapping[str, Any]:
    try:
        answer = ask()
    except RequestException as error:
        raise BotError(f"cannot be asked ({type(error).__name__})") from None
    except ValueError:
        raise BotError("answers something that is not JSON") from None
    if not isinstance(answer, dict):
        raise BotError("does not answer")
    refusal = answer.get("error") or answer.get("detail")
    if refusal:
        raise BotError(f"refuses: {str(refusal)[:200]}")
    return answer


def _row(
    pair: str, candle: datetime | None, columns: Sequence[str], rows: Sequence[Any]
) -> Mapping[str, Any]:
    found = [
        dict(zip(columns, row, strict=True))
        for row in rows
        if isinstance(row, list) and len(row) == len(columns)
    ]
    found = [row for row in found if isinstance(row.get("__date_ts"), int)]
    if not found:
        raise BotError(f"has no analysed candles of {pair}: is it in its whitelist?")
    if candle is None:
        return found[-1]
    wanted_ms = ms_of(candle)
    for row in found:
        if row["__date_ts"] == wanted_ms:
            return row
    first, last = (iso_ms(found[place]["__date_ts"]) for place in (0, -1))
    raise BotError(
        f"holds no candle of {pair} that opened at {iso_ms(wanted_ms)}, its own opened from "
        f"{first} to {last}"
    )


def _candle(row: Mapping[str, Any], timeframe: str, strategy: str) -> BotCandle:
    tag = row.get("enter_tag")
    return BotCandle(
        candle=moment_at(row["__date_ts"]),
        timeframe=timeframe,
        strategy=strategy,
        signals=tuple(name for name in SIGNALS if row.get(name) == 1),
        tag=tag if isinstance(tag, str) and tag else None,
        prices={name: _number(row.get(name)) for name in PRICES},
        indicators={
            name: _number(value)
            for name, value in row.items()
            if name not in _OTHER and not name.startswith("_") and _is_figure(value)
        },
    )


def _is_figure(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, bool | int | float) else None
