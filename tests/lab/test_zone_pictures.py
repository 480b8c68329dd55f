"""A picture of score and price: whole, small, the same every time."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from lab.zone_pictures import bars, runs_of, save_zone_picture

DAYS = pd.date_range("2022-01-01", periods=600, freq="D", tz="UTC")
MOST_BYTES = 400_000


def record(pairs: int) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    chance = np.random.default_rng(1)
    frames, closes = [], {}
    for number in range(pairs):
        vetoed = (np.arange(len(DAYS)) // 50) % 3 == 0
        total = np.where(vetoed, 0.0, chance.integers(30, 90, len(DAYS)))
        zone = np.select(
            [total >= 85, total >= 75, total >= 60],
            ["STRONG_BUY", "MODERATE_BUY", "WAIT"],
            "AVOID",
        )
        pair = f"C{number}/USDT"
        frames.append(
            pd.DataFrame(
                {"pair": pair, "day": DAYS, "total": total, "zone": zone, "vetoed": vetoed}
            )
        )
        steps = chance.normal(0.0, 0.03, len(DAYS))
        closes[pair] = pd.Series(10.0**number * np.exp(np.cumsum(steps)), index=DAYS)
    return pd.concat(frames, ignore_index=True), closes


def test_the_picture_is_small_well_formed_and_the_same_again(tmp_path: Path) -> None:
    scores, closes = record(3)
    first, second = tmp_path / "new" / "one.svg", tmp_path / "two.svg"
    save_zone_picture(scores, closes, first)
    save_zone_picture(scores, closes, second)
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < MOST_BYTES
    root = ElementTree.parse(first).getroot()
    texts = {element.tag.rsplit("}", 1)[-1] for element in root.iter()}
    assert "path" in texts
    assert "text" not in texts  # shapes, not fonts of whoever looks at it


def test_a_png_may_be_asked_for(tmp_path: Path) -> None:
    scores, closes = record(1)
    save_zone_picture(scores, closes, tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_day_without_a_price_is_no_reason_to_fail(tmp_path: Path) -> None:
    scores, closes = record(1)
    closes["C0/USDT"] = closes["C0/USDT"].drop(DAYS[300])
    save_zone_picture(scores, closes, tmp_path / "one.svg")
    assert (tmp_path / "one.svg").stat().st_size > 0


@given(st.lists(st.booleans(), max_size=60))
def test_runs_hold_every_flagged_day_and_no_other(flags: list[bool]) -> None:
    days = pd.Series(DAYS[: len(flags)])
    runs = runs_of(days, np.array(flags, dtype=bool))
    covered = [day for first, last in runs for day in pd.date_range(first, last)]
    assert covered == [day for day, flag in zip(days, flags, strict=True) if flag]
    between = pd.Timedelta(days=1)
    assert all(after[0] - before[1] > between for before, after in pairwise(runs))


@given(st.sets(st.integers(0, 50), min_size=1), st.integers(0, 2**32 - 1))
def test_bars_have_the_area_of_their_heights(days: set[int], seed: int) -> None:
    places = np.array(sorted(days), dtype=float)
    heights = np.random.default_rng(seed).integers(1, 100, len(places)).astype(float)
    outline = bars(places, heights)
    area = 0.0
    for polygon in outline.to_polygons():
        x, y = np.asarray(polygon, dtype=float).T
        area += abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2
    assert area == pytest.approx(heights.sum())
    runs = 1 + int(np.sum(np.diff(places) > 1))
    assert int(np.sum(np.asarray(outline.codes) == Outline.MOVETO)) == runs
