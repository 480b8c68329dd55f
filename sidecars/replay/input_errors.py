"""Turns what pydantic found wrong in an input into one line: where, what is expected, what came."""

from pydantic import BaseModel, ConfigDict, ValidationError

SHOWN_VALUE_CHARACTERS = 60


class InputModel(BaseModel):
    """A message from outside: exact types, no unknown keys, no infinities, never changed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def one_line(error: ValidationError) -> str:
    """The first thing that is wrong, and how many more there are.

    >>> one_line(error)
    'parameters.status: Input should be 418 or 429, got 500'
    """
    first, *others = error.errors(include_url=False, include_context=False)
    where = ".".join(str(part) for part in first["loc"]) or "input"
    line = f"{where}: {first['msg']}"
    if first["type"] not in ("missing", "json_invalid"):
        line += f", got {_shown(first['input'])}"
    if others:
        line += f" (and {len(others)} more)"
    # A value may hold line breaks or half a surrogate pair; the answer must hold neither.
    return " ".join(line.encode("utf-8", "backslashreplace").decode().split())


def _shown(value: object) -> str:
    text = repr(value)
    if len(text) <= SHOWN_VALUE_CHARACTERS:
        return text
    return text[: SHOWN_VALUE_CHARACTERS - 3] + "..."
