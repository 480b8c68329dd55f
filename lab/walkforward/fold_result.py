"""What a fold leaves: every trial of its search, and the chosen one out of sample; as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from lab.statistics.folds import Fold
from lab.statistics.sharpe import FloatArray


@dataclass(frozen=True, slots=True)
class Part:
    """One set of rules in one window. mean_pct: net % a trade; returns: of each UTC day."""

    trades: int
    wins: int
    mean_pct: float | None
    returns: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """A parameter that was searched: a number from low to high, or one of options."""

    name: str
    low: float | None = None
    high: float | None = None
    options: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One epoch on the train window; its returns by day are kept beside it."""

    parameters: Mapping[str, Any]
    loss: float
    trades: int


@dataclass(frozen=True, slots=True)
class FoldResult:
    """chosen: number of the trial with the lowest loss, None where none traded: then nothing is
    traded out of sample. repeats: whether a plain backtest of the chosen one on the train window
    has the trades that the search saw. trial_returns: (trials, days of the train window)."""

    key: str
    fold: Fold
    dimensions: tuple[Dimension, ...]
    trials: tuple[Trial, ...]
    chosen: int | None
    in_sample: Part | None
    repeats: bool
    out_of_sample: Part
    defaults: Part
    seconds: float
    trial_returns: tuple[tuple[float, ...], ...] = field(repr=False)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The chosen ones, empty where none were."""
        return {} if self.chosen is None else self.trials[self.chosen].parameters

    @property
    def train_matrix(self) -> FloatArray:
        """Returns as (days, trials)."""
        return np.array(self.trial_returns, dtype=np.float64).T

    def numbered(self, fold: Fold) -> "FoldResult":
        """The same result in another walk, where its fold may have another number."""
        return replace(self, fold=fold)

    @property
    def test_days(self) -> pd.DatetimeIndex:
        """UTC days of the test window."""
        return days_of(self.fold.test_start, self.fold.test_end)


def days_of(start: datetime, end: datetime) -> pd.DatetimeIndex:
    """UTC days that begin in [start, end)."""
    return pd.date_range(start, end, freq="D", inclusive="left")


def as_json(result: FoldResult) -> str:
    """The result as text; returns are rounded to 12 decimals."""
    content = asdict(result)
    content["trial_returns"] = [[round(x, 12) for x in row] for row in result.trial_returns]
    content["fold"] = fold_as_json(result.fold)
    return json.dumps(content)


def fold_as_json(fold: Fold) -> dict[str, Any]:
    """A fold, its times as ISO texts."""
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in asdict(fold).items()
    }


def fold_of(content: Mapping[str, Any]) -> Fold:
    """The fold of fold_as_json."""
    times = {key: datetime.fromisoformat(x) for key, x in content.items() if key != "number"}
    return Fold(number=int(content["number"]), **times)


def from_json(text: str) -> FoldResult:
    """The result of as_json. Raises ValueError, KeyError or TypeError for what is none."""
    content = json.loads(text)
    inside = content["in_sample"]
    return FoldResult(
        **content
        | {
            "fold": fold_of(content["fold"]),
            "dimensions": tuple(
                Dimension(**each | {"options": tuple(each["options"])})
                for each in content["dimensions"]
            ),
            "trials": tuple(Trial(**each) for each in content["trials"]),
            "in_sample": None if inside is None else _part(inside),
            "out_of_sample": _part(content["out_of_sample"]),
            "defaults": _part(content["defaults"]),
            "trial_returns": tuple(tuple(row) for row in content["trial_returns"]),
        }
    )


def _part(content: Mapping[str, Any]) -> Part:
    return Part(**{**content, "returns": tuple(content["returns"])})
