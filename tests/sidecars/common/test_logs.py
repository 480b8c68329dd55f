import json
import logging
from io import StringIO

import pytest

from sidecars.common.logs import JsonFormatter, configure_logging

SECRET = 'a"secret\\token-0123'


def formatted(**extra: object) -> dict[str, object]:
    record = logging.makeLogRecord(
        {"msg": "scored %s", "args": ("BTC/USDT",), "levelname": "INFO", "name": "x",
         "created": 1_700_000_000.25, **extra}
    )  # fmt: skip
    line = JsonFormatter([SECRET]).format(record)
    assert "\n" not in line
    parsed: dict[str, object] = json.loads(line)
    return parsed


def test_one_json_object_a_line() -> None:
    assert formatted(pair="BTC/USDT", total=72.0) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "logger": "x",
        "event": "scored BTC/USDT",
        "pair": "BTC/USDT",
        "total": 72.0,
    }


def test_secrets_are_blotted_out_wherever_they_stand() -> None:
    entry = formatted(
        header=f"Bearer {SECRET}", nested={"deep": [SECRET]}, other=ValueError(SECRET)
    )
    assert "secret" not in json.dumps(entry)
    assert entry["header"] == "Bearer ***"


def test_exceptions_stay_on_their_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    configure_logging([SECRET], stream=stream)
    try:
        raise ValueError(f"with {SECRET}")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: with ***" in json.loads(line)["exception"]
