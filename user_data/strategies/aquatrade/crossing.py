"""Where one line crosses another. Pure."""

import numpy as np
import numpy.typing as npt
import pandas as pd


def crosses_above(line: pd.Series, other: pd.Series) -> pd.Series:
    """True on the candle on which `line` is above `other` for the first time after it was not.

    False where either is not known (NaN) on that candle or on the one before it.
    """
    first, second = line.to_numpy(dtype=np.float64), other.to_numpy(dtype=np.float64)
    crossed: npt.NDArray[np.bool_] = np.zeros(len(first), dtype=bool)
    crossed[1:] = (first[1:] > second[1:]) & (first[:-1] <= second[:-1])
    return pd.Series(crossed, index=line.index)
