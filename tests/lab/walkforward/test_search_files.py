"""Freqtrade's file of epochs, and which of them is chosen."""

import json
import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lab.walkforward.run import EpochCounter
from lab.walkforward.search import best_epoch, parameter_file, read_epochs


def line(number: int, loss: float) -> str:
    return json.dumps(
        {
            "loss": loss,
            "params_dict": {"hour": number, "stoploss": -0.1},
            "params_details": {"buy": {"hour": number}, "stoploss": {"stoploss": -0.1}},
            "params_not_optimized": {"buy": {"other": 3}, "roi": {"0": 0.1}},
            "results_metrics": {"trades": [{"pair": "BTC/USDT", "orders": []}] * number},
        }
    )


def test_every_epoch_is_read_with_its_trades_and_parameters(tmp_path: Path) -> None:
    file = tmp_path / "strategy.fthypt"
    file.write_text("".join(f"{line(number, 6.0 - number)}\n" for number in range(3)))
    epochs = list(read_epochs(file))
    assert [len(epoch.trades) for epoch in epochs] == [0, 1, 2]
    assert [epoch.loss for epoch in epochs] == [6.0, 5.0, 4.0]
    assert epochs[1].details == {
        "buy": {"hour": 1, "other": 3}, "roi": {"0": 0.1}, "stoploss": {"stoploss": -0.1},
    }  # fmt: skip
    written = json.loads(parameter_file("HourOfDay", epochs[1].details))
    assert written["strategy_name"] == "HourOfDay" and written["params"]["buy"]["hour"] == 1
    assert list(read_epochs(tmp_path / "none.fthypt")) == []


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20))
def test_the_choice_is_freqtrades(losses: list[float]) -> None:
    best, number = 100.0, None
    for each, loss in enumerate(losses):
        if not math.isnan(loss) and loss < best:
            best, number = loss, each
    assert best_epoch(losses) == number


def test_the_counter_reads_on_where_it_was(tmp_path: Path) -> None:
    counter = EpochCounter(tmp_path)
    assert counter.count() == 0
    file = tmp_path / "strategy.fthypt"
    file.write_text("{}\n{}\n{")
    assert counter.count() == 2
    with file.open("a") as opened:
        opened.write("}\n")
    assert counter.count() == 3
