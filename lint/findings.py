"""What a rule finds, and how a line of code is excused from a rule."""

import re
from dataclasses import dataclass
from pathlib import Path

# "# house: clock - measures a real process": the rule's name and the reason, on the same line.
WAIVER = re.compile(r"#\s*house:\s*(?P<rule>[a-z-]+)\s+-\s+\S")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One violation; line numbers start at 1. A warning is shown and does not fail the lint."""

    path: Path
    line: int
    rule: str
    text: str
    is_warning: bool = False

    def __str__(self) -> str:
        kind = " (warning)" if self.is_warning else ""
        return f"{self.path}:{self.line}: {self.rule}{kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class Source:
    """One file as rules see it: its path inside the repository and its lines."""

    path: Path
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def is_test(self) -> bool:
        return self.path.parts[0] == "tests"

    @property
    def is_strategy_side(self) -> bool:
        """Code that freqtrade loads: strategies and what they share."""
        return self.path.parts[:2] == ("user_data", "strategies")

    def waived_rules(self, line: int) -> set[str]:
        """Rules that this line's own comment excuses it from."""
        lines = self.lines
        if not 1 <= line <= len(lines):
            return set()
        return {match.group("rule") for match in WAIVER.finditer(lines[line - 1])}

    def without_waived(self, findings: list[Finding]) -> list[Finding]:
        return [found for found in findings if found.rule not in self.waived_rules(found.line)]
