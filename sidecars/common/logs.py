"""Structured logs: one JSON object a line, one line a decision, no secret ever."""

import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

HIDDEN = "***"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as {"time", "level", "logger", "event", ...extras}; secrets are blotted out.

    Use: logger.info("scored", extra={"pair": "BTC/USDT"}). The time is the machine's own.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        # As they look inside a JSON string.
        self._secrets = [orjson.dumps(secret).decode()[1:-1] for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        entry.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        text = orjson.dumps(entry, default=str).decode()
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def configure_logging(
    secrets: Sequence[str] = (), level: int = logging.INFO, stream: TextIO | None = None
) -> None:
    """Send everything to `stream` (stdout by default) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
