"""The parameters of one request, read the way Binance reads them: every fault has its own code.

https://developers.binance.com/docs/binance-spot-api-docs/errors
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from urllib.parse import unquote_plus

import orjson

from sidecars.replay.model import ExchangeError

SYMBOL_PATTERN = "^[A-Z0-9-_.]{1,20}$"
LARGEST_INTEGER = 2**63 - 1  # Binance's LONG, and SQLite's
INTEGER_PATTERN = "^[0-9]{1,20}$"
DECIMAL_PATTERN = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ORDER_ID_PATTERN = "^[a-zA-Z0-9-_]{1,36}$"
# Read by the signature check of every signed endpoint, not by the endpoint itself.
SECURITY_NAMES = frozenset({"signature", "timestamp", "recvWindow"})
MOST_DECIMALS = 8

Choice = TypeVar("Choice", bound=StrEnum)


def split_pairs(text: str) -> list[tuple[str, str]]:
    """Name and value of each `name=value` in a query string or form body, decoded."""
    pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def mandatory(name: str) -> ExchangeError:
    """-1102: the parameter must be sent."""
    return ExchangeError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def illegal(name: str, legal_range: str) -> ExchangeError:
    """-1100: the value does not look like one of this parameter's."""
    return ExchangeError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal_range}'."
    )


def not_required(name: str) -> ExchangeError:
    """-1106: the parameter has no meaning here."""
    return ExchangeError(-1106, f"Parameter '{name}' sent when not required.")


def not_valid(name: str) -> ExchangeError:
    """-1130: the value means nothing."""
    return ExchangeError(-1130, f"Data sent for parameter '{name}' is not valid.")


class Parameters:
    """Typed reading; what was read is remembered, so that `finish` finds what nobody asked for.

    query, body: as received, undecoded. A name sent in both counts from the query.
    Every getter raises ExchangeError when the value is empty (-1105) or malformed (-1100).
    """

    def __init__(self, query: str = "", body: str = "") -> None:
        self._values: dict[str, str] = {}
        for source in (query, body):
            pairs = split_pairs(source)
            names = [name for name, _ in pairs]
            if len(set(names)) != len(names):
                raise ExchangeError(-1101, "Duplicate values for a parameter detected.")
            for name, value in pairs:
                self._values.setdefault(name, value)
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether it was sent; does not count as reading it."""
        return name in self._values

    def finish(self) -> None:
        """Call before anything is done. Raises -1104 when a parameter was sent that nobody read."""
        sent = self._values.keys()
        read = sent & (self._read | SECURITY_NAMES)
        if len(read) < len(sent):
            raise ExchangeError(
                -1104,
                "Not all sent parameters were read; "
                f"read '{len(read)}' parameter(s) but was sent '{len(sent)}'.",
            )

    def refuse(self, *names: str) -> None:
        """Raise -1106 when one of these was sent."""
        for name in names:
            if self.has(name):
                raise not_required(name)

    def ignore(self, *names: str) -> None:
        """Read parameters that change nothing here."""
        self._read.update(names)

    def text(self, name: str) -> str | None:
        self._read.add(name)
        value = self._values.get(name)
        if value == "":
            raise ExchangeError(-1105, f"Parameter '{name}' was empty.")
        return value

    def required_text(self, name: str) -> str:
        value = self._values.get(name)
        self._read.add(name)
        if not value:
            raise mandatory(name)
        return value

    def optional_symbol(self) -> str | None:
        value = self.text("symbol")
        return None if value is None else _matching("symbol", value, SYMBOL_PATTERN)

    def symbol(self) -> str:
        return _matching("symbol", self.required_text("symbol"), SYMBOL_PATTERN)

    def symbols(self) -> list[str] | None:
        """The JSON list `symbols=["BTCUSDT","BNBUSDT"]`; with `symbol` as well: -1128."""
        value = self.text("symbols")
        if value is None:
            return None
        if self.has("symbol"):
            raise ExchangeError(-1128, "Combination of optional parameters invalid.")
        pattern = r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'
        symbols: list[str] = orjson.loads(_matching("symbols", value, pattern))
        if len(set(symbols)) != len(symbols):
            raise ExchangeError(-1151, "Symbol is present multiple times in the list.")
        return symbols

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        return None if value is None else _integer(name, value)

    def required_integer(self, name: str) -> int:
        return _integer(name, self.required_text(name))

    def limit(self, default: int, maximum: int) -> int:
        """How many rows; more than the maximum counts as the maximum, as on Binance."""
        value = self.integer("limit")
        if value is None:
            return default
        if value == 0:
            raise not_valid("limit")
        return min(value, maximum)

    def decimal(self, name: str) -> Decimal | None:
        value = self.text(name)
        return None if value is None else _decimal(name, value)

    def required_decimal(self, name: str) -> Decimal:
        return _decimal(name, self.required_text(name))

    def client_order_id(self, name: str) -> str | None:
        value = self.text(name)
        return None if value is None else _matching(name, value, CLIENT_ORDER_ID_PATTERN)

    def choice(self, name: str, kind: type[Choice], error: ExchangeError) -> Choice | None:
        """A word of an enumeration; `error` is raised for any other word."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            raise error from None

    def word(self, name: str, words: Sequence[str], default: str) -> str:
        """One of a few words; any other raises -1130."""
        value = self.text(name)
        if value is None:
            return default
        if value not in words:
            raise not_valid(name)
        return value


def _integer(name: str, value: str) -> int:
    number = int(_matching(name, value, INTEGER_PATTERN))
    if number > LARGEST_INTEGER:
        raise illegal(name, INTEGER_PATTERN)
    return number


def _matching(name: str, value: str, pattern: str) -> str:
    # \Z: a line break at the end is not part of the legal range, whatever `$` says of it.
    if re.match(pattern.removesuffix("$") + r"\Z", value) is None:
        raise illegal(name, pattern)
    return value


def _decimal(name: str, value: str) -> Decimal:
    number = Decimal(_matching(name, value, DECIMAL_PATTERN))
    _, digits, exponent = number.normalize().as_tuple()
    if isinstance(exponent, int) and -exponent > MOST_DECIMALS and any(digits):
        raise ExchangeError(-1111, f"Parameter '{name}' has too much precision.")
    return number
