"""Stand-in of the Etherscan API V2: /v2/api with module=account, action=tokentx.

Shapes as on https://docs.etherscan.io/api-reference/endpoint/tokentx: everything is a string;
what goes wrong is a 200 with status "0".
"""

import random
from typing import Any

from sidecars.common.observations import MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import json_answer, value_between, whole_number_of

SLOT_SECONDS = 900
BLOCK_SECONDS = 12
# So that block numbers are near the real ones.
BLOCKS_BEFORE_FIRST = 123_110_000
HISTORY_SLOTS = 120
MOST_A_PAGE = 1000
# Name, symbol, decimals and about how many dollars one is worth, by contract.
TOKENS = {
    "0xdac17f958d2ee523a2206206994597c13d831ec7": ("Tether USD", "USDT", 6, 1.0),
    "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48": ("USDC", "USDC", 6, 1.0),
    "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2": ("Wrapped Ether", "WETH", 18, 3_100.0),
    "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599": ("Wrapped BTC", "WBTC", 8, 62_000.0),
}
DOLLARS = frozenset({"usdt", "usdc"})
HOT_WALLETS = (
    "0x28c6c06298d514db089934071355e5743bf21d60",
    "0x77134cbc06cb00b66f4c7e623d5fdbf6777635ec",
    "0xf89d7b9c864f589bbf53a82105107622b35eaa40",
)


def _api(request: StandInRequest) -> StandInAnswer:
    query = request.query
    if not query.get("apikey"):
        return _refusal("Missing/Invalid API Key")
    if query.get("chainid") != "1":
        return _refusal("Missing or unsupported chainid parameter (required for v2 api)")
    if query.get("module") != "account" or query.get("action") != "tokentx":
        return _refusal("Error! Missing Or invalid Action name")
    address, contract = query.get("address", "").lower(), query.get("contractaddress", "").lower()
    if len(address) != 42:
        return _refusal("Error! Invalid address format")
    last_slot = request.now_ms // MS_PER_SECOND // SLOT_SECONDS
    start_block = whole_number_of(query, "startblock", 0)
    end_block = whole_number_of(query, "endblock", 999_999_999)
    rows = []
    if contract in TOKENS:
        made = (
            _row(address, contract, slot, last_slot)
            for slot in range(last_slot - HISTORY_SLOTS, last_slot + 1)
        )
        rows = [each for each in made if start_block <= int(each["blockNumber"]) <= end_block]
    if query.get("sort") == "desc":
        rows.reverse()
    size = min(MOST_A_PAGE, max(1, whole_number_of(query, "offset", MOST_A_PAGE)))
    first = (max(1, whole_number_of(query, "page", 1)) - 1) * size
    page = rows[first : first + size]
    if not page:
        return json_answer({"status": "0", "message": "No transactions found", "result": []})
    return json_answer({"status": "1", "message": "OK", "result": page})


def _row(address: str, contract: str, slot: int, last_slot: int) -> dict[str, Any]:
    chance = random.Random(f"etherscan {address} {contract} {slot}")
    seconds = slot * SLOT_SECONDS
    name, symbol, decimals, level = TOKENS[contract]
    price = level * (
        1.0 if symbol.lower() in DOLLARS else value_between(symbol, seconds * 1000, 0.8, 1.2)
    )
    other = f"0x{chance.getrandbits(160):040x}"
    if chance.random() < 0.2:
        other = chance.choice([each for each in HOT_WALLETS if each != address])
    is_deposit = chance.random() < 0.5
    amount = 10 ** chance.uniform(3.5, 7.4) / price
    return {
        "blockNumber": str(seconds // BLOCK_SECONDS - BLOCKS_BEFORE_FIRST),
        "timeStamp": str(seconds),
        "hash": f"0x{chance.getrandbits(256):064x}",
        "nonce": str(chance.randrange(1, 9_000_000)),
        "blockHash": f"0x{chance.getrandbits(256):064x}",
        "from": other if is_deposit else address,
        "contractAddress": contract,
        "to": address if is_deposit else other,
        "value": str(round(amount * 10**6) * 10**decimals // 10**6),
        "tokenName": name,
        "tokenSymbol": symbol,
        "tokenDecimal": str(decimals),
        "transactionIndex": str(chance.randrange(0, 200)),
        "gas": "207128",
        "gasPrice": str(chance.randrange(2_000_000_000, 30_000_000_000)),
        "gasUsed": "63197",
        "cumulativeGasUsed": str(chance.randrange(63_197, 29_000_000)),
        "input": "deprecated",
        "methodId": "0xa9059cbb",
        "functionName": "transfer(address _to, uint256 _value)",
        "confirmations": str((last_slot - slot) * SLOT_SECONDS // BLOCK_SECONDS),
    }


def _refusal(reason: str) -> StandInAnswer:
    return json_answer({"status": "0", "message": "NOTOK", "result": reason})


STAND_IN = StandIn(key="etherscan", routes={"/v2/api": _api})
