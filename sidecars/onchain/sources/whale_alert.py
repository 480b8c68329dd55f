"""Whale Alert API v1: large transfers on many chains, with the exchanges at their ends.

GET /v1/transactions?start=&min_value=&limit=&cursor=, documented at https://docs.whale-alert.io:
the key goes into the header X-WA-API-KEY, 10 requests a minute on the smallest plan, transactions
of the last hour, oldest first, 100 a page, USD at the price of the transfer's moment. An answer
without transactions has no such list.

Each poll goes on where the last one ended, a little before it: what a chain confirms late is met
by the overlap, what comes twice has the same event_id. There is no history beyond the hour.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from sidecars.common.fetch import RateLimit, parse_json
from sidecars.common.observations import MS_PER_MINUTE, MS_PER_SECOND
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, SourceContext, SourceEntry, SourceFacts, Transfer
from sidecars.onchain.exchange_labels import ETHEREUM, ExchangeLabels, direction_of
from sidecars.onchain.sources.checks import (
    LEAST_TRANSFER_USD,
    AnswerModel,
    checked_amount_usd,
    labels_from,
    merged,
    problem_of,
    shown,
    transfer_ms,
    usable,
    whole,
)
from sidecars.onchain.token_names import token_of, tokens_of_interest

NAME = "whale_alert"
PATH = "/transactions"
PAGE_SIZE = 100
MOST_PAGES = 3
FIRST_LOOK_MS = 15 * MS_PER_MINUTE
OVERLAP_MS = 3 * MS_PER_MINUTE
# The API knows the last hour; a longer pause leaves a gap.
LONGEST_LOOK_MS = 59 * MS_PER_MINUTE

_HEX_HASH = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_WORD = re.compile(r"[\x21-\x7e]{1,120}")

Word = Annotated[str, whole(_WORD)]


class _Owner(AnswerModel):
    address: Annotated[str, Field(max_length=200)] = ""
    owner: Annotated[str, Field(max_length=200)] = ""
    owner_type: Annotated[str, Field(max_length=200)] = ""


class _Transaction(AnswerModel):
    blockchain: Word
    symbol: Word
    id: Word | Annotated[int, Field(ge=0)]
    transaction_type: str
    hash: Word
    from_owner: Annotated[_Owner, Field(alias="from")]
    to_owner: Annotated[_Owner, Field(alias="to")]
    timestamp: int
    amount_usd: Annotated[float, Field(gt=0)]


class _Page(AnswerModel):
    result: Literal["success", "error"]
    message: Annotated[str, Field(max_length=1000)] = ""
    cursor: Annotated[str, Field(max_length=200)] = ""
    transactions: list[Any] = Field(default_factory=list)


def read_transactions(
    body: bytes, now_ms: int, assets: tuple[str, ...], labels: ExchangeLabels
) -> Batch:
    """Transfers of the assets and of stablecoins in a page. Raises SourceError.

    Mints, burns, locks and other tokens are passed over.
    """
    wanted = tokens_of_interest(assets)
    events: list[Transfer] = []
    rejected: list[str] = []
    rows = _page(body).transactions
    for row in rows:
        try:
            transfer = _transfer(_Transaction.model_validate(row), now_ms, wanted, labels)
        except ValidationError as error:
            rejected.append(f"transaction: {problem_of(error)}")
        except ValueError as error:
            rejected.append(f"transaction: {error}")
        else:
            events += [transfer] if transfer is not None else []
    return usable(NAME, Batch(events=tuple(events), rejected=tuple(rejected)), len(rows))


def read_next_page(body: bytes) -> tuple[str, int] | None:
    """Cursor of the page after a full one, and the latest time on it in ms. Raises SourceError."""
    page = _page(body)
    if len(page.transactions) < PAGE_SIZE or not page.cursor.isprintable() or not page.cursor:
        return None
    times = [row.get("timestamp") for row in page.transactions if isinstance(row, dict)]
    seconds = [each for each in times if isinstance(each, int) and not isinstance(each, bool)]
    return page.cursor, max(seconds, default=0) * MS_PER_SECOND


def _page(body: bytes) -> _Page:
    answer = parse_json(NAME, body)
    try:
        page = _Page.model_validate(answer)
    except ValidationError as error:
        raise SourceError(f"{NAME}: answer: {problem_of(error)}", "malformed") from None
    if page.result == "error":
        raise SourceError(f"{NAME}: says {shown(page.message)}", "refused")
    return page


def _transfer(
    row: _Transaction, now_ms: int, wanted: frozenset[str], labels: ExchangeLabels
) -> Transfer | None:
    """None for what is no transfer of a wanted token, or too small. Raises ValueError."""
    token = token_of(row.symbol)
    if row.transaction_type != "transfer" or token not in wanted:
        return None
    amount_usd = checked_amount_usd(Decimal(row.amount_usd))
    moment_ms = transfer_ms(row.timestamp, now_ms)
    if amount_usd <= LEAST_TRANSFER_USD:
        return None
    blockchain = row.blockchain.lower()
    tx_hash = _tx_hash(blockchain, row.hash)
    from_label = _label(blockchain, row.from_owner, labels)
    to_label = _label(blockchain, row.to_owner, labels)
    return Transfer(
        event_id=f"{NAME}:{tx_hash}:{row.id}",
        source=NAME,
        as_of_ms=moment_ms,
        published_ms=moment_ms,
        token=token,
        amount_usd=row.amount_usd,
        direction=direction_of(from_label, to_label),
        from_label=from_label,
        to_label=to_label,
        blockchain=blockchain,
        tx_hash=tx_hash,
    )


def _tx_hash(blockchain: str, text: str) -> str:
    """The hash as its chain writes it; Whale Alert leaves Ethereum's 0x away."""
    if _HEX_HASH.fullmatch(text) is None:
        return text
    digits = text.lower().removeprefix("0x")
    return f"0x{digits}" if blockchain == ETHEREUM else digits


def _label(blockchain: str, owner: _Owner, labels: ExchangeLabels) -> str | None:
    """The exchange that Whale Alert names, else the name that our table has for the address."""
    if owner.owner_type != "exchange":
        prefix = "0x" if blockchain == ETHEREUM else ""
        return labels.label_of(blockchain, prefix + owner.address.removeprefix(prefix))
    name = owner.owner.strip()
    if not name or not name.isascii() or not name.isprintable():
        return "exchange"
    return labels.known_name(name[:40])


class WhaleAlert:
    """The adapter. options: "exchange_labels" (see checks.labels_from)."""

    def __init__(self, context: SourceContext) -> None:
        self._fetcher = context.fetcher
        self._assets = context.assets
        self._labels = labels_from(context.options)
        self._seen_until_ms: int | None = None

    @property
    def facts(self) -> SourceFacts:
        return FACTS

    async def poll(self, now_ms: int) -> Batch:
        start_ms = self._start_ms(now_ms)
        params = {
            "start": str(start_ms // MS_PER_SECOND),
            "min_value": str(LEAST_TRANSFER_USD),
            "limit": str(PAGE_SIZE),
        }
        batches: list[Batch] = []
        while True:
            body = await self._fetcher.body(PATH, params)
            batches.append(read_transactions(body, now_ms, self._assets, self._labels))
            following = read_next_page(body)
            if following is None:
                self._seen_until_ms = now_ms
                return merged(batches)
            cursor, latest_ms = following
            if len(batches) == MOST_PAGES:
                # The rest is read by the next polls, from the last second of this page on.
                reached_ms = min(max(latest_ms - MS_PER_SECOND, start_ms), now_ms)
                self._seen_until_ms = reached_ms + OVERLAP_MS
                behind = f"not heard: more than {MOST_PAGES} pages, the last are read next time"
                return merged([*batches, Batch(rejected=(behind,))])
            params = {**params, "cursor": cursor}

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Nothing: the API keeps an hour, which the first poll reads."""
        return Batch()

    def _start_ms(self, now_ms: int) -> int:
        if self._seen_until_ms is None:
            return now_ms - FIRST_LOOK_MS
        return max(self._seen_until_ms - OVERLAP_MS, now_ms - LONGEST_LOOK_MS)


def headers_of(key: str | None) -> dict[str, str]:
    """The key as a header, so that it is in no address."""
    return {"X-WA-API-KEY": key} if key else {}


FACTS = SourceFacts(
    name="Whale Alert",
    series=(f"heard:{NAME}",),
    poll_seconds=30.0,
    stale_seconds=3600.0,
    licence="Data: Whale Alert, by the terms of your plan",
    home="https://whale-alert.io",
    needs_key=True,
)
ENTRY = SourceEntry(
    key=NAME,
    facts=FACTS,
    base_url="https://api.whale-alert.io/v1",
    limit=RateLimit(10, 60.0),
    make=WhaleAlert,
    key_variable="AQUATRADE_WHALE_ALERT_KEY",
    headers=headers_of,
)
