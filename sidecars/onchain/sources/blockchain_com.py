"""Blockchain.com explorer API: large Bitcoin transfers from and to exchanges' addresses.

Documented at https://www.blockchain.com/explorer/api/blockchain_api and .../q: no key, one request
in 10 s. Two answers are used: /q/getblockcount (a few bytes, asked at each poll) and, only when a
block was added, /multiaddr?active=A|B|...&n=100: the newest transactions of all labelled
addresses with whole inputs and outputs. Not used: /rawblock (the JSON of a full block is near or
above the 8 MiB that an answer may have) and /unconfirmed-transactions (the newest hundred or so,
which is seconds of traffic, and a transaction that is replaced before its block would count
twice). So a transfer counts once it is in a block.

A sender is who signs the inputs: one labelled input makes all of them that exchange's. Each output
above the threshold is a transfer, but change back to an input's own address. What an exchange
sends to a new address of its own, nobody can tell from a withdrawal.

USD needs the option "btc_price_usd", a function that says the price or None. Without a price
nothing is asked and the poll fails: a source that cannot tell large transfers must not count as
heard. There is no backfill.
"""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, ValidationError

from sidecars.common.fetch import RateLimit, parse_json
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, SourceContext, SourceEntry, SourceFacts, Transfer
from sidecars.onchain.exchange_labels import BITCOIN, ExchangeLabels, direction_of
from sidecars.onchain.sources.checks import (
    LEAST_TRANSFER_USD,
    AnswerModel,
    checked_amount_usd,
    labels_from,
    merged,
    price_from,
    problem_of,
    rows_of,
    shown,
    transfer_ms,
    usable,
    whole,
)

NAME = "blockchain_com"
COUNT_PATH = "/q/getblockcount"
TRANSACTIONS_PATH = "/multiaddr"
PAGE_SIZE = 100
COIN_DECIMALS = 8
MOST_SATOSHI = 21_000_000 * 10**COIN_DECIMALS
MOST_BLOCKS = 10_000_000

_HASH = re.compile(r"[0-9a-f]{64}")
NO_PRICE = "no BTC price is known, so transfers are not looked at"

Height = Annotated[int, Field(ge=0, le=MOST_BLOCKS)]


class _Output(AnswerModel):
    value: Annotated[int, Field(ge=0, le=MOST_SATOSHI)]
    n: Annotated[int, Field(ge=0, le=2**32)]
    addr: Annotated[str, Field(max_length=120)] | None = None


class _Input(AnswerModel):
    prev_out: _Output | None


class _Transaction(AnswerModel):
    hash: Annotated[str, whole(_HASH)]
    time: int
    block_height: Height | None
    inputs: list[_Input]
    out: list[_Output]


def read_block_count(body: bytes) -> int:
    """Number of blocks. Raises SourceError."""
    count = parse_json(NAME, body)
    if not isinstance(count, int) or isinstance(count, bool) or not 0 < count <= MOST_BLOCKS:
        raise SourceError(f"{NAME}: got {shown(count)}, expected a number of blocks", "malformed")
    return count


def read_transfers(body: bytes, now_ms: int, price_usd: float, labels: ExchangeLabels) -> Batch:
    """Large confirmed transfers with an exchange at one end at least. Raises SourceError."""
    price = Decimal(str(price_usd))
    events: list[Transfer] = []
    rejected: list[str] = []
    rows = _rows(body)
    for row in rows:
        try:
            events += _transfers(_Transaction.model_validate(row), now_ms, price, labels)
        except ValidationError as error:
            rejected.append(f"transaction: {problem_of(error)}")
        except ValueError as error:
            rejected.append(f"transaction: {error}")
    return usable(NAME, Batch(events=tuple(events), rejected=tuple(rejected)), len(rows))


def read_oldest_height(body: bytes) -> int | None:
    """Height of the oldest block in a full answer; None where the answer is not full."""
    rows = _rows(body)
    heights = [row.get("block_height") for row in rows if isinstance(row, dict)]
    known = [each for each in heights if isinstance(each, int) and not isinstance(each, bool)]
    return min(known) if known and len(rows) >= PAGE_SIZE else None


def _rows(body: bytes) -> list[Any]:
    answer = parse_json(NAME, body)
    return rows_of(NAME, "txs", answer.get("txs") if isinstance(answer, dict) else None)


def _transfers(
    row: _Transaction, now_ms: int, price: Decimal, labels: ExchangeLabels
) -> list[Transfer]:
    if row.block_height is None:
        return []
    moment_ms = transfer_ms(row.time, now_ms)
    from_label, own = _sender_of(row, labels)
    transfers: list[Transfer] = []
    for output in row.out:
        amount_usd = checked_amount_usd(Decimal(output.value).scaleb(-COIN_DECIMALS) * price)
        if output.addr is None or output.addr in own or amount_usd <= LEAST_TRANSFER_USD:
            continue
        to_label = labels.label_of(BITCOIN, output.addr)
        if from_label is None and to_label is None:
            continue
        transfers.append(
            Transfer(
                event_id=f"{NAME}:{row.hash}:{output.n}",
                source=NAME,
                as_of_ms=moment_ms,
                published_ms=moment_ms,
                token="BTC",
                amount_usd=float(amount_usd),
                direction=direction_of(from_label, to_label),
                from_label=from_label,
                to_label=to_label,
                blockchain=BITCOIN,
                tx_hash=row.hash,
            )
        )
    return transfers


def _sender_of(row: _Transaction, labels: ExchangeLabels) -> tuple[str | None, set[str]]:
    """The exchange that sends, or None, and all addresses of inputs. Raises ValueError."""
    outs = [each.prev_out for each in row.inputs if each.prev_out is not None]
    own = {each.addr for each in outs if each.addr is not None}
    names = {labels.label_of(BITCOIN, address) for address in own} - {None}
    if len(names) > 1:
        raise ValueError(f"inputs: got {len(names)} exchanges as one sender, expected one at most")
    return next(iter(names), None), own


class BlockchainCom:
    """The adapter. options: "btc_price_usd" and "exchange_labels" (see checks.labels_from)."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._labels = labels_from(context.options)
        self._height: int | None = None
        self._gap: tuple[str, ...] = ()  # what is not known of the blocks up to that height

    @property
    def facts(self) -> SourceFacts:
        return FACTS

    async def poll(self, now_ms: int) -> Batch:
        price_usd = price_from(self._context.options, "btc_price_usd")
        if price_usd is None:
            raise SourceError(f"{NAME}: {NO_PRICE}")
        fetcher = self._context.fetcher
        height = read_block_count(await fetcher.body(COUNT_PATH))
        if height == self._height:
            return Batch(rejected=self._gap)
        params = {"active": "|".join(self._labels.addresses(BITCOIN)), "n": str(PAGE_SIZE)}
        body = await fetcher.body(TRANSACTIONS_PATH, params)
        batch = read_transfers(body, now_ms, price_usd, self._labels)
        oldest, before = read_oldest_height(body), self._height
        self._height, self._gap = height, ()
        if oldest is not None and before is not None and oldest > before:
            missed = f"more than {PAGE_SIZE} transactions since block {before}"
            self._gap = (f"not heard: {missed}, the first are not seen",)
        return merged([batch, Batch(rejected=self._gap)])

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Nothing: an answer holds the newest transactions alone."""
        return Batch()


FACTS = SourceFacts(
    name="Blockchain.com",
    series=(f"heard:{NAME}",),
    poll_seconds=30.0,
    stale_seconds=6 * 3600.0,
    licence="Data: Blockchain.com explorer API",
    home="https://www.blockchain.com/explorer",
)
ENTRY = SourceEntry(
    key=NAME,
    facts=FACTS,
    base_url="https://blockchain.info",
    limit=RateLimit(1, 10.0),
    make=BlockchainCom,
)
