"""A small made-up record for a zone study: daily candles and daily files of the past."""

from pathlib import Path

import numpy as np
import pandas as pd

COINS = ("BTC", "ETH", "SOL")
FIRST_DAY = "2022-01-01"
DAYS = 500
END = pd.Timestamp(FIRST_DAY, tz="UTC") + pd.Timedelta(days=DAYS)


def write_record(data: Path) -> None:
    """Fill data/binance and data/aux."""
    (data / "binance").mkdir(parents=True)
    (data / "aux").mkdir()
    for seed, coin in enumerate(COINS):
        _candles(seed).to_feather(data / "binance" / f"{coin}_USDT-1d.feather")
    for name, columns in _daily_columns().items():
        frame = pd.DataFrame(columns)
        frame.insert(0, "date", _days().strftime("%Y-%m-%d"))
        frame.to_csv(data / "aux" / name, index=False)
    _headlines().to_csv(data / "aux" / "crypto_news.csv", index=False)


def _days() -> pd.DatetimeIndex:
    return pd.date_range(FIRST_DAY, periods=DAYS, freq="D", tz="UTC")


def _candles(seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    close = 1000.0 * np.exp(np.cumsum(chance.normal(0.0005, 0.03, DAYS)))
    opened = np.concatenate([[1000.0], close[:-1]])
    return pd.DataFrame(
        {
            "date": _days(),
            "open": opened,
            "high": np.maximum(opened, close) * 1.01,
            "low": np.minimum(opened, close) * 0.99,
            "close": close,
            "volume": chance.uniform(500.0, 1500.0, DAYS),
        }
    )


def _daily_columns() -> dict[str, dict[str, np.ndarray]]:
    wave = np.sin(np.arange(DAYS) / 20.0)
    return {
        "fear_greed.csv": {"value": np.round(50 + 40 * wave)},
        "btc_dominance.csv": {"btc_dominance": 45 + 5 * wave},
        "total_mcap_derived.csv": {"total_mcap_usd_derived": 1e12 * (1.2 + 0.2 * wave)},
        "onchain_btc_coinmetrics.csv": {
            "PriceUSD": 20_000 + 5_000 * wave,
            "AdrActCnt": 900_000 + 1000 * wave,
            "FlowInExNtv": 30_000 + 3000 * wave,
            "FlowOutExNtv": 30_000 - 3000 * wave,
        },
        "macro_daily.csv": {"spx": 4000 + 100 * wave, "dxy": 100 + 2 * wave},
        "btc_funding_daily.csv": {"funding_rate": 0.0001 * (1 + wave)},
    }


def _headlines() -> pd.DataFrame:
    dates = pd.date_range("2022-06-01T05:00", periods=200, freq="3h", tz="UTC")
    return pd.DataFrame(
        {
            "date": dates.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "source": "CryptoNews",
            "subject": "bitcoin",
            "title": [f"Bitcoin rises again, number {number}" for number in range(len(dates))],
            "text": "A text.",
            "sentiment": "{}",
        }
    )
