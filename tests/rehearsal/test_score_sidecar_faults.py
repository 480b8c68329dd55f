"""The score sidecar slow, lying, broken, dead: the loop goes on, entries stop, exits go on."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.trades import read_bot_books
from operations.conductor import Conductor
from operations.processes import Child, free_port
from operations.road import Exchange, Road

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(600)]

HOUR = timedelta(hours=1)
SCRIPT = Path(__file__).with_name("scripted_scores.py")
# A dip of one pair or another every three hours: enough hours for several of them.
PHASE = 9 * HOUR


class Scores:
    """The scripted sidecar as a process, and the mode it is in."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self._port = free_port()
        self._mode = road.folder / "mode"
        self.url = f"http://127.0.0.1:{self._port}"
        self.process: Child | None = None

    def be(self, mode: str) -> None:
        self._mode.write_text(mode)
        if mode == "dead":
            assert self.process is not None
            self._road.stage.stop(self.process, hard=True)
            self.process = None
        elif self.process is None:
            self.process = self._road.stage.start(
                "scores", [str(SCRIPT), str(self._port), str(self._mode)]
            )
            self._road.stage.wait_for("scripted scores", self._answers, 30)

    def _answers(self) -> bool:
        try:
            requests.get(self.url, timeout=1)
        except requests.RequestException:
            return False
        return True


# The hardest of them by default: one that never ends its answer.
FAULTS = ("slow", "garbage", "error", "dead")
FAULTS_BY_DEFAULT = ("slow",)


@pytest.mark.parametrize(
    "fault", FAULTS if os.environ.get("AQUATRADE_REHEARSAL") == "full" else FAULTS_BY_DEFAULT
)
def test_entries_stop_and_exits_go_on(storm: Any, storm_road: Road, fault: str) -> None:
    # Half past: whatever happens to the sidecar happens between two candles, not beside a close.
    exchange: Exchange = storm_road.start_exchange(storm.first_dip - HOUR / 2, participants=2)
    assert exchange.lockstep_port is not None
    scores = Scores(storm_road)
    scores.be("ok")
    config = storm_road.bot_config(
        "live",
        exchange,
        {
            "aquatrade": {
                "preset": "crash",
                "scores": {"url": scores.url, "filter": True, "threshold": 75},
            },
            "max_open_trades": 8,
            "internals": {"process_throttle_secs": 900},
        },
    )
    bot = storm_road.start_bot(exchange, config)
    conductor = Conductor(exchange.lockstep_port, storm_road.stage.check)

    def run(duration: timedelta) -> tuple[set[str], set[str]]:
        """(entries, exits) made meanwhile, as "pair hour"."""
        start = conductor.now()
        conductor.run_until(start + duration)
        trades = read_bot_books(storm_road.bot_database).trades
        return (
            {f"{t.pair} {t.opened:%d %H}" for t in trades if t.opened >= start},
            {f"{t.pair} {t.closed:%d %H}" for t in trades if t.closed and t.closed >= start},
        )

    began = time.monotonic()
    entries, _ = run(PHASE + 6 * HOUR)
    assert len(entries) >= 3, "with scores there are entries"
    healthy_seconds = (time.monotonic() - began) * (PHASE / (PHASE + 6 * HOUR))

    scores.be(fault)
    began = time.monotonic()
    entries, exits = run(PHASE)
    seconds = time.monotonic() - began
    assert entries == set(), f"no entry without a score ({fault})"
    assert exits, "exits go on"
    lines = bot.log.read_text()
    assert lines.count("scores unavailable") == 1, lines
    # One wait of the time-out at most, when the sidecar goes; the rest is the machine's mood.
    assert seconds < 2 * healthy_seconds + 10, "the loop was not held up"

    scores.be("ok")
    time.sleep(12)  # the longest pause between two tries of a client that has given up for now
    entries, _ = run(PHASE + 6 * HOUR)
    assert entries, "entries come back with the scores"
    assert bot.log.read_text().count("scores are back") == 1
    assert bot.process.poll() is None
