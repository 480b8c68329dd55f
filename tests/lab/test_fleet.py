"""The fleet's arithmetic by hand, its layers read from a folder, and its table."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.fleet import FIRST, LAST, read_members, request_for, restored, row_of, sum_of
from lab.fleet_tables import fleet_table
from lab.suite_plan import SuiteError
from tests.lab.suite_market import PAIRS


def equity(*years: tuple[int, float, float]) -> pd.Series:
    """(year, first value, last value), straight lines through the days of each year."""
    parts = [
        pd.Series(
            [first + (last - first) * day / 3 for day in range(4)],
            index=pd.date_range(f"{year}-12-28", periods=4, tz="UTC"),
        )
        for year, first, last in years
    ]
    return pd.concat(parts)


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(content))


def test_bots_are_added_and_never_share() -> None:
    total = sum_of([equity((2021, 100, 130)), equity((2021, 50, 20))])
    assert total.iloc[0] == pytest.approx(150.0)
    assert total.iloc[-1] == pytest.approx(150.0)


def test_shares_are_restored_each_january() -> None:
    winner = equity((2020, 60, 60), (2021, 60, 120), (2022, 120, 240))
    loser = equity((2020, 40, 40), (2021, 40, 20), (2022, 20, 10))
    found = restored([winner, loser])
    assert found.index.equals(winner.index)
    # Each year 60 % doubles and 40 % halves, whatever the years before did.
    years = pd.DatetimeIndex(found.index).year
    ends = {year: part.iloc[-1] for year, part in found.groupby(years)}
    assert ends == pytest.approx({2020: 100.0, 2021: 140.0, 2022: 196.0})
    assert sum_of([winner, loser]).iloc[-1] == pytest.approx(250.0)


def test_a_curve_has_its_years() -> None:
    days = pd.date_range(FIRST - pd.Timedelta("1D"), LAST, freq="D")
    doubling = pd.Series([100.0 * 2 ** (day / 365.25) for day in range(len(days))], index=days)
    row = row_of("x", 0.3, doubling, 7, "a note")
    assert set(row.by_year_pct) == {2021, 2022, 2023, 2024}
    assert row.by_year_pct[2022] == pytest.approx(100.0, abs=0.2)
    assert row.whole.cagr_pct == pytest.approx(100.0, abs=0.2)
    table = fleet_table([row, row_of("hold BTC", 0.0, doubling, None)])
    assert table.rows[0][:3] == ("x", "0.3 %", "7") and table.rows[0][-1] == "a note"
    assert table.rows[1][:3] == ("hold BTC", "-", "-")
    assert all(len(cells) == len(table.headings) for cells in table.rows)


def test_a_member_is_its_layer_on_its_bot(tmp_path: Path, seeded_datadir: Path) -> None:
    write(
        tmp_path, "bot-dip.json",
        {
            "strategy": "BuyTheDip", "max_open_trades": 10, "stake_amount": 200,
            "exchange": {"pair_whitelist": [*PAIRS, "XRP/USDT"]},
        },
    )  # fmt: skip
    layer = {
        "strategy": "BuyTheDip", "available_capital": 3000,
        "aquatrade": {"preset": "crash_often", "sizing": {"stake_usd": None}},
    }  # fmt: skip
    write(tmp_path, "fleet-dip.json", layer)
    (member,) = read_members(seeded_datadir, tmp_path)
    assert (member.name, member.preset, member.pairs) == ("dip", "crash_often", PAIRS)
    traded = request_for(member, seeded_datadir, 0.3, as_traded=True)
    assert (traded.wallet, traded.max_open_trades) == (3000.0, 10)
    assert traded.aquatrade["sizing"] == {"stake_usd": None}
    assert traded.timerange == "20210101-20250101"
    assert datetime(2021, 1, 1, tzinfo=UTC) == FIRST
    candidates = request_for(member, seeded_datadir, 0.3, as_traded=False)
    assert candidates.max_open_trades == len(PAIRS)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"strategy": "BuyTheDip"}, "expected the keys strategy and available_capital"),
        ({"strategy": "MaCrossover", "available_capital": 5}, "no bot-.* trades MaCrossover"),
        (
            {"strategy": "BuyTheDip", "available_capital": 5, "aquatrade": {"preset": "crsh"}},
            "has no preset 'crsh'",
        ),
    ],
)
def test_a_wrong_layer_is_one_line(
    layer: dict[str, Any], words: str, tmp_path: Path, seeded_datadir: Path
) -> None:
    bot = {"strategy": "BuyTheDip", "max_open_trades": 1, "exchange": {"pair_whitelist": PAIRS}}
    write(tmp_path, "bot-dip.json", bot)
    write(tmp_path, "fleet-x.json", layer)
    with pytest.raises(SuiteError, match=words):
        read_members(seeded_datadir, tmp_path)


def test_no_layer_at_all_is_said(tmp_path: Path, seeded_datadir: Path) -> None:
    with pytest.raises(SuiteError, match=r"no fleet-\*\.json"):
        read_members(seeded_datadir, tmp_path)
