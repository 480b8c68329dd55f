"""What trading is taken to cost: fee, slippage, stops that are jumped, a candle of delay.

A model is written BASE[+MORE...]: `binance`, `0.1%+20bps`, `mexc+gap+delay`, `binance+ladder`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

MOST_FEE_PCT = 5.0
MOST_SLIPPAGE_BPS = 1000.0
LADDER_BPS = (0.0, 5.0, 10.0, 20.0, 30.0)
BPS_PER_PCT = 100.0


class CostError(ValueError):
    """A cost model that cannot be; one clear line."""


@dataclass(frozen=True, slots=True)
class CostModel:
    """Fee in % and slippage in basis points of every fill, either side.

    gap: a stop that is jumped is filled at the open after it where that is worse. delay: what the
    strategy signals or looks up of its candles comes one candle late.
    """

    fee_pct: float
    slippage_bps: float = 0.0
    gap: bool = False
    delay: bool = False

    @property
    def fee_rate(self) -> float:
        """Fee and slippage of one side in one number, as freqtrade's `fee` takes it."""
        # Rounded: 0.1 % and 20 bps are the fee 0.003, not a neighbour of it.
        return round((self.fee_pct + self.slippage_bps / BPS_PER_PCT) / 100.0, 12)

    @property
    def text(self) -> str:
        """In the words that parse_costs reads."""
        parts = [f"{self.fee_pct:g}%", f"{self.slippage_bps:g}bps"]
        return "+".join(
            [*parts, *(["gap"] if self.gap else []), *(["delay"] if self.delay else [])]
        )


# Taker fees where nothing else is said; the slippage of a Bybit perpetual is taken to be Binance's.
NAMED: Mapping[str, CostModel] = {
    "binance": CostModel(0.1, 5.0),
    "mexc": CostModel(0.1, 30.0),
    "bybit-perp": CostModel(0.06, 5.0),
    "quant-maker": CostModel(0.075, 2.0),
    "quant-taker": CostModel(0.1, 5.0),
}


def parse_costs(text: str) -> tuple[CostModel, ...]:
    """The models of BASE[+MORE...]: one, or five with `ladder`. Raises CostError."""
    base, *more = (part.strip() for part in text.lower().split("+"))
    model = _base(base, text)
    slippages: tuple[float, ...] = (model.slippage_bps,)
    for part in more:
        if part in {"gap", "delay"}:
            model = replace(model, **{part: True})
        elif part == "ladder":
            slippages = LADDER_BPS
        elif part.endswith("bps"):
            slippages = (_number(part.removesuffix("bps"), MOST_SLIPPAGE_BPS, text, "bps"),)
        else:
            raise CostError(f"{_of(text)}: {part!r} is unknown, expected Nbps, ladder, gap, delay")
    return tuple(replace(model, slippage_bps=bps) for bps in slippages)


def all_costs(texts: Sequence[str]) -> tuple[CostModel, ...]:
    """The models of all texts, each once. Raises CostError."""
    return tuple(dict.fromkeys(model for text in texts for model in parse_costs(text)))


def _base(base: str, text: str) -> CostModel:
    if base.endswith("%"):
        return CostModel(_number(base.removesuffix("%"), MOST_FEE_PCT, text, "%"))
    if base in NAMED:
        return NAMED[base]
    known = ", ".join(NAMED)
    raise CostError(f"{_of(text)}: {base!r} is unknown, expected a fee as 0.1% or one of {known}")


def _number(digits: str, most: float, text: str, unit: str) -> float:
    try:
        value = float(digits)
    except ValueError:
        raise CostError(f"{_of(text)}: {digits!r} is no number") from None
    if not 0.0 <= value <= most:
        raise CostError(f"{_of(text)}: {value:g}{unit} is outside of 0 to {most:g}{unit}")
    return value


def _of(text: str) -> str:
    return f"--cost {text}"
