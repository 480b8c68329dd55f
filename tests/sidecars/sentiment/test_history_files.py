"""The folder of daily csv files."""

from pathlib import Path

import pytest

from sidecars.common.moments import iso_ms
from sidecars.common.observations import MS_PER_DAY
from sidecars.sentiment.history_files import FILES, read_history_files
from tests.sidecars.common.sound_batches import check_batch

CONTENT = {
    "fear_greed.csv": "date,value\n2024-08-04,34\n2024-08-05,26\n",
    "btc_dominance.csv": "date,btc_dominance\n2024-08-04,110.9\n2024-08-05,56.69\n",
    "total_mcap_derived.csv": "date,total_mcap_usd_derived\n2024-08-05,1914000000000.0\n",
    "onchain_btc_coinmetrics.csv": (
        "date,PriceUSD,AdrActCnt,CapMrktCurUSD\n2024-08-04,,1.0,\n2024-08-05,54018.8,7e5,1e12\n"
    ),
    "macro_daily.csv": (
        "date,spx,ndx,dxy,vix,gold,oil,t10y2y,spy,qqq,tlt\n"
        "2024-08-05,5186.3301,17895.16,102.69,38.57,2444.4,72.94,-0.08,517.38,434.75,98.67\n"
    ),
}
AFTER_MS = 1_723_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in CONTENT.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_values_are_known_when_they_could_be(folder: Path) -> None:
    found = read_history_files(folder)
    told = {
        (source, each.series, iso_ms(each.as_of_ms), each.value)
        for source, batch in found
        for each in batch.readings
        if each.as_of_ms == each.published_ms
    }
    assert told == {
        ("fear_greed.csv", "fear_greed", "2024-08-04T00:00:00Z", 34.0),
        ("fear_greed.csv", "fear_greed", "2024-08-05T00:00:00Z", 26.0),
        ("btc_dominance.csv", "btc_dominance_pct", "2024-08-06T00:00:00Z", 56.69),
        ("total_mcap_derived.csv", "total_market_cap_usd", "2024-08-06T00:00:00Z", 1.914e12),
        ("onchain_btc_coinmetrics.csv", "btc_price_usd", "2024-08-06T00:00:00Z", 54018.8),
        ("macro_daily.csv", "sp500", "2024-08-06T00:00:00Z", 5186.3301),
        ("macro_daily.csv", "dollar_index", "2024-08-06T00:00:00Z", 102.69),
    }
    assert found.problems == ()


def test_a_share_above_the_whole_is_refused(folder: Path) -> None:
    rejected = dict(read_history_files(folder))["btc_dominance.csv"].rejected
    assert rejected == (
        "btc_dominance.csv: as of 2024-08-05T00:00:00Z: "
        "btc_dominance_pct: got 110.9, expected 1 to 100",
    )


def test_missing_and_broken_files_are_one_line_each_and_the_others_are_read(folder: Path) -> None:
    (folder / "fear_greed.csv").unlink()
    (folder / "macro_daily.csv").write_text("date,spx\n2024-08-05,1\n", encoding="utf-8")
    found = read_history_files(folder)
    (missing,), (broken,) = found.missing, found.problems
    assert (
        missing
        == f"{folder / 'fear_greed.csv'}: is not there, so there is no history of fear_greed"
    )
    assert "macro_daily.csv, line 1: no column dxy" in broken
    assert [source for source, _ in found] == [
        "btc_dominance.csv",
        "total_mcap_derived.csv",
        "onchain_btc_coinmetrics.csv",
    ]


def test_an_empty_folder_gives_nothing_but_lines(tmp_path: Path) -> None:
    found = read_history_files(tmp_path)
    assert list(found) == []
    assert len(found.missing) == len(FILES)


def test_a_file_that_speaks_of_later_is_refused(folder: Path) -> None:
    found = read_history_files(folder, now_ms=AFTER_MS - 3 * MS_PER_DAY)
    assert list(found) == []
    assert len(found.problems) == len(FILES)


def test_real_files_are_read_whole(market_data: Path) -> None:
    folder = market_data / "aux"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: no csv files to test on")
    found = read_history_files(folder)
    assert found.problems == ()
    for source, batch in found:
        check_batch(batch, 1_735_689_600_000)  # 2025-01-01: the recordings end before
        assert len(batch.readings) > 2_000, source
        # In 2013 the recorded share is above the whole on some days.
        assert all("btc_dominance_pct: got 1" in line for line in batch.rejected), batch.rejected
        assert all("as of 2013-" in line for line in batch.rejected), batch.rejected
