"""Figures in words: money, shares, days. Pure; the same in cards, texts and warnings."""

from sidecars.common.moments import moment_at

MS_PER_HOUR = 3_600_000
_ZONE_WORDS = {
    "STRONG_BUY": "STRONG BUY",
    "MODERATE_BUY": "MODERATE BUY",
    "WAIT": "WAIT",
    "AVOID": "AVOID",
}


def money(value: float, currency: str) -> str:
    """'298,350 MYR', '612.40 MYR', '2.8512 MYR', '0.00001234 MYR'."""
    size = abs(value)
    if size >= 10_000:
        return f"{value:,.0f} {currency}"
    if size >= 10:
        return f"{value:,.2f} {currency}"
    if size >= 1:
        return f"{value:.4f} {currency}"
    return f"{value:.8f}".rstrip("0").rstrip(".") + f" {currency}"


def amount(value: float) -> str:
    """Coins with as many digits as say something: '0.085', '24', '3,500'."""
    return f"{value:,.8f}".rstrip("0").rstrip(".")


def signed_pct(value: float) -> str:
    """'+38.9 %', '-4.0 %'."""
    return f"{value:+.1f} %"


def day(moment_ms: int) -> str:
    """'2024-03-05', the UTC day of the moment."""
    return f"{moment_at(moment_ms):%Y-%m-%d}"


def closed_day(as_of_ms: int) -> str:
    """The UTC day that ended at the moment."""
    return day(as_of_ms - 1)


def age(span_ms: int) -> str:
    """'3 h', '2 days', '40 min'."""
    minutes = max(span_ms, 0) // 60_000
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"


def zone_words(zone: str) -> str:
    """The zone without an underscore, which chat programs take for markup."""
    return _ZONE_WORDS.get(zone, zone.replace("_", " "))
