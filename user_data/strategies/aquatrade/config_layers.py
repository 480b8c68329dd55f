"""Layers of configuration: files and environment variables, read, and merged as freqtrade does.

Freqtrade's own loader answers a wrong file with a traceback or half a page; this one reads the
same files to the same result (a test compares them) and answers with one line a mistake.
"""

import math
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rapidjson
from freqtrade.configuration.environment_vars import _flat_vars_to_nested_dict
from freqtrade.configuration.load_config import CONFIG_PARSE_MODE

from aquatrade.wording import one_line

PREFIX = "FREQTRADE__"
DEEPEST_INCLUSION = 5  # freqtrade's own limit for add_config_files
LONGEST_LINE = 1_000
DEEPEST_NESTING = 30  # the deepest section that freqtrade knows has five levels
KeyPath = tuple[str, ...]


class ConfigRefused(Exception):  # noqa: N818  # it is an answer, not a fault
    """The configuration cannot be used; each line is one mistake and where it is."""

    def __init__(self, lines: Sequence[str]) -> None:
        # Keys and values are quoted as they came; one with a line break in it stays one line.
        self.lines = [one_line(line)[:LONGEST_LINE] for line in lines]
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True, slots=True)
class Layer:
    """One file or one environment variable; `source` is how messages name it."""

    source: str
    content: dict[str, Any] = field(repr=False)  # may hold secrets


@dataclass(frozen=True, slots=True)
class Merged:
    """What all layers give together, and which of them had the last word on each key."""

    config: dict[str, Any] = field(repr=False)
    origins: Mapping[KeyPath, str]

    def origin(self, path: KeyPath) -> str:
        """The layer that gave the value at `path`; "configuration" if none did."""
        return self.origins.get(path, "configuration")


class _DuplicateKeyError(ValueError):
    """A key that stands twice in one section: freqtrade would silently take the later."""


class _Decoder(rapidjson.Decoder):
    """Objects as pairs first, so that a key written twice does not vanish unseen."""

    def start_object(self) -> list[tuple[str, Any]]:
        return []

    def end_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise _DuplicateKeyError(f"key {twice!r} stands twice in one section, expected it once")
        return content


def read_layers(paths: Sequence[Path], environment: Mapping[str, str]) -> list[Layer]:
    """Files in the given order, what they include before them, then variables; the last wins.

    Raises ConfigRefused: a file that is missing, unreadable, no JSON, or includes in a circle.
    """
    if not paths:
        raise ConfigRefused(["no configuration file given, expected at least one (-c FILE)"])
    layers: list[Layer] = []
    problems: list[str] = []
    for path in paths:
        try:
            layers += _read_with_inclusions(path, 0)
        except ConfigRefused as refused:
            problems += refused.lines
    if problems:
        raise ConfigRefused(problems)
    return layers + variable_layers(environment)


def variable_layers(environment: Mapping[str, str]) -> list[Layer]:
    """One layer for each variable FREQTRADE__SECTION__KEY, converted as freqtrade does."""
    return [
        Layer(f"environment {name}", _flat_vars_to_nested_dict({name: text}, PREFIX))
        for name, text in sorted(environment.items())
        if name.startswith(PREFIX)
    ]


def merge(layers: Sequence[Layer]) -> Merged:
    """Lay each layer over those before it. Raises ConfigRefused where section and value collide.

    Sections are merged key by key; values and lists are replaced as a whole.
    """
    config: dict[str, Any] = {}
    origins: dict[KeyPath, str] = {}
    problems: list[str] = []
    for layer in layers:
        _lay_over(config, layer.content, (), layer.source, origins, problems)
    if problems:
        raise ConfigRefused(problems)
    return Merged(config, origins)


def _lay_over(
    below: dict[str, Any],
    above: Mapping[str, Any],
    path: KeyPath,
    source: str,
    origins: dict[KeyPath, str],
    problems: list[str],
) -> None:
    for key, value in above.items():
        here = (*path, key)
        if key in below and isinstance(below[key], dict) != isinstance(value, dict):
            kinds = ("a section", "a value")
            came, stands = kinds if isinstance(value, dict) else kinds[::-1]
            problems.append(
                f"{source}: {'.'.join(here)}: got {came}, expected {stands} as in "
                f"{origins.get(here, 'an earlier layer')}"
            )
            continue
        origins[here] = source
        if isinstance(value, dict):
            _lay_over(below.setdefault(key, {}), value, here, source, origins, problems)
        else:
            below[key] = deepcopy(value)


def _read_with_inclusions(path: Path, depth: int) -> list[Layer]:
    if depth > DEEPEST_INCLUSION:
        raise ConfigRefused(
            [f"{path}: add_config_files: included {depth} deep, expected no file to include itself"]
        )
    content = _read_object(path)
    included = content.get("add_config_files", None)
    layers: list[Layer] = []
    if included is not None:
        if not _is_list_of_names(included):
            raise ConfigRefused(
                [f"{path}: add_config_files: expected a list of at least one file name"]
            )
        for name in included:
            layers += _read_with_inclusions(path.resolve().parent / name, depth + 1)
    return [*layers, Layer(str(path), content)]


def _is_list_of_names(value: object) -> bool:
    # An empty list makes freqtrade lay its minimal config under the file: surely not meant.
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigRefused([f"{path}: no such file, expected a configuration file"]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigRefused([f"{path}: cannot be read ({reason})"]) from None
    try:
        content = _Decoder(parse_mode=CONFIG_PARSE_MODE)(text)
    except _DuplicateKeyError as error:
        raise ConfigRefused([f"{path}: {error}"]) from None
    except rapidjson.JSONDecodeError as error:
        raise ConfigRefused([f"{path}{_place(text, str(error))}"]) from None
    except RecursionError:
        raise ConfigRefused([f"{path}: sections nested too deep to be a configuration"]) from None
    if not isinstance(content, dict):
        raise ConfigRefused([f"{path}: got {type(content).__name__}, expected {{ ... }}"])
    oddity = _oddity(content)
    if oddity is not None:
        raise ConfigRefused([f"{path}: {oddity}"])
    return content


def _place(text: str, message: str) -> str:
    """':LINE:COLUMN: not valid JSON: REASON' from the parser's byte offset."""
    match = re.match(r"Parse error at offset (\d+): (.*)", one_line(message))
    if match is None:
        return f": not valid JSON: {one_line(message)}"
    before = text.encode("utf-8")[: int(match.group(1))].decode("utf-8", errors="ignore")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return f":{line}:{column}: not valid JSON: {match.group(2).rstrip('.')}"


def _oddity(content: object) -> str | None:
    """What JSON or freqtrade cannot have: a NaN or infinity, or sections nested without end."""
    waiting: list[tuple[KeyPath, object]] = [((), content)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEEPEST_NESTING:
            return "sections nested too deep to be a configuration"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{'.'.join(path)}: expected a finite number"
        if isinstance(value, dict):
            waiting += [((*path, key), part) for key, part in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, str(index)), part) for index, part in enumerate(value)]
    return None
