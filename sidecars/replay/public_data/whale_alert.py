"""Stand-in of the Whale Alert API v1: /transactions.

Shapes as on https://docs.whale-alert.io: the key in a header or the query, the last hour alone,
oldest first, pages by cursor; an answer without transactions has no such list.
"""

import random
from typing import Any

from sidecars.common.observations import MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import (
    header_of,
    json_answer,
    value_between,
    whole_number_of,
)

SLOT_SECONDS = 25
HISTORY_SECONDS = 3600
MOST_A_PAGE = 100
COINS = (
    ("bitcoin", "btc", 62_000.0),
    ("ethereum", "eth", 3_100.0),
    ("ethereum", "usdt", 1.0),
    ("tron", "usdt", 1.0),
    ("ethereum", "usdc", 1.0),
    ("ripple", "xrp", 0.55),
)
DOLLARS = frozenset({"usdt", "usdc"})
EXCHANGES = ("binance", "coinbase", "kraken", "bitfinex", "okex", "bybit", "gate")


def _transactions(request: StandInRequest) -> StandInAnswer:
    query = request.query
    if not (header_of(request.headers, "X-WA-API-KEY") or query.get("api_key")):
        return json_answer({"result": "error", "message": "api_key is a required parameter"}, 401)
    now_seconds = request.now_ms // MS_PER_SECOND
    start = whole_number_of(query, "start", 0)
    if start < now_seconds - HISTORY_SECONDS:
        message = "value out of range for start parameter, your plan allows 3600 seconds of history"
        return json_answer({"result": "error", "message": message}, 400)
    cursor = query.get("cursor", "").partition("-")[0]
    first = max(start // SLOT_SECONDS + 1, int(cursor, 16) if cursor.isalnum() else 0)
    limit = min(MOST_A_PAGE, max(1, whole_number_of(query, "limit", MOST_A_PAGE)))
    least_usd = whole_number_of(query, "min_value", 500_000)
    made = (_transaction(slot) for slot in range(first, now_seconds // SLOT_SECONDS + 1))
    wanted = [each for each in made if each["amount_usd"] >= least_usd]
    page = wanted[:limit]
    following = page[-1]["timestamp"] // SLOT_SECONDS + 1 if page else 0
    answer: dict[str, Any] = {
        "result": "success",
        "cursor": f"{following:x}-{following:x}-{start:x}",
        "count": len(page),
    }
    if page:
        answer["transactions"] = page
    return json_answer(answer)


def _transaction(slot: int) -> dict[str, Any]:
    chance = random.Random(f"whale alert {slot}")
    seconds = slot * SLOT_SECONDS
    blockchain, symbol, level = chance.choice(COINS)
    price = level * (
        1.0 if symbol.lower() in DOLLARS else value_between(symbol, seconds * 1000, 0.8, 1.2)
    )
    amount_usd = 10 ** chance.uniform(5.5, 7.8)
    is_mint = blockchain == "tron" and chance.random() < 0.1
    return {
        "blockchain": blockchain,
        "symbol": symbol,
        "id": str(1_000_000_000 + slot),
        "transaction_type": "mint" if is_mint else "transfer",
        "hash": f"{chance.getrandbits(256):064x}",
        "from": _owner(chance),
        "to": _owner(chance),
        "timestamp": seconds,
        "amount": round(amount_usd / price, 6),
        "amount_usd": round(amount_usd, 2),
        "transaction_count": 1,
    }


def _owner(chance: random.Random) -> dict[str, str]:
    address = f"{chance.getrandbits(160):040x}"
    if chance.random() < 0.5:
        return {"address": address, "owner": chance.choice(EXCHANGES), "owner_type": "exchange"}
    return {"address": address, "owner": "", "owner_type": "unknown"}


STAND_IN = StandIn(key="whale_alert", routes={"/transactions": _transactions})
