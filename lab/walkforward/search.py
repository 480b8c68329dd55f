"""Freqtrade's own hyperopt in this process, on candles from disk, every epoch kept."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.optimize.hyperopt import Hyperopt

from lab.evidence_runner import BacktestRequest, backtest_config, offline_markets
from lab.walkforward.fold_result import Dimension

LOSS_SECTION = "aquatrade_hyperopt_loss"
NO_LOSS = 100.0  # freqtrade takes nothing for its best that is not below it
PARAMETER_FILE_VERSION = 1


@dataclass(frozen=True, slots=True)
class SearchWish:
    """How each train window is searched. trades_over: what AquatradeHyperOptLoss asks for; other
    losses do not read it. jobs: processes; the way a search goes depends on their number."""

    epochs: int = 100
    spaces: tuple[str, ...] = ("buy", "sell")
    loss: str = "AquatradeHyperOptLoss"
    jobs: int = 2
    random_state: int = 1
    trades_over: int = 30


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch as freqtrade stores it. details: by space, as in its parameter files."""

    parameters: Mapping[str, Any]
    details: Mapping[str, Any]
    loss: float
    trades: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Searched:
    """What was searched, and the file of all epochs."""

    dimensions: tuple[Dimension, ...]
    file: Path


def search(request: BacktestRequest, wish: SearchWish, losses: Path, folder: Path) -> Searched:
    """Run hyperopt over the request's timerange; `folder` becomes its user folder.

    Raises freqtrade's OperationalException. To be called in the main thread of a program whose
    main module may be imported again: hyperopt's workers do.
    """
    (folder / "hyperopt_results").mkdir(parents=True)
    config_file = folder / "config.json"
    config = {**backtest_config(request), LOSS_SECTION: {"trades_over": wish.trades_over}}
    config_file.write_text(json.dumps(config))
    arguments = {
        "config": [str(config_file)],
        "datadir": str(request.datadir),
        "user_data_dir": str(folder),
        "strategy": request.strategy,
        "strategy_path": str(request.strategy_path),
        "timerange": request.timerange,
        "epochs": wish.epochs,
        "spaces": list(wish.spaces),
        "hyperopt_loss": wish.loss,
        "hyperopt_path": str(losses),
        "hyperopt_jobs": wish.jobs,
        "hyperopt_random_state": wish.random_state,
        "hyperopt_min_trades": 1,
        "hyperopt_ignore_missing_space": True,
        "disableparamexport": True,
    }
    with offline_markets(request.pairs):
        hyperopt = Hyperopt(Configuration(arguments, RunMode.HYPEROPT).get_config())
        hyperopt.start()
    distributions = hyperopt.hyperopter.o_dimensions.items()
    return Searched(
        tuple(_dimension(name, each) for name, each in distributions), hyperopt.results_file
    )


def _dimension(name: str, distribution: Any) -> Dimension:
    if hasattr(distribution, "choices"):
        return Dimension(name, options=tuple(distribution.choices))
    return Dimension(name, float(distribution.low), float(distribution.high))


def read_epochs(file: Path) -> Iterator[Epoch]:
    """Epochs of freqtrade's .fthypt: one JSON object a line, each with all of its trades."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            content = json.loads(line)
            metrics = content["results_metrics"]
            yield Epoch(
                parameters=content["params_dict"],
                details=_merged(content["params_not_optimized"], content["params_details"]),
                loss=float(content["loss"]),
                trades=list(metrics["trades"]),
            )


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    whole = {space: dict(values) for space, values in below.items()}
    for space, values in above.items():
        whole[space] = {**whole.get(space, {}), **values}
    return whole


def best_epoch(losses: list[float]) -> int | None:
    """The first of the lowest losses, as freqtrade chooses; None where it would choose none."""
    number, lowest = None, NO_LOSS
    for each, loss in enumerate(losses):
        if loss < lowest:  # never so of one that is not a number
            number, lowest = each, loss
    return number


def parameter_file(strategy: str, details: Mapping[str, Any]) -> str:
    """What freqtrade writes beside a strategy after a search."""
    return json.dumps(
        {
            "strategy_name": strategy,
            "params": details,
            "ft_stratparam_v": PARAMETER_FILE_VERSION,
        }
    )
