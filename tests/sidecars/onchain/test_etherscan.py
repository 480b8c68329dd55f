"""Etherscan: amounts, directions, errors that come as 200, turns, and what goes wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from sidecars.common.observations import MS_PER_MINUTE
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, Transfer
from sidecars.onchain.exchange_labels import (
    ETHEREUM,
    ExchangeAddress,
    ExchangeLabels,
    exchange_labels,
)
from sidecars.onchain.sources.etherscan import (
    ENTRY,
    PAGE_SIZE,
    REQUESTS_A_POLL,
    TRACKED_TOKENS,
    Etherscan,
    read_token_transfers,
)
from sidecars.replay.public_data.etherscan import STAND_IN
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.onchain.scripted_fetcher import ScriptedFetcher, scripted_context

LABELS = exchange_labels()
USDT, USDC, WETH, WBTC = TRACKED_TOKENS
BINANCE = "0x28c6c06298d514db089934071355e5743bf21d60"
KRAKEN = "0x267be1c1d684f78cb4f6a176c4911b741e4ffdc0"
WALLET = "0x4e83362442b8d1bec281594cea3050c8eb01311c"
HASH = "0xe8c208398bd5ae8e4c237658580db56a2a94dfa0ca382c99b776fa6e7d31d5b4"
# A deposit of 1,234,567.890001 USDT as the documentation shows a transfer.
RECORDED = b"""{"status":"1","message":"OK","result":[
{"blockNumber":"20462500","timeStamp":"1722868600",
 "hash":"0xe8c208398bd5ae8e4c237658580db56a2a94dfa0ca382c99b776fa6e7d31d5b4","nonce":"5",
 "blockHash":"0x2b1a3e9a1c3e2f55f0c7f3b0d5b8e6a4c1d2e3f405162738495a6b7c8d9eafb0",
 "from":"0x4e83362442b8d1bec281594cea3050c8eb01311c",
 "contractAddress":"0xdac17f958d2ee523a2206206994597c13d831ec7",
 "to":"0x28c6c06298d514db089934071355e5743bf21d60","value":"1234567890001",
 "tokenName":"Tether USD","tokenSymbol":"USDT","tokenDecimal":"6","transactionIndex":"81",
 "gas":"207128","gasPrice":"9000000000","gasUsed":"63197","cumulativeGasUsed":"7114411",
 "input":"deprecated","methodId":"0xa9059cbb",
 "functionName":"transfer(address _to, uint256 _value)","confirmations":"12"}]}"""


def row(**changes: Any) -> dict[str, Any]:
    first: dict[str, Any] = orjson.loads(RECORDED)["result"][0]
    return {**first, **changes}


def answer(*rows: Any) -> bytes:
    return orjson.dumps({"status": "1", "message": "OK", "result": list(rows)})


def transfers(body: bytes, token: Any = USDT, price_usd: float = 1.0) -> list[Transfer]:
    batch = read_token_transfers(body, NOW_MS, token, price_usd, LABELS)
    return [event for event in batch.events if isinstance(event, Transfer)]


def test_a_deposit_carries_amount_label_direction_and_time() -> None:
    deposit = transfers(RECORDED)[0]
    assert deposit.amount_usd == pytest.approx(1_234_567.890001, abs=1e-9)
    assert (deposit.token, deposit.blockchain, deposit.source) == ("USDT", ETHEREUM, "etherscan")
    assert (deposit.from_label, deposit.to_label) == (None, "Binance")
    assert deposit.direction == "to_exchange"
    assert deposit.as_of_ms == deposit.published_ms == 1_722_868_600_000
    assert deposit.tx_hash == HASH and deposit.event_id.startswith(f"etherscan:{HASH}:")


def test_directions_follow_the_ends_whatever_their_letters() -> None:
    out = row(**{"from": "0x28C6c06298d514Db089934071355E5743bf21d60", "to": WALLET})
    between = row(**{"from": BINANCE, "to": KRAKEN})
    inside = row(**{"from": BINANCE, "to": "0x21a31ee1afc51d94c2efccaa2092ad1028285549"})
    assert [each.direction for each in transfers(answer(out, between, inside))] == [
        "from_exchange",
        "between_exchanges",
        "between_exchanges",
    ]


def test_wrapped_coins_count_as_the_coin_at_its_price() -> None:
    weth = row(contractAddress=WETH.contract, tokenDecimal="18", value=str(200 * 10**18))
    wbtc = row(contractAddress=WBTC.contract, tokenDecimal="8", value="1050000000")
    ether = transfers(answer(weth), WETH, 3000.5)[0]
    bitcoin = transfers(answer(wbtc), WBTC, 60_000.0)[0]
    assert (ether.token, ether.amount_usd) == ("ETH", 600_100.0)
    assert (bitcoin.token, bitcoin.amount_usd) == ("BTC", 630_000.0)


def test_only_more_than_the_threshold_counts() -> None:
    exact, above = row(value="500000000000"), row(value="500000000001")
    assert len(transfers(answer(exact, above))) == 1


def test_transfers_of_no_known_exchange_are_passed_over() -> None:
    batch = read_token_transfers(answer(row(to=WALLET)), NOW_MS, USDT, 1.0, LABELS)
    assert batch.events == () and batch.rejected == ()


def test_event_ids_are_stable_and_tell_transfers_of_one_transaction_apart() -> None:
    other, same = row(value="999999000000"), row(confirmations="900")
    ids = [each.event_id for each in transfers(answer(row(), other, same))]
    assert len(set(ids)) == 3
    again = [each.event_id for each in transfers(answer(other, row(nonce="6"), same))]
    assert set(again) == set(ids)


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 1_234_567_890_001},
        {"value": "-1234567890001"},
        {"value": "1e12"},
        {"value": "9" * 70},
        {"value": "1234567890001\n"},
        {"tokenDecimal": "0"},
        {"tokenDecimal": None},
        {"contractAddress": USDC.contract},
        {"timeStamp": "1722999999"},
        {"timeStamp": "0"},
        {"hash": "0xe8"},
        {"from": "0x4e83"},
        {"to": ""},
    ],
)
def test_a_wrong_row_is_refused_and_the_others_stay(changes: dict[str, Any]) -> None:
    batch = read_token_transfers(answer(row(), row(**changes)), NOW_MS, USDT, 1.0, LABELS)
    assert len(batch.events) == 1 and len(batch.rejected) == 1
    with pytest.raises(SourceError) as caught:
        transfers(answer(row(**changes)))
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Max rate limit reached, please use API Key for higher rate limit", "limited"),
        ("Max calls per sec rate limit reached (3/sec)", "limited"),
        ("Invalid API Key (#err2)|key-of-the-tests", "refused"),
        ("Error! Missing Or invalid Action name", "refused"),
        ("Query Timeout occured. Please select a smaller result dataset", "unavailable"),
        ("Unexpected error, timeout or server too busy. Please try again later", "unavailable"),
    ],
)
async def test_errors_that_come_as_200_are_errors(said: str, kind: str) -> None:
    refusal = {"status": "0", "message": "NOTOK", "result": said}
    source = Etherscan(scripted_context(ScriptedFetcher(lambda *_: refusal)))
    with pytest.raises(SourceError) as caught:
        await source.poll(NOW_MS)
    assert caught.value.kind == kind
    assert said[:20] in str(caught.value) and "key-of-the-tests" not in str(caught.value)


def test_no_transactions_is_no_error() -> None:
    body = b'{"status":"0","message":"No transactions found","result":[]}'
    assert transfers(body) == []


def test_reader_refuses_nonsense() -> None:
    fuzz_reader(
        lambda body: read_token_transfers(body, NOW_MS, USDT, 1.0, LABELS), RECORDED, seed=14
    )


async def test_survives() -> None:
    prices = {"btc_price_usd": lambda: 60_000.0, "eth_price_usd": lambda: 3_000.0}
    options = {**one_wallet(), **prices}
    await check_source_survives(ENTRY, STAND_IN, options=options, has_history=False)


async def test_wallets_and_tokens_are_asked_for_in_turn() -> None:
    fetcher = ScriptedFetcher(lambda *_: answer())
    source = Etherscan(scripted_context(fetcher))
    wallets = LABELS.addresses(ETHEREUM, only_hot=True)
    pairs = {(wallet, token.contract) for wallet in wallets for token in (USDT, USDC)}
    polls = -(-len(pairs) // REQUESTS_A_POLL)
    for number in range(polls):
        await source.poll(NOW_MS + number * 30_000)
        assert len(fetcher.asked) == (number + 1) * REQUESTS_A_POLL
    asked = {(params["address"], params["contractaddress"]) for _, params in fetcher.asked}
    assert asked == pairs


def one_wallet() -> dict[str, Any]:
    return {
        "exchange_labels": ExchangeLabels([ExchangeAddress(BINANCE, "Binance", ETHEREUM, True)])
    }


async def test_the_next_look_starts_at_the_newest_block_and_says_what_it_missed() -> None:
    def at_height(_: str, params: Mapping[str, str]) -> Any:
        first = 20_462_500 if params["startblock"] == "0" else 20_470_000
        if params["contractaddress"] != USDT.contract:
            return answer()
        return answer(
            *(
                row(blockNumber=str(first + each), value=str(10**12 + each))
                for each in range(PAGE_SIZE)
            )
        )

    fetcher = ScriptedFetcher(at_height)
    source = Etherscan(scripted_context(fetcher, options=one_wallet()))
    assert (await source.poll(NOW_MS)).rejected == ()
    batch = await source.poll(NOW_MS + 30_000)
    assert [params["startblock"] for _, params in fetcher.asked] == ["0", "0", "20462694", "0"]
    assert len(batch.rejected) == 2 and "more than 200 transfers" in batch.rejected[0]
    assert batch.rejected[1].startswith("not heard: 1 of 2 ")


async def test_a_token_without_a_price_is_not_asked_for_and_that_is_said() -> None:
    fetcher = ScriptedFetcher(lambda *_: answer())
    options = {**one_wallet(), "btc_price_usd": lambda: None, "eth_price_usd": lambda: 3000.0}
    batch = await Etherscan(scripted_context(fetcher, options=options)).poll(NOW_MS)
    asked = [params["contractaddress"] for _, params in fetcher.asked]
    assert asked == [USDT.contract, USDC.contract, WETH.contract]
    assert batch.rejected == ("BTC: no price is known, so its transfers are not looked at",)


async def test_a_wallet_that_fails_costs_the_others_nothing() -> None:
    def failing(_: str, params: Mapping[str, str]) -> Any:
        return (
            answer("no row")
            if params["contractaddress"] == USDT.contract
            else answer(row(contractAddress=USDC.contract))
        )

    source = Etherscan(scripted_context(ScriptedFetcher(failing), options=one_wallet()))
    batch = await source.poll(NOW_MS)
    assert len(batch.events) == 1 and len(batch.rejected) == 2
    assert f"{BINANCE} USDT: " in batch.rejected[0]


def heard(batch: Batch) -> bool:
    return not any(line.startswith("not heard:") for line in batch.rejected)


async def test_one_answer_of_many_is_no_silence() -> None:
    fetcher = ScriptedFetcher(lambda *_: answer() if len(fetcher.asked) == 1 else answer("no row"))
    batch = await Etherscan(scripted_context(fetcher)).poll(NOW_MS)
    assert len(fetcher.asked) == REQUESTS_A_POLL and not heard(batch)


async def test_silence_is_known_once_all_wallets_were_asked_and_for_half_an_hour() -> None:
    fails = {"USDT": False}

    def by_token(_: str, params: Mapping[str, str]) -> Any:
        is_failing = fails["USDT"] and params["contractaddress"] == USDT.contract
        return answer("no row") if is_failing else answer()

    source = Etherscan(scripted_context(ScriptedFetcher(by_token)))
    pairs = 2 * len(LABELS.addresses(ETHEREUM, only_hot=True))
    rounds = -(-pairs // REQUESTS_A_POLL)
    found = [heard(await source.poll(NOW_MS + number)) for number in range(rounds)]
    assert found == [False] * (rounds - 1) + [True]
    fails["USDT"] = True
    assert heard(await source.poll(NOW_MS + 30 * MS_PER_MINUTE))
    assert not heard(await source.poll(NOW_MS + 30 * MS_PER_MINUTE + rounds))
    fails["USDT"] = False
    later_ms = NOW_MS + 40 * MS_PER_MINUTE
    assert [heard(await source.poll(later_ms)) for _ in range(rounds + 1)][-1]


async def test_without_wallets_nothing_is_heard() -> None:
    options = {"exchange_labels": ExchangeLabels([])}
    source = Etherscan(scripted_context(ScriptedFetcher(lambda *_: answer()), options=options))
    assert not heard(await source.poll(NOW_MS))


async def test_a_source_that_fails_is_asked_no_further_and_goes_on_at_the_same_place() -> None:
    down = {"now": True}

    def by_turn(_: str, params: Mapping[str, str]) -> Any:
        return SourceError("Etherscan: HTTP 429", "limited") if down["now"] else answer()

    fetcher = ScriptedFetcher(by_turn)
    source = Etherscan(scripted_context(fetcher, options=one_wallet()))
    with pytest.raises(SourceError):
        await source.poll(NOW_MS)
    down["now"] = False
    await source.poll(NOW_MS)
    asked = [params["contractaddress"] for _, params in fetcher.asked]
    assert asked == [USDT.contract, USDT.contract, USDC.contract]
