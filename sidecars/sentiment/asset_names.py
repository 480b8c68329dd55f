"""Which assets a title speaks of. Pure.

Three kinds of evidence, all at word borders:
- names ("solana", "bitcoin cash") in any case; the longest name wins, so that "Bitcoin Cash" is
  BCH and not BTC; names that are words of English ("Avalanche") only with a capital letter, and
  not in a title that is in capitals throughout;
- tickers in capitals ("SOL"); those that are words or other abbreviations ("ONE", "LINK", "DOT")
  only where a neighbour shows that a coin is meant: "(LINK)", "LINK/USDT", "LINK price", or in a
  list with another ticker ("BTC, LINK");
- cashtags ("$link") in any case.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

# symbol: (names in any case, names only with these capitals, whether the bare ticker is safe)
_TABLE: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "BTC": (("bitcoin", "xbt"), (), True),
    "ETH": (("ethereum", "ether"), (), True),
    "BCH": (("bitcoin cash",), (), True),
    "BSV": (("bitcoin sv",), (), True),
    "ETC": (("ethereum classic",), (), False),
    "ENS": (("ethereum name service",), (), False),
    "BNB": (("binance coin", "bnb chain"), (), True),
    "SOL": (("solana",), (), True),
    "XRP": (("ripple", "xrpl"), (), True),
    "ADA": (("cardano",), (), True),
    "DOGE": (("dogecoin",), ("Doge",), True),
    "SHIB": (("shiba inu",), (), True),
    "PEPE": (("pepecoin",), (), True),
    "AVAX": ((), ("Avalanche",), True),
    "DOT": (("polkadot",), (), False),
    "LINK": (("chainlink",), (), False),
    "NEAR": (("near protocol",), (), False),
    "ATOM": (("cosmos hub",), ("Cosmos",), False),
    "MATIC": ((), ("Polygon",), True),
    "POL": ((), (), False),
    "LTC": (("litecoin",), (), True),
    "TRX": ((), ("Tron", "TRON"), True),
    "TON": (("toncoin",), (), False),
    "XLM": (("stellar lumens",), ("Stellar",), True),
    "XMR": (("monero",), (), True),
    "ZEC": (("zcash",), (), True),
    "DASH": ((), (), False),
    "UNI": (("uniswap",), (), False),
    "AAVE": (("aave",), (), True),
    "MKR": (("makerdao",), (), True),
    "CRV": (("curve finance",), (), True),
    "LDO": (("lido dao", "lido finance"), ("Lido",), True),
    "COMP": (("compound finance",), (), False),
    "SNX": (("synthetix",), (), True),
    "SUSHI": (("sushiswap",), (), True),
    "CAKE": (("pancakeswap",), (), False),
    "GRT": (("the graph protocol",), (), True),
    "FIL": (("filecoin",), (), True),
    "ICP": (("internet computer",), (), True),
    "HBAR": (("hedera",), (), True),
    "ALGO": (("algorand",), (), True),
    "XTZ": (("tezos",), (), True),
    "EOS": (("eosio",), (), True),
    "NEO": ((), (), False),
    "FTM": ((), ("Fantom",), True),
    "APT": (("aptos",), (), False),
    "SUI": (("sui network",), ("Sui",), True),
    "ARB": (("arbitrum",), (), True),
    "OP": (("optimism network",), (), False),
    "INJ": (("injective protocol",), ("Injective",), True),
    "TIA": (("celestia",), (), True),
    "WLD": (("worldcoin",), (), True),
    "LUNA": (("terra luna",), ("Terra", "Luna"), True),
    "LUNC": (("terra classic", "luna classic"), (), True),
    "ONE": (("harmony one",), (), False),
    "SAND": (("the sandbox",), (), False),
    "MANA": (("decentraland",), (), False),
    "AXS": (("axie infinity",), (), True),
    "APE": (("apecoin",), (), False),
    "VET": (("vechain",), (), False),
    "FET": (("fetch.ai",), (), True),
    "RUNE": (("thorchain",), (), False),
    "WIF": (("dogwifhat",), (), True),
    "BONK": ((), (), True),
    "CRO": (("cronos",), (), True),
    "FTT": (("ftx token",), (), True),
}  # fmt: skip

# What the rest of a phrase makes of a name: it is not the asset.
_NOT_ASSETS = (
    "eth zurich", "eth zürich", "avalanche of", "avalanche victims", "terra firma",
    "ripple effect", "ripple effects", "stellar results", "stellar quarter", "link in bio",
)  # fmt: skip

# Words after a ticker that show that a coin is meant.
_CONTEXT = """
    price prices token tokens coin coins holders whales futures perpetuals staking stakers bulls
    bears investors traders rally rallies rallied surges surged soars soared jumps jumped gains
    gained falls fell drops dropped slides slid dips dipped rises rose climbs climbed crashes
    crashed dumps dumped pumps pumped tumbles tumbled breaks hits trades trading rebounds bounces
    pops up down liquidations
    """

_START, _END = r"(?<![\w$.@/])", r"(?!\w|\.\w)"
_QUOTES = "USDT|USDC|USD|FDUSD|BUSD|EUR|GBP|BTC|ETH|BNB|PERP"


class AssetNames:
    """Finds assets in titles: those of the table, and further symbols by their tickers."""

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        """symbols: tickers that are looked for besides the table's, in capitals, taken as safe."""
        table = dict(_TABLE)
        for symbol in symbols:
            table.setdefault(symbol, ((), (), len(symbol) > 2))
        self._by_name = {name: symbol for symbol, row in table.items() for name in row[0]}
        self._by_exact_name = {name: symbol for symbol, row in table.items() for name in row[1]}
        self._safe = frozenset(symbol for symbol, row in table.items() if row[2])
        self._symbols = frozenset(table)
        exact = _alternatives(self._by_exact_name)
        tickers = _alternatives(self._symbols)
        self._excluded = re.compile(
            rf"{_START}(?:{_alternatives(_NOT_ASSETS)}){_END}", re.IGNORECASE
        )
        self._names = re.compile(
            rf"{_START}(?:(?i:(?P<any>{_alternatives(self._by_name)}))|(?P<exact>{exact}))s?{_END}"
        )
        self._cashtags = re.compile(rf"(?<![\w$])\$(?P<ticker>{tickers}){_END}", re.IGNORECASE)
        self._pairs = re.compile(
            rf"(?<![\w$])\$?(?P<ticker>{tickers})(?:[/_-]?(?:{_QUOTES}))(?!\w)"
            rf"|\(\$?(?P<bracketed>{tickers})\)"
        )
        self._tickers = re.compile(rf"(?<![\w$./@])(?P<ticker>{tickers}){_END}")
        self._in_context = re.compile(
            rf"(?<![\w$./@])(?P<ticker>{tickers}) (?:{'|'.join(_CONTEXT.split())}){_END}"
        )
        self._lists = re.compile(
            rf"(?<![\w$./@])(?:{tickers})(?:(?:, ?| ?/ ?| & )(?:{tickers})\b)+"
        )

    def assets_in(self, title: str) -> tuple[str, ...]:
        """Symbols that the title speaks of, sorted; empty: none, so the market as a whole."""
        found = {match["ticker"].upper() for match in self._cashtags.finditer(title)}
        text = self._excluded.sub(" . ", title)
        shouted = _is_shouted(text)
        for match in self._pairs.finditer(text):
            found.add(match["ticker"] or match["bracketed"])
        left = self._names.sub(lambda match: self._take_name(match, found, shouted), text)
        found.update(
            match["ticker"]
            for match in self._tickers.finditer(left)
            if match["ticker"] in self._safe
        )
        if not shouted:
            found.update(match["ticker"] for match in self._in_context.finditer(left))
            for match in self._lists.finditer(left):
                listed = set(re.findall(r"\w+", match[0]))
                # "LINK, ONE" could still be words: one sure ticker vouches for its neighbours.
                found.update(listed if listed & self._safe else ())
        return tuple(sorted(found))

    def _take_name(self, match: re.Match[str], found: set[str], shouted: bool) -> str:
        name = match["any"]
        if name is not None:
            found.add(self._by_name[name.lower()])
        elif not shouted:
            found.add(self._by_exact_name[match["exact"]])
        return " . "


@lru_cache(maxsize=8)
def _names_for(symbols: tuple[str, ...]) -> AssetNames:
    return AssetNames(symbols)


def assets_in(title: str, symbols: Iterable[str] = ()) -> tuple[str, ...]:
    """Symbols that the title speaks of, sorted. symbols: more than those of the table."""
    return _names_for(tuple(sorted(set(symbols)))).assets_in(title)


def _alternatives(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


def _is_shouted(title: str) -> bool:
    """Whether a title is in capitals, so that they tell nothing."""
    letters = [letter for letter in title if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    return len(letters) > 12 and capitals > 0.8 * len(letters)
