"""How orders are placed: config "aquatrade.orders"."""

from pydantic import Field

from aquatrade.risk.profile import Section

BOOK_MOVE_PCT = 0.1  # with the chase, where the config says nothing


class OrderSettings(Section):
    """The post-only chase, and how far an entry may move the book."""

    chase: bool = Field(
        default=False,
        description=(
            "true (live and dry-run: post-only at the best price, then a tick nearer, then at "
            "market) or false"
        ),
    )
    tick_after_seconds: float = Field(
        default=10.0, ge=1.0, le=600.0, description="a number of seconds from 1 to 600"
    )
    market_after_seconds: float = Field(
        default=30.0,
        ge=2.0,
        le=3600.0,
        description="a number of seconds from 2 to 3600, after tick_after_seconds",
    )
    max_book_move_pct: float | None = Field(
        default=None,
        gt=0.0,
        le=5.0,
        description=(
            "a percentage above 0 and up to 5 that an entry may move the book by, or null for "
            f"{BOOK_MOVE_PCT:g} with the chase and no such limit without"
        ),
    )

    @property
    def book_move_pct(self) -> float | None:
        """How far an entry may move the book; None: the book is not asked."""
        if self.max_book_move_pct is None and self.chase:
            return BOOK_MOVE_PCT
        return self.max_book_move_pct
