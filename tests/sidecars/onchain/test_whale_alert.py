"""Whale Alert: labels, directions, tokens, pages, and what goes wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Transfer
from sidecars.onchain.exchange_labels import exchange_labels
from sidecars.onchain.sources.whale_alert import ENTRY, PAGE_SIZE, WhaleAlert, read_transactions
from sidecars.replay.public_data.whale_alert import STAND_IN
from tests.sidecars.common.adapter_checks import NOW_MS, check_source_survives, fuzz_reader
from tests.sidecars.onchain.scripted_fetcher import ScriptedFetcher, scripted_context

NOW = NOW_MS // 1000
LABELS = exchange_labels()
ASSETS = ("BTC", "ETH")
ETHEREUM_HASH = "7fc67143eb1a43ea111921076a44f7e2fa79ffe530bd3f79dee0464cf6214ae5"
# Two transactions as the documentation shows them; the second between two wallets of one exchange.
RECORDED = b"""{"result":"success","cursor":"76a63333-76a63333-66b0e2a0","count":2,"transactions":[
{"blockchain":"ethereum","symbol":"usdc","id":"1990603462","transaction_type":"transfer",
 "hash":"7fc67143eb1a43ea111921076a44f7e2fa79ffe530bd3f79dee0464cf6214ae5",
 "from":{"address":"6224b133adbd85dddc03a8ae111dec912f0ee4a7","owner":"","owner_type":"unknown"},
 "to":{"address":"28c6c06298d514db089934071355e5743bf21d60","owner":"binance",
       "owner_type":"exchange"},
 "timestamp":1722868600,"amount":2500000,"amount_usd":2500312.5,"transaction_count":1},
{"blockchain":"bitcoin","symbol":"btc","id":"1990603470","transaction_type":"transfer",
 "hash":"3f0e3f0d1f8f5f0bb4a5f27a2bc1e7aa4e6e6d0b0f1ab3a8f6a5d1c2b3a49586",
 "from":{"address":"multiple addresses","owner":"Kraken","owner_type":"exchange"},
 "to":{"address":"bc1q0000","owner":"kraken","owner_type":"exchange"},
 "timestamp":1722868620,"amount":30.25,"amount_usd":1653000,"transaction_count":3}]}"""


def row(**changes: Any) -> dict[str, Any]:
    first: dict[str, Any] = orjson.loads(RECORDED)["transactions"][0]
    return {**first, **changes}


def page(*rows: Any, cursor: str = "0-0-0") -> dict[str, Any]:
    return {"result": "success", "cursor": cursor, "count": len(rows), "transactions": list(rows)}


def read(*rows: Any) -> list[Transfer]:
    batch = read_transactions(orjson.dumps(page(*rows)), NOW_MS, ASSETS, LABELS)
    return [event for event in batch.events if isinstance(event, Transfer)]


def test_transfers_carry_labels_directions_and_times() -> None:
    batch = read_transactions(RECORDED, NOW_MS, ASSETS, LABELS)
    deposit, internal = batch.events
    assert deposit == Transfer(
        event_id=f"whale_alert:0x{ETHEREUM_HASH}:1990603462",
        source="whale_alert",
        as_of_ms=1_722_868_600_000,
        published_ms=1_722_868_600_000,
        token="USDC",
        amount_usd=2_500_312.5,
        direction="to_exchange",
        from_label=None,
        to_label="Binance",
        blockchain="ethereum",
        tx_hash=f"0x{ETHEREUM_HASH}",
    )
    assert isinstance(internal, Transfer)
    assert (internal.direction, internal.from_label, internal.to_label) == (
        "between_exchanges",
        "Kraken",
        "Kraken",
    )
    assert (internal.token, internal.tx_hash[:4]) == ("BTC", "3f0e")
    assert batch.rejected == ()


@pytest.mark.parametrize(
    ("changes", "token"),
    [({"symbol": "WBTC"}, "BTC"), ({"symbol": "weth"}, "ETH"), ({"symbol": "dai"}, "DAI")],
)
def test_wrapped_coins_count_as_the_coin(changes: dict[str, Any], token: str) -> None:
    assert [each.token for each in read(row(**changes))] == [token]


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_type": "mint"},
        {"symbol": "doge"},
        {"amount_usd": 500_000},
    ],
)
def test_what_is_no_large_transfer_of_a_wanted_token_is_passed_over(
    changes: dict[str, Any],
) -> None:
    batch = read_transactions(orjson.dumps(page(row(**changes))), NOW_MS, ASSETS, LABELS)
    assert batch.events == () and batch.rejected == ()


def test_an_owner_without_a_name_is_an_exchange_all_the_same() -> None:
    nameless = {"address": "x", "owner": "", "owner_type": "exchange"}
    unknown = {"address": "x", "owner": "someone", "owner_type": "fund"}
    transfer = read(row(**{"from": nameless, "to": unknown}))[0]
    assert (transfer.direction, transfer.from_label) == ("from_exchange", "exchange")
    assert read(row(**{"from": unknown, "to": unknown}))[0].direction == "between_wallets"


@pytest.mark.parametrize("prefix", ["", "0x"])
def test_an_owner_that_it_does_not_know_is_looked_up_by_address(prefix: str) -> None:
    address = f"{prefix}28C6c06298d514Db089934071355E5743bf21d60"
    unknown = {"address": address, "owner": "", "owner_type": "unknown"}
    transfer = read(row(**{"from": unknown}))[0]
    assert (transfer.direction, transfer.from_label) == ("between_exchanges", "Binance")
    assert read(row(blockchain="tron", **{"from": unknown}))[0].from_label is None


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": NOW + 3600},
        {"timestamp": -5},
        {"timestamp": "1722868600"},
        {"amount_usd": -1.0},
        {"amount_usd": "2500000"},
        {"amount_usd": 1e13},
        {"amount_usd": True},
        {"hash": "a b"},
        {"hash": "a\n"},
        {"from": None},
        {"symbol": 5},
        {"symbol": "b\u00fcx"},
    ],
)
def test_a_wrong_transaction_is_refused_and_the_others_stay(changes: dict[str, Any]) -> None:
    body = orjson.dumps(page(row(), row(id="2", **changes)))
    batch = read_transactions(body, NOW_MS, ASSETS, LABELS)
    assert len(batch.events) == 1 and len(batch.rejected) == 1
    with pytest.raises(SourceError) as caught:
        read_transactions(orjson.dumps(page(row(**changes))), NOW_MS, ASSETS, LABELS)
    assert caught.value.kind == "malformed"


def test_an_answer_without_transactions_has_no_list() -> None:
    body = b'{"result":"success","cursor":"0-0-0","count":0}'
    assert read_transactions(body, NOW_MS, ASSETS, LABELS).events == ()


def test_an_error_in_an_answer_of_200_is_a_refusal() -> None:
    body = b'{"result":"error","message":"invalid api_key"}'
    with pytest.raises(SourceError, match="invalid api_key") as caught:
        read_transactions(body, NOW_MS, ASSETS, LABELS)
    assert caught.value.kind == "refused"


def test_reader_refuses_nonsense() -> None:
    fuzz_reader(lambda body: read_transactions(body, NOW_MS, ASSETS, LABELS), RECORDED, seed=13)


async def test_survives() -> None:
    # dated=False: asked for the last minutes, a server of yesterday has nothing to tell.
    await check_source_survives(ENTRY, STAND_IN, dated=False, has_history=False)


def test_the_key_goes_into_a_header() -> None:
    assert ENTRY.headers is not None
    assert ENTRY.headers("secret") == {"X-WA-API-KEY": "secret"}
    assert ENTRY.facts.needs_key and ENTRY.key_variable == "AQUATRADE_WHALE_ALERT_KEY"


async def test_polls_go_on_where_the_last_one_ended() -> None:
    fetcher = ScriptedFetcher(lambda *_: page(row()))
    source = WhaleAlert(scripted_context(fetcher))
    first, second = await source.poll(NOW_MS), await source.poll(NOW_MS + 30_000)
    assert [each.event_id for each in first.events] == [each.event_id for each in second.events]
    starts = [int(params["start"]) for _, params in fetcher.asked]
    assert starts == [NOW - 900, NOW - 180]
    await source.poll(NOW_MS + 7_200_000)
    assert int(fetcher.asked[-1][1]["start"]) == NOW + 7200 - 59 * 60


async def test_full_pages_are_followed_and_the_rest_is_left_to_the_next_poll() -> None:
    def full(_: str, params: Mapping[str, str]) -> Any:
        number = int(params.get("cursor", "0"))
        moment = NOW - 800 + number * 100
        rows = [row(id=str(number * 1000 + each), timestamp=moment) for each in range(PAGE_SIZE)]
        return page(*rows, cursor=str(number + 1))

    fetcher = ScriptedFetcher(full)
    source = WhaleAlert(scripted_context(fetcher))
    batch = await source.poll(NOW_MS)
    assert len(batch.events) == 3 * PAGE_SIZE
    assert [line[:10] for line in batch.rejected] == ["not heard:"]
    assert [params.get("cursor") for _, params in fetcher.asked] == [None, "1", "2"]
    await source.poll(NOW_MS + 30_000)
    assert int(fetcher.asked[3][1]["start"]) == NOW - 800 + 200 - 1
