"""The monitor as a whole: holdings, records, prices and decisions in, cards out."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from sidecars.common.clock import Clock
from sidecars.common.moments import ms_of
from sidecars.common.observations import MS_PER_DAY
from sidecars.confluence.candles import EMPTY, DailyCandles
from sidecars.confluence.monitor.card import CardInputs, make_card
from sidecars.confluence.monitor.decisions import (
    MAX_NOTE_LENGTH,
    DecisionRecord,
    DecisionTable,
    Review,
    action_of,
    review,
)
from sidecars.confluence.monitor.holdings import balance_warning, with_balances
from sidecars.confluence.monitor.model import Card, Holding
from sidecars.confluence.monitor.past import Past, PastInputs, past_of
from sidecars.confluence.monitor.price_board import POLL_SECONDS, PriceBoard
from sidecars.confluence.settings import ZonePreset
from sidecars.confluence.timeline import Timeline

logger = logging.getLogger(__name__)


class Memory(Protocol):
    """What the scores' updater has in memory; both are replaced as a whole when they change."""

    @property
    def timelines(self) -> Mapping[str, Timeline]: ...

    @property
    def candles(self) -> Mapping[str, DailyCandles]: ...


class DecisionError(ValueError):
    """A decision that cannot be recorded; the text is one line that says why."""


class Monitor:
    """Cards of the holdings as of now, and what people decided. It belongs to the event loop.

    holdings: of the file; replaced as a whole when the file changes. currency: of coins that only
    Luno's balances name; None leaves them out. decisions: None keeps them in memory only. preset:
    which zones count.
    """

    def __init__(
        self,
        holdings: Sequence[Holding],
        memory: Memory,
        board: PriceBoard,
        clock: Clock,
        decisions: DecisionTable | None = None,
        *,
        currency: str | None = None,
        preset: ZonePreset = "points",
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.holdings = tuple(holdings)
        self.board = board
        self._memory = memory
        self._clock = clock
        self._table = decisions
        self._decisions: list[DecisionRecord] = []
        self._currency = currency
        self._preset: ZonePreset = preset
        self._poll_every = timedelta(seconds=poll_seconds)
        self._pasts: dict[str, Past] = {}
        self._pasts_until_ms = 0
        self._refreshing = asyncio.Lock()
        self._review_day: int | None = None
        self._review_words: str | None = None

    async def load(self) -> None:
        """Read back prices and decisions. Raises SQLAlchemyError."""
        await self.board.load(self.holdings)
        if self._table is not None:
            self._decisions = await asyncio.to_thread(self._table.load)

    async def run(self) -> None:
        """Poll prices until cancelled."""
        while True:
            started = self._clock.now()
            await self.poll()
            await self._clock.sleep_until(started + self._poll_every)

    async def poll(self) -> None:
        """Ask for prices once; a source that fails is said in `board.states`."""
        await self.board.poll(self.all_holdings(), self._memory.candles)
        await self.refresh()

    async def refresh(self) -> None:
        """Count the past of every card anew that has another one, in a thread. Until the turn
        after the next poll, cards show that past, with prices and ages of their moment."""
        async with self._refreshing:  # what was begun earlier never comes last
            pasts: dict[str, Past] = {}
            for holding in self.all_holdings():
                given = self._past_inputs(holding)
                known = self._pasts.get(holding.asset)
                if known is None or not known.given.is_same(given):
                    known = await asyncio.to_thread(past_of, given)
                pasts[holding.asset] = known
            self._pasts = pasts
            self._pasts_until_ms = ms_of(self._clock.now() + 2 * self._poll_every)

    async def keep_review(self) -> None:
        """Review the thresholds, in a thread; once a day."""
        day = ms_of(self._clock.now()) // MS_PER_DAY
        if day != self._review_day and self._memory.timelines:
            self._review_words = (await asyncio.to_thread(self.review)).words
            self._review_day = day

    def review_words(self) -> str | None:
        """What the last review found; None before the first one."""
        return self._review_words

    def all_holdings(self) -> tuple[Holding, ...]:
        """The file's, then what else Luno holds of the scored pairs."""
        balances = self.board.balances
        if self._currency is None or balances is None:
            return self.holdings
        return with_balances(self.holdings, balances, self._currency, list(self._memory.timelines))

    def cards(self) -> list[Card]:
        """A card for each holding, as of now."""
        return [self._card(each) for each in self.all_holdings()]

    def card(self, asset: str) -> Card | None:
        """The card of one asset; None where it is not held."""
        held = next((each for each in self.all_holdings() if each.asset == asset), None)
        return None if held is None else self._card(held)

    async def decide(self, asset: str, note: str, *, bought: bool) -> DecisionRecord:
        """Record what a person did at the present score and price.

        Raises DecisionError where there is none to decide at, SQLAlchemyError if it cannot be
        kept.
        """
        card = self.card(asset)
        if card is None:
            raise DecisionError(f"{asset} is not held")
        if card.score is None or card.price is None:
            what = "score" if card.score is None else "price"
            raise DecisionError(f"{asset} has no {what} to decide at")
        text = " ".join(note.split())
        if len(text) > MAX_NOTE_LENGTH:
            raise DecisionError(f"the note has {len(text)} characters, {MAX_NOTE_LENGTH} at most")
        record = DecisionRecord(
            decided_at_ms=ms_of(self._clock.now()),
            asset=asset,
            pair=card.holding.pair,
            score_as_of_ms=card.score.as_of_ms,
            total=card.score.total,
            zone=card.score.zone,
            action=action_of(card.tranche_pct, card.score.zone),
            executed_buy=bought,
            price=card.price.value,
            currency=card.price.currency,
            note=text,
        )
        if self._table is not None:
            await asyncio.to_thread(self._table.append, record)
        self._decisions.append(record)
        await self.refresh()
        logger.info("decided", extra={"asset": asset, "bought": bought, "total": record.total})
        return record

    def review(self) -> Review:
        """How scores of 75 and more did until now, over all scored pairs."""
        now_ms = ms_of(self._clock.now())
        timelines, candles = self._memory.timelines, self._memory.candles
        rows = {pair: each.rows[: each.place_at(now_ms) + 1] for pair, each in timelines.items()}
        return review(rows, tuple(self._decisions), candles, now_ms)

    def _card(self, holding: Holding) -> Card:
        now_ms = ms_of(self._clock.now())
        past = self._past(holding, now_ms)
        return make_card(
            CardInputs(
                holding=holding,
                now_ms=now_ms,
                rows=past.rows,
                price=self.board.present(holding, past.given.candles.before(now_ms)),
                daily=past.daily,
                decisions=past.decisions,
                missing=self._why_missing(holding.pair),
                preset=self._preset,
                warnings=self._warnings(holding),
                hits=past.hits,
                history=past.history,
            )
        )

    def _past(self, holding: Holding, now_ms: int) -> Past:
        known = self._pasts.get(holding.asset)
        is_kept = known is not None and known.given.holding == holding
        if known is not None and is_kept and known.given.now_ms <= now_ms < self._pasts_until_ms:
            return known
        given = self._past_inputs(holding)
        if known is None or not known.given.is_same(given):
            known = self._pasts[holding.asset] = past_of(given)
        return known

    def _past_inputs(self, holding: Holding) -> PastInputs:
        return PastInputs(
            holding=holding,
            now_ms=ms_of(self._clock.now()),
            timeline=self._memory.timelines.get(holding.pair),
            candles=self._memory.candles.get(holding.pair, EMPTY),
            prices=self.board.known(holding),
            decisions=tuple(each for each in self._decisions if each.asset == holding.asset),
        )

    def _warnings(self, holding: Holding) -> Sequence[str]:
        said = [balance_warning(holding, self.board.balances or {})]
        if self.board.kept.store_error is not None:
            said.append(f"prices cannot be kept or read back: {self.board.kept.store_error}")
        return tuple(each for each in said if each is not None)

    def _why_missing(self, pair: str) -> str:
        if pair not in self._memory.timelines:
            return "it is not among the pairs that are scored"
        return "none is known yet"
