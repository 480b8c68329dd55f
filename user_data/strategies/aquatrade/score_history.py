"""Scores for backtests: a range once per pair, kept on disk for the runs and workers after it."""

import hashlib
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from aquatrade.score_records import ScoreAnswerError, iso_moment, parse_history

logger = logging.getLogger(__name__)

HISTORY_TIMEOUT_SECONDS = 60.0
HEALTH_TIMEOUT_SECONDS = 2.0
# Change it when the columns of the files change: older files are then no longer found.
CACHE_LAYOUT = "1"
CAUGHT_UP_MS = 36 * 3_600_000


@dataclass(slots=True)
class ScoreHistory:
    """Reads ranges of score records; has no connection and no thread, so it can be pickled."""

    server: ScoreServer
    cache_directory: Path
    _formula: str | None = None  # None: not asked yet; "": the sidecar does not say

    def read(self, pair: str, start_ms: int, end_ms: int) -> pd.DataFrame:
        """Records of one pair available in [start, end], with the last one before start.

        Columns of score_records.COLUMNS, ordered by available_at_ms; from disk (then possibly of a
        longer range) if that range was read before with the sidecar's present formula, or with any
        formula if the sidecar is not there to ask. Raises ScoreUnavailableError with the pair and
        the range in its text.
        """
        if self._formula is None:
            self._formula = self._ask_formula()
        cached = self._cached(pair, start_ms, end_ms)
        if cached is not None:
            return cached
        # The sidecar leaves the end out of a range.
        parameters = {"start": iso_moment(start_ms), "end": iso_moment(end_ms + 1), "lead": "1"}
        try:
            answer = self.server.get(
                "/v1/scores/history", {"pair": pair, **parameters}, HISTORY_TIMEOUT_SECONDS
            )
            records = parse_history(answer, pair)
        except (ScoreUnavailableError, ScoreAnswerError) as error:
            raise ScoreUnavailableError(
                f"no scores of {pair} from {iso_moment(start_ms)} to {iso_moment(end_ms)} "
                f"at {self.server.url}: {error}"
            ) from error
        # A sidecar that has not caught up with the range yet may say more of it tomorrow.
        caught_up = len(records) and records["available_at_ms"].iloc[-1] >= end_ms - CAUGHT_UP_MS
        if caught_up and self._formula:
            stem = f"{self._stem(pair)}{_digest(self._formula)}-"
            _store(records, self.cache_directory / f"{stem}{start_ms}-{end_ms}.feather")
        return records

    def _ask_formula(self) -> str:
        try:
            health = self.server.get("/health", {}, HEALTH_TIMEOUT_SECONDS)
        except ScoreUnavailableError as error:
            logger.info("score sidecar not asked for its formula (%s): kept scores count", error)
            return ""
        formula = health.get("formula", "") if isinstance(health, dict) else ""
        return formula if isinstance(formula, str) else ""

    def _cached(self, pair: str, start_ms: int, end_ms: int) -> pd.DataFrame | None:
        """A file of this sidecar, pair and formula whose range holds the one that is asked for."""
        stem = self._stem(pair)
        formula = _digest(self._formula) if self._formula else "*"
        for file in sorted(self.cache_directory.glob(f"{stem}{formula}-*.feather")):
            _, first, last = file.stem.removeprefix(stem).split("-")
            if int(first) <= start_ms and end_ms <= int(last):
                records = _load(file)
                if records is not None:
                    return records
        return None

    def _stem(self, pair: str) -> str:
        safe_pair = pair.replace("/", "_").replace(":", "_")
        return f"{safe_pair}-{_digest(f'{CACHE_LAYOUT}|{self.server.url}')}-"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _load(file: Path) -> pd.DataFrame | None:
    try:
        return pd.read_feather(file)
    except (OSError, ValueError) as error:
        # Half a file cannot come from us (it is renamed when whole); whatever it is, read anew.
        logger.warning("score cache %s cannot be read (%s), asking the sidecar again", file, error)
        return None


def _store(records: pd.DataFrame, file: Path) -> None:
    """Write the file whole or not at all: hyperopt's workers may read and write it at once."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".part")
        os.close(handle)
        records.to_feather(temporary)
        Path(temporary).replace(file)
    except OSError as error:
        logger.warning("score cache %s cannot be written (%s), going on without", file, error)
