"""The road of a rehearsal with several bots: one exchange, one account, and the guard beside them.

Each bot has a config, a database, a REST port and client order ids of its own; everything runs as
real processes on this machine.
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from aquatrade.config_check import check
from operations.processes import Child, free_port
from operations.road import (
    CONFIGS,
    SHIPPED_LAYERS,
    STARTING_BALANCE_USDT,
    Exchange,
    MarketSource,
    Road,
    read_json,
    write_json,
)
from sidecars.replay.client_config import LOCAL_KEY, LOCAL_SECRET, freqtrade_exchange_config

GUARD_START_SECONDS = 60.0
BOT_START_SECONDS = 90.0
ASK_SECONDS = 30.0
CANDLES_A_CALL = 100
USERNAME = "aquatrade"
ACCOUNT = "main"
API_LAYER = CONFIGS / "api-server.json"
LAYERS = (*SHIPPED_LAYERS, API_LAYER)


@dataclass(frozen=True, slots=True)
class FleetBot:
    """One bot's seat on the road: where its files are and how its REST API is asked."""

    name: str
    config: Path
    database: Path
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client_id_prefix(self) -> str:
        return client_id_prefix(self.name)

    @property
    def credentials(self) -> tuple[str, str]:
        return USERNAME, self.password

    def ask(self, path: str, **parameters: str) -> Any:
        """GET /api/v1/PATH. Raises requests.RequestException."""
        answer = requests.get(
            f"{self.url}/api/v1/{path}",
            params=parameters,
            auth=self.credentials,
            timeout=ASK_SECONDS,
        )
        answer.raise_for_status()
        return answer.json()

    def tell(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """POST /api/v1/PATH. Raises requests.RequestException."""
        answer = requests.post(
            f"{self.url}/api/v1/{path}", json=body, auth=self.credentials, timeout=ASK_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def drop(self, path: str) -> None:
        """DELETE /api/v1/PATH. Raises requests.RequestException."""
        requests.delete(
            f"{self.url}/api/v1/{path}", auth=self.credentials, timeout=ASK_SECONDS
        ).raise_for_status()

    def is_up(self) -> bool:
        """Whether its REST API answers."""
        try:
            return requests.get(f"{self.url}/api/v1/ping", timeout=2).ok
        except requests.RequestException:
            return False


@dataclass(frozen=True, slots=True)
class Guard:
    """The guard's seat on the road."""

    config: Path
    port: int
    token: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(self, path: str, **parameters: str) -> Any:
        """GET /v1/PATH. Raises requests.RequestException."""
        answer = requests.get(
            f"{self.url}/v1/{path}", params=parameters, headers=self.headers, timeout=ASK_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def tell(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """POST /v1/PATH. Raises requests.RequestException."""
        answer = requests.post(
            f"{self.url}/v1/{path}", json=body or {}, headers=self.headers, timeout=ASK_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def is_up(self) -> bool:
        """Whether it answers, whatever its state."""
        try:
            requests.get(f"{self.url}/health", timeout=2)
        except requests.RequestException:
            return False
        return True


class FleetRoad(Road):
    """A road on which several bots drive, each with its own papers.

    strategies: a folder with strategies beside the shipped ones, copied next to them.
    """

    def __init__(
        self,
        folder: Path,
        source: MarketSource,
        pairs: Sequence[str],
        strategies: Path | None = None,
    ) -> None:
        self.guard_token = secrets.token_hex(16)
        super().__init__(
            folder,
            source,
            pairs,
            environment={
                "AQUATRADE_GUARD_TOKEN": self.guard_token,
                f"AQUATRADE_ACCOUNT_{ACCOUNT.upper()}_KEY": LOCAL_KEY,
                f"AQUATRADE_ACCOUNT_{ACCOUNT.upper()}_SECRET": LOCAL_SECRET,
            },
        )
        for file in () if strategies is None else sorted(strategies.glob("*.py")):
            (self.strategies / file.name).write_text(file.read_text())

    def fleet_bot(
        self,
        name: str,
        exchange: Exchange,
        overrides: Mapping[str, Any],
        pairs: Sequence[str] | None = None,
    ) -> FleetBot:
        """Write a bot's config; the same name again: the same database, port and password.

        Raises ConfigRefused when the whole is not a config that may start.
        """
        papers = self._papers(name)
        config: dict[str, object] = {
            "bot_name": name,
            "strategy_path": str(self.strategies),
            "exchange": self._exchange_section(name, exchange, pairs or self.pairs),
            "db_url": f"sqlite:///{self.folder / name}.sqlite",
            "api_server": {
                "listen_port": papers["port"],
                "username": USERNAME,
                "password": papers["password"],
                "jwt_secret_key": papers["jwt_secret_key"],
                "ws_token": papers["ws_token"],
            },
            **overrides,
        }
        path = write_json(self.folder / f"{name}.json", config)
        check([*LAYERS, path], os.environ)
        return FleetBot(
            name, path, self.folder / f"{name}.sqlite", papers["port"], papers["password"]
        )

    def risk_database(self, name: str) -> Path:
        """Where a bot keeps what its risk rules remember, and its events."""
        return self.folder / f"{name}-risk.sqlite"

    def wait_for_bot(self, exchange: Exchange, bot: FleetBot, child: Child) -> None:
        """Until the bot has joined the clock and answers. Raises ProcessFailedError."""
        seat = f"freqtrade-{child.process.pid}"

        def ready() -> bool:
            participants: Any = exchange.control("state")["participants"]
            return seat in participants and bot.is_up()

        self.stage.wait_for(f"bot {bot.name}", ready, BOT_START_SECONDS)

    def guard(
        self,
        exchange: Exchange,
        bots: Mapping[FleetBot, Mapping[str, object]],
        profile: Mapping[str, object],
        settings: Mapping[str, object],
    ) -> Guard:
        """Write the guard's settings; the same database and port each time.

        bots: with the keys of each that the road does not know: allotment, stage, family.
        profile: the section "aquatrade.risk". settings: over what the road says of itself.
        """
        client = freqtrade_exchange_config(exchange.url, exchange.url.replace("http", "ws"))
        ccxt_config = client["ccxt_config"]
        for bot in bots:
            (self.folder / f"{bot.name}-password").write_text(bot.password)
        known: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self._papers("guard")["port"],
            "database_url": f"sqlite:///{self.guard_database}",
            "capital": STARTING_BALANCE_USDT,
            "bots": [
                {
                    "name": bot.name,
                    "url": bot.url,
                    "username": USERNAME,
                    "password_file": str(self.folder / f"{bot.name}-password"),
                    "account": ACCOUNT,
                    "client_id_prefix": bot.client_id_prefix,
                    **of_bot,
                }
                for bot, of_bot in bots.items()
            ],
            "accounts": [{"name": ACCOUNT, "exchange": "binance", "ccxt_config": ccxt_config}],
            "profile_files": [
                str(write_json(self.folder / "risk.json", {"aquatrade": {"risk": profile}}))
            ],
        }
        if exchange.lockstep_port is not None:
            known["lockstep"] = {"host": "127.0.0.1", "port": exchange.lockstep_port}
        path = write_json(self.folder / "guard.json", {**known, **settings})
        return Guard(path, self._papers("guard")["port"], self.guard_token)

    @property
    def guard_url(self) -> str:
        """Where the guard will be, for the bots' configs."""
        return f"http://127.0.0.1:{self._papers('guard')['port']}"

    @property
    def guard_database(self) -> Path:
        return self.folder / "guard.sqlite"

    def start_guard(self, guard: Guard) -> Child:
        """Start the guard and wait until it answers."""
        child = self.stage.start(
            "guard", ["-m", "sidecars.guard", "serve", "-c", str(guard.config)]
        )
        self.stage.wait_for("guard", guard.is_up, GUARD_START_SECONDS)
        return child

    def _papers(self, name: str) -> dict[str, Any]:
        file = self.folder / f"{name}-papers.json"
        if not file.exists():
            papers: dict[str, object] = {"port": free_port()}
            papers |= {
                secret: secrets.token_hex(20)
                for secret in ("password", "jwt_secret_key", "ws_token")
            }
            write_json(file, papers)
        return read_json(file)

    def _exchange_section(
        self, name: str, exchange: Exchange, pairs: Sequence[str]
    ) -> dict[str, object]:
        client: dict[str, Any] = freqtrade_exchange_config(
            exchange.url, exchange.url.replace("http", "ws")
        )
        client["ccxt_config"]["options"]["broker"] = {"spot": client_id_prefix(name)}
        return {
            **client,
            "pair_whitelist": list(pairs),
            "enable_ws": False,
            # A thousand candles of every pair in every loop would be most of the bots' work.
            "_ft_has_params": {"ohlcv_candle_limit": CANDLES_A_CALL},
        }


def client_id_prefix(name: str) -> str:
    """What the client order ids of a bot begin with."""
    return f"aq-{name}-"
