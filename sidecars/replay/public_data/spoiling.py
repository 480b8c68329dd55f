"""Answers made worse, as bytes: what a source sends when it is broken. Pure.

Works on any JSON or XML. Times stay as they are, so that what is wrong with a value is met as
such: a number counts as a time when it lies between 2001 and 2100 in seconds or milliseconds and
its name says so, or when it is the first of a row.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Literal

BadNumber = Literal["nan", "null", "text", "infinite"]
SpoiltKind = Literal["truncated", "wrong_json", "html", "nan", "negative", "empty"]
SPOILT_KINDS: tuple[SpoiltKind, ...] = (
    "truncated",
    "wrong_json",
    "html",
    "nan",
    "negative",
    "empty",
)

ERROR_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head>"
    b"<body><h1>502 Bad Gateway</h1><p>cloudflare &copy; 2024<br>Ray ID: 8a1</body></html>\n"
)
WRONG_JSON = b'{"success":false,"message":{"code":11,"text":["maintenance"]},"items":{"0":[]}}'
WRONG_XML = b'<?xml version="1.0"?><maintenance><until>later</until></maintenance>'
NUMBER_TEXT = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
TIME_NAME = re.compile(r"time|date|created|modified|since|until|^[tx]$", re.IGNORECASE)
XML_NUMBER = re.compile(rb"(?<=>)\s*-?[0-9]+(\.[0-9]+)?\s*(?=</)")
FIRST_SECOND, LAST_SECOND = 978_307_200, 4_102_444_800
BAD_NUMBERS: dict[BadNumber, Any] = {
    "nan": float("nan"),
    "null": None,
    "text": "NaN",
    "infinite": float("inf"),
}


def spoilt(body: bytes, kind: SpoiltKind, bad_number: BadNumber = "nan") -> bytes:
    """The answer with the fault in it. `bad_number`: what numbers become under "nan"."""
    is_xml = body.lstrip().startswith(b"<")
    match kind:
        case "truncated":
            return body[: len(body) // 2]
        case "html":
            return ERROR_PAGE
        case "wrong_json":
            return WRONG_XML if is_xml else WRONG_JSON
        case "empty":
            if is_xml:
                return b""
            return b"[]" if body.lstrip().startswith(b"[") else b"{}"
        case "nan":
            if is_xml:
                return XML_NUMBER.sub(b"NaN", body)
            return _numbers_replaced(body, lambda _: BAD_NUMBERS[bad_number])
        case "negative":
            if is_xml:
                return XML_NUMBER.sub(lambda found: b"-" + found.group().strip(b" -"), body)
            return _numbers_replaced(body, _negated)


def _numbers_replaced(body: bytes, change: Callable[[Any], Any]) -> bytes:
    """JSON with each number, or text that is one, changed; times are left alone."""

    def changed(node: Any, name: str, is_first_of_row: bool) -> Any:
        if isinstance(node, dict):
            return {key: changed(value, key, False) for key, value in node.items()}
        if isinstance(node, list):
            is_row = name == ROW and len(node) > 1
            inside = ROW if node and isinstance(node[0], list) else name
            return [
                changed(value, inside, is_row and place == 0) for place, value in enumerate(node)
            ]
        if not _is_number(node) or _is_time(node, name, is_first_of_row):
            return node
        return change(node)

    return json.dumps(changed(json.loads(body), "", False)).encode()


ROW = "row of a list"


def _is_number(node: Any) -> bool:
    if isinstance(node, str):
        return NUMBER_TEXT.fullmatch(node) is not None
    return isinstance(node, int | float) and not isinstance(node, bool)


def _is_time(node: Any, name: str, is_first_of_row: bool) -> bool:
    number = float(node)
    in_seconds = FIRST_SECOND <= number <= LAST_SECOND
    in_ms = FIRST_SECOND * 1000 <= number <= LAST_SECOND * 1000
    return (in_seconds or in_ms) and (is_first_of_row or TIME_NAME.search(name) is not None)


def _negated(node: Any) -> Any:
    if isinstance(node, str):
        return node[1:] if node.startswith("-") else "-" + node
    return -node
