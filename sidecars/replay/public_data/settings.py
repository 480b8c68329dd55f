"""What the stand-in of the public data sources is started with: texts in, checked values out."""

from dataclasses import dataclass
from datetime import datetime

from sidecars.replay.settings import SettingsError, parse_moment


@dataclass(frozen=True, slots=True)
class PublicDataSettings:
    """start: the moment that becomes now; None: the present. lockstep: host and port of the
    replay exchange's clock, which then says what time it is.
    """

    port: int = 8104
    start: datetime | None = None
    lockstep: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"--port: expected 0 to 65535, got {self.port}")
        if self.start is not None and self.lockstep is not None:
            raise SettingsError("--start and --lockstep: expected one of them, got both")


def parse_settings(port: int, start: str | None, lockstep: str | None) -> PublicDataSettings:
    """The options as they were typed. Raises SettingsError."""
    return PublicDataSettings(
        port,
        None if start is None else parse_moment("--start", start),
        None if lockstep is None else _parse_address("--lockstep", lockstep),
    )


def _parse_address(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port[:6]) <= 65535:
        raise SettingsError(f"{option}: expected HOST:PORT like 127.0.0.1:8199, got '{text}'")
    return host, int(port)
