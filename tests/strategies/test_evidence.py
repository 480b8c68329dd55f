"""The evidence table: its arithmetic, and that the recorded candles still say the same."""

from pathlib import Path

import pandas as pd
import pytest

from lab.evidence import (
    RUNS,
    EvidenceRun,
    Reference,
    evidence_table,
    measure,
    monthly_interval_pct,
    recorded_pairs,
    run_evidence,
)


def trades(*ratios: float) -> pd.DataFrame:
    """One trade a month, held for a day."""
    opened = pd.date_range("2023-11-05", periods=len(ratios), freq="MS", tz="UTC")
    return pd.DataFrame(
        {
            "open_date": opened,
            "close_date": opened + pd.Timedelta(days=1),
            "profit_ratio": ratios,
            "profit_abs": [200.0 * ratio for ratio in ratios],
        }
    )


def test_figures_by_hand() -> None:
    found = measure(EvidenceRun("crash", 0.1), trades(0.10, -0.05, 0.04, -0.01), pairs=2)
    assert found.trades == 4
    assert found.win_pct == pytest.approx(50.0)
    assert found.mean_pct == pytest.approx(2.0)
    assert found.profit_factor == pytest.approx(0.14 / 0.06)
    assert found.total_pct == pytest.approx(4.0)
    # Equity of two stakes: 1.05, 1.025, 1.045, 1.04.
    assert found.drawdown_pct == pytest.approx(100 * 0.025 / 1.05)
    assert {year: count for year, (_, count) in found.by_year_pct.items()} == {2023: 1, 2024: 3}
    assert found.by_year_pct[2024][0] == pytest.approx(-2 / 3)


def test_a_wallet_is_measured_in_its_own_money() -> None:
    run = EvidenceRun("crash", 0.1, wallet_usd=1000.0)
    assert measure(run, trades(0.10, -0.05), pairs=2).total_pct == pytest.approx(1.0)


def test_a_capital_that_is_gone_has_no_sharpe() -> None:
    found = measure(EvidenceRun("specified", 0.3), trades(0.1, -0.9, -0.9, 0.5), pairs=1)
    assert found.drawdown_pct == pytest.approx(100.0)
    assert found.sharpe is None


def test_only_wins_have_no_profit_factor_and_no_trade_is_refused() -> None:
    assert measure(EvidenceRun("crash", 0.1), trades(0.1, 0.2), pairs=1).profit_factor is None
    with pytest.raises(ValueError, match="crash made no trade"):
        measure(EvidenceRun("crash", 0.1), trades(), pairs=1)


def test_the_interval_draws_whole_months_and_is_the_same_each_time() -> None:
    spread = trades(*([0.1, -0.1] * 30))
    low, high = monthly_interval_pct(spread)
    assert low < 0.0 < high
    assert monthly_interval_pct(spread) == (low, high)
    crowded = spread.assign(open_date=spread["open_date"].iloc[0])
    assert monthly_interval_pct(crowded) == pytest.approx((0.0, 0.0))


def test_agreement_is_lying_within_the_references_interval() -> None:
    for mean, agrees in ((0.02, True), (0.05, False)):
        run = EvidenceRun("crash", 0.1, reference=Reference(1, 2.0, (1.0, 3.0)))
        assert measure(run, trades(mean, mean), pairs=1).agrees is agrees
    assert measure(EvidenceRun("crash", 0.1), trades(0.1), pairs=1).agrees is None


def test_the_table_has_a_line_for_each_run() -> None:
    found = [measure(run, trades(0.1, -0.05), pairs=3) for run in RUNS]
    assert evidence_table(found).row_count == len(RUNS)


def test_recorded_candles_agree_with_the_research(market_data: Path) -> None:
    """The shortest of the runs; `python -m lab.evidence` does them all."""
    datadir = market_data / "binance"
    run = next(run for run in RUNS if run.preset == "specified" and run.rsi_method == "wilder")
    found = run_evidence(run, datadir)
    assert found.agrees
    assert found.trades == pytest.approx(169, abs=3)
    assert "BTC/USDT" in recorded_pairs(datadir)
