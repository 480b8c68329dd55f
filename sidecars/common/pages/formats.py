"""Numbers and times as pages write them. Pure."""

import math
import re
from datetime import UTC, datetime

MS_PER_SECOND = 1000
# A number and its unit stay on one line.
NO_BREAK_SPACE = "\u00a0"
NO_BREAK_HYPHEN = "\u2011"
MINUS = "\u2212"
_IN_A_DATE = re.compile(r"(?<=\d)-(?=\d\d)")
_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (30.44, "day"), (12, "month"))


def money(value: float, currency: str) -> str:
    """'MYR 12,345.67'; below 1 four significant digits: 'USDT 0.04321'."""
    return f"{currency}{NO_BREAK_SPACE}{number(value)}"


def price(value: float, currency: str) -> str:
    """'MYR 318,450.50', 'MYR 2.8512', 'USDT 0.04321': as many digits as a price needs."""
    return f"{currency}{NO_BREAK_SPACE}{price_number(value)}"


def number(value: float) -> str:
    """'12,345.67', '0.04321', with a true minus sign."""
    return _number(value, over_one=2)


def price_number(value: float) -> str:
    """'318,450.50', '2.8512', '0.04321'."""
    return _number(value, over_one=2 if abs(value) >= 10 else 4)


def _number(value: float, over_one: int) -> str:
    size = abs(value)
    decimals = over_one
    if 0 < size < 1:
        decimals = min(12, 3 - math.floor(math.log10(size)))
    elif size < 1:
        decimals = 2
    return _signless(f"{size:,.{decimals}f}", value < 0)


def cash(value: float, currency: str) -> str:
    """'12,345.67 USDT': the money of a bot."""
    return f"{number(value)}{NO_BREAK_SPACE}{currency}"


def signed_number(value: float) -> str:
    """'+12.30'; what rounds to nothing has no sign."""
    text = f"{abs(value):,.2f}"
    if not text.strip("0.,"):
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def signed_cash(value: float, currency: str) -> str:
    """'+12.30 USDT'; what rounds to nothing has no sign."""
    return f"{signed_number(value)}{NO_BREAK_SPACE}{currency}"


def coins(amount: float, asset: str) -> str:
    """'0.4213 BTC', '12,000 ADA': up to eight decimals, no trailing zeros."""
    text = f"{abs(amount):,.8f}".rstrip("0").rstrip(".")
    return f"{_signless(text, amount < 0)}{NO_BREAK_SPACE}{asset}"


def signed_percent(value: float) -> str:
    """'+38.9 %'; what rounds to nothing has no sign."""
    text = f"{abs(value):,.1f}"
    if text == "0.0":
        return f"0.0{NO_BREAK_SPACE}%"
    return f"{MINUS if value < 0 else '+'}{text}{NO_BREAK_SPACE}%"


def percent(value: float) -> str:
    """'20 %', '12.5 %': a decimal only where there is one."""
    text = f"{abs(value):,.1f}".removesuffix(".0")
    return f"{_signless(text, value < 0)}{NO_BREAK_SPACE}%"


def points(value: float) -> str:
    """'18', '7.5'."""
    text = f"{abs(value):.1f}".removesuffix(".0")
    return _signless(text, value < 0)


def moment(moment_ms: int) -> str:
    """'14 Mar 2024 00:00 UTC'."""
    at = datetime.fromtimestamp(moment_ms / MS_PER_SECOND, UTC)
    return f"{at.day} {at:%b %Y %H:%M} UTC".replace(" ", NO_BREAK_SPACE)


def day(moment_ms: int) -> str:
    """'14 Mar 2024'."""
    at = datetime.fromtimestamp(moment_ms / MS_PER_SECOND, UTC)
    return f"{at.day} {at:%b %Y}".replace(" ", NO_BREAK_SPACE)


def closed_day(as_of_ms: int) -> str:
    """The day that ended at the moment: '13 Mar 2024' for 14 Mar 2024 00:00 UTC."""
    return day(as_of_ms - 1)


def sentence(text: str) -> str:
    """With a capital letter at its start and a mark at its end; no date breaks over lines."""
    ending = "" if text.endswith((".", "!", "?")) else "."
    return _IN_A_DATE.sub(NO_BREAK_HYPHEN, f"{text[:1].upper()}{text[1:]}{ending}")


def machine_time(moment_ms: int) -> str:
    """'2024-03-14T00:00:00Z', for the datetime attribute."""
    at = datetime.fromtimestamp(moment_ms // MS_PER_SECOND, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def age(moment_ms: int, now_ms: int) -> str:
    """'3 hours ago', 'just now', 'in 2 days'."""
    seconds = (now_ms - moment_ms) / MS_PER_SECOND
    if abs(seconds) < 10:
        return "just now"
    words = _duration(abs(seconds))
    return f"in {words}" if seconds < 0 else f"{words} ago"


def _duration(seconds: float) -> str:
    amount = seconds
    name = "year"
    for size, step in _STEPS:
        # Rounded here, so that 59.7 minutes are an hour and never "60 minutes".
        if round(amount) < size:
            name = step
            break
        amount /= size
    count = max(1, round(amount))
    return f"{count} {name}{'' if count == 1 else 's'}"


def tone(value: float | None) -> str:
    """'up', 'down' or 'flat' as the percentage is shown: the part of a CSS class."""
    if value is None or f"{abs(value):.1f}" == "0.0":
        return "flat"
    return "down" if value < 0 else "up"


def _signless(text: str, negative: bool) -> str:
    is_zero = not text.strip("0.,")
    return f"{MINUS}{text}" if negative and not is_zero else text
