"""The newest value of a series, and values of some time ago, from windows. Pure."""

from dataclasses import dataclass

from sidecars.common.layer.ranges import Decay
from sidecars.common.observations import Window


@dataclass(frozen=True, slots=True)
class Newest:
    """The latest value of a series, young enough to be a reading of the present."""

    value: float
    as_of_ms: int
    freshness: float


def newest(window: Window, at_ms: int, decay: Decay) -> Newest | None:
    """The last value of a window; None where there is none or it is too old.

    A value whose clock is a little ahead of ours is new.
    """
    if len(window) == 0:
        return None
    as_of_ms = int(window.as_of_ms[-1])
    freshness = decay.of(max(0, at_ms - as_of_ms))
    return None if freshness is None else Newest(float(window.value[-1]), as_of_ms, freshness)


def value_near(window: Window, moment_ms: int, tolerance_ms: int) -> float | None:
    """The value nearest to a moment, if there is one within the tolerance; of two the earlier."""
    times = window.as_of_ms
    place = int(times.searchsorted(moment_ms))
    nearest: tuple[int, int] | None = None
    for each in (place - 1, place):
        if 0 <= each < len(times):
            distance = abs(int(times[each]) - moment_ms)
            if distance <= tolerance_ms and (nearest is None or distance < nearest[0]):
                nearest = (distance, each)
    return None if nearest is None else float(window.value[nearest[1]])


def last_value_between(window: Window, from_ms: int, until_ms: int) -> float | None:
    """The last value with from_ms <= as_of_ms <= until_ms."""
    place = int(window.as_of_ms.searchsorted(until_ms, side="right")) - 1
    if place < 0 or int(window.as_of_ms[place]) < from_ms:
        return None
    return float(window.value[place])


def change_pct(value: float, before: float | None) -> float | None:
    """Change in per cent; None where there is no positive value to compare with."""
    if before is None or before <= 0:
        return None
    return round((value - before) / before * 100.0, 9)  # 100.0 to 100.5 is 0.5, not 0.49999
