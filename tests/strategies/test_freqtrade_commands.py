"""The commands that every strategy has to stand, as real processes on seeded candles."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.evidence_runner import REPOSITORY, STRATEGIES
from tests.strategies.candle_tables import seeded_rows, write_candles

PAIRS = ["BTC/USDT", "ETH/USDT"]
pytestmark = pytest.mark.rehearsal


def freqtrade(folder: Path, preset: str, command: str, *arguments: str, **section: object) -> str:
    """Output of a command that must succeed; section: more of "aquatrade"."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "results").mkdir(exist_ok=True)
    for seed, pair in enumerate(PAIRS):
        write_candles(folder / "data", pair, seeded_rows(seed, 3000))
    config = {
        "stake_currency": "USDT",
        "stake_amount": 200,
        "dry_run": True,
        "dry_run_wallet": 10_000,
        "max_open_trades": 4,
        "fee": 0.001,
        "exchange": {"name": "binance", "pair_whitelist": PAIRS},
        "pairlists": [{"method": "StaticPairList"}],
        # Freqtrade's analyses place market orders, which it lets through on these terms only.
        "entry_pricing": {"price_side": "other"},
        "exit_pricing": {"price_side": "other"},
        "aquatrade": {"preset": preset, **section},
    }
    (folder / "config.json").write_text(json.dumps(config))
    program = [sys.executable, "-m", "tests.strategies.offline_freqtrade", ",".join(PAIRS), command]
    places = ["-c", "config.json", "--userdir", ".", "--datadir", "data"]
    strategy = ["--strategy", "BuyTheDip", "--strategy-path", str(STRATEGIES)]
    run = subprocess.run(
        [*program, *places, *strategy, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={
            **os.environ,
            # Hyperopt's workers find the shared code through the path alone.
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(STRATEGIES)]),
            "COLUMNS": "200",
        },
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout + run.stderr


@pytest.mark.parametrize("preset", ["crash_often", "specified"])
def test_lookahead_analysis_finds_nothing(preset: str, tmp_path: Path) -> None:
    output = freqtrade(
        tmp_path, preset, "lookahead-analysis",
        "--timerange", "20240201-", "--minimum-trade-amount", "5", "--targeted-trade-amount", "8",
    )  # fmt: skip
    assert "BuyTheDip: no bias detected" in output


def test_recursive_analysis_finds_nothing(tmp_path: Path) -> None:
    output = freqtrade(
        tmp_path, "crash", "recursive-analysis",
        "--timerange", "20240301-20240501", "--startup-candle", "400",
    )  # fmt: skip
    assert "No variance on indicator(s) found" in output
    assert "No lookahead bias on indicators found" in output


def test_hyperopt_with_two_workers_finds_the_shared_code(tmp_path: Path) -> None:
    output = freqtrade(
        tmp_path, "crash", "hyperopt", "--timerange", "20240201-", "-j", "2", "-e", "4",
        "--spaces", "buy", "sell", "stoploss", "protection", "--hyperopt-loss",
        "OnlyProfitHyperOptLoss", "--disable-param-export", "--random-state", "1",
        "--min-trades", "1",
    )  # fmt: skip
    assert "4 epochs saved" in output
    assert "crash_drop_pct" in output


def test_hyperopt_with_two_workers_takes_the_risk_rules_along(tmp_path: Path) -> None:
    day = {"limit_pct": 0.05, "close": "all", "resume": "next_period"}
    risk = {"name": "tight", "max_atr_ratio": None, "day": day}
    backtest = freqtrade(
        tmp_path, "specified", "backtesting", "--timerange", "20240201-", risk=risk
    )
    assert "risk_day" in backtest
    output = freqtrade(
        tmp_path, "specified", "hyperopt", "--timerange", "20240201-", "-j", "2", "-e", "4",
        "--spaces", "stoploss", "--hyperopt-loss", "OnlyProfitHyperOptLoss",
        "--disable-param-export", "--random-state", "1", "--min-trades", "1", risk=risk,
    )  # fmt: skip
    assert "4 epochs saved" in output
    assert "Traceback" not in output


def test_plot_dataframe_draws_it(tmp_path: Path) -> None:
    freqtrade(tmp_path, "crash", "plot-dataframe", "--timerange", "20240301-", "--no-trades")
    (chart, *_) = (tmp_path / "plot").glob("*.html")
    text = chart.read_text(errors="replace")
    assert "sma_200" in text and "ema_24" in text


def test_a_mistake_in_the_config_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught:
        freqtrade(tmp_path, "crsh", "backtesting", "--timerange", "20240201-")
    output = str(caught.value)
    assert 'did you mean \\"crash\\"' in output or 'did you mean "crash"' in output
    assert "Traceback" not in output
