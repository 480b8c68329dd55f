"""Files of the past: names, days, what is left out, and files that cannot be used."""

from pathlib import Path

import pytest

from sidecars.common.observations import Reading
from sidecars.onchain.history_files import FILE_NAMES, read_history_files

FIRST_MS = 1_722_729_600_000
SECOND_MS = FIRST_MS + 86_400_000
FLOWS = """date,PriceUSD,AdrActCnt,FlowInExNtv,FlowInExUSD,FlowOutExNtv
2024-08-03,60000,602123,21345.5,1,19876.25
2024-08-04,58000,651234,,1,40111
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_flows_of_btc_count_at_the_end_of_their_day(tmp_path: Path) -> None:
    (file,) = read_history_files(write(tmp_path, onchain_btc_coinmetrics=FLOWS))
    assert file.source == "Coin Metrics (file)" and file.problem is None
    values = [(each.series, each.as_of_ms, each.value) for each in file.batch.readings]
    assert sorted(values) == [
        ("active_addresses:BTC", FIRST_MS, 602_123.0),
        ("active_addresses:BTC", SECOND_MS, 651_234.0),
        ("exchange_inflow_coins:BTC", FIRST_MS, 21_345.5),
        ("exchange_outflow_coins:BTC", FIRST_MS, 19_876.25),
        ("exchange_outflow_coins:BTC", SECOND_MS, 40_111.0),
        ("price_usd:BTC", FIRST_MS, 60_000.0),
        ("price_usd:BTC", SECOND_MS, 58_000.0),
    ]
    assert all(each.published_ms == each.as_of_ms for each in file.batch.readings)


def test_supply_and_value_locked(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        stablecoin_supply="date,stablecoin_supply_usd\n2024-08-03,164000000000.0\n",
        defi_tvl="date,defi_tvl_usd\n2024-08-02,0.0\n2024-08-03,81000000000.0\n",
    )
    stablecoins, tvl = read_history_files(folder)
    assert stablecoins.source == "DefiLlama stablecoins (file)"
    assert stablecoins.batch.readings == (
        Reading("stablecoin_supply_usd", FIRST_MS, FIRST_MS, 164e9),
    )
    assert tvl.source == "DefiLlama (file)"
    assert tvl.batch.readings == (Reading("defi_tvl_usd", FIRST_MS, FIRST_MS, 81e9),)
    assert tvl.batch.rejected == (
        "defi_tvl.csv: 1 values left out, the first of defi_tvl_usd at 2024-08-03T00:00:00Z: "
        "got 0, expected more than 0",
    )


def test_a_file_that_cannot_be_used_costs_the_others_nothing(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        onchain_btc_coinmetrics="date,AdrActCnt\n2024-08-03,5\n",
        defi_tvl="date,defi_tvl_usd\n2024-08-03,81000000000.0\n",
    )
    flows, tvl = read_history_files(folder)
    assert flows.problem is not None and "FlowInExNtv" in flows.problem
    assert "\n" not in flows.problem and flows.batch.readings == ()
    assert tvl.problem is None and len(tvl.batch.readings) == 1


def test_a_folder_without_any_of_the_files_is_a_problem(tmp_path: Path) -> None:
    (nothing,) = read_history_files(tmp_path / "absent")
    assert nothing.problem is not None
    assert all(name in nothing.problem for name in FILE_NAMES)


@pytest.mark.parametrize("value", ["-5", "1e20"])
def test_flows_that_cannot_be_are_left_out(tmp_path: Path, value: str) -> None:
    text = f"date,PriceUSD,AdrActCnt,FlowInExNtv,FlowOutExNtv\n2024-08-03,9,5,{value},7\n"
    (file,) = read_history_files(write(tmp_path, onchain_btc_coinmetrics=text))
    assert sorted(each.value for each in file.batch.readings) == [5.0, 7.0, 9.0]
    assert len(file.batch.rejected) == 1
