"""Runs every benchmark of this folder in a process of its own and ends with all figures.

Exit code 1 when a benchmark crashes, prints a malformed figure or none; a figure that is `short`
of its goal is a result, not a failure.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
FIGURE = re.compile(
    rf"BENCH (?P<name>\S+) value={NUMBER} unit=\S+ goal=(?:<=|>=)?{NUMBER} (?:ok|short)"
)
CALL = "import importlib, sys; sys.exit(importlib.import_module(sys.argv[1]).main())"


class BenchmarkError(RuntimeError):
    """A benchmark that did not deliver; the text is one line."""


def benchmark_modules(folder: Path) -> list[str]:
    """Names of the modules in the folder that define main(), in alphabetical order."""
    return [
        file.stem
        for file in sorted(folder.glob("*.py"))
        if not file.stem.startswith("_")
        and any(
            isinstance(node, ast.FunctionDef) and node.name == "main"
            for node in ast.parse(file.read_text(encoding="utf-8")).body
        )
    ]


def run_benchmark(package: str, name: str, working_folder: Path) -> list[str]:
    """Run PACKAGE.NAME.main() as a process, its output passed through; returns its figures.

    Raises BenchmarkError when it crashes or its figures are not in the agreed form.
    """
    command = [sys.executable, "-c", CALL, f"{package}.{name}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=working_folder
    ) as process:
        assert process.stdout is not None
        figures = list(_pass_through(process.stdout))
    if process.returncode != 0:
        raise BenchmarkError(f"{name} ended with code {process.returncode}")
    if not figures:
        raise BenchmarkError(f"{name} printed no BENCH line")
    for figure in figures:
        if FIGURE.fullmatch(figure) is None:
            raise BenchmarkError(f"{name} printed {figure!r}, expected {FIGURE.pattern}")
    return figures


def _pass_through(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith("BENCH "):
            yield line.rstrip()


def main(folder: Path = FOLDER, chosen: Sequence[str] = ()) -> int:
    """Run the benchmarks (all, or those named) one after the other; returns the exit code."""
    figures: list[str] = []
    failures: list[str] = []
    for name in benchmark_modules(folder):
        if chosen and name not in chosen:
            continue
        sys.stdout.write(f"--- {name}\n")
        sys.stdout.flush()
        try:
            figures += run_benchmark(folder.name, name, folder.parent)
        except BenchmarkError as error:
            failures.append(str(error))
    sys.stdout.write("\n" + "".join(f"{figure}\n" for figure in figures))
    sys.stderr.writelines(f"benchmark failed: {failure}\n" for failure in failures)
    return 1 if failures or not figures else 0


if __name__ == "__main__":
    sys.exit(main(chosen=sys.argv[1:]))
