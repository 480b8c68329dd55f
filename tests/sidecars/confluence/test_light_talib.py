import subprocess
import sys

SCRIPT = """
import sys
import numpy as np
from sidecars.confluence.light_talib import prefer_talib_without_pandas
{before}
prefer_talib_without_pandas()
print("pandas" in sys.modules)
import talib
print(talib.SMA(np.arange(5.0), 2).tolist()[1:])
import pandas
print(len(pandas.DataFrame({{"a": [1, 2]}})))
"""


def printed(before: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_talib_comes_without_pandas_and_pandas_can_still_be_had() -> None:
    assert printed("") == ["False", "[0.5, 1.5, 2.5, 3.5]", "2"]


def test_where_pandas_is_imported_already_nothing_is_done() -> None:
    assert printed("import pandas") == ["True", "[0.5, 1.5, 2.5, 3.5]", "2"]
