"""Headlines that nobody wrote, a few each hour, the same at every look. Pure."""

import random
import zlib
from dataclasses import dataclass

HOUR_MS = 3_600_000
HOURS_BACK = 72

NAMES = ("Bitcoin", "Bitcoin", "Bitcoin", "Ethereum", "Ethereum", "Solana", "XRP", "Cardano")
TEMPLATES = (
    "{name} climbs {pct}% as buyers return",
    "{name} slips {pct}% while traders wait for inflation data",
    "{name} trades at ${price:,} on {exchange}",
    "Whale moves {amount:,} coins, {name} price little changed",
    "What the next upgrade means for {name}",
    "{name} liquidations pass ${amount:,}K in an hour",
    "Fund with ${pct} billion under management adds {name}",
    "Regulator opens probe into {exchange}",
    "{exchange} lists new pairs, {name} volumes surge",
    "Analyst: {name} could reach ${price:,}, or not",
    "Lending protocol loses ${amount:,}K in exploit",
    "Crypto market steady ahead of Fed decision",
    "Stablecoin supply grows {pct}% in a month",
    "{name} developers set a date for testnet",
)
EXCHANGES = ("Northgate", "Coinhaven", "Blockport", "Meridian")


@dataclass(frozen=True, slots=True)
class MadeHeadline:
    """number: rises with time; slug: the title as a part of an address."""

    number: int
    moment_ms: int
    title: str
    slug: str


def newest_headlines(seed: str, now_ms: int, count: int, each_hour: int) -> list[MadeHeadline]:
    """The newest `count` up to the moment, newest first. each_hour: about so many an hour."""
    hour = now_ms // HOUR_MS
    made = [
        headline
        for each in range(hour - HOURS_BACK, hour + 1)
        for headline in _of_hour(seed, each, each_hour)
        if headline.moment_ms <= now_ms
    ]
    return sorted(made, key=lambda headline: (-headline.moment_ms, headline.number))[:count]


def _of_hour(seed: str, hour: int, each_hour: int) -> list[MadeHeadline]:
    chance = random.Random(zlib.crc32(f"{seed}/{hour}".encode()))
    headlines = []
    for place in range(chance.randint(max(1, each_hour - 1), each_hour + 1)):
        title = chance.choice(TEMPLATES).format(
            name=chance.choice(NAMES),
            exchange=chance.choice(EXCHANGES),
            pct=chance.randint(2, 14),
            price=chance.randint(11, 99) * 1000,
            amount=chance.randint(5, 60) * 100,
        )
        letters = "".join(each if each.isalnum() else " " for each in title.lower())
        # Whole seconds, as dates in feeds are.
        moment_ms = hour * HOUR_MS + chance.randrange(3600) * 1000
        headlines.append(
            MadeHeadline(hour * 100 + place, moment_ms, title, "-".join(letters.split()))
        )
    return headlines
