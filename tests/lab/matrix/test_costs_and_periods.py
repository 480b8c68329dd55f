"""What a cost model and a period are written as, and what is refused in one line."""

import pytest
from freqtrade.configuration import TimeRange
from hypothesis import given
from hypothesis import strategies as st

from lab.matrix.costs import NAMED, CostError, CostModel, all_costs, parse_costs
from lab.matrix.periods import PeriodError, all_periods, parse_period


@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("0.1%", [CostModel(0.1)]),
        ("0.075%+2bps", [NAMED["quant-maker"]]),
        ("mexc+gap+delay", [CostModel(0.1, 30.0, gap=True, delay=True)]),
        ("binance + 0bps", [CostModel(0.1)]),
        ("0.2%+ladder+gap", [CostModel(0.2, bps, gap=True) for bps in (0, 5, 10, 20, 30)]),
    ],
)
def test_models_are_read(text: str, models: list[CostModel]) -> None:
    assert list(parse_costs(text)) == models


def test_fee_and_slippage_are_one_rate() -> None:
    assert CostModel(0.1, 20.0).fee_rate == pytest.approx(0.003, abs=0.0)
    assert NAMED["bybit-perp"].fee_rate == pytest.approx(0.0011, abs=0.0)


def test_the_same_model_by_another_name_is_one() -> None:
    assert all_costs(["binance", "0.1%+5bps", "0.1%+ladder"]) == (
        NAMED["binance"], CostModel(0.1), *(CostModel(0.1, bps) for bps in (10, 20, 30)),
    )  # fmt: skip


@given(
    st.builds(
        CostModel,
        st.integers(0, 500).map(lambda number: number / 100),
        st.integers(0, 1000).map(float),
        st.booleans(),
        st.booleans(),
    )
)
def test_a_model_reads_its_own_words(model: CostModel) -> None:
    assert parse_costs(model.text) == (model,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("binanc", "'binanc' is unknown, expected a fee as 0.1% or one of binance"),
        ("0.1", "'0.1' is unknown"),
        ("x%", "'x' is no number"),
        ("nan%", "outside of 0 to 5%"),
        ("9%", "9% is outside of 0 to 5%"),
        ("mexc+5", "'5' is unknown, expected Nbps, ladder, gap, delay"),
        ("mexc+-1bps", "-1bps is outside"),
        ("", "--cost : '' is unknown"),
    ],
)
def test_no_such_model(text: str, words: str) -> None:
    with pytest.raises(CostError, match=words) as refused:
        parse_costs(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "timerange"),
    [
        ("2023", "20230101-20240101"),
        ("2023Q4", "20231001-20240101"),
        ("2023-q1", "20230101-20230401"),
        ("2023-12", "20231201-20240101"),
        ("20230115-20230701", "20230115-20230701"),
        ("-20250101", "-20250101"),
        ("20240101-", "20240101-"),
    ],
)
def test_periods_are_freqtrades_timeranges(text: str, timerange: str) -> None:
    period = parse_period(text)
    assert period.timerange == timerange
    read = TimeRange.parse_timerange(period.timerange)
    assert (read.startdt, read.stopdt) == (period.since, period.until)


def test_the_same_days_are_one_period() -> None:
    assert [each.timerange for each in all_periods(["2023", "20230101-20240101", "2022"])] == [
        "20230101-20240101",
        "20220101-20230101",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("23", "expected 2023, 2023Q2"),
        ("2023-13", "no such month"),
        ("0001", "not from 2009 on"),
        ("-", "expected 2023"),
        ("20230230-", "'20230230' is no day"),
        ("20240101-20240101", "ends before it begins"),
    ],
)
def test_no_such_period(text: str, words: str) -> None:
    with pytest.raises(PeriodError, match=words):
        parse_period(text)
