"""What a person sees of a zone study: tables and sentences. Figures in, words out."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from lab.score_zones import (
    ALL_DAYS,
    HORIZONS_DAYS,
    Correlation,
    Interval,
    VetoFigures,
    ZoneFigures,
    forward_returns,
    rank_correlation,
    verdict,
    veto_figures,
    yearly_rank_correlation,
    zone_figures,
)
from operations.screens import NONE, figure
from sidecars.confluence.scoring import PARTS

CLOSE_LOOK_DAYS = 30
TOO_FEW = "too few"


def print_findings(
    console: Console,
    title: str,
    scores: pd.DataFrame,
    closes: Mapping[str, pd.Series],
    end: datetime,
) -> None:
    """Tables by points and by percentile, and what they say. scores, closes: see
    lab.score_zones.forward_returns; scores also have percentile,
    zone_by_percentile and the PARTS."""
    joined = forward_returns(scores, closes)
    by_horizon = [zone_figures(joined, horizon) for horizon in HORIZONS_DAYS]
    console.print(_table(f"{title} to {end:%Y-%m-%d}: zones by points", by_horizon))
    for figures in by_horizon:
        if figures:
            console.print(f"  {verdict(figures)}", highlight=False)
    for horizon in HORIZONS_DAYS:
        console.print(f"  {veto_sentence(veto_figures(joined, horizon), horizon)}", highlight=False)
    for horizon in HORIZONS_DAYS:
        sentence = correlation_sentence(rank_correlation(joined, horizon), horizon)
        console.print(f"  {sentence}", highlight=False)
    yearly = yearly_rank_correlation(joined, CLOSE_LOOK_DAYS)
    years = ", ".join(
        f"{year} {NONE if math.isnan(value) else figure(value, sign=True)}"
        for year, value in yearly.items()
    )
    console.print(f"  {CLOSE_LOOK_DAYS} days, year by year: {years}", highlight=False)
    for part in PARTS:
        words = interval_words(rank_correlation(joined, CLOSE_LOOK_DAYS, part))
        console.print(f"  {CLOSE_LOOK_DAYS} days, {part} part alone: {words}", highlight=False)
    ranked = scores.dropna(subset=["percentile"])
    if ranked.empty:
        return
    joined = forward_returns(ranked, closes, zone_column="zone_by_percentile")
    by_horizon = [zone_figures(joined, horizon) for horizon in HORIZONS_DAYS]
    console.print(_table(f"{title} to {end:%Y-%m-%d}: zones by percentile", by_horizon))
    for figures in by_horizon:
        if figures:
            console.print(f"  {verdict(figures)}", highlight=False)


def _table(title: str, by_horizon: Sequence[Sequence[ZoneFigures]]) -> Table:
    table = Table(
        title=title,
        caption="[95 %]: blocks of days redrawn. Episodes: futures that do not overlap",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    table.add_column("after", no_wrap=True)
    table.add_column("zone", no_wrap=True)
    headings = ("days", "share", "episodes", "mean", "[95 %]", "against all", "[95 %]", "rose")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for figures in by_horizon:
        for each in figures:
            is_all = each.zone == ALL_DAYS
            table.add_row(
                f"{each.horizon_days} d" if is_all else "",
                each.zone,
                f"{each.days}",
                figure(each.share_pct, " %", digits=1),
                f"{each.episodes}",
                figure(each.mean_pct, " %", sign=True, digits=1),
                interval_text(each.interval_pct),
                NONE if is_all else figure(each.difference_pct, " %", sign=True, digits=1),
                NONE if is_all else interval_text(each.difference_interval_pct),
                figure(each.win_pct, " %", digits=0),
                end_section=each is figures[-1],
            )
    return table


def interval_text(interval: Interval | None, digits: int = 1) -> str:
    """(low, high) as "-1.0 to +2.0"; no interval is said to be too few."""
    if interval is None:
        return TOO_FEW
    return " to ".join(figure(bound, sign=True, digits=digits) for bound in interval)


def veto_sentence(figures: VetoFigures | None, horizon_days: int) -> str:
    """The veto against no veto in one sentence."""
    if figures is None:
        return f"{horizon_days} days: no day with and no day without a veto to compare"
    interval = figures.difference_interval_pct
    if interval is None:
        chance = f": {TOO_FEW} episodes to tell"
    elif interval[0] > 0 or interval[1] < 0:
        chance = f" ({interval_text(interval)}): more than chance"
    else:
        chance = f" ({interval_text(interval)}): within chance"
    return (
        f"{horizon_days} days: without the veto {figure(figures.other_pct, ' %', sign=True)}, "
        f"vetoed {figure(figures.vetoed_pct, ' %', sign=True)}, difference "
        f"{figure(figures.difference_pct, sign=True)}{chance}"
    )


def interval_words(correlation: Correlation) -> str:
    """A correlation with its interval."""
    return f"{figure(correlation.value, sign=True)} ({interval_text(correlation.interval, 2)})"


def correlation_sentence(correlation: Correlation, horizon_days: int) -> str:
    """Rank correlation of score and return in one sentence."""
    return (
        f"{horizon_days} days: rank correlation of score and return, without vetoed days, "
        f"{interval_words(correlation)}"
    )
