"""`python -m lint.house_rules [FILE ...]`: the house rules over the repository, or over files.

Exit code 1 if a rule is broken; warnings are shown and pass. A line excuses itself from a rule
with a comment that names the rule and the reason: `# house: clock - measures a real process`.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lint.code_rules import code_findings
from lint.findings import Finding, Source
from lint.text_rules import text_findings

ROOT = Path(__file__).resolve().parents[1]
TEXT_SUFFIXES = frozenset(
    {".py", ".sh", ".md", ".toml", ".json", ".yml", ".yaml", ".txt", ".svg", ".Dockerfile", ""}
)


def repository_files(root: Path) -> list[Path]:
    """Text files that are in the repository or about to be: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    names = sorted({name for name in listed.split("\0") if name})
    return [
        Path(name)
        for name in names
        if Path(name).suffix in TEXT_SUFFIXES and (root / name).is_file()
    ]


def findings_of(root: Path, path: Path) -> list[Finding]:
    """Everything one file breaks; `path` is relative to the root."""
    try:
        text = (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return [Finding(path, 1, "encoding", "is not UTF-8 text")]
    source = Source(path, text)
    found = text_findings(source)
    if path.suffix == ".py":
        try:
            found += code_findings(source)
        except SyntaxError as error:
            found.append(Finding(path, error.lineno or 1, "syntax", str(error.msg)))
    return sorted(found)


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Check the named files, or all; returns the exit code."""
    paths = [Path(name).resolve().relative_to(root) for name in arguments]
    checked = paths or repository_files(root)
    found = [finding for path in checked for finding in findings_of(root, path)]
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    broken = sum(not finding.is_warning for finding in found)
    sys.stdout.write(
        f"house rules: {broken} broken in {len(checked)} files"
        f"{f', {len(found) - broken} warnings' if len(found) > broken else ''}\n"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
