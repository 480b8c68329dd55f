"""`freqtrade download-data` in a process of its own, its settings made from a few words."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.data.files import DataError, wished_timeframe


@dataclass(frozen=True, slots=True)
class Download:
    """What to fetch, into which folder. One of `exchange`, `configs`, `section` says from where.

    section: freqtrade's `exchange` section of a config, as the replay exchange has one.
    """

    folder: Path
    pairs: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ("1h",)
    timerange: str | None = None
    days: int | None = None
    trading_mode: str = "spot"
    exchange: str | None = None
    configs: tuple[Path, ...] = ()
    section: Mapping[str, object] | None = None


def check_wishes(wish: Download) -> None:
    """Raises DataError where freqtrade would be asked for nothing, or for two things at once."""
    sources = [bool(wish.exchange), bool(wish.configs), wish.section is not None]
    if sum(sources) != 1:
        raise DataError("name one of --exchange, --config and --replay")
    if not wish.pairs and not wish.configs:
        raise DataError("--pair: expected at least one, as in BTC/USDT")
    if wish.trading_mode not in {"spot", "futures"}:
        raise DataError(f"--trading-mode {wish.trading_mode}: expected spot or futures")
    if wish.timerange is not None and wish.days is not None:
        raise DataError("--days and --timerange: expected one of them")
    for name in wish.timeframes:
        wished_timeframe(name)
    for config in wish.configs:
        if not config.is_file():
            raise DataError(f"--config {config}: no such file")


def config_of(wish: Download) -> dict[str, Any]:
    """A whole freqtrade config around an exchange section: nothing of it trades."""
    pricing = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
    margin = {"margin_mode": "isolated"} if wish.trading_mode == "futures" else {}
    return {
        "max_open_trades": 1, "stake_currency": "USDT", "stake_amount": 100, "dry_run": True,
        "trading_mode": wish.trading_mode, **margin,
        "entry_pricing": pricing, "exit_pricing": pricing,
        "exchange": {**(wish.section or {}), "pair_whitelist": list(wish.pairs)},
        "pairlists": [{"method": "StaticPairList"}],
    }  # fmt: skip


def arguments_of(wish: Download, user_folder: Path, configs: Sequence[Path]) -> list[str]:
    """What freqtrade is started with."""
    arguments = [
        "download-data", "--userdir", str(user_folder), "--datadir", str(wish.folder.resolve()),
        "--data-format-ohlcv", "feather", "--trading-mode", wish.trading_mode,
        "--timeframes", *wish.timeframes,
    ]  # fmt: skip
    for config in configs:
        arguments += ["-c", str(config.resolve())]
    if wish.exchange:
        arguments += ["--exchange", wish.exchange]
    if wish.pairs:
        arguments += ["--pairs", *wish.pairs]
    if wish.timerange is not None:
        arguments += ["--timerange", wish.timerange]
    if wish.days is not None:
        arguments += ["--days", str(wish.days)]
    return arguments


def download(wish: Download) -> int:
    """Run freqtrade, its words on this terminal; returns its exit code. Raises DataError."""
    check_wishes(wish)
    wish.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="aquatrade-data-") as name:
        folder = Path(name)
        configs = list(wish.configs)
        if wish.section is not None:
            configs = [folder / "config.json"]
            configs[0].write_text(json.dumps(config_of(wish)), encoding="utf-8")
        command = [sys.executable, "-m", "freqtrade", *arguments_of(wish, folder, configs)]
        return subprocess.run(command, check=False).returncode
