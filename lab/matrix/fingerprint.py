"""What a result rests on, in hashes: code, candles, versions. Another hash is another result."""

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import aquatrade
from lab.evidence_runner import REPOSITORY, BacktestRequest
from lab.matrix.costs import CostModel
from lab.suite_plan import FUTURES, QUOTE, SPOT, perpetual

FORMAT = 1  # of the key, and of what is stored under it
PACKAGES = ("freqtrade", "ccxt", "numpy", "pandas", "ta-lib", "technical")
# What turns a request into trades and figures, besides freqtrade and the strategy.
ENGINE = (
    "lab/evidence_runner.py", "lab/quick_backtest.py", "lab/suite_equity.py",
    "lab/matrix/fills.py", "lab/matrix/cell_run.py",
)  # fmt: skip
NOT_CONTENT = frozenset({"datadir", "strategy_path"})  # where things are says nothing of them


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Hashes of what lies outside of a request."""

    code: str  # the strategy's file and parameters, the shared package, the engine
    candles: str  # every file of the cell's pairs and of BTC, which strategies look at
    versions: str

    def differing(self, other: "Fingerprint") -> list[str]:
        """Names of the parts that are not the same."""
        return [
            field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]


def fingerprint_of(request: BacktestRequest) -> Fingerprint:
    """Of the files as they are now. Raises OSError where one cannot be read."""
    return Fingerprint(code_of(request), candles_of(request), versions_of())


def key_of(request: BacktestRequest, cost: CostModel, prints: Fingerprint) -> str:
    """The name of a result: SHA-256 of all that it depends on."""
    content: Mapping[str, object] = {
        "format": FORMAT,
        "request": {
            field.name: getattr(request, field.name)
            for field in fields(request)
            if field.name not in NOT_CONTENT
        },
        "cost": [cost.fee_rate, cost.gap, cost.delay],
        "prints": [prints.code, prints.candles, prints.versions],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def code_of(request: BacktestRequest) -> str:
    """Hash of the strategy's file, its parameters, the shared package and the engine."""
    package = Path(aquatrade.__file__).parent
    own = [request.strategy_path / f"{request.strategy}{end}" for end in (".py", ".json")]
    return _digest(
        [
            *((file.name, file) for file in own if file.is_file()),
            *((str(file.relative_to(package)), file) for file in sorted(package.rglob("*.py"))),
            *((name, REPOSITORY / name) for name in ENGINE),
        ]
    )


def candles_of(request: BacktestRequest) -> str:
    """Hash of all candle files of the pairs and of BTC, in every timeframe of the folder."""
    spot = request.trading_mode == SPOT
    folder = request.datadir if spot else request.datadir / FUTURES
    bitcoin = f"BTC/{QUOTE}" if spot else perpetual("BTC")
    names = {pair.replace("/", "_").replace(":", "_") for pair in (*request.pairs, bitcoin)}
    files = [file for name in sorted(names) for file in sorted(folder.glob(f"{name}-*.feather"))]
    return _digest((file.name, file) for file in files)


@functools.cache
def versions_of() -> str:
    """Versions of what computes a backtest."""
    return " ".join(f"{name}-{importlib.metadata.version(name)}" for name in PACKAGES)


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    whole = hashlib.sha256()
    for name, file in files:
        status = file.stat()
        content = _file_digest(file, status.st_size, status.st_mtime_ns)
        whole.update(f"{name}\0{content}\n".encode())
    return whole.hexdigest()


@functools.lru_cache(maxsize=65_536)
def _file_digest(file: Path, size: int, changed_ns: int) -> str:
    """Of a file's content; size and time say when it has to be read again."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
