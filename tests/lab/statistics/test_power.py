"""The simulation: an edge that is there is found and shown, chance is not."""

import io

import pytest
from rich.console import Console

from lab.statistics.power import power_table, simulated_search


def test_a_search_knows_its_edge_and_is_the_same_again() -> None:
    search = simulated_search(6.0, 365, 20, 1, 0)
    assert search == simulated_search(6.0, 365, 20, 1, 0)
    assert search != simulated_search(6.0, 365, 20, 1, 1)
    assert search.found
    assert search.yearly_sharpe == pytest.approx(6.0, abs=3.0)
    assert search.deflated > 0.99 and search.pbo < 0.05
    assert simulated_search(0.0, 365, 20, 1, 0).deflated < 0.95


def test_the_table_has_a_line_for_each_edge() -> None:
    console = Console(width=140, file=io.StringIO(), record=True)
    console.print(power_table(100, 5, (0.0, 9.0), 4, 7))
    text = console.export_text()
    assert "none: chance alone" in text and "100%" in text
