"""What a wallet was worth over time, and the same money held in BTC, ETH or both."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.report.source import Backtest, ReportError
from lab.suite_equity import ONE_DAY, daily_equity, held_equity, orders_of
from lab.suite_plan import candle_file

ROLLING_DAYS = 90
DAYS_PER_YEAR = 365
TIMEFRAMES = ("1d", "4h", "1h", "30m", "15m", "5m", "1m")
MARKED = "daily closes of the candles given with --data"
OF_FREQTRADE = "the wallet that freqtrade recorded at each candle"
REALISED = "closed trades only: open positions are not in it, real drawdowns were deeper"


@dataclass(frozen=True, slots=True)
class Curve:
    """balance: columns date and total_quote, as freqtrade's metrics take it; daily: the same at
    the end of each UTC day, indexed by the day, from the day before the first; source: in words."""

    balance: pd.DataFrame
    daily: pd.Series
    source: str


def curve_of(backtest: Backtest, datadir: Path | None) -> Curve:
    """From candles where there are some, else freqtrade's own wallet, else closed trades.

    Raises ReportError where the folder lacks a pair.
    """
    if datadir is not None:
        return _marked(backtest, datadir)
    if backtest.wallet is not None:
        by_day = backtest.wallet.groupby(backtest.wallet["date"].dt.floor("D"))["total_quote"]
        return Curve(backtest.wallet, _from_the_start(by_day.last(), backtest), OF_FREQTRADE)
    day = backtest.trades["close_date"].dt.floor("D")
    closed = backtest.trades["profit_abs"].groupby(day).sum()
    daily = _from_the_start(backtest.capital + closed.cumsum(), backtest)
    return Curve(balance_of(daily), daily, REALISED)


def balance_of(daily: pd.Series) -> pd.DataFrame:
    """A daily curve as freqtrade's metrics take it."""
    return pd.DataFrame({"date": daily.index, "total_quote": daily.to_numpy()})


def _from_the_start(by_day: pd.Series, backtest: Backtest) -> pd.Series:
    """Every day of the backtest, days without a figure as the day before them."""
    days = _days(backtest)
    curve: pd.Series = by_day.reindex(days).ffill().fillna(backtest.capital)
    return curve


def _days(backtest: Backtest) -> pd.DatetimeIndex:
    first, last = (pd.Timestamp(at).floor("D") for at in (backtest.start, backtest.end))
    return pd.date_range(first - ONE_DAY, last, freq="D")


def _marked(backtest: Backtest, datadir: Path) -> Curve:
    trades = backtest.trades
    if trades["orders"].isna().any():
        raise ReportError(f"{backtest.file.name} has no orders: leave --data out")
    closes = {}
    for pair in sorted(set(trades["pair"])):
        known = daily_closes(datadir, pair, str(backtest.stats["timeframe"]))
        if known is None:
            raise ReportError(
                f"--data {datadir}: no candles of {pair}; without --data the report takes the "
                "wallet that freqtrade recorded"
            )
        closes[pair] = known
    daily = daily_equity(orders_of(trades), closes, backtest.capital, backtest.start, backtest.end)
    if "funding_fees" in trades:
        # The file has what funding brought of a whole trade only: it counts where that ends.
        day = trades["close_date"].dt.floor("D")
        funding = trades["funding_fees"].fillna(0.0).groupby(day).sum()
        daily = daily + funding.reindex(daily.index, fill_value=0.0).cumsum()
    return Curve(balance_of(daily), daily, MARKED)


def daily_closes(datadir: Path, pair: str, timeframe: str) -> pd.Series | None:
    """A pair's last close of each UTC day, indexed by the day, from the slowest candles there are.

    timeframe: looked for first after daily ones. None without any. Raises ReportError.
    """
    for each in dict.fromkeys(("1d", timeframe, *TIMEFRAMES)):
        file = candle_file(datadir, pair, each)
        if file.is_file():
            try:
                frame = pd.read_feather(file, columns=["date", "close"])
            except (OSError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise ReportError(f"{file} cannot be read: {reason}") from None
            closes: pd.Series = frame.groupby(frame["date"].dt.floor("D"))["close"].last()
            return closes
    return None


def benchmarks_of(backtest: Backtest, datadir: Path) -> dict[str, pd.Series]:
    """Growth of 1 held over the same days: BTC, ETH, both in equal parts, as far as there are
    candles; on the spot market whatever was traded, bought at the first close, no fees."""
    known: dict[str, pd.Series] = {}
    for coin in ("BTC", "ETH"):
        closes = daily_closes(datadir, f"{coin}/{backtest.currency}", "1d")
        if closes is not None:
            known[coin] = closes
    wanted: dict[str, Mapping[str, pd.Series]] = {coin: {coin: known[coin]} for coin in known}
    if len(known) == 2:
        wanted["50/50"] = known
    until = (pd.Timestamp(backtest.end).floor("D") + ONE_DAY).to_pydatetime()
    held = {name: held_equity(closes, backtest.start, until) for name, closes in wanted.items()}
    return {f"hold {name}": growth for name, growth in held.items() if growth is not None}


def drawdown_pct(curve: pd.Series) -> pd.Series:
    """How far below its highest so far, in %, 0 or less."""
    fallen: pd.Series = 100.0 * (curve / curve.cummax() - 1.0)
    return fallen


def days_under_water(curve: pd.Series) -> int:
    """The longest stretch below an earlier high, in days, to the end if it never came back."""
    longest, since = 0, 0
    for place, below in enumerate((curve < curve.cummax()).tolist()):
        since = since + 1 if below and place else 0
        longest = max(longest, since)
    return longest


def rolling_sharpe(curve: pd.Series, days: int = ROLLING_DAYS) -> pd.Series:
    """Sharpe ratio of the last so many daily returns, 365 days a year, as freqtrade reckons it
    (no risk-free rate, population deviation); only days that have them all and a deviation."""
    returns = curve[(curve > 0.0).cummin()].pct_change().dropna()
    window = returns.rolling(days)
    deviation = window.std(ddof=0)
    # Running sums leave a rest where nothing moves at all.
    ratio = window.mean() / deviation.where(deviation > 1e-12) * DAYS_PER_YEAR**0.5
    result: pd.Series = ratio.dropna()
    return result


def monthly_returns_pct(curve: pd.Series) -> dict[int, dict[int, float]]:
    """Year -> month -> return in %, and month 0 for the whole year; the first and the last may be
    parts. It begins with the first value of the curve; after all is lost there is no more.
    """
    table: dict[int, dict[int, float]] = {}
    moved = curve.iloc[1:]
    before = float(curve.iloc[0])
    for year, of_year in moved.groupby(pd.DatetimeIndex(moved.index).year):
        if before <= 0.0:
            break
        cells = {0: 100.0 * (float(of_year.iloc[-1]) / before - 1.0)}
        for month, part in of_year.groupby(pd.DatetimeIndex(of_year.index).month):
            if before <= 0.0:
                break
            last = float(part.iloc[-1])
            cells[int(month)] = 100.0 * (last / before - 1.0)
            before = last
        table[int(year)] = cells
    return table
