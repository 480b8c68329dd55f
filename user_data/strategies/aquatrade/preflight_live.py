"""What real money asks for beyond a good configuration: limits, real addresses, a person's word."""

from collections.abc import Iterator, Mapping
from typing import Any

from aquatrade.live_confirmations import LiveConfirmations
from aquatrade.preflight_findings import Finding, ok, refused, warning
from aquatrade.settings import AquatradeSettings
from aquatrade.wording import shown

# Asked of everybody; the others only where preflight cannot see for itself.
ALWAYS = ("shutdown_procedure_read", "withdrawal_addresses_whitelisted", "alerts_received")
PRACTICE_SWITCHES = ("sandbox", "demo_trading")
PRACTICE_OPTIONS = ("sandboxMode", "enableDemoTrading")


def check_profile(settings: AquatradeSettings) -> Finding:
    """A live bot has limits."""
    if settings.risk is None:
        return refused(
            "risk profile",
            "aquatrade.risk: missing, expected a risk profile (the layer risk-lab.json, "
            "risk-quant.json or risk-scalp.json)",
        )
    return ok("risk profile", settings.risk.name)


def check_guarded(settings: AquatradeSettings) -> Iterator[Finding]:
    """Somebody keeps the limits over all bots; a single bot may well do without."""
    if settings.guard.url is None:
        yield warning(
            "guard",
            "aquatrade.guard.url is not set: this bot keeps its own limits alone, the reserve and "
            "what the bots hold together is watched by nobody",
        )


def check_confirmations(confirmed: LiveConfirmations) -> Iterator[Finding]:
    """What only a person can know has been said."""
    missing = [name for name in ALWAYS if not getattr(confirmed, name)]
    for name in missing:
        expected = str(LiveConfirmations.model_fields[name].description).removesuffix(", or false")
        yield refused(
            "confirmation", f"aquatrade.live_confirmations.{name}: got false, expected {expected}"
        )
    if not missing:
        yield ok("confirmation", f"{len(ALWAYS)} of {len(ALWAYS)} ticked")


def check_production(exchange: Mapping[str, Any]) -> Iterator[Finding]:
    """The orders go to the exchange itself: no sandbox, no demo, no other address unsaid.

    exchange: the config section.
    """
    practice = [f"exchange.{name}" for name in PRACTICE_SWITCHES if exchange.get(name)]
    redirected = []
    for kind in ("ccxt_config", "ccxt_sync_config", "ccxt_async_config"):
        section = exchange.get(kind) or {}
        options = section.get("options") or {}
        practice += [f"exchange.{kind}.options.{n}" for n in PRACTICE_OPTIONS if options.get(n)]
        practice += [f"exchange.{kind}.sandbox"] if section.get("sandbox") else []
        redirected += [f"exchange.{kind}.{n}" for n in ("urls", "hostname") if section.get(n)]
    for key in practice:
        yield refused("production", f"{key} is on, expected it off in mode live")
    if redirected:
        yield warning(
            "production",
            f"{', '.join(redirected)}: orders go to other addresses than {exchange.get('name')}'s",
        )
    elif not practice:
        yield ok("production", f"orders go to {shown(exchange.get('name'))} itself")
