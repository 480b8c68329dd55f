"""What the replay exchange is started with: texts in, checked values out, or one clear line."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from sidecars.replay.binance.signing import KEY_FORMAT
from sidecars.replay.client_config import LOCAL_KEY, LOCAL_SECRET

KEY_VARIABLE = "AQUATRADE_REPLAY_KEY"
SECRET_VARIABLE = "AQUATRADE_REPLAY_SECRET"
CONTROL_TOKEN_VARIABLE = "AQUATRADE_REPLAY_CONTROL_TOKEN"
DEFAULT_BALANCES = {"USDT": Decimal(10_000)}
SYNTHETIC_START = datetime(2021, 1, 1, tzinfo=UTC)
SYNTHETIC_END = datetime(2028, 1, 1, tzinfo=UTC)
ASSET = re.compile(r"[A-Z0-9]{1,20}")
PAIR = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")


class SettingsError(ValueError):
    """An option that cannot be used: one line that says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """Everything that `python -m sidecars.replay` can be told.

    data: a freqtrade datadir; None: the synthetic market of `seed` between its start and end.
    start: the moment of history that becomes now; "now": the machine's own present, for clients
        that run on its clock; None: that for the synthetic market, 30 days before the record ends
        for a recorded one.
    pairs: as "BTC/USDT"; None: all that the feed has. ledger: a file, or None for memory.
    participants: how many the lock-step clock waits for before it jumps at all.
    fault_plan: JSON of a plan that is in force from the start.
    key_rights: JSON of what the key is told to be allowed; None: a sound key.
    """

    host: str = "127.0.0.1"
    port: int = 8100
    data: Path | None = None
    seed: int = 1
    synthetic_start: datetime = SYNTHETIC_START
    synthetic_end: datetime = SYNTHETIC_END
    start: datetime | Literal["now"] | None = None
    pairs: tuple[str, ...] | None = None
    ledger: Path | None = None
    balances: Mapping[str, Decimal] = field(default_factory=lambda: dict(DEFAULT_BALANCES))
    api_key: str = LOCAL_KEY
    api_secret: str = field(default=LOCAL_SECRET, repr=False)
    lockstep_port: int | None = None
    participants: int = 1
    control_token: str | None = field(default=None, repr=False)
    allow_remote_control: bool = False
    allow_clock_advance: bool = False
    fault_plan: str | None = None
    key_rights: str | None = None

    def __post_init__(self) -> None:
        for name, port in (("port", self.port), ("lockstep-port", self.lockstep_port or 0)):
            if not 0 <= port <= 65535:
                raise SettingsError(f"--{name}: expected 0 to 65535, got {port}")
        if self.participants < 1:
            raise SettingsError(f"--participants: expected 1 or more, got {self.participants}")
        if self.synthetic_start >= self.synthetic_end:
            raise SettingsError("--synthetic-start must lie before --synthetic-end")
        if KEY_FORMAT.fullmatch(self.api_key) is None or not self.api_secret:
            raise SettingsError(
                f"{KEY_VARIABLE} and {SECRET_VARIABLE}: expected a key of letters, digits, - and _ "
                "and a secret that is not empty"
            )


def parse_moment(option: str, text: str) -> datetime:
    """An ISO 8601 moment; without a zone it is UTC. Raises SettingsError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{option}: expected a moment like 2024-03-05 or 2024-03-05T12:00:00Z, got '{text}'"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_start(text: str | None) -> datetime | Literal["now"] | None:
    """The --start option. Raises SettingsError."""
    if text is None:
        return None
    return "now" if text == "now" else parse_moment("--start", text)


def parse_balances(entries: Iterable[str]) -> dict[str, Decimal]:
    """ "USDT=10000" each. Raises SettingsError."""
    balances: dict[str, Decimal] = {}
    for entry in entries:
        asset, _, amount = entry.partition("=")
        try:
            value = Decimal(amount)
        except InvalidOperation:
            value = Decimal("NaN")
        if ASSET.fullmatch(asset) is None or not value.is_finite() or value < 0:
            raise SettingsError(f"--balance: expected ASSET=AMOUNT like USDT=10000, got '{entry}'")
        if asset in balances:
            raise SettingsError(f"--balance: {asset} is given twice")
        balances[asset] = value
    return balances or dict(DEFAULT_BALANCES)


def parse_pairs(text: str | None) -> tuple[str, ...] | None:
    """ "BTC/USDT,ETH/USDT", or None for all. Raises SettingsError."""
    if text is None:
        return None
    pairs = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    wrong = [pair for pair in pairs if PAIR.fullmatch(pair) is None]
    if wrong or not pairs:
        raise SettingsError(f"--pairs: expected BTC/USDT,ETH/USDT and so on, got '{text}'")
    return pairs
