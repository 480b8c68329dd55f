"""What large transfers say: whales of an asset, stablecoins, watched wallets. Pure.

Transfers of the last half hour count, of watched wallets those of the last hour. That there were
none is a reading only where a source that would have told of them was heard.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sidecars.common.layer.ranges import Curve, tick_freshness
from sidecars.common.layer.scores import SubScore
from sidecars.common.observations import MS_PER_HOUR, MS_PER_MINUTE, Known, series_of
from sidecars.common.sources import Event, Transfer
from sidecars.onchain.exchange_labels import direction_of
from sidecars.onchain.token_names import STABLECOINS

WHALES_WEIGHT = 0.30
SMART_MONEY_WEIGHT = 0.20
LEAST_USD = 500_000.0
WINDOW_MS = 30 * MS_PER_MINUTE
SMART_WINDOW_MS = MS_PER_HOUR
HEARD_WITHIN_MS = 30 * MS_PER_MINUTE

# Which sources would have told of a transfer. Etherscan sees tokens on Ethereum, of ether itself
# only what is wrapped: its silence says nothing of ETH.
STABLECOIN_SOURCES = ("whale_alert", "etherscan")
WHALE_SOURCES: Mapping[str, tuple[str, ...]] = {"BTC": ("whale_alert", "blockchain_com")}
WHALE_SOURCES_OF_OTHERS = ("whale_alert",)

TO_EXCHANGE = Curve((0.0, 50.0), (1_000_000.0, 25.0))  # USD in the window
FROM_EXCHANGE = Curve((1.0, 80.0), (3.0, 90.0))  # how many in a row
STABLECOINS_TO_EXCHANGE = Curve(  # net USD in the window
    (-10_000_000.0, 30.0), (-LEAST_USD, 40.0), (0.0, 50.0), (LEAST_USD, 75.0), (10_000_000.0, 90.0)
)
# Buying wallets less selling ones: one or two 70, three 90; selling 30 to 20.
SMART = Curve((-3.0, 20.0), (-1.0, 30.0), (0.0, 50.0), (1.0, 70.0), (2.0, 70.0), (3.0, 90.0))


def large_transfers(events: Sequence[Event]) -> list[Transfer]:
    """Transfers above 500 k USD in the order given; what two sources tell of one transaction
    counts as the one with the greater sum tells it."""
    told: dict[tuple[str, str], dict[str, list[Transfer]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if isinstance(event, Transfer) and event.amount_usd > LEAST_USD:
            transaction = event.tx_hash.lower().removeprefix("0x")
            told[transaction, event.token][event.source].append(event)
    kept = [
        max(by_source.values(), key=lambda each: sum(transfer.amount_usd for transfer in each))
        for by_source in told.values()
    ]
    flat = [transfer for transfers in kept for transfer in transfers]
    return sorted(flat, key=lambda each: (each.as_of_ms, each.event_id))


def side_of(transfer: Transfer, watched: Collection[str]) -> str:
    """The direction; a watched wallet with a name of its own is a wallet, no exchange."""
    labels = (transfer.from_label, transfer.to_label)
    if not any(label in watched for label in labels):
        return transfer.direction
    from_label, to_label = (None if label in watched else label for label in labels)
    return direction_of(from_label, to_label)


def judge_whales(
    asset: str, transfers: Sequence[Transfer], known: Known, watched: Collection[str]
) -> SubScore:
    """The sub-score of an asset's transfers to and from exchanges within 30 minutes."""
    moves = _moves(transfers, {asset}, known.at_ms - WINDOW_MS, watched)
    if not moves:
        sources = WHALE_SOURCES.get(asset, WHALE_SOURCES_OF_OTHERS)
        nothing = f"no whale moved {asset} to or from exchanges"
        return silence("whales", WHALES_WEIGHT, known, sources, nothing)
    to_usd, from_usd = _sums(moves)
    in_a_row = 0
    for side, _ in reversed(moves):
        if side == "to_exchange":
            break
        in_a_row += 1
    long = whale_strength(to_usd, from_usd, in_a_row)
    return SubScore(
        name="whales",
        weight=WHALES_WEIGHT,
        long=long,
        short=100.0 - long,
        freshness=tick_freshness(known.at_ms - moves[-1][1].as_of_ms),
        as_of_ms=moves[-1][1].as_of_ms,
        readings={
            "to_exchanges_usd": to_usd,
            "from_exchanges_usd": from_usd,
            "withdrawals_in_a_row": float(in_a_row),
        },
        reason=f"whales in 30 min: {_millions(to_usd)} to exchanges, {_millions(from_usd)} away",
    )


def whale_strength(to_usd: float, from_usd: float, in_a_row: int) -> float:
    """Long, 0 to 100. In: 50 falling to 25 at 1 M USD; out: 80, three in a row 90; both: each by
    its dollars. in_a_row: withdrawals since the last deposit."""
    total_usd = to_usd + from_usd
    if total_usd <= 0:
        return 50.0
    bearish, bullish = TO_EXCHANGE(to_usd), FROM_EXCHANGE(in_a_row)
    return (to_usd * bearish + from_usd * bullish) / total_usd


def judge_stablecoin_transfers(
    transfers: Sequence[Transfer], at_ms: int, weight: float, watched: Collection[str]
) -> SubScore | None:
    """The sub-score of stablecoins to and from exchanges in 30 minutes; None: there are none."""
    moves = _moves(transfers, STABLECOINS, at_ms - WINDOW_MS, watched)
    if not moves:
        return None
    to_usd, from_usd = _sums(moves)
    long = STABLECOINS_TO_EXCHANGE(to_usd - from_usd)
    return SubScore(
        name="stablecoin_flow",
        weight=weight,
        long=long,
        short=100.0 - long,
        freshness=tick_freshness(at_ms - moves[-1][1].as_of_ms),
        as_of_ms=moves[-1][1].as_of_ms,
        readings={"to_exchanges_usd": to_usd, "from_exchanges_usd": from_usd},
        reason=(
            f"stablecoins in 30 min: {_millions(to_usd)} to exchanges, {_millions(from_usd)} away"
        ),
    )


def judge_smart_money(
    asset: str, transfers: Sequence[Transfer], known: Known, watched: Collection[str]
) -> SubScore:
    """The sub-score of watched wallets: bought is what came from an exchange, sold what went."""
    name, weight = "smart_money", SMART_MONEY_WEIGHT
    if not watched:
        return SubScore(name, weight, None, None, reason="smart money: no watched wallets are set")
    buyers: set[str] = set()
    sellers: set[str] = set()
    newest_ms = 0
    for each in transfers:
        if each.token != asset or each.as_of_ms <= known.at_ms - SMART_WINDOW_MS:
            continue
        side = side_of(each, watched)
        if side == "from_exchange" and each.to_label in watched:
            buyers.add(each.to_label or "")
        elif side == "to_exchange" and each.from_label in watched:
            sellers.add(each.from_label or "")
        else:
            continue
        newest_ms = max(newest_ms, each.as_of_ms)
    if not buyers and not sellers:
        sources = WHALE_SOURCES.get(asset, WHALE_SOURCES_OF_OTHERS)
        return silence(name, weight, known, sources, f"no watched wallet traded {asset}")
    long = SMART(float(len(buyers) - len(sellers)))
    return SubScore(
        name=name,
        weight=weight,
        long=long,
        short=100.0 - long,
        freshness=tick_freshness(known.at_ms - newest_ms),
        as_of_ms=newest_ms,
        readings={"wallets_buying": float(len(buyers)), "wallets_selling": float(len(sellers))},
        reason=f"watched wallets within an hour: {len(buyers)} bought, {len(sellers)} sold",
    )


def silence(
    name: str, weight: float, known: Known, sources: Sequence[str], nothing: str
) -> SubScore:
    """50 where one of the sources was heard within 30 minutes, else unavailable."""
    heard = [
        each.as_of_ms
        for source in sources
        if (each := known.latest(series_of("heard", source))) is not None
        and known.at_ms - each.as_of_ms <= HEARD_WITHIN_MS
    ]
    if not heard:
        expected = " or ".join(sources)
        reason = f"{name.replace('_', ' ')}: nothing heard of {expected} for 30 minutes"
        return SubScore(name, weight, None, None, reason=reason)
    newest_ms = max(heard)
    return SubScore(
        name=name,
        weight=weight,
        long=50.0,
        short=50.0,
        freshness=tick_freshness(known.at_ms - newest_ms),
        as_of_ms=newest_ms,
        reason=nothing,
    )


def _moves(
    transfers: Sequence[Transfer], tokens: Collection[str], after_ms: int, watched: Collection[str]
) -> list[tuple[str, Transfer]]:
    """Transfers to and from exchanges with their side, oldest first."""
    moves = [
        (side_of(each, watched), each)
        for each in transfers
        if each.token in tokens and each.as_of_ms > after_ms
    ]
    return [move for move in moves if move[0] in ("to_exchange", "from_exchange")]


def _sums(moves: Sequence[tuple[str, Transfer]]) -> tuple[float, float]:
    to_usd = sum(each.amount_usd for side, each in moves if side == "to_exchange")
    return to_usd, sum(each.amount_usd for side, each in moves if side == "from_exchange")


def _millions(amount_usd: float) -> str:
    return f"{amount_usd / 1e6:.1f} M USD"
