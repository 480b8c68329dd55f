"""What the key is told to be allowed: by Binance's endpoint, changed by option and control API."""

from collections.abc import AsyncIterator
from dataclasses import replace

import ccxt
import pytest
from aiohttp.test_utils import TestClient, TestServer

from sidecars.replay.client_config import LOCAL_KEY, LOCAL_SECRET
from sidecars.replay.settings import SettingsError
from tests.sidecars.replay.edge_rig import SETTINGS_OF_TESTS, Edge, make_app, running_exchange

# The documented names, https://developers.binance.com/docs/wallet/account/api-key-permission
DOCUMENTED = {
    "ipRestrict", "createTime", "enableReading", "enableWithdrawals", "enableInternalTransfer",
    "enableMargin", "enableFutures", "permitsUniversalTransfer", "enableVanillaOptions",
    "enableFixApiTrade", "enableFixReadOnly", "enableSpotAndMarginTrading",
    "enablePortfolioMarginTrading",
}  # fmt: skip
RIGHTS = "/sapi/v1/account/apiRestrictions"
CONTROL = "/control/key-rights"


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    app = make_app()
    async with TestClient(TestServer(app)) as client:
        yield Edge(app, client)


async def test_a_sound_key_by_default_in_the_documented_shape(edge: Edge) -> None:
    rights = await edge.trade("GET", RIGHTS)
    assert set(rights) == DOCUMENTED
    granted = {name for name, given in rights.items() if given is True}
    assert granted == {"ipRestrict", "enableReading", "enableSpotAndMarginTrading"}


async def test_the_control_api_tells_another_key(edge: Edge) -> None:
    async with edge.client.put(CONTROL, json={"enableWithdrawals": True}) as answer:
        assert answer.status == 200
        told = (await answer.json())["rights"]
    assert told["enableWithdrawals"] is told["ipRestrict"] is True
    assert (await edge.trade("GET", RIGHTS))["enableWithdrawals"] is True
    async with edge.client.put(CONTROL, json={"ipRestrict": False}) as answer:
        assert answer.status == 200
    rights = await edge.trade("GET", RIGHTS)  # what was left out is as by default again
    assert (rights["ipRestrict"], rights["enableWithdrawals"]) == (False, False)
    async with edge.client.get(CONTROL) as answer:
        assert (await answer.json())["rights"] == {
            name: given for name, given in rights.items() if name != "createTime"
        }


@pytest.mark.parametrize("wrong", [{"enableWithdrawal": True}, {"enableMargin": "yes"}, [], "all"])
async def test_what_is_no_right_is_refused_and_changes_nothing(edge: Edge, wrong: object) -> None:
    before = await edge.trade("GET", RIGHTS)
    async with edge.client.put(CONTROL, json=wrong) as answer:
        assert answer.status == 400
        assert "\n" not in (await answer.json())["error"]
    assert await edge.trade("GET", RIGHTS) == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"enableWithdraw": true}', '{"ipRestrict": 1}'])
def test_a_wrong_option_is_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--key-rights: [^\n]+$"):
        make_app(replace(SETTINGS_OF_TESTS, key_rights=text))


def test_ccxt_reads_the_rights_of_a_process_that_was_started_with_them() -> None:
    with running_exchange("--key-rights", '{"enableFutures": true}') as exchange:
        client = ccxt.binance({"apiKey": LOCAL_KEY, "secret": LOCAL_SECRET})
        client.urls["api"]["sapi"] = f"{exchange.url}/sapi/v1"
        rights = client.sapi_get_account_apirestrictions()
    assert (rights["enableFutures"], rights["enableWithdrawals"]) == (True, False)
