"""Stand-in of Blockchain.com's explorer API: /q/getblockcount and /multiaddr.

Shapes as on https://www.blockchain.com/explorer/api/blockchain_api: satoshi as whole numbers,
newest transactions first, the unconfirmed ones without a height.
"""

import random
from typing import Any

from sidecars.common.observations import MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import json_answer, whole_number_of

BLOCK_SECONDS = 600
FIRST_HEIGHT = -2_016_000
TRANSACTIONS_A_BLOCK = 3
MOST_A_PAGE = 100
SATOSHI = 100_000_000
LETTERS = "023456789acdefghjklmnpqrstuvwxyz"


def _height_at(now_ms: int) -> int:
    return now_ms // MS_PER_SECOND // BLOCK_SECONDS + FIRST_HEIGHT


def _block_count(request: StandInRequest) -> StandInAnswer:
    return StandInAnswer(str(_height_at(request.now_ms)).encode(), content_type="text/plain")


def _multiaddr(request: StandInRequest) -> StandInAnswer:
    addresses = [each for each in request.query.get("active", "").split("|") if each]
    if not addresses:
        return json_answer({"error": "bad-query", "message": "No active addresses"}, 400)
    size = min(MOST_A_PAGE, whole_number_of(request.query, "n", 50))
    skipped = whole_number_of(request.query, "offset", 0)
    height = _height_at(request.now_ms)
    numbers = range(
        height * TRANSACTIONS_A_BLOCK + TRANSACTIONS_A_BLOCK, -1, -1
    )  # the first is not in a block yet
    rows = [
        _transaction(addresses, number, height, request.now_ms)
        for number in numbers[skipped : skipped + size]
    ]
    return json_answer(
        {
            "addresses": [_address(each) for each in addresses],
            "wallet": {
                "final_balance": 250_000 * SATOSHI,
                "n_tx": numbers.start,
                "n_tx_filtered": numbers.start,
                "total_received": 9_250_000 * SATOSHI,
                "total_sent": 9_000_000 * SATOSHI,
            },
            "txs": rows,
            "info": _info(height, request.now_ms),
            "recommend_include_fee": True,
        }
    )


def _transaction(addresses: list[str], number: int, height: int, now_ms: int) -> dict[str, Any]:
    chance = random.Random(f"blockchain.com {number}")
    block = number // TRANSACTIONS_A_BLOCK
    is_confirmed = block <= height
    seconds = (block - FIRST_HEIGHT) * BLOCK_SECONDS
    own, other = chance.choice(addresses), _wallet(chance)
    is_deposit = chance.random() < 0.5
    sender, receiver = (other, own) if is_deposit else (own, other)
    satoshi = round(10 ** chance.uniform(-1.0, 2.6) * SATOSHI)
    change = chance.randrange(1, 40 * SATOSHI)
    index = chance.getrandbits(52)
    outs = [_output(receiver, satoshi, 0, index)]
    if not is_deposit:
        outs.append(_output(sender, change, 1, index))
    return {
        "hash": f"{chance.getrandbits(256):064x}",
        "ver": 2,
        "vin_sz": 1,
        "vout_sz": 2,
        "size": 226,
        "weight": 574,
        "fee": 5_200,
        "relayed_by": "0.0.0.0",
        "lock_time": 0,
        "tx_index": index,
        "double_spend": False,
        "time": seconds if is_confirmed else now_ms // MS_PER_SECOND,
        "block_index": block if is_confirmed else None,
        "block_height": block if is_confirmed else None,
        "inputs": [
            {
                "sequence": 4_294_967_295,
                "witness": "",
                "script": "",
                "index": 0,
                "prev_out": {**_output(sender, satoshi + change + 5_200, 1, index), "spent": True},
            }
        ],
        "out": outs,
        "result": satoshi if is_deposit else -satoshi,
        "balance": 250_000 * SATOSHI,
    }


def _output(address: str, satoshi: int, place: int, index: int) -> dict[str, Any]:
    return {
        "type": 0,
        "spent": False,
        "value": satoshi,
        "spending_outpoints": [],
        "n": place,
        "tx_index": index,
        "script": "0014",
        "addr": address,
    }


def _wallet(chance: random.Random) -> str:
    return "bc1q" + "".join(chance.choice(LETTERS) for _ in range(38))


def _address(address: str) -> dict[str, Any]:
    return {
        "address": address,
        "final_balance": 12_000 * SATOSHI,
        "n_tx": 2_100,
        "total_received": 912_000 * SATOSHI,
        "total_sent": 900_000 * SATOSHI,
    }


def _info(height: int, now_ms: int) -> dict[str, Any]:
    seconds = now_ms // MS_PER_SECOND
    return {
        "nconnected": 4,
        "conversion": SATOSHI,
        "symbol_local": {
            "code": "USD",
            "symbol": "$",
            "name": "U.S. dollar",
            "conversion": 1_612.9,
            "symbolAppearsAfter": False,
            "local": True,
        },
        "symbol_btc": {
            "code": "BTC",
            "symbol": "BTC",
            "name": "Bitcoin",
            "conversion": SATOSHI,
            "symbolAppearsAfter": True,
            "local": False,
        },
        "latest_block": {
            "hash": f"{height:064x}",
            "height": height,
            "time": seconds - seconds % BLOCK_SECONDS,
            "block_index": height,
        },
    }


STAND_IN = StandIn(
    key="blockchain_com", routes={"/q/getblockcount": _block_count, "/multiaddr": _multiaddr}
)
