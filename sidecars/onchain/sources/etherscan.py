"""Etherscan API V2: large transfers of USDT, USDC, WETH and WBTC at exchanges' hot wallets.

GET /v2/api?chainid=1&module=account&action=tokentx&contractaddress=&address=, documented at
https://docs.etherscan.io/api-reference/endpoint/tokentx: numbers are strings of digits, amounts
in the token's smallest unit. Errors are a 200 with status "0":
https://docs.etherscan.io/support/common-error-messages. The free plan allows 3 calls a second and
100,000 a day, so each poll asks for a part of the wallets and tokens, in turn.

A dollar coin counts as one dollar. WBTC and WETH need prices: the options "btc_price_usd" and
"eth_price_usd" are functions that say one, or None; without the option the token is not asked
for. The answer has no log index: a transfer is told from others of its transaction by token,
ends and amount, and equal ones by their order. There is no backfill.

That nothing happened is known only where every wallet was asked for every dollar coin: else the
batch says so in a rejected line that begins with "not heard:".
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, ValidationError

from sidecars.common.fetch import RateLimit, parse_json
from sidecars.common.logs import HIDDEN
from sidecars.common.observations import MS_PER_MINUTE
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch, SourceContext, SourceEntry, SourceFacts, Transfer
from sidecars.onchain.exchange_labels import ETHEREUM, ExchangeLabels, direction_of
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

NAME = "etherscan"
PATH = "/v2/api"
REQUESTS_A_POLL = 18
PAGE_SIZE = 200
# Blocks that are read once more: what a reorganisation of the chain puts elsewhere.
OVERLAP_BLOCKS = 5
LAST_BLOCK = 999_999_999
# For so long a complete answer says that nothing else happened.
ANSWER_HOLDS_MS = 30 * MS_PER_MINUTE
NO_PRICE = "no price is known, so its transfers are not looked at"

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_DIGITS = re.compile(r"[0-9]{1,78}")
_FEW_DIGITS = re.compile(r"[0-9]{1,12}")

Address = Annotated[str, whole(_ADDRESS)]
FewDigits = Annotated[str, whole(_FEW_DIGITS)]


@dataclass(frozen=True, slots=True)
class TrackedToken:
    """A token contract. price_option: which option says its price; None: it is a dollar."""

    token: str
    contract: str
    decimals: int
    price_option: str | None = None


TRACKED_TOKENS = (
    TrackedToken("USDT", "0xdac17f958d2ee523a2206206994597c13d831ec7", 6),
    TrackedToken("USDC", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6),
    TrackedToken("ETH", "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", 18, "eth_price_usd"),
    TrackedToken("BTC", "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", 8, "btc_price_usd"),
)

# Words of an error text and the kind of failure that they mean; the first that fits counts.
_KINDS = (
    ("rate limit", "limited"),
    ("too many", "limited"),
    ("timeout", "unavailable"),
    ("timed out", "unavailable"),
    ("busy", "unavailable"),
    ("unexpected error", "unavailable"),
)


class _Row(AnswerModel):
    block_number: Annotated[FewDigits, Field(alias="blockNumber")]
    time_stamp: Annotated[FewDigits, Field(alias="timeStamp")]
    hash: Annotated[str, whole(_HASH)]
    from_address: Annotated[Address, Field(alias="from")]
    to_address: Annotated[Address, Field(alias="to")]
    contract_address: Annotated[Address, Field(alias="contractAddress")]
    value: Annotated[str, whole(_DIGITS)]
    token_decimal: Annotated[FewDigits, Field(alias="tokenDecimal")]


def read_token_transfers(
    body: bytes, now_ms: int, token: TrackedToken, price_usd: float, labels: ExchangeLabels
) -> Batch:
    """Large transfers of the token with an exchange at one end at least. Raises SourceError."""
    events: list[Transfer] = []
    rejected: list[str] = []
    seen: Counter[str] = Counter()
    rows = _rows(body)
    for row in rows:
        try:
            known = _Row.model_validate(row)
            mark = _mark_of(known, token)
            seen[mark] += 1
            transfer = _transfer(
                known, now_ms, token, price_usd, labels, f"{mark}:{seen[mark] - 1}"
            )
        except ValidationError as error:
            rejected.append(f"{token.token}: {problem_of(error)}")
        except ValueError as error:
            rejected.append(f"{token.token}: {error}")
        else:
            events += [transfer] if transfer is not None else []
    return usable(NAME, Batch(events=tuple(events), rejected=tuple(rejected)), len(rows))


def read_blocks(body: bytes) -> tuple[int, int, int] | None:
    """Oldest and newest block of an answer and its number of rows; None where there is none."""
    numbers = [row.get("blockNumber") for row in _rows(body) if isinstance(row, dict)]
    blocks = [
        int(each) for each in numbers if isinstance(each, str) and _FEW_DIGITS.fullmatch(each)
    ]
    return (min(blocks), max(blocks), len(numbers)) if blocks else None


def _rows(body: bytes) -> list[Any]:
    answer = parse_json(NAME, body)
    status = answer.get("status") if isinstance(answer, dict) else None
    if status not in ("0", "1"):
        raise SourceError(f"{NAME}: status: got {shown(status)}, expected 0 or 1", "malformed")
    result = answer.get("result")
    if status == "0" and result != []:
        text = result if isinstance(result, str) and result else answer.get("message")
        raise SourceError(f"{NAME}: says {shown(text)}", _kind_of(str(text)))
    return rows_of(NAME, "result", result)


def _kind_of(text: str) -> str:
    small = text.lower()
    return next((kind for words, kind in _KINDS if words in small), "refused")


def _mark_of(row: _Row, token: TrackedToken) -> str:
    """The same for the same transfer, and for one that is equal in all but its log index."""
    if row.contract_address.lower() != token.contract:
        raise ValueError(f"contractAddress: got {row.contract_address}, expected {token.contract}")
    if int(row.token_decimal) != token.decimals:
        raise ValueError(f"tokenDecimal: got {row.token_decimal}, expected {token.decimals}")
    ends = f"{row.from_address.lower()}:{row.to_address.lower()}:{int(row.value)}"
    digest = hashlib.sha256(f"{token.contract}:{ends}".encode()).hexdigest()[:16]
    return f"{NAME}:{row.hash.lower()}:{digest}"


def _transfer(
    row: _Row,
    now_ms: int,
    token: TrackedToken,
    price_usd: float,
    labels: ExchangeLabels,
    event_id: str,
) -> Transfer | None:
    """None for what is too small, or no exchange's. Raises ValueError."""
    moment_ms = transfer_ms(int(row.time_stamp), now_ms)
    amount = Decimal(int(row.value)).scaleb(-token.decimals)
    amount_usd = checked_amount_usd(amount * Decimal(str(price_usd)))
    from_label = labels.label_of(ETHEREUM, row.from_address)
    to_label = labels.label_of(ETHEREUM, row.to_address)
    if amount_usd <= LEAST_TRANSFER_USD or (from_label is None and to_label is None):
        return None
    return Transfer(
        event_id=event_id,
        source=NAME,
        as_of_ms=moment_ms,
        published_ms=moment_ms,
        token=token.token,
        amount_usd=float(amount_usd),
        direction=direction_of(from_label, to_label),
        from_label=from_label,
        to_label=to_label,
        blockchain=ETHEREUM,
        tx_hash=row.hash.lower(),
    )


class Etherscan:
    """The adapter. options: the prices, and "exchange_labels" (see checks.labels_from)."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._labels = labels_from(context.options)
        wallets = self._labels.addresses(ETHEREUM, only_hot=True)
        self._pairs = [
            (wallet, token)
            for wallet in wallets
            for token in TRACKED_TOKENS
            if token.price_option is None or token.price_option in context.options
        ]
        self._turn = 0
        self._newest_block: dict[tuple[str, str], int] = {}
        self._complete_ms: dict[tuple[str, str], int] = {}

    @property
    def facts(self) -> SourceFacts:
        return FACTS

    async def poll(self, now_ms: int) -> Batch:
        batches: list[Batch] = []
        missing_prices: set[str] = set()
        failure: SourceError | None = None
        answered = 0
        for _ in range(min(REQUESTS_A_POLL, len(self._pairs))):
            wallet, token = self._pairs[self._turn % len(self._pairs)]
            price_usd = self._price_of(token)
            self._turn += 1
            if price_usd is None:
                missing_prices.add(token.token)
                continue
            try:
                batches.append(await self._ask(wallet, token, price_usd, now_ms))
                answered += 1
            except SourceError as error:
                failure = failure or error
                batches.append(Batch(rejected=(f"{wallet} {token.token}: {error}",)))
                if error.kind in ("unavailable", "limited"):
                    self._turn -= 1  # it is the source that fails: the same one first next time
                    break
        if failure is not None and answered == 0:
            raise failure
        lines = [f"{token}: {NO_PRICE}" for token in sorted(missing_prices)]
        return merged([*batches, Batch(rejected=(*lines, *self._not_heard(now_ms)))])

    def _not_heard(self, now_ms: int) -> list[str]:
        """One line where some wallet's dollar coins are not known without a gap, else none."""
        dollars = [
            (wallet, token.token) for wallet, token in self._pairs if token.price_option is None
        ]
        missing = [
            pair
            for pair in dollars
            if (complete_ms := self._complete_ms.get(pair)) is None
            or now_ms - complete_ms > ANSWER_HOLDS_MS
        ]
        if not dollars:
            return ["not heard: no wallet to ask for dollar coins"]
        if not missing:
            return []
        return [
            f"not heard: {len(missing)} of {len(dollars)} wallets' dollar coins without a complete"
            f" answer in 30 minutes, as {' '.join(missing[0])}"
        ]

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        """Nothing: the calls that a day allows are too few to go back."""
        return Batch()

    def _price_of(self, token: TrackedToken) -> float | None:
        if token.price_option is None:
            return 1.0
        return price_from(self._context.options, token.price_option)

    async def _ask(self, wallet: str, token: TrackedToken, price_usd: float, now_ms: int) -> Batch:
        pair = (wallet, token.token)
        seen_block = self._newest_block.get(pair)
        params = {
            "chainid": "1",
            "module": "account",
            "action": "tokentx",
            "contractaddress": token.contract,
            "address": wallet,
            "startblock": str(max(0, (seen_block or 0) - OVERLAP_BLOCKS)),
            "endblock": str(LAST_BLOCK),
            "page": "1",
            "offset": str(PAGE_SIZE),
            "sort": "desc",
            "apikey": self._context.key or "",
        }
        try:
            body = await self._context.fetcher.body(PATH, params)
            batch = read_token_transfers(body, now_ms, token, price_usd, self._labels)
            blocks = read_blocks(body)
        except SourceError as error:
            text = str(error).replace(self._context.key or HIDDEN, HIDDEN)
            raise SourceError(text, error.kind) from None
        if blocks is None:
            self._complete_ms[pair] = now_ms
            return batch
        oldest, newest, rows = blocks
        self._newest_block[pair] = max(newest, seen_block or 0)
        if seen_block is not None and rows >= PAGE_SIZE and oldest > seen_block:
            self._complete_ms.pop(pair, None)
            gap = f"{wallet} {token.token}: more than {PAGE_SIZE} transfers since the last look"
            return merged([batch, Batch(rejected=(gap,))])
        self._complete_ms[pair] = now_ms
        return batch


FACTS = SourceFacts(
    name="Etherscan",
    series=(f"heard:{NAME}",),
    poll_seconds=30.0,
    stale_seconds=6 * 3600.0,
    licence="Powered by Etherscan.io APIs",
    home="https://etherscan.io",
    needs_key=True,
)
ENTRY = SourceEntry(
    key=NAME,
    facts=FACTS,
    base_url="https://api.etherscan.io",
    limit=RateLimit(2, 1.0),
    make=Etherscan,
    key_variable="AQUATRADE_ETHERSCAN_KEY",
)
