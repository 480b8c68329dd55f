"""Moments as whole milliseconds since the epoch, and back. Pure."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ms_of(moment: datetime) -> int:
    """An aware moment as whole milliseconds since the epoch."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def moment_at(moment_ms: int) -> datetime:
    """Milliseconds since the epoch as an aware moment in UTC."""
    return EPOCH + timedelta(milliseconds=moment_ms)


def iso_ms(moment_ms: int) -> str:
    """Milliseconds since the epoch as 2024-03-01T00:00:00Z, with milliseconds if there are any."""
    text = moment_at(moment_ms).isoformat(timespec="milliseconds")
    return text.replace(".000", "").replace("+00:00", "Z")
