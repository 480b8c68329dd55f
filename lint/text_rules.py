"""Rules on any text file: how long it is, and words that have no place in the product."""

import re
from collections.abc import Iterator

from lint.findings import Finding, Source

LONG_LINES = 300
LONGEST_LINES = 350
LONGEST_TEST_LINES = 400  # tables of cases need room
# Written in pieces, so that this file does not break the rules that it defines.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
WORKSHOP = re.compile(
    r"\b(?:iss" r"ue\s+#?\d+|this\s+ses" r"sion|the\s+integra" r"tor|the\s+CE" r"O)\b",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.~$}/:-])/(?:wo" r"rk|tm" r"p|op" r"t|ro" r"ot|fa" r"rm)/[\w.]+")
LENGTH_RULE_SUFFIXES = frozenset({".py", ".sh"})
# The licence is not ours to shorten; pins are data.
EXEMPT_NAMES = frozenset({"LICENSE", "constraints.txt"})


def text_findings(source: Source) -> list[Finding]:
    """Everything that a file's text breaks."""
    if source.path.name in EXEMPT_NAMES:
        return []
    return source.without_waived([*_length(source), *_words(source)])


def _length(source: Source) -> Iterator[Finding]:
    count = len(source.lines)
    longest = LONGEST_TEST_LINES if source.is_test else LONGEST_LINES
    if source.path.suffix in LENGTH_RULE_SUFFIXES and count > LONG_LINES:
        yield Finding(
            source.path, 1, "length", f"{count} lines, expected {LONG_LINES} or fewer",
            is_warning=count <= longest,
        )  # fmt: skip


def _words(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.lines, start=1):
        for rule, pattern in (
            ("unfinished", UNFINISHED),
            ("workshop", WORKSHOP),
            ("machine-path", MACHINE_PATH),
        ):
            match = pattern.search(line)
            if match:
                yield Finding(source.path, number, rule, f"{match.group(0)!r} has no place here")
