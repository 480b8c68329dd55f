"""The holdings file: the example, every mistake one clear line, balances beside it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sidecars.common.settings_file import SettingsError
from sidecars.confluence.monitor.holdings import (
    MAX_FILE_BYTES,
    balance_warning,
    load_holdings,
    with_balances,
)
from sidecars.confluence.monitor.model import Holding

TODAY = date(2024, 3, 14)
EXAMPLE = Path(__file__).parents[4] / "sidecars/confluence/monitor/holdings.example.yaml"
BTC = Holding("BTC", 0.5, "MYR", "BTC/USDT", 100_000.0, None, "BTC/MYR")


def load(folder: Path, text: str) -> tuple[Holding, ...]:
    file = folder / "holdings.yaml"
    file.write_text(text, encoding="utf-8")
    return load_holdings(file, TODAY)


def entry(**changes: object) -> str:
    values = {"asset": "BTC", "amount": 0.5, "average_cost": 100000, "currency": "MYR"} | changes
    lines = [f"{key}: {value}" for key, value in values.items() if value is not None]
    return "holdings:\n  - " + "\n    ".join(lines) + "\n"


def test_the_example_is_four_holdings_in_myr() -> None:
    holdings = load_holdings(EXAMPLE, TODAY)
    assert [each.asset for each in holdings] == ["BTC", "ETH", "SOL", "XRP"]
    assert {each.currency for each in holdings} == {"MYR"}
    solana = holdings[2]
    assert (solana.pair, solana.market, solana.started_with) == ("SOL/USDT", "SOL/MYR", 30.0)
    day = datetime(2023, 11, 20, tzinfo=UTC)
    assert solana.since_ms == round(day.timestamp() * 1000)


def test_what_is_left_out_follows_from_the_rest(tmp_path: Path) -> None:
    (made,) = load(tmp_path, "holdings: [{asset: btc, amount: 2}]")
    assert made == Holding("BTC", 2.0, "MYR", "BTC/USDT", None, None, "BTC/MYR")
    (in_usdt,) = load(tmp_path, entry(currency="USDT"))
    assert in_usdt.market is None
    (own,) = load(tmp_path, entry(pair="BTC/FDUSD", market="WBTC/MYR"))
    assert (own.pair, own.market) == ("BTC/FDUSD", "WBTC/MYR")
    assert load(tmp_path, "holdings: []") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (entry(amount=0), "holdings.0.amount"),
        (entry(amount=-1), "holdings.0.amount"),
        (entry(amount=".inf"), "a number above 0"),
        (entry(amount=".nan"), "a number above 0"),
        (entry(amount="true"), "a number above 0"),
        (entry(amount="1" + "0" * 400), "a number above 0"),
        (entry(average_cost="5.0e-324"), "a number above 0"),
        (entry(amount="0x" + "f" * 6000), "line 3, column 13: is not YAML (a number is too large"),
        (entry(amount="9" * 5000), "is not YAML"),
        (entry(amount="1:" * 300 + "1.5"), "is not YAML"),
        (entry(since="9999-99-99"), "is not YAML (month"),
        (entry(since="0x" + "f" * 6000), "is not YAML (a number is too large"),
        (entry(amount="'0.5'"), "a number above 0"),
        (entry(amount="1,5"), "a number above 0"),
        (entry(amount=None), "key 'holdings.0.amount' is missing"),
        (entry(average_cost=0), "holdings.0.average_cost"),
        (entry(averge_cost=3), 'did you mean "average_cost"'),
        (entry(asset="NO"), "needs quotes in YAML"),
        (entry(asset="B TC"), "holdings.0.asset"),
        (entry(pair="BTCUSDT"), "holdings.0.pair"),
        (entry(market="BTC/ZAR"), "expected one in MYR"),
        (entry(since="yesterday"), "holdings.0.since"),
        (entry(since="2024-03-15"), "expected 2024-03-14 or earlier"),
        (entry(since="2024-02-30"), "is not YAML"),
        (entry(since="2024-03-01 10:00:00"), "a day, like 2024-01-31"),
        (entry(started_with=0.4), "expected at least its amount"),
        ("holding: []", 'did you mean "holdings"'),
        ("holdings: {BTC: 1}", "key 'holdings'"),
        ("- BTC", "expected a key 'holdings'"),
        ("", "got nothing"),
        ("holdings: [{asset: BTC, amount: 1}, {asset: btc, amount: 2}]", "BTC stands there twice"),
        ("holdings:\n  - asset: BTC\n   amount: 1", "line 3, column 4"),
        ("holdings:\n  - asset: BTC\n    amount: 1\n    amount: 2", "line 4, column 5"),
        ("a: &x [1]\nholdings: *x", "an alias"),
        ("holdings: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("holdings: " + "[" * 900, "is not YAML"),
        ("holdings: \x00", "is not YAML"),
        ("#" * (MAX_FILE_BYTES + 1), "is larger than"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_expected(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    line = str(caught.value)
    assert said in line
    assert "\n" not in line
    assert "holdings.yaml" in line


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_holdings(tmp_path / "none.yaml", TODAY)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_holdings(tmp_path / "binary.yaml", TODAY)


def test_balances_add_what_the_file_does_not_name() -> None:
    balances = {"BTC": 0.6, "ETH": 2.0, "MYR": 900.0, "DUST": 5.0}
    holdings = with_balances([BTC], balances, "MYR", ["BTC/USDT", "ETH/USDT"])
    assert holdings == (BTC, Holding("ETH", 2.0, "MYR", "ETH/USDT", None, None, "ETH/MYR"))


def test_a_balance_that_differs_is_said() -> None:
    said = balance_warning(BTC, {"BTC": 0.4})
    assert said == "Luno holds 0.4 BTC, the holdings file says 0.5: the file counts"
    assert balance_warning(BTC, {"BTC": 0.5001}) is None
    assert balance_warning(replace(BTC, asset="XRP"), {"BTC": 0.4}) is None
