"""Random numbers by address: each is a pure function of a key and two integers.

A generator hands out numbers in turn, so what one question draws depends on those before it.
Here the number at (key, row, column) is always the same, whoever asks and in whatever order: that
is what makes price paths and synthetic markets repeatable from any point. The mixing function is
splitmix64 (Steele, Lea, Flood 2014), whose output passes BigCrush.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from sidecars.replay.model import FloatArray

UintArray = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_UNIT = 2.0**-53
_SECOND_DRAW = 0x5851F42D4C957F2D
_MASK = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """A 64-bit key from anything that has a plain text form, such as a seed and a symbol."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _mix(state: UintArray) -> UintArray:
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))


def uniform(key: int, rows: npt.ArrayLike, columns: npt.ArrayLike = 0) -> FloatArray:
    """Uniform numbers in the open interval (0, 1), shape of `rows` and `columns` broadcast.

    A scalar counts as an array of one.
    """
    # An array of one, not a scalar: numpy warns of the overflow that is meant here.
    row_numbers = np.atleast_1d(np.asarray(rows, dtype=np.int64)).astype(np.uint64)
    seeded = row_numbers * _GOLDEN ^ np.uint64(key & _MASK)
    row_states = _mix(seeded)
    column_numbers = np.atleast_1d(np.asarray(columns, dtype=np.int64)).astype(np.uint64)
    column_steps = (column_numbers + np.uint64(1)) * _GOLDEN
    bits = _mix(row_states + column_steps) >> np.uint64(11)
    return (bits.astype(np.float64) + 0.5) * _UNIT


def normal(key: int, rows: npt.ArrayLike, columns: npt.ArrayLike = 0) -> FloatArray:
    """Standard normal numbers (Box and Muller 1958), shape of `rows` and `columns` broadcast."""
    radius = np.sqrt(-2.0 * np.log(uniform(key, rows, columns)))
    angle = 2.0 * np.pi * uniform(key ^ _SECOND_DRAW, rows, columns)
    numbers: FloatArray = radius * np.cos(angle)
    return numbers
