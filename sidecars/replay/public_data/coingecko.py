"""Stand-in of CoinGecko's public API: /global, /simple/price, /coins/bitcoin/market_chart.

Shapes as on https://docs.coingecko.com/demo/reference/crypto-global.
"""

from sidecars.common.observations import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND
from sidecars.replay.public_data.model import StandIn, StandInAnswer, StandInRequest
from sidecars.replay.public_data.smooth_values import (
    json_answer,
    value_between,
    whole_number_of,
)

GLOBAL_RENEWED_MS = 10 * MS_PER_MINUTE
LONGEST_DAYS = 365
BITCOINS = 19_750_000.0
CURRENCIES = {"btc": 1.0, "eth": 25.0, "usd": 62_000.0, "eur": 57_000.0, "myr": 275_000.0}
SHARES = {"eth": 15.2, "usdt": 5.1, "bnb": 3.6, "sol": 3.3, "usdc": 1.5, "xrp": 1.4, "doge": 0.8}


def price_usd(moment_ms: int) -> float:
    """Bitcoin's price that all routes agree on."""
    return round(value_between("btc_price_usd", moment_ms, 45_000.0, 75_000.0), 2)


def dominance_pct(moment_ms: int) -> float:
    """Bitcoin's share of the total capitalisation."""
    return value_between("btc_dominance_pct", moment_ms, 48.0, 60.0)


def _global(request: StandInRequest) -> StandInAnswer:
    updated_ms = request.now_ms - request.now_ms % GLOBAL_RENEWED_MS
    share_pct = dominance_pct(updated_ms)
    total_usd = price_usd(updated_ms) * BITCOINS / share_pct * 100
    in_currencies = {
        name: total_usd * rate / CURRENCIES["usd"] for name, rate in CURRENCIES.items()
    }
    day_before_ms = updated_ms - MS_PER_DAY
    before_usd = price_usd(day_before_ms) * BITCOINS / dominance_pct(day_before_ms) * 100
    change_pct = (total_usd - before_usd) / before_usd * 100
    data = {
        "active_cryptocurrencies": 14_732,
        "upcoming_icos": 0,
        "ongoing_icos": 49,
        "ended_icos": 3376,
        "markets": 1129,
        "total_market_cap": in_currencies,
        "total_volume": {name: value * 0.045 for name, value in in_currencies.items()},
        "market_cap_percentage": {"btc": share_pct, **SHARES},
        "market_cap_change_percentage_24h_usd": change_pct,
        "volume_change_percentage_24h_usd": change_pct * 3,
        "updated_at": updated_ms // MS_PER_SECOND,
    }
    return json_answer({"data": data})


def _price(request: StandInRequest) -> StandInAnswer:
    if request.query.get("ids") != "bitcoin" or request.query.get("vs_currencies") != "usd":
        return json_answer({})
    updated_ms = request.now_ms - request.now_ms % MS_PER_MINUTE
    price: dict[str, float] = {"usd": price_usd(updated_ms)}
    if request.query.get("include_last_updated_at") == "true":
        price["last_updated_at"] = updated_ms // MS_PER_SECOND
    return json_answer({"bitcoin": price})


def _chart(request: StandInRequest) -> StandInAnswer:
    days = whole_number_of(request.query, "days", 1)
    if days > LONGEST_DAYS:
        message = (
            "Your request exceeds the allowed time range. Public API users are limited to "
            "querying historical data within the past 365 days."
        )
        status = {"error_code": 10012, "error_message": message}
        return json_answer({"error": {"status": status}}, status=401)
    step_ms = _step_ms(days)
    first_ms = -(-(request.now_ms - days * MS_PER_DAY) // step_ms) * step_ms
    moments = [*range(first_ms, request.now_ms, step_ms), request.now_ms]
    prices = [[moment_ms, price_usd(moment_ms)] for moment_ms in moments]
    return json_answer(
        {
            "prices": prices,
            "market_caps": [[moment_ms, price * BITCOINS] for moment_ms, price in prices],
            "total_volumes": [[moment_ms, price * 400_000.0] for moment_ms, price in prices],
        }
    )


def _step_ms(days: int) -> int:
    if days <= 1:
        return 5 * MS_PER_MINUTE
    return MS_PER_HOUR if days <= 90 else MS_PER_DAY


STAND_IN = StandIn(
    key="coingecko",
    routes={
        "/api/v3/global": _global,
        "/api/v3/simple/price": _price,
        "/api/v3/coins/bitcoin/market_chart": _chart,
    },
)
