"""What the tests of the on-chain rules share: daily values and transfers as what was known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sidecars.common.layer.events import EventTimeline, KeptEvent
from sidecars.common.layer.scores import LayerScore, SubScore
from sidecars.common.observations import (
    MS_PER_DAY,
    MS_PER_MINUTE,
    KnownAt,
    Observation,
    SeriesTimeline,
)
from sidecars.common.sources import Transfer
from sidecars.onchain.scoring import OnchainScorer

NOW = 1_718_150_400_000  # 2024-06-12 00:00 UTC
Values = Sequence[tuple[int, float]]
HEARD: dict[str, Values] = {"heard:whale_alert": [(NOW - MS_PER_MINUTE, 1.0)]}


def moved(
    direction: str, usd: float, minutes_ago: float = 1, token: str = "BTC", **changes: str
) -> Transfer:
    as_of_ms = NOW - int(minutes_ago * MS_PER_MINUTE)
    labels = {
        "to_exchange": (None, "Kraken"),
        "from_exchange": ("Kraken", None),
        "between_exchanges": ("Kraken", "OKX"),
        "between_wallets": (None, None),
    }[direction]
    name = f"{direction}/{usd}/{minutes_ago}/{token}/{sorted(changes.items())}"
    transfer = Transfer(
        f"whale_alert/{name}", "whale_alert", as_of_ms, as_of_ms, token, usd, direction,
        *labels, "bitcoin", name,
    )  # fmt: skip
    return replace(transfer, **changes)  # type: ignore[arg-type]


def scored(
    series: Mapping[str, Values],
    transfers: Sequence[Transfer] = (),
    asset: str = "BTC",
    watched: Sequence[str] = (),
    at_ms: int = NOW,
) -> LayerScore:
    timelines = {
        name: SeriesTimeline([Observation(name, as_of, as_of, v, "test") for as_of, v in values])
        for name, values in series.items()
    }
    events = EventTimeline([KeptEvent(each, each.published_ms) for each in transfers])
    known = KnownAt(timelines, at_ms)
    return OnchainScorer(watched).score(asset, known, events.known_at(at_ms))


def part(score: LayerScore, name: str) -> SubScore:
    return next(each for each in score.sub_scores if each.name == name)


def strengths(score: SubScore) -> tuple[float, float]:
    assert score.long is not None
    assert score.short is not None
    return score.long, score.short


def flow_days(nets: Sequence[float], asset: str = "BTC", last_ms: int = NOW) -> dict[str, Values]:
    """Daily in- and outflow with these net outflows, the last of them as of last_ms."""
    days = [last_ms - place * MS_PER_DAY for place in range(len(nets))][::-1]
    return {
        f"exchange_inflow_coins:{asset}": [(day, 1000.0) for day in days],
        f"exchange_outflow_coins:{asset}": [
            (day, 1000.0 + net) for day, net in zip(days, nets, strict=True)
        ],
    }


# Their standard deviation is 100.
ALTERNATING = [100.0 * math.sqrt(89 / 90) * (-1) ** place for place in range(90)]


def supply(growth_pct: float) -> dict[str, Values]:
    before = 100e9
    after = before * (1 + growth_pct / 100)
    return {"stablecoin_supply_usd": [(NOW - 7 * MS_PER_DAY, before), (NOW, after)]}
