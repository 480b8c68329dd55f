"""The sidecars in one process, with all they ask beside them: an exchange and the public sources.

The exchange serves seeded daily candles; the sources are stood in for. Everything runs on
127.0.0.1 in processes of its own and ends with the rig.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import requests
from pyarrow import feather

from operations.conductor import Conductor
from operations.processes import Child, Stage, free_port
from operations.road import REPOSITORY, write_json
from sidecars.replay.client_config import freqtrade_exchange_config

TOKEN: Final = "rig-token-0123456789abcdef"
AUTHORIZED: Final = {"Authorization": f"Bearer {TOKEN}"}
LAYERS: Final = ("sentiment", "onchain")
NAMES: Final = ("confluence", *LAYERS)
ASSETS: Final = ("BTC", "ETH", "SOL", "XRP")
KEYS: Final = ("COINGECKO", "ALPHA_VANTAGE", "LUNARCRUSH", "WHALE_ALERT", "ETHERSCAN")
PAIRS: Final = tuple(
    f"{base}/USDT" for base in (*ASSETS, *(f"COIN{number:02d}" for number in range(21)))
)
FIRST_CANDLE: Final = datetime(2018, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
# The rig itself and somebody who sleeps: time does not run away before anybody has joined.
LOCKSTEP_PARTICIPANTS: Final = 2
# So far time is let run while somebody starts: rate limits are waited out in it.
START_SPAN: Final = timedelta(minutes=10)
READY_SECONDS: Final = 600.0
WAIT_SECONDS: Final = 0.5
# On a lock-step clock one feed: several are asked side by side, and what waits beside a task that
# the clock waits for waits in real seconds.
ONE_FEED: Final = {"feeds": [{"name": "CoinDesk", "url": "https://www.coindesk.com/feed"}]}


@dataclass(frozen=True, slots=True)
class Sidecars:
    """The process that is measured."""

    child: Child
    urls: Mapping[str, str]

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def ask(self, name: str, path: str, **parameters: str) -> requests.Response:
        """GET with the token. Raises requests.RequestException."""
        url = self.urls[name] + path
        return requests.get(url, params=parameters, headers=AUTHORIZED, timeout=10)

    def memory_mb(self) -> float:
        """What the process holds of the machine's memory now, in 10^6 bytes."""
        return _status_mb(self.pid, "VmRSS")

    def peak_memory_mb(self) -> float:
        """The most it held at any moment."""
        return _status_mb(self.pid, "VmHWM")


class SidecarRig:
    """A context: what was started in it ends with it.

    now: the moment of history that everybody lives in, on a lock-step clock whose `conductor` the
    rig is; None: the machine's own present and clock.
    """

    conductor: Conductor | None = None

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.folder = folder
        self.now = now
        self.exchange_port = free_port()
        self.public_data_port = free_port()
        self.lockstep_port = None if now is None else free_port()
        self.ports = {name: free_port() for name in NAMES}
        self.environment = self._environment()
        self.stage = Stage(folder / "logs", self.environment)

    def _environment(self) -> dict[str, str]:
        strategies = REPOSITORY / "user_data" / "strategies"
        own = {name: text for name, text in os.environ.items() if not name.startswith("AQUATRADE_")}
        return {
            **own,
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(strategies)]),
            "AQUATRADE_SCORES_TOKEN": TOKEN,
            **{f"AQUATRADE_{name}_KEY": "any-key" for name in KEYS},
        }

    def __enter__(self) -> Self:
        self.stage.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.conductor is not None:
            self.conductor.close()
        self.stage.__exit__(*error)

    @property
    def public_data_url(self) -> str:
        return f"http://127.0.0.1:{self.public_data_port}"

    def start_surroundings(self) -> None:
        """Start the exchange and the public sources."""
        last = (self.now or datetime.now(UTC)) + 30 * DAY  # house: clock - a market for today
        datadir = self.folder / "candles"
        datadir.mkdir(parents=True, exist_ok=True)
        write_candles(datadir, last)
        exchange = [
            "-m", "sidecars.replay",
            "--data", str(datadir),
            "--port", str(self.exchange_port),
            "--start", "now" if self.now is None else self.now.isoformat(),
        ]  # fmt: skip
        public_data = ["-m", "sidecars.replay.public_data", "--port", str(self.public_data_port)]
        if self.lockstep_port is not None:
            exchange += ["--lockstep-port", str(self.lockstep_port)]
            exchange += ["--participants", str(LOCKSTEP_PARTICIPANTS)]
            public_data += ["--lockstep", f"127.0.0.1:{self.lockstep_port}"]
        self.stage.start("exchange", exchange)
        url = f"http://127.0.0.1:{self.exchange_port}/api/v3/ping"
        self.stage.wait_for("exchange", lambda: status_of(url) == 200, 60)
        if self.lockstep_port is not None:
            self.conductor = Conductor(self.lockstep_port, self.stage.check)
        self.stage.start("public-data", public_data)
        url = f"{self.public_data_url}/health"
        self.stage.wait_for("public data", lambda: status_of(url) == 200, 60)

    def settings(self, name: str) -> dict[str, Any]:
        """The settings of one sidecar that has these surroundings."""
        settings: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.ports[name],
            "database_url": f"sqlite:///{self.folder / name}.sqlite",
        }
        if self.lockstep_port is not None:
            settings["lockstep"] = {"port": self.lockstep_port}
        if name in LAYERS:
            settings |= {"assets": ASSETS, "public_data_url": self.public_data_url}
            if name == "sentiment" and self.lockstep_port is not None:
                settings["sources"] = {"news_rss": {"options": ONE_FEED}}
            return settings
        base = f"http://127.0.0.1:{self.exchange_port}"
        client = freqtrade_exchange_config(base, base.replace("http", "ws"))
        return {
            **settings,
            "pairs": PAIRS,
            "history_start": FIRST_CANDLE.date().isoformat(),
            "exchange": {"id": client["name"], "ccxt_config": client["ccxt_config"]},
            "layers": {layer: {"url": f"http://127.0.0.1:{self.ports[layer]}"} for layer in LAYERS},
        }

    def start_sidecars(self, sections: Mapping[str, Mapping[str, Any]]) -> Sidecars:
        """Start `aquatrade sidecars` with these sections, and wait until all of them answer."""
        config = write_json(self.folder / "sidecars.json", sections)
        call = "from operations.command_line import main; main()"
        child = self.stage.start("sidecars", ["-c", call, "sidecars", "-c", str(config)])
        with self.hurried():
            for name in sections:
                self.wait_until_ready(name)
        return Sidecars(child, {name: self.url(name) for name in sections})

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Let time run by START_SPAN meanwhile, as fast as everybody sleeps through it."""
        if self.conductor is None:
            yield
            return
        moment = self.conductor.now() + START_SPAN
        self.conductor.let_run(moment)
        yield
        while not self.conductor.has_arrived(WAIT_SECONDS):
            self.stage.check()
        self.conductor.arrive()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def wait_until_ready(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Until its /health is a 200: before that it is catching up. Raises ProcessFailedError."""
        url = f"{self.url(name)}/health"
        self.stage.wait_for(f"{name} sidecar", lambda: status_of(url) == 200, seconds)


def status_of(url: str) -> int | None:
    """The status that a GET is answered with; None where nobody answers."""
    try:
        return requests.get(url, timeout=10).status_code
    except requests.RequestException:
        return None


def write_candles(datadir: Path, last: datetime) -> None:
    """Random walks of daily candles for all pairs, from FIRST_CANDLE to the day before `last`."""
    days = (last - FIRST_CANDLE) // DAY
    dates = pa.array([FIRST_CANDLE + day * DAY for day in range(days)])
    random = np.random.default_rng(1)
    for pair in PAIRS:
        close = np.round(100.0 * np.exp(np.cumsum(random.normal(0.0, 0.03, days))), 4)
        opened = np.concatenate((close[:1], close[:-1]))
        columns = {
            "open": opened,
            "high": np.round(np.maximum(opened, close) * 1.01, 4),
            "low": np.round(np.minimum(opened, close) * 0.99, 4),
            "close": close,
            "volume": np.round(random.exponential(10_000.0, days) + 1.0, 2),
        }
        date = dates.cast(pa.timestamp("ms", "UTC"))
        table = pa.table({"date": date, **{name: pa.array(c) for name, c in columns.items()}})
        feather.write_feather(table, datadir / f"{pair.replace('/', '_')}-1d.feather")


def _status_mb(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/status has no {field}: this needs Linux")
