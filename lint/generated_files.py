"""`python -m lint.generated_files`: writes the files whose content follows from code.

They are committed, so that nothing needs to be generated before a first start; a test fails when
one of them is not what this makes.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from sidecars.replay.client_config import freqtrade_exchange_config
from sidecars.replay.market.synthetic import DEFAULT_PAIRS

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = Path("user_data/config")
REPLAY_URL = "http://127.0.0.1:8100"


def generated_files(root: Path) -> Mapping[Path, str]:
    """Path below the root -> content that the file should have."""
    client = freqtrade_exchange_config(REPLAY_URL, REPLAY_URL.replace("http", "ws", 1))
    bot = json.loads((root / CONFIGS / "bot-dip.json").read_text(encoding="utf-8"))
    common = {
        "port": 8101,
        "database_url": "sqlite:////data/confluence.sqlite",
        "quote": "USDT",
    }
    scores = {
        **common,
        "host": "0.0.0.0",  # inside a container; docker compose publishes nothing of it
        "exchange": {"id": "binance", "ccxt_config": {}},
        "pairs": bot["exchange"]["pair_whitelist"],
        "derivatives": {"id": "binance", "ccxt_config": {}, "symbol": "BTC/USDT:USDT"},
        "layers": {
            "sentiment": {"url": "http://sentiment:8102"},
            "onchain": {"url": "http://onchain:8103"},
        },
        "monitor": {"holdings_file": "/user_config/holdings.yaml"},
        "history_start": "2017-08-01",
    }
    layers = {
        name: {
            "host": "0.0.0.0",
            "port": port,
            "database_url": f"sqlite:////data/{name}.sqlite",
            "record_every_seconds": seconds,
            "assets": [pair.split("/")[0] for pair in bot["exchange"]["pair_whitelist"]],
        }
        # The guard reads macro danger from the sentiment scores: hourly ones come too late.
        for name, port, seconds in (("sentiment", 8102, 900), ("onchain", 8103, 3600))
    }
    practice = {
        **common,
        "host": "127.0.0.1",
        "exchange": {"id": "binance", "ccxt_config": client["ccxt_config"]},
        "pairs": list(DEFAULT_PAIRS),
        "history_start": "2023-01-01",
    }
    offline = {
        "confluence": {
            **practice,
            "port": 8101,
            "database_url": "sqlite:///var/sidecars/offline/confluence.sqlite",
            "layers": {
                "sentiment": {"url": "http://127.0.0.1:8102"},
                "onchain": {"url": "http://127.0.0.1:8103"},
            },
            "monitor": {"holdings_file": "user_data/config/holdings.yaml"},
        },
        **{
            name: {
                "port": port,
                "database_url": f"sqlite:///var/sidecars/offline/{name}.sqlite",
                "public_data_url": "http://127.0.0.1:8104",
                "history_start": "2026-01-01",
            }
            for name, port in (("sentiment", 8102), ("onchain", 8103))
        },
    }
    contents = {
        Path("sidecars/settings.offline.json"): offline,
        CONFIGS / "mode-replay.json": {"dry_run": False, "exchange": client},
        Path("docker/confluence.json"): scores,
        Path("docker/confluence-replay.json"): practice,
        Path("docker/sentiment.json"): layers["sentiment"],
        Path("docker/onchain.json"): layers["onchain"],
    }
    return {path: json.dumps(content, indent=4) + "\n" for path, content in contents.items()}


def main() -> int:
    for path, content in generated_files(ROOT).items():
        (ROOT / path).write_text(content, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
