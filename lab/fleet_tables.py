"""The fleet's comparison as a table."""

from collections.abc import Sequence

from lab.fleet import YEARS, FleetRow
from lab.suite_tables import NO_FIGURE, TextTable


def fleet_table(rows: Sequence[FleetRow]) -> TextTable:
    """A line for each curve; years in % of the value that they began with."""
    headings = (
        "curve", "cost a side", "trades", "a year", "max drawdown", "Sharpe", "Sortino",
        *(str(year) for year in YEARS), "note",
    )  # fmt: skip
    cells = tuple(
        (
            row.name,
            f"{row.cost_pct:g} %" if row.trades is not None else NO_FIGURE,
            NO_FIGURE if row.trades is None else str(row.trades),
            f"{row.whole.cagr_pct:+.1f} %",
            f"{row.whole.drawdown_pct:.1f} %",
            _ratio(row.whole.sharpe),
            _ratio(row.whole.sortino),
            *(
                f"{row.by_year_pct[year]:+.0f} %" if year in row.by_year_pct else NO_FIGURE
                for year in YEARS
            ),
            row.note or NO_FIGURE,
        )
        for row in rows
    )
    return TextTable("The fleet's spot part, 2021 to 2024", headings, cells, 1)


def _ratio(value: float | None) -> str:
    return NO_FIGURE if value is None else f"{value:.2f}"
