"""Hand-made health of sidecars for the pages: every state once."""

from sidecars.confluence.monitor.web_model import SidecarHealth, SourceHealth, SourceStatus
from tests.sidecars.confluence.monitor.sample_cards import NOW_MS, TODAY_MS

HOUR_MS = 3_600_000


def all_sidecars() -> list[SidecarHealth]:
    """Three sidecars, one of which does not answer."""
    return [
        SidecarHealth(
            "confluence",
            (
                SourceHealth(
                    "Luno", SourceStatus.OK, NOW_MS - 45_000, NOW_MS - 45_000, None,
                    "Luno API terms", "https://www.luno.com/en/developers/api",
                ),
                SourceHealth(
                    "binance candles", SourceStatus.OK, TODAY_MS, NOW_MS - 7 * HOUR_MS,
                    "timed out after 10 s", "Binance API terms", "https://www.binance.com",
                ),
            ),
            asked_ms=NOW_MS - 4_000,
        ),
        SidecarHealth(
            "sentiment",
            (
                SourceHealth(
                    "alternative.me", SourceStatus.STALE, TODAY_MS - 50 * HOUR_MS, NOW_MS - HOUR_MS,
                    None, "free with attribution", "https://alternative.me/crypto/",
                ),
                SourceHealth(
                    "CoinGecko", SourceStatus.FAILING, NOW_MS - 2 * HOUR_MS, NOW_MS - 2 * HOUR_MS,
                    "HTTP 429: rate limited, asked again in 60 s <b>now</b>",
                    "CoinGecko API terms, attribution", "https://www.coingecko.com/en/api",
                ),
                SourceHealth("LunarCrush", SourceStatus.OFF, home="javascript:alert(1)"),
                SourceHealth("News RSS", SourceStatus.STARTING),
            ),
            asked_ms=NOW_MS - 9_000,
        ),
        SidecarHealth(
            "onchain",
            (SourceHealth("Coin Metrics", SourceStatus.STALE, TODAY_MS - 30 * HOUR_MS),),
            unreachable="http://127.0.0.1:8103: connection refused",
            asked_ms=NOW_MS - 20_000,
        ),
    ]  # fmt: skip
