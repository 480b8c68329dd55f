"""Freqtrade's own backtester inside this process, on candles from disk and without any exchange."""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.exchange import Exchange
from freqtrade.optimize.backtesting import Backtesting

REPOSITORY = Path(__file__).resolve().parents[1]
STRATEGIES = REPOSITORY / "user_data" / "strategies"
# Fine enough for every pair, also for those that trade at a hundred-thousandth of a dollar.
PRICE_TICK = 1e-8
AMOUNT_STEP = 1e-8
MIN_COST = 5.0


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """One run. `fee_rate` is charged on both sides: fee and slippage in one number."""

    datadir: Path
    pairs: tuple[str, ...]
    fee_rate: float
    aquatrade: Mapping[str, object]
    max_open_trades: int
    wallet: float
    strategy: str = "BuyTheDip"
    strategy_path: Path = STRATEGIES
    timerange: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    trading_mode: Literal["spot", "futures"] = "spot"


def spot_market(pair: str) -> dict[str, Any]:
    """A market as ccxt describes it, with filters that never stand in a backtest's way."""
    base, quote = pair.split("/")
    no_limit = {"min": None, "max": None}
    return {
        "id": base + quote, "symbol": pair, "base": base, "quote": quote,
        "baseId": base, "quoteId": quote, "type": "spot", "spot": True, "margin": False,
        "swap": False, "future": False, "option": False, "contract": False, "active": True,
        "linear": None, "inverse": None, "settle": None, "contractSize": None,
        "taker": 0.001, "maker": 0.001, "percentage": True, "tierBased": False,
        "precision": {"price": PRICE_TICK, "amount": AMOUNT_STEP},
        "limits": {
            "amount": no_limit, "price": no_limit, "leverage": no_limit, "market": no_limit,
            "cost": {"min": MIN_COST, "max": None},
        },
        "info": {},
    }  # fmt: skip


def market(pair: str) -> dict[str, Any]:
    """That of "BTC/USDT", or of the linear perpetual "BTC/USDT:USDT"."""
    name, _, settle = pair.partition(":")
    if not settle:
        return spot_market(pair)
    return spot_market(name) | {
        "symbol": pair, "type": "swap", "spot": False, "swap": True, "contract": True,
        "linear": True, "inverse": False, "settle": settle, "settleId": settle,
        "contractSize": 1.0,
    }  # fmt: skip


@contextlib.contextmanager
def offline_markets(pairs: Sequence[str]) -> Iterator[None]:
    """While it lasts, every freqtrade exchange of this process knows these markets and no other."""
    markets = {pair: market(pair) for pair in pairs}

    def reload_markets(
        exchange: Any, force: bool = False, *, load_leverage_tiers: bool = True
    ) -> None:
        exchange._markets = markets
        exchange._api.set_markets(list(markets.values()))
        exchange._api_async.set_markets(list(markets.values()))

    original = Exchange.reload_markets
    Exchange.reload_markets = reload_markets
    try:
        yield
    finally:
        Exchange.reload_markets = original


def backtest_config(request: BacktestRequest) -> dict[str, object]:
    """The freqtrade config of a run, as it would stand in a file."""
    is_futures = request.trading_mode == "futures"
    # Freqtrade takes no ticker for a price on Binance's futures.
    pricing = {"price_side": "same"} | ({"use_order_book": True} if is_futures else {})
    return {
        "stake_currency": "USDT",
        "stake_amount": 200,
        "dry_run": True,
        "dry_run_wallet": request.wallet,
        "tradable_balance_ratio": 1.0,
        "max_open_trades": request.max_open_trades,
        "trading_mode": request.trading_mode,
        "margin_mode": "isolated" if is_futures else "",
        "exchange": {"name": "binance", "pair_whitelist": list(request.pairs)},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": dict(pricing),
        "exit_pricing": dict(pricing),
        "fee": request.fee_rate,
        "aquatrade": dict(request.aquatrade),
        **request.config,
    }


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """Closed trades with freqtrade's columns, and the first and last candle that was traded."""

    trades: pd.DataFrame
    start: datetime
    end: datetime


def run_backtest(request: BacktestRequest) -> pd.DataFrame:
    """Closed trades of the run, freqtrade's columns. Raises freqtrade's OperationalException."""
    return backtest(request).trades


def backtest(request: BacktestRequest, backtester: type[Backtesting] = Backtesting) -> BacktestRun:
    """The run as a whole. Raises freqtrade's OperationalException."""
    with tempfile.TemporaryDirectory() as folder, offline_markets(request.pairs):
        file = Path(folder) / "config.json"
        file.write_text(json.dumps(backtest_config(request)))
        arguments = {
            "config": [str(file)],
            "datadir": str(request.datadir),
            "user_data_dir": folder,
            "strategy": request.strategy,
            "strategy_path": str(request.strategy_path),
            "timerange": request.timerange,
            "export": "none",
            "backtest_cache": "none",
        }
        config = Configuration(arguments, RunMode.BACKTEST).get_config()
        backtesting = backtester(config)
        try:
            candles, timerange = backtesting.load_bt_data()
            start, end = backtesting.backtest_one_strategy(
                backtesting.strategylist[0], candles, timerange
            )
        finally:
            Backtesting.cleanup()
        return BacktestRun(
            backtesting.all_bt_content[request.strategy]["results"],
            pd.Timestamp(start).to_pydatetime(),
            pd.Timestamp(end).to_pydatetime(),
        )
