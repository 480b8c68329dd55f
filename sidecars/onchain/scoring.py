"""The on-chain layer's score: whales, exchange flow, stablecoins, smart money. Pure."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sidecars.common.layer.scorer import KnownEvents
from sidecars.common.layer.scores import LayerScore, SubScore, combine
from sidecars.common.observations import Known, series_of
from sidecars.common.sources import Transfer
from sidecars.onchain.flows import (
    ACCUMULATION_DAYS,
    DEVIATION_DAYS,
    STABLECOIN_WEIGHT,
    is_accumulating,
    judge_exchange_flow,
    judge_supply,
    net_flows,
)
from sidecars.onchain.transfers import (
    SMART_WINDOW_MS,
    STABLECOIN_SOURCES,
    judge_smart_money,
    judge_stablecoin_transfers,
    judge_whales,
    large_transfers,
    silence,
)


@dataclass(frozen=True, slots=True)
class _Market:
    """What is the same for every asset."""

    transfers: tuple[Transfer, ...]
    stablecoins: SubScore


class OnchainScorer:
    """Keeps to Scorer. Series are named in flows.py; transfers come as events.

    smart_wallets: labels of watched wallets as transfers carry them; with others it is another
    formula. Without any, smart money is unavailable: there is no free source of it.
    """

    days_needed = 99.0  # a week of staleness, 90 days to compare with, and a day
    event_days_needed = 2.0  # transfers of hours, and a day

    def __init__(self, smart_wallets: Collection[str] = ()) -> None:
        self._watched = frozenset(smart_wallets)
        self.formula = "onchain-1"
        if self._watched:
            names = "\n".join(sorted(self._watched)).encode()
            self.formula += f"+smart-{hashlib.sha256(names).hexdigest()[:8]}"
        # What is the same for every asset of a moment is judged once: for the last `known`.
        self._last_market: tuple[Known, KnownEvents, _Market] | None = None

    def score(self, asset: str, known: Known, events: KnownEvents) -> LayerScore:
        """The score of an asset from what was known."""
        market = self._market_of(known, events)
        flows = net_flows(asset, known, DEVIATION_DAYS)
        return combine(
            asset,
            known.at_ms,
            (
                judge_whales(asset, market.transfers, known, self._watched),
                judge_exchange_flow(asset, flows, known.at_ms),
                market.stablecoins,
                judge_smart_money(asset, market.transfers, known, self._watched),
            ),
        )

    def derived(self, asset: str, known: Known, events: KnownEvents) -> Mapping[str, float]:
        """whales_accumulating:ASSET, 1.0 or 0.0, where it is known."""
        accumulating = is_accumulating(net_flows(asset, known, ACCUMULATION_DAYS), known.at_ms)
        if accumulating is None:
            return {}
        return {series_of("whales_accumulating", asset): float(accumulating)}

    def _market_of(self, known: Known, events: KnownEvents) -> _Market:
        last = self._last_market
        if last is None or last[0] is not known or last[1] is not events:
            transfers = tuple(large_transfers(events.since(known.at_ms - SMART_WINDOW_MS)))
            market = _Market(transfers, self._judge_stablecoins(transfers, known))
            last = (known, events, market)
            self._last_market = last
        return last[2]

    def _judge_stablecoins(self, transfers: tuple[Transfer, ...], known: Known) -> SubScore:
        """Transfers where there are some, else the supply, else the silence of who would tell."""
        moved = judge_stablecoin_transfers(transfers, known.at_ms, STABLECOIN_WEIGHT, self._watched)
        if moved is not None:
            return moved
        supply = judge_supply(known)
        if supply.long is not None:
            return supply
        nothing = "no stablecoins moved to or from exchanges"
        quiet = silence("stablecoin_flow", STABLECOIN_WEIGHT, known, STABLECOIN_SOURCES, nothing)
        return supply if quiet.long is None else quiet
