"""Stand-in of LunarCrush's API v4: the list of coins and the daily series of one coin.

Shapes as on https://lunarcrush.com/developers/api/endpoints.
"""

from sidecars.common.observations import MS_PER_DAY, MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import (
    header_of,
    json_answer,
    value_between,
    whole_number_of,
)

# Symbol, name and posts a day, by rank; the last one bears the symbol of the first.
COINS = (
    ("BTC", "Bitcoin", 98_000), ("ETH", "Ethereum", 45_000), ("USDT", "Tether", 9_000),
    ("XRP", "XRP", 21_000), ("BNB", "BNB", 12_000), ("SOL", "Solana", 38_000),
    ("DOGE", "Dogecoin", 17_000), ("ADA", "Cardano", 9_500), ("TRX", "TRON", 5_200),
    ("LINK", "Chainlink", 6_100), ("AVAX", "Avalanche", 4_700), ("DOT", "Polkadot", 3_900),
    ("LTC", "Litecoin", 4_100), ("ATOM", "Cosmos", 2_300), ("UNI", "Uniswap", 2_900),
    ("NEAR", "NEAR Protocol", 3_100), ("APT", "Aptos", 2_000), ("ARB", "Arbitrum", 2_600),
    ("OP", "Optimism", 1_900), ("MATIC", "Polygon", 2_800), ("BTC", "Bitcoin on a bridge", 12),
)  # fmt: skip


def posts_of_day(symbol: str, usual: int, moment_ms: int) -> int:
    """Posts in the 24 hours up to a moment."""
    return round(usual * value_between(f"posts/{symbol}", moment_ms, 0.4, 2.2))


def _list(request: StandInRequest) -> StandInAnswer:
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    limit = whole_number_of(request.query, "limit", 10)
    coins = [_coin(rank, request.now_ms) for rank in range(1, len(COINS) + 1)]
    config = {
        "sort": request.query.get("sort", "market_cap_rank"),
        "desc": False,
        "limit": limit,
        "page": 0,
        "total_rows": len(COINS),
        "generated": request.now_ms // MS_PER_SECOND,
    }
    return json_answer({"config": config, "data": coins[:limit]})


def _coin(rank: int, now_ms: int) -> dict[str, object]:
    symbol, name, usual = COINS[rank - 1]
    posts = posts_of_day(f"{rank}/{symbol}", usual, now_ms)
    price = value_between(f"price/{rank}", now_ms, 0.8, 1.2) * 60_000 / rank**2
    return {
        "id": rank,
        "symbol": symbol,
        "name": name,
        "price": price,
        "price_btc": price / 60_000,
        "volume_24h": 5.9e10 / rank,
        "volatility": 0.0156,
        "circulating_supply": 19_750_000,
        "max_supply": 21_000_000,
        "percent_change_1h": 0.38,
        "percent_change_24h": 2.6,
        "percent_change_7d": 4.06,
        "market_cap": price * 19_750_000,
        "market_cap_rank": rank,
        "interactions_24h": posts * 980,
        "social_volume_24h": posts,
        "social_dominance": posts / 5_000,
        "market_dominance": 50 / rank,
        "market_dominance_prev": 50 / rank,
        "galaxy_score": 67.6,
        "galaxy_score_previous": 64,
        "alt_rank": 380,
        "alt_rank_previous": 119,
        "sentiment": round(value_between(f"mood/{rank}", now_ms, 55, 95)),
        "categories": "layer-1",
        "blockchains": [
            {"type": "layer1", "network": name.lower(), "address": None, "decimals": None}
        ],
        "percent_change_30d": 4.9,
        "last_updated_price": now_ms // MS_PER_SECOND,
        "last_updated_price_by": "cmc_stream",
        "topic": f"{symbol.lower()} {name.lower()}",
        "logo": f"https://cdn.lunarcrush.com/{name.lower()}.png",
    }


def _series(request: StandInRequest) -> StandInAnswer:
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    asked = request.match["coin"].upper()
    rank = next((place for place, coin in enumerate(COINS, 1) if coin[0] == asked), None)
    if rank is None or request.query.get("bucket") != "day":
        return json_answer({"error": "Coin not found"}, status=404)
    now_seconds = request.now_ms // MS_PER_SECOND
    start_ms = whole_number_of(request.query, "start", now_seconds - 604_800) * MS_PER_SECOND
    end_ms = whole_number_of(request.query, "end", now_seconds) * MS_PER_SECOND
    config = {
        "coin": str(rank),
        "topic": COINS[rank - 1][1].lower(),
        "id": f"coins:{rank}",
        "name": COINS[rank - 1][1],
        "symbol": asked,
        "interval": "1w",
        "start": start_ms // MS_PER_SECOND,
        "end": end_ms // MS_PER_SECOND,
        "bucket": "day",
        "metrics": [],
        "generated": now_seconds,
    }
    first_ms = start_ms - start_ms % MS_PER_DAY
    last_ms = min(end_ms, request.now_ms)
    days = [_day(rank, day_ms) for day_ms in range(first_ms, last_ms + 1, MS_PER_DAY)]
    return json_answer({"config": config, "data": days})


def _day(rank: int, day_ms: int) -> dict[str, object]:
    symbol, _, usual = COINS[rank - 1]
    posts = posts_of_day(f"{rank}/{symbol}", usual, day_ms + MS_PER_DAY)
    price = value_between(f"price/{rank}", day_ms, 0.8, 1.2) * 60_000 / rank**2
    return {
        "time": day_ms // MS_PER_SECOND,
        "alt_rank": 150,
        "circulating_supply": 19_750_000,
        "close": price,
        "galaxy_score": 53,
        "high": price * 1.01,
        "low": price * 0.99,
        "market_cap": price * 19_750_000,
        "market_dominance": 50 / rank,
        "open": price,
        "social_dominance": posts / 5_000,
        "volume_24h": 5.9e10 / rank,
        "contributors_active": posts // 2,
        "contributors_created": posts // 20,
        "interactions": posts * 980,
        "posts_active": posts,
        "posts_created": posts // 10,
        "sentiment": 80,
        "spam": posts // 50,
    }


def _refusal(request: StandInRequest) -> StandInAnswer | None:
    if header_of(request.headers, "Authorization").startswith("Bearer "):
        return None
    return json_answer({"error": "Invalid API key"}, status=401)


STAND_IN = StandIn(
    key="lunarcrush",
    routes={
        "/api4/public/coins/list/v2": _list,
        "/api4/public/coins/{coin}/time-series/v2": _series,
    },
)
