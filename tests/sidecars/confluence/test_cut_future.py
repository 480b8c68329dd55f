"""Law 1, through the whole sidecar: what is answered about a moment does not depend on whether
the candles after that moment exist."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from sidecars.common.clock import ManualClock
from sidecars.common.moments import EPOCH, ms_of
from sidecars.confluence.answers import ScoreAnswers
from sidecars.confluence.candles import MS_PER_DAY, DailyCandles
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.local_binance import FIRST_DAY_MS, seeded_candles, without_days
from tests.sidecars.confluence.test_updater import FakeSource

QUESTIONS = 200
# The moments share a few cuts of the candles, each of which is a backfill of its own.
CUTS = 10

Candles = dict[str, DailyCandles]


def seeded_market() -> Candles:
    """Six pairs of different ages; one with a hole, one that ends."""
    candles = {"BTC/USDT": seeded_candles(0, 900), "END/USDT": seeded_candles(5, 600)}
    for number, name in enumerate(("ETH", "SOL", "ADA"), 1):
        first_day_ms = FIRST_DAY_MS + 150 * number * MS_PER_DAY
        candles[f"{name}/USDT"] = seeded_candles(number, 900 - 150 * number, first_day_ms)
    candles["HOLE/USDT"] = without_days(seeded_candles(4, 900), 500, 503)
    return candles


def recorded_market(market_data: Path) -> Candles:
    candles = {}
    for name in ("BTC", "ETH", "PEPE", "AXS", "ALGO"):
        frame = pd.read_feather(market_data / "binance" / f"{name}_USDT-1d.feather")
        times = frame["date"].dt.as_unit("ms").astype("int64").to_numpy()
        values = [
            frame[column].to_numpy(dtype=np.float64, copy=True)
            for column in ("open", "high", "low", "close", "volume")
        ]
        candles[f"{name}/USDT"] = DailyCandles(times, *values)
    return candles


async def answers_of(
    make_settings: MakeSettings, url: str, candles: Candles, now: datetime
) -> ScoreAnswers:
    """A sidecar that is started at `now` on an empty database and has these candles."""
    settings = make_settings(pairs=sorted(candles), history_start="2017-08-01", database_url=url)
    store = Store(url, "binance")
    updater = Updater(settings, store, FakeSource(candles), ManualClock(now))
    await updater.load()
    await updater.backfill()
    store.close()
    return ScoreAnswers(updater)


def moment_at(moment_ms: int) -> datetime:
    return EPOCH + (datetime.fromtimestamp(moment_ms / 1000, UTC) - EPOCH)


async def check_cuts(make_settings: MakeSettings, tmp_path: Path, candles: Candles) -> None:
    first_ms = min(int(each.open_time_ms[0]) for each in candles.values())
    end_ms = max(int(each.open_time_ms[-1]) for each in candles.values()) + MS_PER_DAY
    random = np.random.default_rng(7)
    whole = await answers_of(
        make_settings, f"sqlite:///{tmp_path}/whole.sqlite", candles, moment_at(end_ms + 3_600_000)
    )
    scores = 0
    for number, cut_ms in enumerate(random.integers(first_ms, end_ms, CUTS).tolist()):
        # Within the minute after a close a live record is stamped as it is made, not as it would
        # be backfilled: a start just then is another case (see test_updater).
        cut_ms = max(cut_ms, cut_ms // MS_PER_DAY * MS_PER_DAY + 60_000)
        cut = {pair: each.before(cut_ms) for pair, each in candles.items()}
        url = f"sqlite:///{tmp_path}/{number}.sqlite"
        part = await answers_of(make_settings, url, cut, moment_at(cut_ms))
        for pair in random.choice(sorted(candles), QUESTIONS // CUTS).tolist():
            asked_ms = cut_ms - int(random.integers(0, 3 * MS_PER_DAY))
            expected = orjson.loads(whole.latest((pair,), asked_ms))
            found = orjson.loads(part.latest((pair,), asked_ms))
            assert found["scores"] == expected["scores"], (pair, asked_ms)
            scores += len(found["scores"])
    assert scores > QUESTIONS // 2


async def test_seeded_candles(make_settings: MakeSettings, tmp_path: Path) -> None:
    await check_cuts(make_settings, tmp_path, seeded_market())


async def test_recorded_candles(
    make_settings: MakeSettings, tmp_path: Path, market_data: Path
) -> None:
    if not (market_data / "binance" / "BTC_USDT-1d.feather").exists():
        pytest.skip("no daily candles of BTC_USDT in the market data")
    await check_cuts(make_settings, tmp_path, recorded_market(market_data))


def test_moments() -> None:
    assert ms_of(moment_at(1_700_000_000_123)) == 1_700_000_000_123
