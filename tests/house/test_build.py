"""Makefile, pins, packages and benchmarks: what builds and measures the house."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import BenchmarkError, benchmark_modules, main, run_benchmark

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
# Where the name that is imported is not the name that is installed.
DISTRIBUTIONS = {"talib": "ta-lib", "prometheus_client": "prometheus-client", "yaml": "pyyaml"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    return {
        normal(name): version
        for name, _, version in (line.partition("==") for line in lines if "==" in line)
    }


def requirements() -> Iterator[tuple[str, str | None]]:
    """(name, pinned version or None) of every dependency, development ones included."""
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
    ]
    for requirement in (line for group in groups for line in group):
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(?:==(.+))?", requirement)
        assert match is not None, requirement
        yield normal(match.group(1)), match.group(2)


def imported_packages(folder: Path) -> set[str]:
    """Top-level packages that a Python file, or all of a folder, import from elsewhere."""
    found = set()
    for file in [folder] if folder.is_file() else folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


def shared_modules(folder: Path) -> set[Path]:
    """The files of `aquatrade` that a folder's Python files import, and those that these import."""
    strategies = REPOSITORY / "user_data" / "strategies"
    waiting, found = list(folder.rglob("*.py")), set[Path]()
    while waiting:
        names = re.findall(r"^\s*from (aquatrade[\w.]*) import", waiting.pop().read_text(), re.M)
        files = {strategies / f"{name.replace('.', '/')}.py" for name in names} - found
        found |= files
        waiting += sorted(files)
    return found


def test_every_dependency_is_pinned_to_one_version() -> None:
    pinned = pins()
    for name, version in requirements():
        assert name in pinned, f"{name} is not in constraints.txt"
        assert version in (None, pinned[name]), f"{name}: {version}, pinned {pinned[name]}"


def test_the_sidecars_image_holds_exactly_what_they_import() -> None:
    lines = (REPOSITORY / "docker" / "sidecars-requirements.txt").read_text().splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}
    imported = imported_packages(REPOSITORY / "sidecars") - {"sidecars"}
    shared = shared_modules(REPOSITORY / "sidecars")
    assert shared
    for file in shared:
        # The image has no freqtrade: what the guard shares with the bots must not need it.
        more = imported_packages(file)
        assert "freqtrade" not in more, file
        imported |= more
    imported -= {"aquatrade", "sidecars"}
    assert "freqtrade" not in imported
    needed = {DISTRIBUTIONS.get(name, name) for name in imported} - {"pydantic_core"}
    assert listed == {normal(name) for name in needed}
    assert listed <= set(pins())


def test_what_strategies_share_needs_nothing_beyond_the_stock_image() -> None:
    imported = imported_packages(REPOSITORY / "user_data" / "strategies" / "aquatrade")
    in_image = {
        "aquatrade", "freqtrade", "numpy", "pandas", "talib", "technical", "requests", "urllib3",
        "pydantic", "pydantic_core", "rapidjson", "jsonschema", "ccxt", "sqlalchemy", "orjson",
        "pyarrow",
    }  # fmt: skip
    assert imported <= in_image, imported - in_image


def test_every_package_is_installed_with_the_project() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    on_disk = {
        ".".join(folder.relative_to(REPOSITORY).parts)
        for room in ("sidecars", "lab", "operations")
        for folder in [file.parent for file in (REPOSITORY / room).rglob("__init__.py")]
    }
    shared = REPOSITORY / "user_data" / "strategies"
    on_disk |= {
        ".".join(file.parent.relative_to(shared).parts)
        for file in (shared / "aquatrade").rglob("__init__.py")
    }
    assert listed == on_disk


def make(*arguments: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_make_alone_lists_the_targets() -> None:
    result = make()
    assert result.returncode == 0
    for target in ("demo", "test", "lint", "bench", "help"):
        assert re.search(rf"^  make {target} ", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("answer", ["Python 3.10.4", "Python 3.14.0"])
def test_make_refuses_another_python_in_one_line(tmp_path: Path, answer: str) -> None:
    checkout = tmp_path / "a b"
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (checkout / name).write_bytes((REPOSITORY / name).read_bytes())
    wrong = tmp_path / "python-wrong"
    wrong.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{answer}" && exit 0\nexit 1\n')
    wrong.chmod(0o755)
    result = make("lint", f"PYTHON={wrong}", folder=checkout)
    assert result.returncode != 0
    told = [line for line in result.stderr.splitlines() if not re.match(r"make(\[\d+\])?:", line)]
    assert told == [
        f"Aquatrade needs Python 3.11, 3.12 or 3.13 and found {answer}: "
        "name one with make PYTHON=python3.12"
    ]
    assert not (checkout / ".venv").exists()


def test_an_environment_that_is_built_is_not_built_again(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed").touch()
    assert "pip install" not in make("-n", "test", folder=tmp_path).stdout
    (tmp_path / "constraints.txt").write_text("changed==1\n")
    assert "pip install" in make("-n", "--always-make", "test", folder=tmp_path).stdout


def test_demo_passes_a_folder_with_blanks_as_one_argument() -> None:
    assert '--data "my data/binance"' in make("-n", "demo", "DATA=my data/binance").stdout
    assert "--data" not in make("-n", "demo").stdout


GOOD = "BENCH loops value=4.5 unit=ms goal=<=5 ok"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "speed"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "_shared.py").write_text("def main(): raise SystemExit(9)\n")
    (folder / "helper.py").write_text("x = 1\n")
    (folder / "good.py").write_text(f"def main():\n    print('noise')\n    print({GOOD!r})\n")
    return folder


def test_benchmarks_run_one_by_one_and_end_with_their_figures(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (package / "slow.py").write_text(
        "def main():\n    print('BENCH rate value=0.4 unit=ratio goal=0.5 short')\n"
    )
    assert benchmark_modules(package) == ["good", "slow"]
    assert main(package) == 0  # short of a goal is a result
    lines = capsys.readouterr().out.splitlines()
    assert "noise" in lines
    assert lines[-2:] == [GOOD, "BENCH rate value=0.4 unit=ratio goal=0.5 short"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def main(): raise RuntimeError", "ended with code 1"),
        ("def main(): return 3", "ended with code 3"),
        ("def main(): pass", "printed no BENCH line"),
        ("def main(): print('BENCH x value=fast unit=s goal=1 ok')", "expected"),
        ("def main(): print('BENCH x value=1 unit=s goal=1 fine')", "expected"),
    ],
)
def test_a_benchmark_that_crashes_or_mumbles_fails_the_run(
    package: Path, source: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (package / "bad.py").write_text(source + "\n")
    with pytest.raises(BenchmarkError, match=text):
        run_benchmark("speed", "bad", package.parent)
    assert main(package) == 1
    assert GOOD in capsys.readouterr().out  # the others run all the same


def test_every_key_of_the_shipped_configs_is_explained() -> None:
    explained = (REPOSITORY / "docs" / "configuration.md").read_text()

    def keys(section: object) -> Iterator[str]:
        if isinstance(section, dict):
            for key, part in section.items():
                yield key
                # Below these stand ccxt's own names and the replay exchange's addresses.
                if key not in ("ccxt_config", "ccxt_async_config"):
                    yield from keys(part)
        elif isinstance(section, list):
            for part in section:
                yield from keys(part)

    for file in sorted((REPOSITORY / "user_data" / "config").glob("*.json")):
        assert file.name in explained
        for key in set(keys(json.loads(file.read_text()))) - {"$schema"}:
            assert re.search(rf"\b{key}\b", explained), f"{file.name}: {key}"


@pytest.mark.parametrize("has_data", [True, False])
def test_ci_runs_lint_and_then_the_tests_of_the_readme(tmp_path: Path, has_data: bool) -> None:
    checkout = tmp_path / "a checkout"
    (checkout / ".ci").mkdir(parents=True)
    (checkout / ".ci" / "run").symlink_to(REPOSITORY / ".ci" / "run")
    data = tmp_path / "shared" / "data"
    if has_data:
        data.mkdir(parents=True)
    fake = tmp_path / "bin" / "make"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "$1 $PWD ${AQUATRADE_DATA:-none}"\n')
    fake.chmod(0o755)
    result = subprocess.run(
        ["bash", str(checkout / ".ci" / "run")],
        env={"PATH": f"{fake.parent}:/usr/bin:/bin"},
        capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    seen = data if has_data else "none"
    assert result.stdout.splitlines() == [f"{name} {checkout} {seen}" for name in ("lint", "test")]
    assert "make test " in (REPOSITORY / "README.md").read_text()
