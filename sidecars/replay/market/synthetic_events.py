"""Crashes, squeezes and jumps of the synthetic market: sudden moves and what they leave behind."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from sidecars.replay.market import noise
from sidecars.replay.model import FloatArray, IntArray

HOURS_PER_YEAR: Final = 8760
EVENT_HOURS: Final = 120  # after so many hours an event is over
CALMING_HALF_LIFE_HOURS: Final = 18.0
DRAWS: Final = 8
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class EventKind:
    """Sizes are log moves. `won_back` is the share of the move that is undone afterwards."""

    name: str
    median_size: float
    size_deviation: float  # of the log of the size
    largest_size: float
    share_up: float
    longest_hours: int
    mean_won_back: float
    won_back_deviation: float
    excitement: float  # added log volatility at first; it halves every 18 hours


CRASH: Final = EventKind("crash", 0.075, 0.45, 0.35, 0.0, 9, 0.40, 0.45, 0.85)
SQUEEZE: Final = EventKind("squeeze", 0.05, 0.40, 0.20, 1.0, 9, 0.15, 0.40, 0.55)
JUMP: Final = EventKind("jump", 0.055, 0.60, 0.45, 0.62, 5, 0.35, 0.40, 0.80)


def scheduled(
    kind: EventKind, seed: int, owner: str, hours: IntArray, per_year: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(log moves, added log volatility) by hour of all events of a kind.

    per_year: how many are expected in a year at the rate of each hour.
    """
    moves, excitement = np.zeros(len(hours)), np.zeros(len(hours))
    key = noise.key_of("event", seed, kind.name, owner)
    places = np.flatnonzero(noise.uniform(key, hours) < per_year / HOURS_PER_YEAR)
    shape_key = noise.key_of("event shape", seed, kind.name, owner)
    for place in places.tolist():
        draws = noise.uniform(shape_key, hours[place], np.arange(DRAWS, dtype=np.int64))
        for total, part in zip((moves, excitement), event(kind, draws), strict=True):
            length = min(EVENT_HOURS, len(total) - place)
            total[place : place + length] += part[:length]
    return moves, excitement


def event(kind: EventKind, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(log moves, added log volatility) of one event by hour, from eight uniform draws.

    The move takes some hours, each its share. How much of it is undone is drawn apart, from
    going on (below 0) to all of it, and takes a day or so.
    """
    size = kind.median_size * np.exp(kind.size_deviation * _normal(draws[0]))
    size = min(float(size), kind.largest_size) * (1.0 if draws[1] < kind.share_up else -1.0)
    length = 1 + int(draws[2] * kind.longest_hours)
    won_back = kind.mean_won_back + kind.won_back_deviation * _normal(draws[3])
    won_back = min(1.0, max(-0.6, won_back))
    fading_hours = 3.0 + 25.0 * float(draws[4])
    # Between evenly spread (0) and with its worst hours at the end.
    shares = (1.0 + np.arange(length)) ** (2.0 * float(draws[5]))
    moves = np.zeros(EVENT_HOURS)
    moves[:length] = size * shares / shares.sum()
    after = np.arange(EVENT_HOURS - length)
    fading = np.exp(-after / fading_hours) * (1.0 - np.exp(-1.0 / fading_hours))
    moves[length:] = -won_back * size * fading
    calm = 0.5 ** (np.arange(EVENT_HOURS) / CALMING_HALF_LIFE_HOURS)
    return moves, kind.excitement * (0.5 + float(draws[6])) * calm


def _normal(uniform_draw: float) -> float:
    return _NORMAL.inv_cdf(float(uniform_draw))
