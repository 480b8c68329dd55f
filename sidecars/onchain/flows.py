"""What daily values say: coins to and from exchanges, the supply of stablecoins. Pure."""

import numpy as np

from sidecars.common.layer.latest import change_pct, newest, value_near
from sidecars.common.layer.ranges import Curve, Decay
from sidecars.common.layer.scores import SubScore
from sidecars.common.observations import MS_PER_DAY, FloatArray, IntArray, Known, Window, series_of

EXCHANGE_FLOW_WEIGHT = 0.30
STABLECOIN_WEIGHT = 0.20
INFLOW, OUTFLOW, SUPPLY = "exchange_inflow_coins", "exchange_outflow_coins", "stablecoin_supply_usd"

# The value of a day comes up to half a day after its end, so that the newest one is 12 to 36 hours
# old when all is well; after a week it is no reading of the present.
ON_CHAIN_DAY = Decay(full_hours=36.0, low_hours=96.0, gone_hours=168.0)
GONE_MS = 7 * MS_PER_DAY
DEVIATION_DAYS = 90
DEVIATION_DAYS_NEEDED = 30
ACCUMULATION_DAYS = 7
ACCUMULATION_DAYS_NEEDED = 5
# Net outflow in standard deviations: inflow 40 to 20, outflow 70 to 90, beyond two 90 to 100; a
# net flow of next to nothing (one day in eight) joins the two through 50.
FLOW = Curve(
    (-4.0, 0.0),
    (-2.0, 20.0),
    (-0.05, 39.5),
    (0.0, 50.0),
    (0.05, 70.5),
    (2.0, 90.0),
    (4.0, 100.0),
)
# Growth of the supply in 7 days, %: a stand-in for transfers, so with a narrower range than theirs
# (30 to 90) and half of the confidence. 2022 to 2024 one week in twenty shrank by 1 % or more,
# one in ten grew by 1.4 % or more.
SUPPLY_GROWTH = Curve((-1.0, 40.0), (0.0, 50.0), (1.5, 65.0))
STAND_IN_SHARE = 0.5


def net_flows(asset: str, known: Known, days: int) -> Window:
    """Outflow less inflow, coins a day, of so many days back; days on which both are known."""
    from_ms = known.at_ms - GONE_MS - days * MS_PER_DAY
    inflow = known.window(series_of(INFLOW, asset), from_ms)
    outflow = known.window(series_of(OUTFLOW, asset), from_ms)
    if np.array_equal(inflow.as_of_ms, outflow.as_of_ms):
        return Window(outflow.as_of_ms, outflow.value - inflow.value)
    both: IntArray
    both, in_places, out_places = np.intersect1d(
        inflow.as_of_ms, outflow.as_of_ms, assume_unique=True, return_indices=True
    )
    return Window(both, outflow.value[out_places] - inflow.value[in_places])


def judge_exchange_flow(asset: str, flows: Window, at_ms: int) -> SubScore:
    """The sub-score of the last day's net flow against the 90 days before it."""
    latest = newest(flows, at_ms, ON_CHAIN_DAY)
    if latest is None:
        return _unavailable("exchange_flow", EXCHANGE_FLOW_WEIGHT, f"no exchange flow of {asset}")
    first_ms = latest.as_of_ms - DEVIATION_DAYS * MS_PER_DAY
    before: FloatArray = flows.value[int(flows.as_of_ms.searchsorted(first_ms)) : -1]
    deviation = float(before.std(ddof=1)) if len(before) >= DEVIATION_DAYS_NEEDED else 0.0
    if deviation <= 0.0:
        reason = f"exchange flow of {asset}: {len(before)} days are too few to compare with"
        return _unavailable("exchange_flow", EXCHANGE_FLOW_WEIGHT, reason)
    score = latest.value / deviation
    long = FLOW(score)
    side = "away from" if latest.value >= 0 else "to"
    return SubScore(
        name="exchange_flow",
        weight=EXCHANGE_FLOW_WEIGHT,
        long=long,
        short=100.0 - long,
        freshness=latest.freshness,
        as_of_ms=latest.as_of_ms,
        readings={
            "net_outflow_coins": latest.value,
            "deviations": score,
            "days_compared": float(len(before)),
        },
        reason=f"{abs(latest.value):,.0f} {asset} {side} exchanges in a day ({score:+.1f} sd)",
    )


def judge_supply(known: Known) -> SubScore:
    """The sub-score of the stablecoins' supply, the daily stand-in for their transfers."""
    window = known.window(SUPPLY, known.at_ms - GONE_MS - 8 * MS_PER_DAY)
    latest = newest(window, known.at_ms, ON_CHAIN_DAY)
    growth = None
    if latest is not None:
        before = value_near(window, latest.as_of_ms - 7 * MS_PER_DAY, MS_PER_DAY)
        growth = change_pct(latest.value, before)
    if latest is None or growth is None:
        reason = "no stablecoin transfers and no supply of this week and the last"
        return _unavailable("stablecoin_flow", STABLECOIN_WEIGHT, reason)
    long = SUPPLY_GROWTH(growth)
    return SubScore(
        name="stablecoin_flow",
        weight=STABLECOIN_WEIGHT,
        long=long,
        short=100.0 - long,
        freshness=latest.freshness * STAND_IN_SHARE,
        as_of_ms=latest.as_of_ms,
        readings={"supply_growth_7d_pct": growth},
        reason=f"stablecoin supply {growth:+.1f} % in 7 days (daily stand-in for transfers)",
    )


def is_accumulating(flows: Window, at_ms: int) -> bool | None:
    """Whether coins left exchanges on balance over the last 7 daily values; None where fewer than
    5 of them are known or the last is too old."""
    latest = newest(flows, at_ms, ON_CHAIN_DAY)
    if latest is None:
        return None
    after_ms = latest.as_of_ms - ACCUMULATION_DAYS * MS_PER_DAY
    recent = flows.value[int(flows.as_of_ms.searchsorted(after_ms, side="right")) :]
    return bool(recent.sum() > 0) if len(recent) >= ACCUMULATION_DAYS_NEEDED else None


def _unavailable(name: str, weight: float, reason: str) -> SubScore:
    return SubScore(name, weight, None, None, reason=reason)
