"""How a mistake is told: what came, shortened; what near name may have been meant."""

import difflib
from collections.abc import Iterable

LONGEST_SHOWN = 60


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """' (did you mean "near"?)' with a leading blank, or nothing when no known name is near."""
    near = difflib.get_close_matches(value, list(known), n=1, cutoff=0.7)
    return f' (did you mean "{near[0]}"?)' if near else ""


def shown(value: object) -> str:
    """A value on one line, cut to a readable length; sections and lists by their size."""
    if isinstance(value, dict):
        return f"a section of {len(value)} keys" if value else "an empty section"
    if isinstance(value, list) and len(repr(value)) > LONGEST_SHOWN:
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def one_line(text: str) -> str:
    """The text with every run of white space as one blank."""
    return " ".join(text.split())
