"""Stand-ins for services, as processes on the stage of a rig."""

from pathlib import Path

import requests

from operations.processes import free_port
from tests.rehearsal.fleet_rig import FleetRig

SCORES = Path(__file__).with_name("scripted_scores.py")


def scripted_scores(rig: FleetRig) -> str:
    """A score sidecar that gives every pair 80 points; returns its URL."""
    port = free_port()
    mode = rig.road.folder / "scores-mode"
    mode.write_text("ok")
    rig.road.stage.start("scores", [str(SCORES), str(port), str(mode)])
    url = f"http://127.0.0.1:{port}"
    rig.road.stage.wait_for("scripted scores", lambda: answers(url), 30)
    return url


def answers(url: str) -> bool:
    """Whether anybody answers there, whatever."""
    try:
        requests.get(url, timeout=1)
    except requests.RequestException:
        return False
    return True
