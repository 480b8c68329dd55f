"""What all three sidecars in one process hold of the machine's memory, through a day of polling.

`aquatrade sidecars` against the replay exchange (25 pairs, years of daily candles) and stand-ins
of all public sources, keyed ones too, at their normal pace: transfers every 30 s. On the lock-step
clock, so that the day lasts as long as the work in it. The first figure is the most that the
process held from its start on, the filling of empty databases included; the second one what it
grew by from the first hours to the last ones.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.sidecar_rig import ASSETS, LAYERS, NAMES, SidecarRig, Sidecars
from operations.conductor import Conductor

GOAL_MB: Final = 400.0
GOAL_GROWTH_MB: Final = 20.0
NOW: Final = datetime(2025, 6, 1, 6, tzinfo=UTC)
LAYERS_FROM: Final = "2024-01-01"
HOUR: Final = timedelta(hours=1)
HOURS: Final = 24
HOURS_COMPARED: Final = 3
SCORES_AN_HOUR: Final = 4


def main() -> int:
    """Measure and print the BENCH lines; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder, SidecarRig(Path(folder), NOW) as rig:
        rig.start_surroundings()
        assert rig.conductor is not None
        sections = {name: rig.settings(name) for name in NAMES}
        for layer in LAYERS:
            sections[layer]["history_start"] = LAYERS_FROM
        started = time.monotonic()
        sidecars = rig.start_sidecars(sections)
        _say(f"ready after {time.monotonic() - started:.0f} s, {sidecars.memory_mb():.0f} MB")
        started = time.monotonic()
        hourly_mb = _a_day(rig.conductor, sidecars)
        seconds = time.monotonic() - started
        _check_that_it_worked(sidecars, rig.conductor.now())
        peak_mb = sidecars.peak_memory_mb()
    growth_mb = _growth_mb(hourly_mb)
    _say(f"a day of {HOURS} hours in {seconds:.0f} s")
    _say("MB at the end of each hour: " + " ".join(f"{each:.0f}" for each in hourly_mb))
    _bench("sidecars_memory", peak_mb, GOAL_MB)
    _bench("sidecars_memory_growth", growth_mb, GOAL_GROWTH_MB)
    return 0


def _a_day(conductor: Conductor, sidecars: Sidecars) -> list[float]:
    """Memory at the end of each hour."""
    end = conductor.now() + HOURS * HOUR
    return [sidecars.memory_mb() for _ in conductor.steps(end, HOUR)]


def _check_that_it_worked(sidecars: Sidecars, now: datetime) -> None:
    """Raises RuntimeError: a process that does nothing holds little."""
    start = now - HOURS * HOUR
    for layer in LAYERS:
        health = sidecars.ask(layer, "/health").json()
        wrong = {key: each for key, each in health["sources"].items() if each["state"] != "ok"}
        if wrong:
            raise RuntimeError(f"{layer}: expected all sources on and ok, got {wrong}")
        for asset in ASSETS:
            answer = sidecars.ask(layer, "/v1/scores/history", asset=asset, start=_iso(start))
            rows = len(answer.json()["columns"]["as_of_ms"])
            if rows < HOURS * SCORES_AN_HOUR - 1:
                raise RuntimeError(f"{layer}: {rows} scores of {asset} in {HOURS} hours")


def _growth_mb(hourly_mb: Sequence[float]) -> float:
    first, last = hourly_mb[:HOURS_COMPARED], hourly_mb[-HOURS_COMPARED:]
    return statistics.median(last) - statistics.median(first)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _bench(name: str, value_mb: float, goal_mb: float) -> None:
    verdict = "ok" if value_mb <= goal_mb else "short"
    _say(f"BENCH {name} value={value_mb:.1f} unit=MB goal=<={goal_mb:g} {verdict}")


if __name__ == "__main__":
    sys.exit(main())
