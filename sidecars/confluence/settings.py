"""The sidecar's settings and the name of the formula that follows from them."""

import hashlib
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import ccxt
from pydantic import AfterValidator, Field, model_validator

from sidecars.common.settings_file import did_you_mean
from sidecars.common.settings_parts import (
    FIRST_DAY,
    DatabaseUrl,
    LockstepSettings,
    Section,
    WebAddress,
)

ENVIRONMENT_PREFIX = "AQUATRADE_CONFLUENCE"
TOKEN_VARIABLE = "AQUATRADE_SCORES_TOKEN"
MOST_PAIRS = 200
PAIR_PATTERN = re.compile(r"[A-Za-z0-9.-]{1,24}/[A-Za-z0-9.-]{1,24}(:[A-Za-z0-9.-]{1,24})?")
# Changed when a formula changes its meaning: its records are then made anew, beside the old ones.
FORMULA = "luno-2"


def _pair(value: str) -> str:
    if not PAIR_PATTERN.fullmatch(value):
        raise ValueError('a pair like "BTC/USDT"')
    return value


# In place of an exchange's id: funding comes from what was imported, and from nowhere else.
IMPORTED = "imported"


def _derivatives_id(value: str) -> str:
    return value if value == IMPORTED else _exchange_id(value)


def _exchange_id(value: str) -> str:
    if value not in ccxt.exchanges:
        raise ValueError(f"the id of a ccxt exchange{did_you_mean(value, ccxt.exchanges)}")
    return value


Pair = Annotated[str, AfterValidator(_pair)]
ZonePreset = Literal["points", "percentile"]


class ExchangeSettings(Section):
    """Which exchange daily candles come from, as ccxt knows it."""

    id: Annotated[str, AfterValidator(_exchange_id)] = "binance"
    ccxt_config: dict[str, Any] = Field(default_factory=dict)


class LayerAddress(Section):
    """Where a layer's sidecar listens; its bearer token is the one of this sidecar."""

    url: WebAddress


class LayersSettings(Section):
    """The sidecars that further inputs are read from; None: none, its inputs are unavailable."""

    sentiment: LayerAddress | None = None
    onchain: LayerAddress | None = None


class DerivativesSettings(Section):
    """Where BTC's funding and open interest come from: a ccxt exchange with perpetual swaps, or
    "imported": from files alone, nobody is asked."""

    id: Annotated[str, AfterValidator(_derivatives_id)] = "binance"
    ccxt_config: dict[str, Any] = Field(default_factory=dict)
    symbol: Pair = "BTC/USDT:USDT"


class MonitorSettings(Section):
    """The Luno monitor: pages, prices, alerts."""

    holdings_file: Path | None = None
    # Of coins that only Luno's balances name.
    currency: str = Field("MYR", pattern=r"^[A-Z]{3,5}$")
    # How often prices, the holdings file and the health of the sources are looked at.
    poll_seconds: float = Field(60.0, ge=5.0, le=3600.0)
    luno_ccxt_config: dict[str, Any] = Field(default_factory=dict)


class ConfluenceSettings(Section):
    """Everything that can be set; a JSON file with these keys, or AQUATRADE_CONFLUENCE_KEY."""

    pairs: tuple[Pair, ...] = Field(min_length=1, max_length=MOST_PAIRS)
    exchange: ExchangeSettings = Field(default_factory=ExchangeSettings)
    quote: str = Field("USDT", pattern=r"^[A-Za-z0-9]{1,24}$")
    reference_pair: Pair | None = None  # BTC/QUOTE
    market_index_pairs: tuple[Pair, ...] | None = Field(None, min_length=1, max_length=MOST_PAIRS)
    layers: LayersSettings = Field(default_factory=LayersSettings)
    derivatives: DerivativesSettings | None = None
    # Which of a record's two zones is recommended: "zone" or "zone_by_percentile".
    zone_preset: ZonePreset = "points"
    monitor: MonitorSettings | None = None
    history_start: date = Field(date(2017, 8, 1), ge=FIRST_DAY)
    host: str = "127.0.0.1"
    port: int = Field(8101, ge=0, le=65535)
    database_url: DatabaseUrl = "sqlite:///confluence.sqlite"
    # How long after a candle's close a backfilled record counts as available.
    publish_delay_seconds: float = Field(60.0, ge=0.0, le=3600.0)
    # How long after a day's close its candles are first asked for.
    close_delay_seconds: float = Field(5.0, ge=0.0, le=600.0)
    # How long records wait for a late candle of BTC or of a member of the market index, and for a
    # layer or an exchange of derivatives that does not answer.
    market_patience_seconds: float = Field(600.0, ge=0.0, le=7200.0)
    request_timeout_seconds: float = Field(10.0, ge=0.5, le=60.0)
    # "exchange": the exchange's time as it is at the start, for a replay of a moment of history.
    clock: Literal["system", "exchange"] = "system"
    lockstep: LockstepSettings | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "ConfluenceSettings":
        for key in ("pairs", "market_index_pairs"):
            pairs = getattr(self, key) or ()
            doubled = sorted({pair for pair in pairs if pairs.count(pair) > 1})
            if doubled:
                raise ValueError(f"key '{key}': {', '.join(doubled)} stands there twice")
        return self

    @property
    def needs_token(self) -> bool:
        """Whether somebody is asked who wants the bearer token."""
        return bool(self.connected_layers)

    @property
    def reference(self) -> str:
        """The pair whose trend is the BTC part of the regime."""
        return self.reference_pair or f"BTC/{self.quote}"

    @property
    def index_members(self) -> tuple[str, ...]:
        """The pairs that the market index is made of, sorted."""
        return tuple(sorted(self.market_index_pairs or self.pairs))

    @property
    def all_pairs(self) -> tuple[str, ...]:
        """Every pair whose candles are needed, sorted."""
        return tuple(sorted({*self.pairs, *self.index_members, self.reference}))

    @property
    def history_start_ms(self) -> int:
        start = self.history_start
        return int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp()) * 1000

    @property
    def connected_layers(self) -> dict[str, str]:
        """Addresses of the layers that are configured, by their names."""
        layers = {"sentiment": self.layers.sentiment, "onchain": self.layers.onchain}
        return {name: layer.url for name, layer in layers.items() if layer is not None}

    @property
    def formula(self) -> str:
        """Name of the formula with what it is fed by: records of two names are never mixed.

        The exchange, the first day, BTC's pair, the index's members, which layers there are (not
        where) and whose funding is read change what a score is made of, so each of their
        combinations is a formula of its own.
        """
        swap = self.derivatives
        fed_by = "|".join(
            [
                self.exchange.id,
                self.history_start.isoformat(),
                self.reference,
                *self.index_members,
                *(f"layer {name}" for name in self.connected_layers),
                *([] if swap is None else [f"funding {swap.id} {swap.symbol}"]),
            ]
        )
        return f"{FORMULA}-{hashlib.sha256(fed_by.encode()).hexdigest()[:8]}"
