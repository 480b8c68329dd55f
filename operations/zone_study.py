"""`aquatrade zones`: the confluence score of recorded years against what prices did afterwards.

Real processes on this machine: the replay exchange at the end of the record, the sentiment and
the on-chain sidecar filled from files of the past, the confluence sidecar over HTTP on all three.
"""

import csv
import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from requests import RequestException
from rich.console import Console

from lab.results import read_closes
from lab.zone_pictures import save_zone_picture
from operations.demo import DemoError, empty_work_folder, only_one
from operations.processes import (
    ProcessFailedError,
    Stage,
    free_port,
    termination_as_interrupt,
)
from operations.road import REPOSITORY, write_json
from operations.screens import step
from operations.zone_plan import DAY, HEADLINES_FILE, StudyError, StudyPlan, plan_study
from operations.zone_screens import print_findings
from sidecars.common.layer.definition import TOKEN_VARIABLE, Layer
from sidecars.confluence.settings import IMPORTED
from sidecars.onchain.layer import LAYER as ONCHAIN
from sidecars.replay.client_config import freqtrade_exchange_config
from sidecars.sentiment.layer import LAYER as SENTIMENT

SECONDS_PER_DAY = 86_400
# From here on there are enough pairs for a look at all of them.
WIDE_START = datetime(2018, 6, 1, tzinfo=UTC)
# The share of points that candles and the market give on their own: a younger pair's record has
# 0.85 at most, without its 200-day mean and its high.
FULLY_JUDGED = 0.86
START_SECONDS = 300.0
ANSWER_SECONDS = 60.0
SCORES_FILE = "scores.feather"
PLAIN_WIDTH = 118  # columns, where no terminal says how many it has


def run_study(plan: StudyPlan, folder: Path, console: Console, picture: Path | None) -> None:
    """Score the record, compare, print, and save the picture where one is asked for.

    Raises StudyError, ProcessFailedError, requests.RequestException.
    """
    scores = _scores_of(plan, folder, console)
    scores.to_feather(folder / SCORES_FILE)
    closes = {
        pair: read_closes(plan.datadir, pair, "1d").loc[: plan.end]
        for pair in scores["pair"].unique()
    }
    chosen = scores[scores["pair"].isin(plan.shown) & (scores["day"] >= plan.start)]
    if chosen.empty:
        raise StudyError(f"no record of {', '.join(plan.shown)} from {plan.start:%Y-%m-%d} on")
    coins = ", ".join(pair.split("/")[0] for pair in plan.shown)
    print_findings(console, f"{coins}, from {plan.start:%Y-%m-%d}", chosen, closes, plan.end)
    wide = scores[(scores["day"] >= WIDE_START) & (scores["confidence"] >= FULLY_JUDGED)]
    if not wide.empty:
        title = f"all {wide['pair'].nunique()} pairs, from {wide['day'].min():%Y-%m-%d}"
        print_findings(console, title, wide, closes, plan.end)
    if picture is not None:
        save_zone_picture(chosen, closes, picture)
        console.print(f"picture: {picture}")


def _scores_of(plan: StudyPlan, folder: Path, console: Console) -> pd.DataFrame:
    token = secrets.token_hex(16)
    environment = {**os.environ, TOKEN_VARIABLE: token, "PYTHONPATH": str(REPOSITORY)}
    # The stage is left first: what the pool's threads wait for ends, and then they do.
    with ThreadPoolExecutor(3) as pool, Stage(folder / "logs", environment) as stage:
        world = _World(plan, folder, stage)
        with step(console, f"the past of sentiment and on-chain taken in from {plan.aux}"):
            jobs = [
                pool.submit(world.fill, SENTIMENT, world.headline_span()),
                pool.submit(world.fill, ONCHAIN, (plan.history_start, plan.end)),
            ]
            exchange_url, clock_port = world.start_exchange()
            for job in jobs:
                job.result()
        with step(console, f"{len(plan.pairs)} pairs scored from {plan.history_start:%Y-%m-%d}"):
            layers = {layer.name: world.serve(layer) for layer in (SENTIMENT, ONCHAIN)}
            url = world.serve_confluence(exchange_url, clock_port, layers)
        with step(console, "records read over HTTP"):
            return read_scores(url, token, plan.pairs, plan.end)


class _World:
    """The processes of a study and their settings."""

    def __init__(self, plan: StudyPlan, folder: Path, stage: Stage) -> None:
        self._plan = plan
        self._folder = folder
        self._stage = stage

    def headline_span(self) -> tuple[datetime, datetime]:
        """Where the sentiment layer has to be scored: of the rest its observations are enough."""
        with (self._plan.aux / HEADLINES_FILE).open(encoding="utf-8-sig", newline="") as opened:
            days = sorted(row["date"][:10] for row in csv.DictReader(opened) if row["date"])
        if not days:
            raise StudyError(f"{self._plan.aux / HEADLINES_FILE}: no headline in it")
        try:
            first, last = (
                datetime.fromisoformat(f"{day}T00:00+00:00") for day in (days[0], days[-1])
            )
        except ValueError as error:
            raise StudyError(f"{self._plan.aux / HEADLINES_FILE}: {error}") from error
        return first, min(last + 2 * DAY, self._plan.end)

    def fill(self, layer: Layer, span: tuple[datetime, datetime]) -> None:
        """Take the files in and make what is derived of them within the span."""
        start, until = span
        settings = {
            **self._layer_settings(layer),
            "history_start": f"{start:%Y-%m-%d}",
            # Flows come once a day, headlines at any time.
            "backfill_every_seconds": SECONDS_PER_DAY if layer is ONCHAIN else 3600,
        }
        config = write_json(self._folder / f"{layer.name}-past.json", settings)
        self._stage.run(
            f"{layer.name}-past",
            [
                "-m", f"sidecars.{layer.name}", "backfill", "-c", str(config),
                "--folder", str(self._plan.aux), "--no-ask", "--until", f"{until:%Y-%m-%d}",
            ],
        )  # fmt: skip

    def serve(self, layer: Layer) -> str:
        """Serve what was filled in, without asking any source; its address."""
        port = free_port()
        settings = {
            **self._layer_settings(layer),
            "history_start": f"{self._plan.end:%Y-%m-%d}",
            "backfill_every_seconds": SECONDS_PER_DAY,
            "port": port,
        }
        config = write_json(self._folder / f"{layer.name}.json", settings)
        self._stage.start(layer.name, ["-m", f"sidecars.{layer.name}", "serve", "-c", str(config)])
        return self._when_up(f"{layer.name} sidecar", f"http://127.0.0.1:{port}", "/health")

    def _layer_settings(self, layer: Layer) -> dict[str, object]:
        return {
            "assets": [pair.split("/")[0] for pair in self._plan.shown],
            "database_url": f"sqlite:///{self._folder / f'{layer.name}.sqlite'}",
            "sources": {key: {"enabled": False} for key in layer.catalogue},
        }

    def start_exchange(self) -> tuple[str, int]:
        """The exchange a minute before the end; its address and the port of its clock.

        The clock waits for one participant more than there will be: it stands still.
        """
        port, clock_port = free_port(), free_port()
        now = self._plan.end - timedelta(minutes=1)
        self._stage.start(
            "exchange",
            [
                "-m", "sidecars.replay", "--data", str(self._plan.datadir), "--port", str(port),
                "--start", now.isoformat(), "--pairs", ",".join(self._plan.pairs),
                "--lockstep-port", str(clock_port), "--participants", "2",
            ],
        )  # fmt: skip
        url = self._when_up("exchange", f"http://127.0.0.1:{port}", "/api/v3/ping")
        return url, clock_port

    def serve_confluence(
        self, exchange_url: str, clock_port: int, layers: Mapping[str, str]
    ) -> str:
        """The confluence sidecar on the exchange, the layers and imported funding; its address."""
        plan, port = self._plan, free_port()
        client = freqtrade_exchange_config(exchange_url, exchange_url.replace("http", "ws"))
        settings = {
            "pairs": list(plan.pairs),
            "market_index_pairs": list(plan.index_pairs),
            "exchange": {"id": client["name"], "ccxt_config": client["ccxt_config"]},
            "derivatives": {"id": IMPORTED},
            "layers": {name: {"url": url} for name, url in layers.items()},
            "history_start": f"{plan.history_start:%Y-%m-%d}",
            "database_url": f"sqlite:///{self._folder / 'confluence.sqlite'}",
            "lockstep": {"host": "127.0.0.1", "port": clock_port},
            "port": port,
        }
        config = str(write_json(self._folder / "confluence.json", settings))
        program = ["-m", "sidecars.confluence"]
        self._stage.run("import", [*program, "import", "-c", config, "--folder", str(plan.aux)])
        self._stage.start("confluence", [*program, "serve", "-c", config])
        url = self._when_up("confluence sidecar", f"http://127.0.0.1:{port}", "/health")
        health = requests.get(f"{url}/health", timeout=ANSWER_SECONDS).json()
        refuse_unread(health)
        return url

    def _when_up(self, what: str, url: str, path: str) -> str:
        self._stage.wait_for(what, lambda: _answers(f"{url}{path}"), START_SECONDS)
        return url


def refuse_unread(health: Mapping[str, Any]) -> None:
    """Raises StudyError where the confluence sidecar could not read something it scores with."""
    unread = {
        name: each.get("error") or each["state"]
        for name, each in health["sources"].items()
        if each["state"] != "ok"
    }
    if unread:
        words = "; ".join(f"{name}: {reason}" for name, reason in unread.items())
        raise StudyError(f"the confluence sidecar could not read everything: {words}")


def read_scores(url: str, token: str, pairs: Sequence[str], end: datetime) -> pd.DataFrame:
    """Every record of days before the end as it was first known, by pair and day.

    Columns of /v1/scores/history, and: pair, day (aware, the close that the record speaks of).
    Raises StudyError, requests.RequestException.
    """
    frames = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for pair in pairs:
            answer = session.get(
                f"{url}/v1/scores/history", params={"pair": pair}, timeout=ANSWER_SECONDS
            )
            answer.raise_for_status()
            frame = pd.DataFrame(answer.json()["columns"])
            frame.insert(0, "pair", pair)
            if len(frame):
                frames.append(frame)
    if not frames:
        raise StudyError(f"no record before {end:%Y-%m-%d}")
    scores = pd.concat(frames, ignore_index=True)
    scores["day"] = pd.to_datetime(scores["as_of_ms"], unit="ms", utc=True)
    scores = scores[scores["day"] < end].drop_duplicates(["pair", "day"], keep="first")
    if scores.empty:
        raise StudyError(f"no record before {end:%Y-%m-%d}")
    return scores.reset_index(drop=True)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def main(
    data: Path, pairs: str, start: datetime, end: datetime, picture: Path | None, work: Path
) -> int:
    """The command; start and end without an offset are UTC. The exit code."""
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    started = time.monotonic()
    shown = tuple(dict.fromkeys(pair.strip() for pair in pairs.split(",") if pair.strip()))
    try:
        with termination_as_interrupt():
            plan = plan_study(data, shown, start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
            folder = work.resolve()
            with only_one(folder):
                empty_work_folder(folder)
                run_study(plan, folder, console, picture)
    except (
        DemoError, StudyError, ProcessFailedError, RequestException, OSError
    ) as error:  # fmt: skip
        console.print(f"aquatrade zones: {error}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("aquatrade zones: interrupted; everything it started has been stopped")
        return 130
    console.print(f"records: {folder / SCORES_FILE}; done in {time.monotonic() - started:.0f} s")
    return 0
