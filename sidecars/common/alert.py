"""What a person is told. Pure."""

from dataclasses import dataclass
from enum import StrEnum

LONGEST_KEY = 200
LONGEST_TITLE = 200
LONGEST_TEXT = 3000


class Level(StrEnum):
    """How urgent: INFO comes in a digest once a day, WARNING and CRITICAL at once."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message. key: the same thing has the same key for ever, and is told once.

    title: one line for a phone's lock screen; text: a few lines below it. Raises ValueError for a
    key that is empty or longer than 200 characters and for an empty title.
    """

    level: Level
    key: str
    title: str
    text: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= LONGEST_KEY:
            raise ValueError(f"an alert's key: expected 1 to {LONGEST_KEY} characters: {self.key}")
        if not self.title.strip():
            raise ValueError(f"alert {self.key}: expected a title")


def cut(text: str, longest: int) -> str:
    """The text, at most so long."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def digest_text(alerts: list[tuple[str, str]]) -> str:
    """Titles and texts of many alerts as one text; what does not fit is counted."""
    lines: list[str] = []
    length = 0
    for place, (title, text) in enumerate(alerts):
        line = f"- {title}" + (f": {' '.join(text.split())}" if text else "")
        line = cut(line, LONGEST_TEXT // 4)
        length += len(line) + 1
        if length > LONGEST_TEXT - 40:
            lines.append(f"... and {len(alerts) - place} more")
            break
        lines.append(line)
    return "\n".join(lines)
