"""Backtests as freqtrade left them: `freqtrade backtesting --export trades`, .zip or .json."""

import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.constants import LAST_BT_RESULT_FN
from freqtrade.data.btanalysis import (
    get_backtest_wallet_change,
    load_backtest_stats,
    load_file_from_zip,
)

RESULT_NAMES = "backtest-result-*"
BUCKET_MARK = "_conf"  # between the preset and the bucket of the score in an enter_tag


class ReportError(ValueError):
    """A report that cannot be made; one line that says what was expected."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """One strategy of one result file. stats: freqtrade's own words, unrounded.

    trades: freqtrade's columns and order, that of their exits, one or more. wallet: what it was
    worth (total_quote) at each candle (date), None where the file does not have it.
    """

    file: Path
    strategy: str
    preset: str | None
    stats: Mapping[str, Any]
    trades: pd.DataFrame
    wallet: pd.DataFrame | None
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Strategy and preset."""
        return self.strategy if self.preset is None else f"{self.strategy} {self.preset}"

    @property
    def start(self) -> datetime:
        """The first candle that was traded, UTC."""
        return datetime.fromtimestamp(self.stats["backtest_start_ts"] / 1000, UTC)

    @property
    def end(self) -> datetime:
        """The last candle that was traded, UTC."""
        return datetime.fromtimestamp(self.stats["backtest_end_ts"] / 1000, UTC)

    @property
    def days(self) -> float:
        """From the first candle to the last."""
        return (self.end - self.start) / timedelta(days=1)

    @property
    def whole_days(self) -> int:
        """The same as freqtrade counts it for figures of a year: whole days, one or more."""
        return (self.end - self.start).days or 1

    @property
    def capital(self) -> float:
        """What the wallet began with, in the stake currency."""
        return float(self.stats["starting_balance"])

    @property
    def currency(self) -> str:
        """The stake currency."""
        return str(self.stats["stake_currency"])

    @property
    def fee_rate(self) -> float:
        """What each side of a trade paid, as a share of its worth: the mean over all trades."""
        return float(self.trades[["fee_open", "fee_close"]].to_numpy(dtype=float).mean())


def read_backtests(
    places: Sequence[Path], strategies: Sequence[str] = ()
) -> tuple[list[Backtest], list[str]]:
    """All strategies of all files (a folder: its newest), and a line for each without a trade.

    strategies: only these. Raises ReportError.
    """
    found: list[Backtest] = []
    notes: list[str] = []
    for place in places:
        file = result_file(place)
        stats = _stats(file)
        for name, own in stats.items():
            if strategies and name not in strategies:
                continue
            if not own["trades"]:
                notes.append(f"{name} in {file.name} made no trade")
                continue
            found.append(_backtest(file, name, own))
    if not found:
        reason = "; ".join(notes) or f"no strategy named {', '.join(strategies)} in what was given"
        raise ReportError(reason)
    return found, notes


def result_file(place: Path) -> Path:
    """The file itself, or the newest result of a folder. Raises ReportError."""
    if place.is_file():
        return place
    if not place.is_dir():
        raise ReportError(f"{place}: no such file or folder, expected a backtest result")
    last = place / LAST_BT_RESULT_FN
    if last.is_file():
        try:
            named = place / str(json.loads(last.read_text(encoding="utf-8"))["latest_backtest"])
        except (ValueError, KeyError, TypeError):
            raise ReportError(f"{last}: expected {{'latest_backtest': NAME}}") from None
        if named.is_file():
            return named
    results = [
        file
        for file in place.glob(RESULT_NAMES)
        if file.suffix in (".zip", ".json") and not file.name.endswith(".meta.json")
    ]
    if not results:
        raise ReportError(f"{place}: no {RESULT_NAMES}.zip in it, expected backtest results")
    return max(results, key=lambda file: (file.stat().st_mtime, file.name))


def _stats(file: Path) -> Mapping[str, Any]:
    try:
        content = load_backtest_stats(file)
        found = content["strategy"]
        if not all("trades" in each and "starting_balance" in each for each in found.values()):
            raise ValueError("not what `freqtrade backtesting --export trades` writes")
    except (ValueError, KeyError, TypeError, AttributeError, OSError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReportError(f"{file}: no backtest result: {reason}") from None
    checked: Mapping[str, Any] = found
    return checked


def _backtest(file: Path, name: str, stats: Mapping[str, Any]) -> Backtest:
    trades = pd.DataFrame(stats["trades"])
    for column in ("open_date", "close_date"):
        trades[column] = pd.to_datetime(trades[column], utc=True)
    for column in ("enter_tag", "exit_reason"):
        trades[column] = trades[column].fillna("").astype(str)
    config = _config(file)
    return Backtest(
        file=file,
        strategy=name,
        preset=_preset(config, trades["enter_tag"].tolist()),
        stats=stats,
        trades=trades,
        wallet=_wallet(file, name),
        config=config,
    )


def _config(file: Path) -> Mapping[str, Any]:
    if file.suffix != ".zip":
        return {}
    try:
        content = json.loads(load_file_from_zip(file, f"{file.stem}_config.json"))
    except ValueError:
        return {}  # house: neutral - an older freqtrade left none: what it says is not shown
    return content if isinstance(content, dict) else {}


def _preset(config: Mapping[str, Any], tags: Sequence[str]) -> str | None:
    """As the config names it, else the one word that all tags begin with."""
    section = config.get("aquatrade", {})
    if "preset" in section:
        return str(section["preset"])
    stems = Counter(tag.split(BUCKET_MARK)[0] for tag in tags)
    stem = next(iter(stems))
    return stem if section and len(stems) == 1 and stem else None


def _wallet(file: Path, name: str) -> pd.DataFrame | None:
    held = get_backtest_wallet_change(file, name)
    if held is None or held.empty:
        return None
    worth = (held["rate"] * held["balance"]).groupby(held["date"]).sum()
    wallet: pd.DataFrame = worth.rename("total_quote").rename_axis("date").reset_index()
    return wallet
