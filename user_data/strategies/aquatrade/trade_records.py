"""Writing what is known about a trade into its custom data."""

import logging
from typing import Any

import pandas as pd
from freqtrade.persistence import LocalTrade, Order

from aquatrade.entry_context import (
    CONTEXT_KEY,
    FILL_KEY_PREFIX,
    TREND_COLUMN,
    Fill,
    entry_context,
    signal_candle_open,
)
from aquatrade.live_scores import LiveScores
from aquatrade.oscillators import ratio_to_mean, rsi_simple, window_mean
from aquatrade.score_http import ScoreUnavailableError
from aquatrade.score_join import SCORE_COLUMNS, close_times_ms, join_scores
from aquatrade.slippage import slippage_pct

logger = logging.getLogger(__name__)

RSI_CANDLES, VOLUME_CANDLES, TREND_CANDLES = 14, 20, 200


def keep_fill(trade: LocalTrade, order: Order) -> None:
    """Keep expected and actual price of a filled order under "fill_<order id>".

    `ft_price` is the rate that freqtrade decided on and handed to confirm_trade_entry or _exit;
    it is stored with the order, so a fill found after a restart has it too.
    """
    if not order.safe_filled:
        return
    is_sell = order.ft_order_side != "buy"
    actual = float(order.safe_price)
    fill = Fill(
        side="sell" if is_sell else "buy",
        expected_price=float(order.ft_price),
        actual_price=actual,
        slippage_pct=slippage_pct(expected=float(order.ft_price), actual=actual, is_sell=is_sell),
    )
    trade.set_custom_data(f"{FILL_KEY_PREFIX}{order.order_id}", dict(fill))


def keep_context(
    trade: LocalTrade,
    frame: pd.DataFrame,
    *,
    timeframe: str,
    stop_pct: float,
    max_age_hours: float,
    scores: LiveScores | None,
) -> bool:
    """Keep the entry context of a trade from the analysed candles; False if they lack its signal.

    The signal's candle follows from the moment of the entry order, so that a bot that was killed
    between order and fill finds the same candle again. A score that its frame has lost with the
    restart is asked for anew, as of that candle's close.
    """
    entry_order = next(order for order in trade.orders if order.ft_order_side == trade.entry_side)
    opened = signal_candle_open(entry_order.order_date_utc, timeframe)
    rows = frame[frame["date"] == pd.Timestamp(opened)] if len(frame) else frame
    if rows.empty:
        return False
    row = usual_figures(frame[frame["date"] <= pd.Timestamp(opened)]) | _as_row(rows)
    reason = "no score sidecar configured"
    if scores is not None:
        row, reason = _with_lost_score(row, rows, trade.pair, timeframe, max_age_hours, scores)
    context = entry_context(
        row,
        preset=(trade.enter_tag or "").split("_conf")[0],
        signal_candle=opened,
        expected_price=float(entry_order.ft_price),
        stop_pct=stop_pct,
        score_unavailable=reason,
    )
    trade.set_custom_data(CONTEXT_KEY, dict(context))
    return True


def usual_figures(candles: pd.DataFrame) -> dict[str, float]:
    """What every entry is kept with, at the last candle: for strategies that have no such column.

    candles: date, close, volume, oldest first. RSI of 14 candles, volume over its mean of 20, mean
    of 200 closes; NaN where the candles are too few.
    """
    close = candles["close"].to_numpy(dtype="float64")
    volume = candles["volume"].to_numpy(dtype="float64")
    return {
        "rsi": float(rsi_simple(close, RSI_CANDLES)[-1]),
        "volume_ratio": float(ratio_to_mean(volume, VOLUME_CANDLES)[-1]),
        TREND_COLUMN: float(window_mean(close, TREND_CANDLES)[-1]),
    }


def _with_lost_score(
    row: dict[str, Any],
    rows: pd.DataFrame,
    pair: str,
    timeframe: str,
    max_age_hours: float,
    scores: LiveScores,
) -> tuple[dict[str, Any], str]:
    """The row with its score, and why there is none if there is none."""
    close_ms = int(close_times_ms(rows["date"], timeframe)[-1])
    if pd.notna(row.get(SCORE_COLUMNS["total"])) or scores.has_asked(close_ms):
        return row, scores.reason(pair)
    try:
        records = scores.read_past(pair, close_ms)
    except ScoreUnavailableError as error:
        return row, str(error)
    candle = rows[["date"]].tail(1)
    joined = _as_row(join_scores(candle, records, timeframe, max_age_hours))
    return row | joined, "none was available at the close of the signal candle"


def _as_row(rows: pd.DataFrame) -> dict[str, Any]:
    """The last row by column name."""
    return {str(column): value for column, value in rows.iloc[-1].items()}
