"""What the score client costs one loop of the bot with 40 pairs once their scores are read.

A loop asks for the scores of the candle (answered from memory) and, when a candle is new, joins
them to the frame of each pair; the first is the figure, the second is shown beside it.
"""

import statistics
import sys
import time

import numpy as np
import pandas as pd

from aquatrade.live_scores import LiveScores
from aquatrade.score_join import join_scores
from aquatrade.score_records import ScoreRecord

GOAL_MS = 5.0
PAIRS = tuple(f"COIN{number}/USDT" for number in range(40))
LOOPS = 2000
CANDLES = 999
CLOSE_MS = 1_709_625_600_000
HOUR_MS = 3_600_000


def main() -> int:
    """Measure and print the BENCH line; returns the exit code."""
    scores = LiveScores(lambda pairs, at_ms: ({pair: _record(pair) for pair in pairs}, {}), 0.5)
    if not scores.refresh(PAIRS, CLOSE_MS):
        raise RuntimeError("the scores were not read: nothing to measure")
    loop_ms = []
    for _ in range(LOOPS):
        started = time.perf_counter()
        scores.refresh(PAIRS, CLOSE_MS)
        for pair in PAIRS:
            scores.records(pair)
        loop_ms.append(1000.0 * (time.perf_counter() - started))
    opened = pd.to_datetime(
        CLOSE_MS - HOUR_MS * np.arange(CANDLES, 0, -1), unit="ms", utc=True
    ).as_unit("us")
    frame = pd.DataFrame({"date": opened, "close": np.ones(CANDLES)})
    started = time.perf_counter()
    for pair in PAIRS:
        join_scores(frame, scores.records(pair), "1h", 36.0)
    join_ms = 1000.0 * (time.perf_counter() - started)
    value = statistics.quantiles(loop_ms, n=100)[98]
    sys.stdout.write(
        f"median {statistics.median(loop_ms):.3f} ms, 99th percentile {value:.3f} ms a loop; "
        f"on a new candle {join_ms:.1f} ms more to join {len(PAIRS)} frames\n"
    )
    verdict = "ok" if value < GOAL_MS else "short"
    sys.stdout.write(
        f"BENCH score_client_loop_ms value={value:.3f} unit=ms goal={GOAL_MS:g} {verdict}\n"
    )
    return 0


def _record(pair: str) -> ScoreRecord:
    return ScoreRecord(
        pair=pair, as_of_ms=CLOSE_MS - HOUR_MS, available_at_ms=CLOSE_MS - HOUR_MS, total=66.0,
        confidence=0.75, technical=22.0, momentum=19.0, regime=20.0, sentiment=5.0,
        percentile=81.0, vetoed=False,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
