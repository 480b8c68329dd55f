"""The table of the regime filter: its figures by hand, and the label of a trade's signal."""

from pathlib import Path

import numpy as np
import pandas as pd

from aquatrade.regime import regime_labels
from lab.regime_evidence import figures, labels_at_signal


def trades(ratios: list[float], opened: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame({"pair": "AAA/USDT", "open_date": opened, "profit_ratio": ratios})


def test_figures_by_hand() -> None:
    opened = pd.date_range("2024-01-05", periods=4, freq="MS", tz="UTC")
    assert figures(trades([0.10, -0.05, 0.04, -0.01], opened)) == ("4", "50 %", "+2.00 %")
    many = trades([0.01] * 12, pd.date_range("2024-01-05", periods=12, freq="MS", tz="UTC"))
    assert figures(many) == ("12", "100 %", "+1.00 % [+1.00, +1.00]")
    assert figures(many.head(0)) == ("0", "-", "-")


def test_a_trade_has_the_label_of_the_candle_before_its_entry(tmp_path: Path) -> None:
    rows = 900
    rng = np.random.default_rng(4)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0005, 0.01, rows)))
    dates = pd.date_range("2024-01-01", periods=rows, freq="1h", tz="UTC").as_unit("ms")
    frame = pd.DataFrame({"date": dates, "open": close, "high": close, "low": close})
    frame["close"], frame["volume"] = close, 1.0
    frame.to_feather(tmp_path / "AAA_USDT-1h.feather")
    labels = regime_labels(frame, 3600)
    changes = np.flatnonzero(labels != labels.shift())[1:8]
    found = labels_at_signal(tmp_path, trades([0.0] * len(changes), dates[changes]))
    assert found.tolist() == labels.iloc[changes - 1].tolist()
    assert found.tolist() != labels.iloc[changes].tolist()
