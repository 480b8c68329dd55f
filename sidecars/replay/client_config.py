"""How unmodified freqtrade and ccxt are pointed at the replay exchange."""

LOCAL_KEY = "local-replay-key"
LOCAL_SECRET = "local-replay-secret"
# ccxt's own list for Binance; one that is left out would go to the internet.
REST_PATHS = {
    "public": "/api/v3", "private": "/api/v3", "v1": "/api/v1",
    "sapi": "/sapi/v1", "sapiV2": "/sapi/v2", "sapiV3": "/sapi/v3", "sapiV4": "/sapi/v4",
    "dapiPublic": "/dapi/v1", "dapiPrivate": "/dapi/v1", "dapiPrivateV2": "/dapi/v2",
    "dapiData": "/futures/data",
    "eapiPublic": "/eapi/v1", "eapiPrivate": "/eapi/v1",
    "fapiPublic": "/fapi/v1", "fapiPublicV2": "/fapi/v2", "fapiPublicV3": "/fapi/v3",
    "fapiPrivate": "/fapi/v1", "fapiPrivateV2": "/fapi/v2", "fapiPrivateV3": "/fapi/v3",
    "fapiData": "/futures/data",
    "papi": "/papi/v1", "papiV2": "/papi/v2",
}  # fmt: skip
WEBSOCKETS = (
    "spot", "margin", "linear", "inverse", "stock", "option", "optionMarket", "optionPrivate",
    "papi",
)  # fmt: skip
WEBSOCKET_APIS = {
    "spot": "/ws-api/v3",
    "linear": "/ws-fapi/v1",
    "inverse": "/ws-dapi/v1",
}


def rest_urls(base_url: str) -> dict[str, str]:
    """ccxt's `urls.api` for REST. base_url: "http://127.0.0.1:8100"."""
    return {name: base_url + path for name, path in REST_PATHS.items()}


def websocket_urls(ws_url: str) -> dict[str, object]:
    """ccxt's `urls.api.ws`. ws_url: "ws://127.0.0.1:8100".

    The path of the spot streams has "/stream" in it, as the host name of Binance's has: by that
    ccxt tells spot symbols from futures of the same name.
    """
    streams: dict[str, object] = {name: f"{ws_url}/ws" for name in WEBSOCKETS}
    streams["spot"] = f"{ws_url}/stream/ws"
    streams["ws-api"] = {name: ws_url + path for name, path in WEBSOCKET_APIS.items()}
    return streams


def freqtrade_exchange_config(base_url: str, ws_url: str) -> dict[str, object]:
    """The `exchange` section that sends every call to the replay exchange.

    base_url: "http://127.0.0.1:8100"; ws_url: "ws://127.0.0.1:8100". A pair list is to be added.
    """
    options = {"fetchCurrencies": False, "fetchMargins": False, "defaultType": "spot"}
    return {
        "name": "binance",
        "key": LOCAL_KEY,
        "secret": LOCAL_SECRET,
        "only_from_ccxt": True,
        "ccxt_config": {
            "enableRateLimit": False,
            "urls": {"api": rest_urls(base_url)},
            "options": options,
        },
        # Under the async key only: the synchronous ccxt has no websockets to redirect.
        "ccxt_async_config": {"urls": {"api": {"ws": websocket_urls(ws_url)}}},
    }
