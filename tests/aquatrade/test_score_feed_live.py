"""A live candle has a score only if the sidecar has answered for that candle's close."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from aquatrade.live_scores import LiveScores
from aquatrade.score_feed import ScoreFeed
from aquatrade.score_http import ScoreUnavailableError
from aquatrade.score_records import ScoreRecord
from aquatrade.settings import ScoreSettings

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAIR = "BTC/USDT"
NAN = float("nan")


class Sidecar:
    """Answers 80 for every pair, as of midnight, until it is dead."""

    dead = False

    def fetch(
        self, pairs: Sequence[str], at_ms: int
    ) -> tuple[dict[str, ScoreRecord], dict[str, str]]:
        if self.dead:
            raise ScoreUnavailableError("no connection")
        midnight_ms = at_ms - at_ms % 86_400_000
        record = ScoreRecord(
            PAIR, midnight_ms, midnight_ms, 80.0, 0.8, NAN, NAN, NAN, NAN, NAN, False
        )
        return dict.fromkeys(pairs, record), {}


def candles_until(close: datetime) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.date_range(end=close - HOUR, periods=6, freq="1h")})


def feed_of(sidecar: Sidecar, tmp_path: Path) -> ScoreFeed:
    settings = ScoreSettings(url="http://127.0.0.1:1", filter=True)
    feed = ScoreFeed(settings, "1h", tmp_path, trades_now=True)
    feed.live = LiveScores(sidecar.fetch, 0.5)
    return feed


def allowed_at_last_candle(feed: ScoreFeed, close: datetime) -> bool:
    feed.refresh([PAIR], close + timedelta(seconds=1))
    frame = feed.join(candles_until(close), PAIR)
    return bool(feed.allows(frame, 75).iloc[-1])


def test_a_score_of_an_earlier_candle_does_not_let_a_later_one_in(tmp_path: Path) -> None:
    sidecar = Sidecar()
    feed = feed_of(sidecar, tmp_path)
    assert allowed_at_last_candle(feed, NOON)
    sidecar.dead = True
    assert not allowed_at_last_candle(feed, NOON + HOUR)
    frame = feed.join(candles_until(NOON + HOUR), PAIR)
    assert frame["score"].iloc[-2] == 80.0, "what was known for the earlier candle stays"


def test_nothing_is_let_in_before_the_first_answer(tmp_path: Path) -> None:
    sidecar = Sidecar()
    sidecar.dead = True
    assert not allowed_at_last_candle(feed_of(sidecar, tmp_path), NOON)
