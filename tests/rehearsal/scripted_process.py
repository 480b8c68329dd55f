"""Stand-ins for services, as processes on the stage of a rig."""

from pathlib import Path

import requests

from operations.processes import free_port
from operations.road import write_json
from tests.rehearsal.fleet_rig import FleetRig

SCORES = Path(__file__).with_name("scripted_scores.py")
SENTIMENT = Path(__file__).with_name("scripted_sentiment.py")


def scripted_scores(rig: FleetRig) -> str:
    """A score sidecar that gives every pair 80 points; returns its URL."""
    port = free_port()
    mode = rig.road.folder / "scores-mode"
    mode.write_text("ok")
    rig.road.stage.start("scores", [str(SCORES), str(port), str(mode)])
    url = f"http://127.0.0.1:{port}"
    rig.road.stage.wait_for("scripted scores", lambda: answers(url), 30)
    return url


class ScriptedSentiment:
    """A sentiment sidecar that raises the flags that it is told to."""

    NAME = "sentiment"

    def __init__(self, rig: FleetRig) -> None:
        self._rig = rig
        self._file = rig.road.folder / "sentiment-says.json"
        self.says()
        port = free_port()
        self._child = rig.road.stage.start(self.NAME, [str(SENTIMENT), str(port), str(self._file)])
        self.url = f"http://127.0.0.1:{port}"
        rig.road.stage.wait_for("scripted sentiment", lambda: answers(self.url), 30)

    def says(self, *flags: str) -> None:
        """From now on, as of the present of the replayed time."""
        content = {"as_of": self._rig.conductor.now().isoformat(), "flags": flags}
        write_json(self._file.with_suffix(".new"), content).rename(self._file)

    def dies(self) -> None:
        """SIGKILL."""
        self._rig.road.stage.stop(self._child, hard=True)


def answers(url: str) -> bool:
    """Whether anybody answers there, whatever."""
    try:
        requests.get(url, timeout=1)
    except requests.RequestException:
        return False
    return True
