"""Names of tokens in transfers. Pure.

A wrapped coin counts as the coin itself: WBTC is BTC, WETH is ETH. Stablecoins keep their own
symbol, in capitals.
"""

import re
from collections.abc import Iterable

STABLECOINS = frozenset(
    {"USDT", "USDC", "DAI", "USDS", "FDUSD", "TUSD", "PYUSD", "BUSD", "USDP", "GUSD", "USDE"}
)
_COIN_OF_WRAPPED = {"WBTC": "BTC", "WETH": "ETH"}
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}")


def token_of(symbol: str) -> str | None:
    """The token's name: "weth" -> "ETH", "usdt" -> "USDT"; None for what is no symbol."""
    name = symbol.upper()
    if not symbol.isascii() or _SYMBOL.fullmatch(name) is None:
        return None
    return _COIN_OF_WRAPPED.get(name, name)


def tokens_of_interest(assets: Iterable[str]) -> frozenset[str]:
    """Tokens whose transfers say something of the assets: the assets and all stablecoins."""
    return STABLECOINS | frozenset(assets)
