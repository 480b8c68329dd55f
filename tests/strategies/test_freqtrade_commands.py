"""The commands that every strategy has to stand, as real processes on seeded candles."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lab.evidence_runner import REPOSITORY, STRATEGIES
from tests.strategies.candle_tables import START, seeded_rows, write_candles
from tests.strategies.suite_candles import write

PAIRS = ["BTC/USDT", "ETH/USDT"]
# Each with the timeframe of its default preset.
SUITE = {
    "BuyTheDip": "1h",
    "CrossMomentum": "1d",
    "GridTrader": "5m",
    "MaCrossover": "4h",
    "Momentum": "4h",
    "Scalper": "5m",
    "SmaTrend": "4h",
}
OTHER_PRESETS = (
    ("BuyTheDip", "crash_often", "1h"),
    ("BuyTheDip", "specified", "1h"),
    ("MaCrossover", "specified", "5m"),
    ("Momentum", "specified", "1h"),
    ("SmaTrend", "specified_4h", "4h"),
    ("SmaTrend", "specified_1d", "1d"),
)
# With hyperopt each takes most of a minute: by default the one that is least like the others.
IS_FULL = os.environ.get("AQUATRADE_REHEARSAL") == "full"
EPOCHS = 20 if IS_FULL else 2
EVERY = [*((name, None, timeframe) for name, timeframe in SUITE.items()), *OTHER_PRESETS]
TRIED = EVERY if IS_FULL else [("GridTrader", None, SUITE["GridTrader"])]
in_full = pytest.mark.skipif(not IS_FULL, reason="AQUATRADE_REHEARSAL=full runs it")
# On a seeded walk no market suits a new grid.
SECTIONS = {"GridTrader": {"grid": {"max_hurst": 1.0, "min_volatility_pct": 0.0,
                                    "max_range_share": 10.0}}}  # fmt: skip
KNOWN_CANDLES, CANDLES = 800, 1600  # before the first that is traded, and in all
pytestmark = pytest.mark.rehearsal


def environment() -> dict[str, str]:
    # Hyperopt's workers find the shared code through the path alone.
    path = os.pathsep.join([str(REPOSITORY), str(STRATEGIES)])
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}


def commands(
    folder: Path,
    strategy: str,
    preset: str | None,
    timeframe: str,
    wanted: dict[str, list[str]],
) -> dict[str, str]:
    """Run the commands in one process on seeded candles; the output of each, all successful."""
    (folder / "data").mkdir()
    for sub in ("backtest_results", "hyperopt_results", "plot"):
        (folder / sub).mkdir()
    for seed, pair in enumerate(PAIRS):
        # Slower and faster candles too: what a strategy looks at besides its own.
        write(folder / "data", pair, seeded_rows(seed, CANDLES), timeframe)
        for each in {"1h", "4h", "1d"} - {timeframe}:
            early = START - KNOWN_CANDLES * pd.Timedelta("1h")  # faster ones are soon over
            start = early if timeframe == "5m" else START
            write(folder / "data", pair, seeded_rows(seed, CANDLES), each, start)
    config = {
        "stake_currency": "USDT", "stake_amount": 200, "dry_run": True, "dry_run_wallet": 10_000,
        "max_open_trades": 4, "fee": 0.001,
        "exchange": {"name": "binance", "pair_whitelist": PAIRS},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "other"}, "exit_pricing": {"price_side": "other"},
        "aquatrade": {**SECTIONS.get(strategy, {}), **({"preset": preset} if preset else {})},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    step = pd.Timedelta(timeframe.replace("d", "D"))
    first, last = (pd.Timestamp(START) + each * step for each in (KNOWN_CANDLES, CANDLES))
    common = ["-c", "config.json", "--userdir", ".", "--strategy-path", str(STRATEGIES)]
    on_candles = [
        *common, "--datadir", "data", "--strategy", strategy,
        "--timerange", f"{int(first.timestamp())}-{int(last.timestamp())}",
    ]  # fmt: skip
    lines = [[name, *on_candles, *arguments] for name, arguments in wanted.items()]
    run = subprocess.run(
        [sys.executable, "-m", "tests.strategies.offline_commands", ",".join(PAIRS),
         json.dumps([["list-strategies", "-1", *common], *lines])],
        cwd=folder, capture_output=True, text=True, timeout=560 if IS_FULL else 280, check=False,
        env=environment(),
    )  # fmt: skip
    found: dict[str, str] = {}
    for stream in (run.stdout, run.stderr):
        for text, name, code in re.findall(r"(?s)(.*?)<([a-z-]+): (\d+)>\n", stream):
            assert code == "0", f"{name}: {text[-3000:]}"
            found[name] = found.get(name, "") + text
    assert {"list-strategies", *wanted} <= set(found), run.stdout[-2000:] + run.stderr[-2000:]
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("strategy", "preset", "timeframe"), TRIED)
def test_every_command_stands_every_strategy(
    strategy: str, preset: str | None, timeframe: str, tmp_path: Path
) -> None:
    search = [
        "--spaces", "buy", "sell", "stoploss", "protection", "--ignore-missing-spaces",
        "-e", str(EPOCHS), "-j", "2", "--hyperopt-loss", "OnlyProfitHyperOptLoss",
        "--disable-param-export", "--random-state", "1", "--min-trades", "1",
    ]  # fmt: skip
    few = ["--minimum-trade-amount", "1", "--targeted-trade-amount", "2"]
    output = commands(
        tmp_path,
        strategy,
        preset,
        timeframe,
        {
            "backtesting": ["--export", "none"],
            "lookahead-analysis": few,
            "recursive-analysis": ["--startup-candle", str(KNOWN_CANDLES - 20)],
            "plot-dataframe": ["--no-trades", "-p", PAIRS[0]],
            "hyperopt": search,
        },
    )
    assert set(SUITE) <= set(output["list-strategies"].split())
    for name, text in output.items():
        assert "Traceback" not in text, name + text[text.index("Traceback") - 500 :][:3000]
    (trades, *_) = re.findall(r"TOTAL\D+(\d+)", output["backtesting"])
    assert int(trades) > 0
    assert f"{strategy}: no bias detected" in output["lookahead-analysis"]
    assert "No lookahead bias on indicators found" in output["recursive-analysis"]
    assert list((tmp_path / "plot").glob("*.html"))
    assert f"{EPOCHS} epochs saved" in output["hyperopt"]


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
        env=environment(),
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout + run.stderr


@pytest.mark.parametrize("preset", [pytest.param("crash_often", marks=in_full), "specified"])
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


@in_full
def test_hyperopt_with_two_workers_finds_the_shared_code(tmp_path: Path) -> None:
    output = freqtrade(
        tmp_path, "crash", "hyperopt", "--timerange", "20240201-", "-j", "2", "-e", "4",
        "--spaces", "buy", "sell", "stoploss", "protection", "--hyperopt-loss",
        "OnlyProfitHyperOptLoss", "--disable-param-export", "--random-state", "1",
        "--min-trades", "1",
    )  # fmt: skip
    assert "4 epochs saved" in output
    assert "crash_drop_pct" in output


@in_full
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
