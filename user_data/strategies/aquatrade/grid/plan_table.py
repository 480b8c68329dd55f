"""Grids that have not bought yet, in the bot's own database: freqtrade has no trade to keep them.

The bot's session writes them. Its methods raise SQLAlchemyError.
"""

from freqtrade.persistence import Trade
from sqlalchemy import Column, MetaData, String, Table, Text, delete, insert, select

plans_table = Table(
    "aquatrade_grid_plans",
    MetaData(),
    Column("pair", String(50), primary_key=True),
    Column("state", Text, nullable=False),
)


class PlanTable:
    """The state of at most one grid of a pair, as JSON."""

    def __init__(self) -> None:
        self._is_there = False

    def load(self, pair: str) -> str | None:
        self._make()
        query = select(plans_table.c.state).where(plans_table.c.pair == pair)
        state: str | None = Trade.session.execute(query).scalar_one_or_none()
        return state

    def keep(self, pair: str, state: str) -> None:
        self._make()
        Trade.session.execute(delete(plans_table).where(plans_table.c.pair == pair))
        Trade.session.execute(insert(plans_table).values(pair=pair, state=state))
        Trade.commit()

    def drop(self, pair: str) -> None:
        self._make()
        Trade.session.execute(delete(plans_table).where(plans_table.c.pair == pair))
        Trade.commit()

    def _make(self) -> None:
        if not self._is_there:
            plans_table.create(Trade.session.connection(), checkfirst=True)
            Trade.commit()
            self._is_there = True
