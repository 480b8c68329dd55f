"""The road of a rehearsal: exchange, score sidecar and bot as real processes on this machine."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import requests

from aquatrade.config_check import check
from operations.processes import Child, Stage, free_port
from sidecars.replay.client_config import freqtrade_exchange_config

REPOSITORY = Path(__file__).resolve().parents[1]
STRATEGIES = REPOSITORY / "user_data" / "strategies"
CONFIGS = REPOSITORY / "user_data" / "config"
SHIPPED_LAYERS = tuple(
    CONFIGS / name
    for name in ("base.json", "exchange-binance.json", "mode-replay.json", "bot-dip.json")
)
STARTING_BALANCE_USDT = 5_000
START_SECONDS = 90.0
QUOTE = "USDT"


@dataclass(frozen=True, slots=True)
class MarketSource:
    """Recorded candles of a freqtrade datadir, or the synthetic market of a seed."""

    datadir: Path | None
    seed: int

    def arguments(self) -> list[str]:
        seed = ["--seed", str(self.seed)]
        return seed if self.datadir is None else [*seed, "--data", str(self.datadir)]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A running replay exchange."""

    child: Child
    url: str
    lockstep_port: int | None

    def control(self, path: str, **parameters: str) -> dict[str, object]:
        """GET /control/PATH. Raises requests.RequestException."""
        answer = requests.get(f"{self.url}/control/{path}", params=parameters, timeout=30)
        answer.raise_for_status()
        parsed: dict[str, object] = answer.json()
        return parsed

    def tell(self, path: str, body: object) -> None:
        """POST /control/PATH. Raises requests.RequestException."""
        requests.post(f"{self.url}/control/{path}", json=body, timeout=30).raise_for_status()

    def forget_faults(self) -> None:
        """Remove the whole fault plan. Raises requests.RequestException."""
        requests.delete(f"{self.url}/control/faults", timeout=30).raise_for_status()


class Road:
    """Starts the parts of the road on one stage, all of their files in one folder.

    folder: state, logs and configs of this road; each start of a part uses what it finds there,
    so a part that was killed comes back with its ledger, its scores, its trades.
    environment: what its processes are to find there besides.
    """

    def __init__(
        self,
        folder: Path,
        source: MarketSource,
        pairs: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.source = source
        self.pairs = tuple(pairs)
        folder.mkdir(parents=True, exist_ok=True)
        # Without the result files that hyperopt leaves beside a strategy: they change its rules.
        self.strategies = folder / "strategies"
        shutil.copytree(
            STRATEGIES,
            self.strategies,
            ignore=shutil.ignore_patterns("*.json", "__pycache__"),
            dirs_exist_ok=True,
        )
        token = secrets.token_hex(16)
        self.stage = Stage(
            folder / "logs",
            {
                **os.environ,
                "AQUATRADE_SCORES_TOKEN": token,
                # Hyperopt's workers and the stock image find `aquatrade` in the same way.
                "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(self.strategies)]),
                **(environment or {}),
            },
        )

    @property
    def bot_database(self) -> Path:
        return self.folder / "bot.sqlite"

    def start_exchange(
        self, now: datetime, *, participants: int = 0, name: str = "exchange"
    ) -> Exchange:
        """Start the exchange with `now` as its present; participants > 0: on a lock-step clock."""
        port = free_port()
        lockstep_port = free_port() if participants else None
        arguments = [
            "-m", "sidecars.replay", *self.source.arguments(),
            "--port", str(port),
            "--start", now.isoformat(),
            "--pairs", ",".join(self.pairs),
            "--ledger", str(self.folder / f"{name}.sqlite"),
            "--balance", f"{QUOTE}={STARTING_BALANCE_USDT}",
        ]  # fmt: skip
        if lockstep_port is not None:
            arguments += ["--lockstep-port", str(lockstep_port)]
            arguments += ["--participants", str(participants)]
        child = self.stage.start(name, arguments)
        exchange = Exchange(child, f"http://127.0.0.1:{port}", lockstep_port)
        self.stage.wait_for("exchange", lambda: _answers(f"{exchange.url}/api/v3/ping"), 60)
        return exchange

    def confluence_config(self, exchange: Exchange, history_start: datetime, port: int) -> Path:
        """Write the sidecar's settings; returns the file."""
        settings: dict[str, object] = {
            "host": "127.0.0.1",
            "port": port,
            "database_url": f"sqlite:///{self.folder / 'scores.sqlite'}",
            "exchange": self.ccxt_settings(exchange),
            "pairs": list(self.pairs),
            "history_start": history_start.date().isoformat(),
        }
        if exchange.lockstep_port is not None:
            settings["lockstep"] = {"host": "127.0.0.1", "port": exchange.lockstep_port}
        return write_json(self.folder / "confluence.json", settings)

    def ccxt_settings(self, exchange: Exchange) -> dict[str, object]:
        """The exchange as the sidecar's ccxt is to see it."""
        client = freqtrade_exchange_config(exchange.url, exchange.url.replace("http", "ws"))
        return {"id": client["name"], "ccxt_config": client["ccxt_config"]}

    def start_confluence(self, exchange: Exchange, history_start: datetime) -> str:
        """Start the score sidecar and wait until its history is there; returns its URL."""
        port = free_port()
        config = self.confluence_config(exchange, history_start, port)
        self.stage.start("confluence", ["-m", "sidecars.confluence", "serve", "-c", str(config)])
        url = f"http://127.0.0.1:{port}"
        self.stage.wait_for("confluence sidecar", lambda: _healthy(f"{url}/health"), START_SECONDS)
        return url

    def bot_config(
        self,
        name: str,
        exchange: Exchange,
        overrides: Mapping[str, object],
        pairs: Sequence[str] | None = None,
    ) -> Path:
        """Write what this road adds to the shipped configs: addresses, pairs, a database.

        Raises ConfigRefused when the whole is not a config that may start.
        """
        client = freqtrade_exchange_config(exchange.url, exchange.url.replace("http", "ws"))
        config: dict[str, object] = {
            "exchange": {**client, "pair_whitelist": list(pairs or self.pairs), "enable_ws": False},
            "db_url": f"sqlite:///{self.bot_database}",
            "dry_run_wallet": STARTING_BALANCE_USDT,
            **overrides,
        }
        path = write_json(self.folder / f"{name}.json", config)
        check([*SHIPPED_LAYERS, path], os.environ)
        return path

    def freqtrade_arguments(
        self, command: str, config: Path, layers: Sequence[Path] = SHIPPED_LAYERS
    ) -> list[str]:
        """`freqtrade COMMAND` on the shipped configs with `config` on top."""
        arguments = [command]
        for layer in (*layers, config):
            arguments += ["--config", str(layer)]
        return [*arguments, "--userdir", str(self.user_folder())]

    @property
    def datadir(self) -> Path:
        """Where freqtrade's download-data of this road puts candles."""
        return self.user_folder() / "data" / "binance"

    def user_folder(self) -> Path:
        """Freqtrade's user folder of this road; the strategies stay where they are."""
        user = self.folder / "user_data"
        (user / "data").mkdir(parents=True, exist_ok=True)
        (user / "backtest_results").mkdir(exist_ok=True)
        return user

    def start_bot(
        self,
        exchange: Exchange,
        config: Path,
        name: str = "bot",
        layers: Sequence[Path] = SHIPPED_LAYERS,
    ) -> Child:
        """Start `freqtrade trade`, on the exchange's clock if that is a lock-step one."""
        program = ["-m", "freqtrade"]
        if exchange.lockstep_port is not None:
            program = ["-m", "operations.lockstep", str(exchange.lockstep_port), "freqtrade"]
        trade = self.freqtrade_arguments("trade", config, layers)
        return self.stage.start(name, [*program, *trade, "--strategy-path", str(self.strategies)])


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _healthy(url: str) -> bool:
    try:
        answer = requests.get(url, timeout=2)
        return answer.ok and answer.json().get("status") == "ok"
    except requests.RequestException:
        return False


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON file that holds an object."""
    content: dict[str, object] = json.loads(path.read_text())
    return content


def write_json(path: Path, content: Mapping[str, object]) -> Path:
    """Write pretty JSON; returns the path."""
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path
