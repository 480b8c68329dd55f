"""Settings of a service: a JSON file, overrides from the environment, one clear line a mistake."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)
_KEY_IN_TEXT = re.compile(r"^key '([^'.]+)")


class SettingsError(ValueError):
    """A wrong key or value; the text is one line: where, what came, what is expected."""


def load_settings(
    model: type[SettingsModel], file: Path | None, environment: Mapping[str, str], prefix: str
) -> SettingsModel:
    """Read `file` (None: defaults alone), let variables PREFIX_KEY override its top-level keys, and
    check the result.

    A variable's text is taken as JSON where it is JSON, else as the text it is; for a key that is
    a list, text without brackets is split at commas. Raises SettingsError.
    """
    content = {} if file is None else read_object(file)
    origin = "built-in settings" if file is None else str(file)
    return load_section(model, content, origin, environment, prefix)


def load_section(
    model: type[SettingsModel],
    content: Mapping[str, object],
    origin: str,
    environment: Mapping[str, str],
    prefix: str,
) -> SettingsModel:
    """The same for content that has been read. Raises SettingsError."""
    overrides = _overrides(model, environment, prefix)
    origins = {key: f"environment variable {prefix}_{key.upper()}" for key in overrides}
    return check_settings(model, {**content, **overrides}, origin, origins)


def check_settings(
    model: type[SettingsModel],
    content: Mapping[str, object],
    origin: str,
    origins: Mapping[str, str] | None = None,
) -> SettingsModel:
    """Check a mapping against a settings model. Raises SettingsError naming every mistake.

    origin: where the content comes from; origins: of the top-level keys that come from elsewhere.
    """
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        problems: dict[str, list[str]] = {}
        for details in error.errors():
            problem = _problem(model, details)
            # A rule between keys has no place of its own: its text begins with the key.
            named = details["loc"] or _KEY_IN_TEXT.findall(problem)[:1]
            key = str(named[0]) if named else ""
            place = (origins or {}).get(key, origin)
            problems.setdefault(place, []).append(problem)
        lines = [f"{place}: " + "; ".join(dict.fromkeys(each)) for place, each in problems.items()]
        raise SettingsError("; ".join(lines)) from None


def did_you_mean(value: str, known: Sequence[str]) -> str:
    """' (did you mean "near"?)' or nothing."""
    near = difflib.get_close_matches(value, known, n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def read_object(file: Path) -> dict[str, object]:
    """The JSON object in a file. Raises SettingsError."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"{file}: cannot be read ({reason}), expected a JSON file") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{file}: is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{file}: got {type(content).__name__}, expected a JSON object")
    return content


def _overrides(
    model: type[BaseModel], environment: Mapping[str, str], prefix: str
) -> dict[str, object]:
    overrides: dict[str, object] = {}
    for variable, text in environment.items():
        if not variable.startswith(f"{prefix}_"):
            continue
        key = variable.removeprefix(f"{prefix}_").lower()
        if key not in model.model_fields:
            known = [f"{prefix}_{name.upper()}" for name in model.model_fields]
            raise SettingsError(
                f"environment variable {variable} is unknown{did_you_mean(variable, known)}"
            )
        overrides[key] = _value(model, key, text)
    return overrides


def _value(model: type[BaseModel], key: str, text: str) -> object:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        parsed = text
    wants_list = any(
        str(kind).startswith(("tuple", "list"))
        for annotation in [model.model_fields[key].annotation]
        for kind in (annotation, *get_args(annotation))
    )
    if wants_list and isinstance(parsed, str):
        return [part.strip() for part in parsed.split(",") if part.strip()]
    return parsed


def _problem(model: type[BaseModel], details: ErrorDetails) -> str:
    names = [str(part) for part in details["loc"]]
    key = ".".join(names)
    if details["type"] == "extra_forbidden":
        known = list(_model_around(model, names).model_fields)
        return (
            f"key '{key}' is unknown, expected one of {', '.join(known)}"
            f"{did_you_mean(names[-1], known)}"
        )
    if details["type"] == "missing":
        return f"key '{key}' is missing"
    message = details["msg"].removeprefix("Value error, ")
    if not names:
        return message
    return f"key '{key}': got {_short(details['input'])}, expected: {message}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _model_around(model: type[BaseModel], names: Sequence[str]) -> type[BaseModel]:
    """The section in which the last of the names stands."""
    for name in names[:-1]:
        field = model.model_fields.get(name)
        if field is None:
            continue
        for candidate in (field.annotation, *get_args(field.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return model
