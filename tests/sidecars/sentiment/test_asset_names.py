"""Which assets titles speak of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.sentiment.asset_names import AssetNames, assets_in

CASES = {
    # names, in any case, whole words
    "bitcoin rallies while ETHEREUM sleeps": "BTC ETH",
    "Bitcoin's worst week": "BTC",
    "Bitcoins for sale": "BTC",
    "Bitcoiners unite": "",
    "Ether and Solana lead; Dogecoin lags": "DOGE ETH SOL",
    "ethers.js released": "",
    "Crypto-Bitcoin correlation falls": "BTC",
    # the longest name wins
    "Bitcoin Cash halving": "BCH",
    "Bitcoin Cash and Bitcoin diverge": "BCH BTC",
    "Ethereum Classic hashrate": "ETC",
    "Ethereum Name Service sale": "ENS",
    "Terra Classic votes": "LUNC",
    # names that are words
    "Avalanche subnet launches": "AVAX",
    "An avalanche of lawsuits": "",
    "Avalanche of liquidations": "",
    "AVALANCHE OF BAD NEWS HITS EVERY MARKET": "",
    "Polygon zkEVM is live": "MATIC",
    "a polygon has corners": "",
    "Near miss for traders": "",
    "NEAR Protocol ships sharding": "NEAR",
    # sure tickers
    "SOL breaks out": "SOL",
    "How to solve the puzzle": "",
    "sol y sombra": "",
    "BTC, ETH": "BTC ETH",
    "stETH depegs": "",
    "wBTC is no BTC": "BTC",
    "Longs on SOLUSDT and ETH/BTC": "BTC ETH SOL",
    "#BTC to $100K": "BTC",
    "BTC.D chart": "",
    # tickers that are words
    "LINK in bio": "",
    "The missing link": "",
    "NO ONE": "",
    "ONE thing to know": "",
    "DOT to investigate flights": "",
    "LINK price jumps": "LINK",
    "LINK rallies 12%": "LINK",
    "Chain of oracles (LINK) grows": "LINK",
    "Traders eye LINK/USDT and ATOM-USD": "ATOM LINK",
    "NEARUSDT perpetual listed": "NEAR",
    "BTC, ETH, LINK, DOT: price analysis": "BTC DOT ETH LINK",
    "BTC, ETH & more, ETC.": "BTC ETH",
    "ONE TOKEN NOBODY IS TALKING ABOUT": "",
    # cashtags
    "$near and $link, not $5": "LINK NEAR",
    "$BTC $ETH": "BTC ETH",
    "US$BTC": "",
    "$SOLVE": "",
    # what a phrase makes of a name
    "ETH Zurich publishes study": "",
    "The ripple effect of rate cuts": "",
    "Ripple wins": "XRP",
    # nothing
    "Crypto market slides": "",
    "": "",
    "https://bitcoin.org/paper": "",
}


@pytest.mark.parametrize(("title", "expected"), CASES.items())
def test_finds(title: str, expected: str) -> None:
    assert assets_in(title) == tuple(expected.split())


def test_looks_for_further_symbols() -> None:
    assert assets_in("XYZ listed") == ()
    assert assets_in("XYZ listed", ["XYZ"]) == ("XYZ",)
    assert assets_in("xyz listed, $xyz up", ["XYZ"]) == ("XYZ",)
    assert assets_in("LINK in bio", ["LINK"]) == ()  # the table knows better


@given(st.text(alphabet="aA bBtTcC$(),/.LINKeths'-", max_size=60))
def test_only_known_symbols_sorted_and_once(title: str) -> None:
    found = assets_in(title)
    assert list(found) == sorted(set(found))
    assert all(symbol.isupper() for symbol in found)


@given(st.lists(st.sampled_from(["BTC", "Solana", "$link", "rises", "and", "solve"]), max_size=8))
def test_order_of_words_is_no_matter_for_sure_signs(words: list[str]) -> None:
    meaning = {"BTC": "BTC", "Solana": "SOL", "$link": "LINK"}
    expected = sorted({meaning[word] for word in words if word in meaning})
    assert list(AssetNames().assets_in(" ".join(words))) == expected
