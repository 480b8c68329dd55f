"""Malformed variants of a valid answer: its structure bent, its bytes torn, its times moved."""

import functools
import json
import random
import re
from collections.abc import Callable
from typing import Any

Place = tuple[int | str, ...]
MOST_PLACES = 500
MOST_BENDS = 3
XML_TOKENS = re.compile(rb"(<[^>]*>)")
EPOCH_NUMBER = re.compile(rb"(?<![0-9.])1[0-9]{9}(?:[0-9]{3})?(?![0-9.])")
YEAR = re.compile(rb"(?<![0-9])20[0-9]{2}(?=-[01][0-9]-|[ /])")
RAW = re.compile(r'"<raw:([^">]*)>"')
# Written into the JSON as they stand here, without quotes.
RAW_VALUES = tuple(
    f"<raw:{token}>"
    for token in ("1e400", "-1e400", "1" + "0" * 400, "01", "+1", ".5", "0x10", "undefined", "")
)
STRANGE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, -0.0, 1, 0.5, 1e308, -1e308, 5e-324, 2**31, 2**53 + 1, 2**63, 2**64,
    10**30, float("nan"), float("inf"), float("-inf"), "", " ", "NaN", "nan", "inf", "-Infinity",
    "1e400", "-1", "1,234.5", "1_000", "\u0661\u0662", "0x1f", "12abc", "true", "null", "N/A",
    "\x00", "\ud800", "\U0001f680" * 40, "\u202e", "a" * 5000, "line\nbreak", "2024-02-30",
    "0000-00-00", "9999-12-31", "10000-01-01", "2024-01-01T25:00:00Z", "1970-01-01", "<b>", [], {},
    [None], [[]], {"value": 1}, [1, 2, 3], [[[[1]]]], {"": {}}, "1e5000", "9" * 5000, *RAW_VALUES,
)  # fmt: skip
STRANGE_KEYS = ("", "Value", "data ", "__proto__", "\ud800", "0", "9999-12-31", "\n")
STRANGE_BYTES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3\x28", b"\xed\xa0\x80", b"]]>", b"<!--", b"}{",
    b",", b"\\u0000", b"\\ud800", b"&amp;&lol;", b"<![CDATA[", b"\r\n\r\n", b"NaN", b"-",
    b"[" * 2000, b'{"a":' * 2000, b"<a>" * 2000, b"9" * 400, b"e999",
)  # fmt: skip
WHOLE_ANSWERS = (
    b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[[]]", b"[{}]", b"NaN", b"OK",
    b"\x1f\x8b\x08", b"{}" * 3, b"[" * 100_000, b'{"a":' * 100_000, b"\xff" * 64, b"<html>",
    b"<rss/>", b"<rss><channel><item/></channel></rss>", b'<feed xmlns="http://www.w3.org/2005/Atom"/>',
    b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><r>&b;</r>',
)  # fmt: skip
DAY_SECONDS = 86_400


class Variants:
    """Of one valid answer, JSON or XML."""

    def __init__(self, example: bytes) -> None:
        self.example = example
        self.is_xml = example.lstrip().startswith(b"<")

    def __call__(self, chance: random.Random) -> bytes:
        """One more: its structure bent (five in eight), its bytes torn or its times moved."""
        kind = chance.randrange(8)
        if kind < 5:
            return _bent_xml(chance, self) if self.is_xml else _bent_json(chance, self)
        if kind < 7:
            return _torn(chance, self.example)
        return _from_another_time(chance, self.example)

    @functools.cached_property
    def places(self) -> list[Place]:
        return places_in(json.loads(self.example))

    @functools.cached_property
    def tokens(self) -> list[bytes]:
        return XML_TOKENS.split(self.example)


def places_in(node: Any) -> list[Place]:
    """Paths to nodes of a JSON value; of very many the first, the last and some between."""
    found: list[Place] = []
    waiting: list[tuple[Place, Any]] = [((), node)]
    while waiting:
        place, value = waiting.pop()
        found.append(place)
        if isinstance(value, dict):
            waiting.extend(((*place, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((*place, index), inner) for index, inner in enumerate(value))
    if len(found) <= MOST_PLACES:
        return found
    third = MOST_PLACES // 3
    return [*found[:third], *found[third:-third:][:: len(found) // third + 1], *found[-third:]]


def _bent_json(chance: random.Random, variants: Variants) -> bytes:
    root = json.loads(variants.example)
    for _ in range(chance.randint(1, MOST_BENDS)):
        place = chance.choice(variants.places)
        bend = chance.choice(BENDS)
        root = bend(chance, root, place)
    return _as_bytes(root)


def _as_bytes(root: Any) -> bytes:
    return RAW.sub(r"\1", json.dumps(root)).encode()


def _bent_xml(chance: random.Random, variants: Variants) -> bytes:
    bent = list(variants.tokens)
    for _ in range(chance.randint(1, MOST_BENDS)):
        index = chance.randint(0, len(bent) - 1)
        action = chance.choice(("drop", "double", "swap", "text", "text", "inside"))
        if action == "drop":
            del bent[index]
        elif action == "double":
            bent[index:index] = bent[index : index + chance.randint(1, 30)]
        elif action == "swap":
            other = chance.randint(0, len(bent) - 1)
            bent[index], bent[other] = bent[other], bent[index]
        elif action == "text":
            strange = chance.choice(STRANGE_VALUES)
            bent[index & ~1] = str(strange).encode("utf-8", "surrogatepass")
        else:
            strange_bytes = chance.choice(STRANGE_BYTES)
            bent[index] = bent[index][:-1] + strange_bytes + bent[index][-1:]
        bent = bent or [b""]
    return b"".join(bent)


def _torn(chance: random.Random, example: bytes) -> bytes:
    place = chance.randint(0, len(example))
    other = chance.randint(0, len(example))
    first, last = sorted((place, other))
    action = chance.choice(("cut", "without", "twice", "byte", "insert"))
    match action:
        case "cut":
            return example[:place]
        case "without":
            return example[:first] + example[last:]
        case "twice":
            return example[:last] + example[first:]
        case "byte":
            return example[:first] + bytes([chance.randint(0, 255)]) + example[first + 1 :]
        case _:
            return example[:first] + chance.choice(STRANGE_BYTES) + example[first:]


def _from_another_time(chance: random.Random, example: bytes) -> bytes:
    """All times moved by days and minutes; years of dates too where it is a year or more."""
    days = chance.choice((1, 1, 2, 7, 400, 8000, -1, -400, -8000))
    seconds = days * DAY_SECONDS + chance.randint(0, 3600)

    def moved(found: re.Match[bytes]) -> bytes:
        per_second = 1000 if len(found.group()) == len("1722868641000") else 1
        return b"%d" % (int(found.group()) + seconds * per_second)

    body = EPOCH_NUMBER.sub(moved, example)
    return YEAR.sub(lambda found: b"%d" % (int(found.group()) + days // 365), body)


def _node_at(root: Any, place: Place) -> Any:
    """The node; None where an earlier bend took it away."""
    node = root
    for step in place:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _holder(root: Any, place: Place) -> Any:
    """The object or list that holds the node; None for the root and where the node is gone."""
    parent = _node_at(root, place[:-1])
    if place and isinstance(parent, dict) and place[-1] in parent:
        return parent
    is_index = place and isinstance(parent, list) and isinstance(place[-1], int)
    return parent if is_index and int(place[-1]) < len(parent) else None


def _with(root: Any, place: Place, value: Any) -> Any:
    """The root with the node replaced; unchanged where the place is gone."""
    if not place:
        return value
    holder = _holder(root, place)
    if holder is not None:
        holder[place[-1]] = value
    return root


def _strange(chance: random.Random, root: Any, place: Place) -> Any:
    return _with(root, place, chance.choice(STRANGE_VALUES))


def _dropped(_: random.Random, root: Any, place: Place) -> Any:
    holder = _holder(root, place)
    if holder is not None:
        del holder[place[-1]]
    return root


def _renamed(chance: random.Random, root: Any, place: Place) -> Any:
    holder = _holder(root, place)
    if isinstance(holder, dict):
        holder[chance.choice(STRANGE_KEYS)] = holder.pop(place[-1])
    return root


def _doubled(chance: random.Random, root: Any, place: Place) -> Any:
    node, holder = _node_at(root, place), _holder(root, place)
    if isinstance(node, list):
        return _with(root, place, node * chance.randint(2, 4))
    if isinstance(holder, list):
        holder.insert(chance.randint(0, len(holder)), node)
    return root


def _swapped(chance: random.Random, root: Any, place: Place) -> Any:
    holder = _holder(root, place)
    if holder is not None:
        steps: list[Any] = [*holder] if isinstance(holder, dict) else [*range(len(holder))]
        other = chance.choice(steps)
        holder[place[-1]], holder[other] = holder[other], holder[place[-1]]
    return root


def _rescaled(chance: random.Random, root: Any, place: Place) -> Any:
    node = _node_at(root, place)
    try:
        number = float(node)
    except (TypeError, ValueError, OverflowError):
        return root
    if not abs(number) < 1e300:
        return root
    rescaled = number * chance.choice((1000, 1e-3, -1, 1e6, 1e-9, 1.5))
    written: Any = int(rescaled) if chance.random() < 0.5 else rescaled
    return _with(root, place, str(written) if isinstance(node, str) else written)


def _retyped(chance: random.Random, root: Any, place: Place) -> Any:
    node = _node_at(root, place)
    choices: list[Any] = [[node], {"data": node}, [[node]], str(node), f" {node} "]
    if isinstance(node, dict):
        choices += [list(node.values()), list(node.items()), {}]
    if isinstance(node, list):
        choices += [{str(index): inner for index, inner in enumerate(node)}, [], node[::-1]]
        choices += [node[:1], node[-1:], *node[:1]]
    return _with(root, place, chance.choice(choices))


def _nested(chance: random.Random, root: Any, place: Place) -> Any:
    node = _node_at(root, place)
    for _ in range(chance.choice((2, 50, 300))):
        node = [node]
    return _with(root, place, node)


BENDS: tuple[Callable[[random.Random, Any, Place], Any], ...] = (
    _strange, _strange, _strange, _dropped, _renamed, _doubled, _swapped, _rescaled, _rescaled,
    _retyped, _nested,
)  # fmt: skip
