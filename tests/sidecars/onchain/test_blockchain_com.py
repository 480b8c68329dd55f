"""Blockchain.com: inputs and outputs, change, prices, blocks, and what goes wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Transfer
from sidecars.onchain.exchange_labels import BITCOIN, exchange_labels
from sidecars.onchain.sources.blockchain_com import (
    COUNT_PATH,
    ENTRY,
    NO_PRICE,
    PAGE_SIZE,
    TRANSACTIONS_PATH,
    BlockchainCom,
    read_block_count,
    read_transfers,
)
from sidecars.replay.public_data.blockchain_com import STAND_IN
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.onchain.scripted_fetcher import ScriptedFetcher, scripted_context

LABELS = exchange_labels()
PRICE_USD = 60_000.0
BINANCE = "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo"
BINANCE_HOT = "bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h"
BITFINEX = "bc1qgdjqv0av3q56jvd82tkdjpy7gdp9ut8tlqmgrpmv24sq90ecnvqqjwvw97"
WALLET = "3MJ8mbu4sNseNeCprG85emwgG9G9SCort7"
OTHER_WALLET = "1GAehh7TsJAHuUAeKZcXf5CnwuGuGgyX2S"
# A withdrawal of 25 BTC from Binance with change, and a deposit that is in no block yet.
RECORDED = b"""{"addresses":[{"address":"bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h",
"final_balance":2948800000,"n_tx":14,"total_received":36602200000,"total_sent":33653400000}],
"wallet":{"final_balance":2948800000,"n_tx":14,"n_tx_filtered":14,"total_received":36602200000,
"total_sent":33653400000},
"txs":[
{"hash":"f6bcea42da69ec935e13c29241f15a72e055219549403ffe1aef251a306581e6","ver":2,"vin_sz":1,
"vout_sz":1,"size":312,"weight":846,"fee":423,"relayed_by":"0.0.0.0","lock_time":0,
"tx_index":8110189530268861,"double_spend":false,"time":1722868630,"block_index":null,
"block_height":null,"inputs":[{"sequence":4294967295,"witness":"0140","script":"","index":0,
"prev_out":{"type":0,"spent":true,"value":5000000000,"spending_outpoints":[],"n":0,
"tx_index":228530240517491,"script":"5120","addr":"3MJ8mbu4sNseNeCprG85emwgG9G9SCort7"}}],
"out":[{"type":0,"spent":false,"value":4999999577,"spending_outpoints":[],"n":0,
"tx_index":8110189530268861,"script":"0014",
"addr":"bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h"}],"result":4999999577,"balance":2948800000},
{"hash":"821a49c9e315a03c7c7f2ab9f82d38caa622df7d331a11102af09bb0316fda2e","ver":2,"vin_sz":1,
"vout_sz":2,"size":234,"weight":609,"fee":612,"relayed_by":"0.0.0.0","lock_time":0,
"tx_index":1648502504821630,"double_spend":false,"time":1722868600,"block_index":855400,
"block_height":855400,"inputs":[{"sequence":4294967295,"witness":"0247","script":"","index":0,
"prev_out":{"type":0,"spent":true,"value":9000000612,"spending_outpoints":[],"n":3,
"tx_index":920394186050089,"script":"0014",
"addr":"bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h"}}],
"out":[{"type":0,"spent":true,"value":2500000000,"spending_outpoints":[],"n":0,
"tx_index":1648502504821630,"script":"a914","addr":"3MJ8mbu4sNseNeCprG85emwgG9G9SCort7"},
{"type":0,"spent":false,"value":6500000000,"spending_outpoints":[],"n":1,
"tx_index":1648502504821630,"script":"0014",
"addr":"bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h"}],"result":-2500000612,"balance":2948800000}],
"info":{"nconnected":4,"conversion":100000000,"latest_block":{"hash":"00ab","height":855400,
"time":1722868601,"block_index":855400}},"recommend_include_fee":true}"""


def coins(amount: float, address: str | None, place: int = 0) -> dict[str, Any]:
    return {"value": round(amount * 1e8), "n": place, "addr": address, "script": ""}


def moved(
    senders: list[str], outs: list[dict[str, Any]], hash_digit: str = "a", **changes: Any
) -> dict[str, Any]:
    return {
        "hash": hash_digit * 64,
        "time": NOW_MS // 1000 - 60,
        "block_height": 855_400,
        "inputs": [{"prev_out": coins(100, sender)} for sender in senders],
        "out": outs,
        **changes,
    }


def answer(*rows: Any) -> bytes:
    return orjson.dumps({"txs": list(rows)})


def read(*rows: Any) -> Batch:
    return read_transfers(answer(*rows), NOW_MS, PRICE_USD, LABELS)


def ends(batch: Batch) -> list[tuple[str, str | None, str | None, float]]:
    return [
        (each.direction, each.from_label, each.to_label, each.amount_usd)
        for each in batch.events
        if isinstance(each, Transfer)
    ]


def test_a_withdrawal_is_told_without_its_change_and_once_it_is_in_a_block() -> None:
    batch = read_transfers(RECORDED, NOW_MS, PRICE_USD, LABELS)
    tx_hash = "821a49c9e315a03c7c7f2ab9f82d38caa622df7d331a11102af09bb0316fda2e"
    assert batch == Batch(
        events=(
            Transfer(
                event_id=f"blockchain_com:{tx_hash}:0",
                source="blockchain_com",
                as_of_ms=1_722_868_600_000,
                published_ms=1_722_868_600_000,
                token="BTC",
                amount_usd=1_500_000.0,
                direction="from_exchange",
                from_label="Binance",
                to_label=None,
                blockchain=BITCOIN,
                tx_hash=tx_hash,
            ),
        )
    )


def test_each_large_output_is_a_transfer() -> None:
    outs = [coins(10, BINANCE, 0), coins(8, BITFINEX, 1), coins(20, OTHER_WALLET, 2)]
    deposits = read(moved([WALLET], outs))
    assert ends(deposits) == [
        ("to_exchange", None, "Binance", 600_000.0),
    ]
    larger = [coins(10, BINANCE, 0), coins(9, BITFINEX, 1), coins(20, OTHER_WALLET, 2)]
    assert [each[0:3] for each in ends(read(moved([WALLET], larger)))] == [
        ("to_exchange", None, "Binance"),
        ("to_exchange", None, "Bitfinex"),
    ]
    ids = {each.event_id for each in read(moved([WALLET], larger)).events}
    assert ids == {f"blockchain_com:{'a' * 64}:0", f"blockchain_com:{'a' * 64}:1"}


def test_one_labelled_input_makes_the_sender() -> None:
    batch = read(moved([WALLET, BINANCE], [coins(30, OTHER_WALLET), coins(50, WALLET, 1)]))
    assert ends(batch) == [("from_exchange", "Binance", None, 1_800_000.0)]


def test_transfers_between_and_inside_exchanges() -> None:
    outs = [coins(30, BINANCE_HOT, 0), coins(40, BITFINEX, 1)]
    assert [each[:3] for each in ends(read(moved([BINANCE], outs)))] == [
        ("between_exchanges", "Binance", "Binance"),
        ("between_exchanges", "Binance", "Bitfinex"),
    ]


def test_inputs_of_two_exchanges_are_no_sender() -> None:
    good = moved([WALLET], [coins(30, BINANCE)], "b")
    batch = read(moved([BINANCE, BITFINEX], [coins(30, WALLET)]), good)
    assert len(batch.events) == 1 and "2 exchanges as one sender" in batch.rejected[0]


def test_what_pays_no_address_or_mints_is_passed_over() -> None:
    minted = moved([], [coins(30, BINANCE)], inputs=[{"prev_out": None}])
    assert ends(read(minted)) == [("to_exchange", None, "Binance", 1_800_000.0)]
    assert read(moved([BINANCE], [coins(30, None)])).events == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"hash": "A" * 64},
        {"hash": "a" * 63},
        {"hash": "a" * 64 + "\n"},
        {"time": NOW_MS // 1000 + 3600},
        {"time": "1722868600"},
        {"time": 0},
        {"block_height": -1},
        {"block_height": "855400"},
        {"inputs": None},
        {"out": [coins(22_000_000, BINANCE)]},
        {"out": [{**coins(30, BINANCE), "value": -5}]},
        {"out": [{**coins(30, BINANCE), "value": 3e9}]},
        {"out": [{**coins(30, BINANCE), "value": True}]},
        {"out": [{**coins(30, BINANCE), "n": None}]},
    ],
)
def test_a_wrong_transaction_is_refused_and_the_others_stay(changes: dict[str, Any]) -> None:
    wrong = moved([WALLET], [coins(30, BINANCE)], **changes)
    batch = read(moved([WALLET], [coins(30, BINANCE)], "b"), wrong)
    assert len(batch.events) == 1 and len(batch.rejected) == 1
    with pytest.raises(SourceError) as caught:
        read(wrong)
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize("body", [b"", b"{}", b"-5", b"0", b"true", b"855400.5", b'"855400"'])
def test_a_block_count_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_block_count(body)
    assert caught.value.kind == "malformed"


def test_reader_refuses_nonsense() -> None:
    fuzz_reader(lambda body: read_transfers(body, NOW_MS, PRICE_USD, LABELS), RECORDED, seed=15)


async def test_survives() -> None:
    options = {"btc_price_usd": lambda: PRICE_USD}
    await check_source_survives(ENTRY, STAND_IN, options=options, key=None, has_history=False)


def source_at(heights: list[int], rows: list[Any]) -> tuple[BlockchainCom, ScriptedFetcher]:
    def by_path(path: str, _: Mapping[str, str]) -> Any:
        return heights.pop(0) if path == COUNT_PATH else {"txs": rows}

    fetcher = ScriptedFetcher(by_path)
    options = {"btc_price_usd": lambda: PRICE_USD}
    return BlockchainCom(scripted_context(fetcher, options=options)), fetcher


async def test_transactions_are_asked_for_only_when_a_block_was_added() -> None:
    rows = [moved([WALLET], [coins(30, BINANCE)])]
    source, fetcher = source_at([855_400, 855_400, 855_401], rows)
    told = [len((await source.poll(NOW_MS)).events) for _ in range(3)]
    assert told == [1, 0, 1]
    assert [path for path, _ in fetcher.asked] == [
        COUNT_PATH, TRANSACTIONS_PATH, COUNT_PATH, COUNT_PATH, TRANSACTIONS_PATH,
    ]  # fmt: skip
    asked = fetcher.asked[1][1]
    assert asked["active"].split("|") == list(LABELS.addresses(BITCOIN))
    assert asked["n"] == str(PAGE_SIZE)


async def test_a_full_answer_that_does_not_reach_back_says_so() -> None:
    rows = [moved([WALLET], [coins(1, BINANCE)], block_height=855_500)] * PAGE_SIZE
    source, _ = source_at([855_400, 855_500, 855_500, 855_501], rows)
    assert (await source.poll(NOW_MS)).rejected == ()
    (line,) = (await source.poll(NOW_MS)).rejected
    assert line.startswith("not heard: more than 100 transactions")
    assert (await source.poll(NOW_MS)).rejected == (line,)  # still so until the next block
    assert (await source.poll(NOW_MS)).rejected == ()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"btc_price_usd": lambda: None},
        {"btc_price_usd": lambda: float("nan")},
        {"btc_price_usd": lambda: 0.0},
        {"btc_price_usd": 60_000.0},
    ],
)
async def test_without_a_price_the_poll_fails_and_nobody_is_asked(options: dict[str, Any]) -> None:
    fetcher = ScriptedFetcher(lambda *_: 855_400)
    with pytest.raises(SourceError, match=NO_PRICE) as caught:
        await BlockchainCom(scripted_context(fetcher, options=options)).poll(NOW_MS)
    assert caught.value.kind == "unavailable"
    assert fetcher.asked == []
