"""Each house rule catches what it should, and lets pass what it should."""

import subprocess
from pathlib import Path

import pytest

from lint.findings import Finding, Source
from lint.house_rules import findings_of, main, repository_files
from lint.text_rules import LONG_LINES, LONGEST_LINES, LONGEST_TEST_LINES

PRODUCT = "sidecars/replay/matching/engine.py"
STRATEGY = "user_data/strategies/Example.py"
SHARED = "user_data/strategies/aquatrade/base.py"
TEST = "tests/lab/test_example.py"

TRY = "def f():\n    try:\n        g()\n"

CAUGHT = [
    (PRODUCT, "clock", "from datetime import UTC, datetime\nnow = datetime.now(UTC)"),
    (PRODUCT, "clock", "import datetime as dt\nnow = dt.datetime.now(dt.UTC)"),
    (PRODUCT, "clock", "import time\nnow = time.time()"),
    (PRODUCT, "clock", "from time import time as seconds\nnow = seconds()"),
    (PRODUCT, "clock", "import pandas as pd\nnow = pd.Timestamp.now('UTC')"),
    (PRODUCT, "clock", "from datetime import date\nday = date.today()"),
    (STRATEGY, "clock", "from freqtrade.util import dt_now\nnow = dt_now()"),
    (TEST, "clock", "import time\nstarted = time.time_ns()"),
    (PRODUCT, "chance", "import random\nx = random.random()"),
    (PRODUCT, "chance", "import random\nx = random.Random()"),
    (PRODUCT, "chance", "import numpy as np\nx = np.random.normal(0, 1)"),
    (PRODUCT, "chance", "import numpy as np\nx = np.random.default_rng()"),
    (PRODUCT, "chance", "from numpy.random import default_rng\nx = default_rng()"),
    (
        PRODUCT,
        "silence",
        TRY + "    except Exception:\n        return 0.0",
    ),
    (PRODUCT, "silence", TRY + "    except:\n        return {}"),
    (
        PRODUCT,
        "silence",
        TRY + "    except (OSError, Exception):\n        return None",
    ),
    (
        PRODUCT,
        "silence",
        TRY + "    except BaseException:\n        return",
    ),
    (
        PRODUCT,
        "silence",
        TRY + "    except Exception:\n        return 50",
    ),
    (
        PRODUCT,
        "silence",
        "import contextlib\nwith contextlib.suppress(Exception):\n    g()",
    ),
    (
        SHARED,
        "silence",
        "def custom_stake_amount():\n    try:\n        g()\n    except Exception:\n"
        "        return 0.0",
    ),
    (PRODUCT, "float-equality", "def f(price: float, other):\n    return price == other"),
    (PRODUCT, "float-equality", "ok = x != 0.1"),
    (PRODUCT, "float-equality", "ok = float(a) == b"),
    (PRODUCT, "float-equality", "ok = balance == 0.0"),
    (PRODUCT, "float-equality", "def f():\n    stake: float = g()\n    return stake != limit"),
    (STRATEGY, "mixin", "class Example(HelpfulMixin, IStrategy):\n    pass"),
    (STRATEGY, "mixin", "class Example(AquatradeStrategy, Other):\n    pass"),
    (
        STRATEGY,
        "idle-callback",
        "class Example(IStrategy):\n    def custom_exit(self, pair, trade):\n        return None",
    ),
    (
        SHARED,
        "idle-callback",
        "class AquatradeStrategy(IStrategy):\n"
        "    def custom_entry_price(self, pair, trade, proposed_rate):\n"
        '        """Unchanged."""\n        return proposed_rate',
    ),
    (TEST, "cannot-fail", "def test_it():\n    assert True"),
    (TEST, "cannot-fail", "def test_it():\n    assert 1"),
    ("README.md", "unfinished", "Not yet: TO" + "DO"),
    ("README.md", "workshop", "as iss" + "ue 12 says"),
    ("README.md", "workshop", "as this ses" + "sion found"),
    ("docs/a.md", "machine-path", "see /wo" + "rk/main/README"),
    (PRODUCT, "machine-path", 'FOLDER = "/tm' + 'p/aq"'),
    (PRODUCT, "machine-path", "# in /op" + "t/venv"),
]

PASSED = [
    ("sidecars/common/clock.py", "from datetime import UTC, datetime\nnow = datetime.now(UTC)"),
    (PRODUCT, "import time\nstarted = time.monotonic()"),
    (PRODUCT, "now = clock.now()"),
    (PRODUCT, "import time\nx = time.time()  # house: clock - stamps a real log file"),
    (PRODUCT, "import random\nx = random.Random(7)"),
    (PRODUCT, "import numpy as np\nx = np.random.default_rng(seed)"),
    (PRODUCT, "import numpy as np\nx = np.random.Generator(np.random.Philox(key=1))"),
    (PRODUCT, TRY + "    except OSError:\n        return None"),
    (
        PRODUCT,
        TRY + "    except Exception as error:\n        raise ValueError from error",
    ),
    (
        SHARED,
        "def custom_stake_amount():\n    try:\n        g()\n    except Exception:\n"
        "        logger.exception('no stake')\n        return 0.0",
    ),
    (PRODUCT, "ok = total == 0.0"),
    (PRODUCT, "ok = count == 0"),
    (PRODUCT, "ok = price == Decimal('0.1')"),
    (PRODUCT, "def f(a: float):\n    def g(a: int):\n        return a == 1\n    return g"),
    (TEST, "def test_it():\n    assert f() == 0.5"),
    (STRATEGY, "class Example(AquatradeStrategy):\n    pass"),
    (PRODUCT, "class Store(Base, HelpfulMixin):\n    pass"),
    (
        STRATEGY,
        "class Example(IStrategy):\n    def custom_exit(self, pair, trade):\n"
        "        return self.reason(trade)",
    ),
    ("docker-compose.yml", "tmpfs:\n  - /tmp:size=64m"),
    ("docs/a.md", "a relative path such as docs/work/x or ~/tmp/y, and https://host/opt/x"),
]


def findings(tmp_path: Path, name: str, text: str) -> list[Finding]:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")
    return findings_of(tmp_path, Path(name))


@pytest.mark.parametrize(("name", "rule", "text"), CAUGHT)
def test_catches(tmp_path: Path, name: str, rule: str, text: str) -> None:
    assert [found.rule for found in findings(tmp_path, name, text)] == [rule]


@pytest.mark.parametrize(("name", "text"), PASSED)
def test_lets_pass(tmp_path: Path, name: str, text: str) -> None:
    assert findings(tmp_path, name, text) == []


def test_a_waiver_excuses_one_rule_and_only_with_a_reason() -> None:
    source = Source(Path(PRODUCT), "x = 1  # house: clock - why\ny = 1  # house: clock\n")
    assert source.waived_rules(1) == {"clock"}
    assert source.waived_rules(2) == set()
    other = Finding(Path(PRODUCT), 1, "chance", "text")
    assert source.without_waived([other]) == [other]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (LONG_LINES, []),
        (LONG_LINES + 1, [True]),
        (LONGEST_LINES, [True]),
        (LONGEST_LINES + 1, [False]),
    ],
)
def test_length_warns_before_it_refuses(tmp_path: Path, lines: int, expected: list[bool]) -> None:
    found = findings(tmp_path, PRODUCT, "\n".join(["x = 1"] * lines))
    assert [finding.is_warning for finding in found] == expected


def test_a_test_may_be_longer_than_what_it_tests(tmp_path: Path) -> None:
    text = "\n".join(["x = 1"] * LONGEST_TEST_LINES)
    assert [finding.is_warning for finding in findings(tmp_path, TEST, text)] == [True]
    assert [finding.is_warning for finding in findings(tmp_path, TEST, text + "\ny = 1")] == [False]


def test_files_that_are_no_text_or_no_python_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_bytes(b"\xff\xfe")
    assert [found.rule for found in findings_of(tmp_path, Path("broken.py"))] == ["encoding"]
    assert [found.rule for found in findings(tmp_path, "x.py", "def f(:")] == ["syntax"]


def test_the_command_checks_tracked_and_new_files_but_not_ignored_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("var/\n")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "scratch.py").write_text("import time\nx = time.time()\n")
    (tmp_path / "good.py").write_text("x = 1\n")
    assert repository_files(tmp_path) == [Path(".gitignore"), Path("good.py")]
    assert main([], root=tmp_path) == 0
    (tmp_path / "bad.py").write_text("import time\nx = time.time()\n")
    assert main([], root=tmp_path) == 1
    assert "bad.py:2: clock" in capsys.readouterr().out
    assert main([str(tmp_path / "good.py")], root=tmp_path) == 0
