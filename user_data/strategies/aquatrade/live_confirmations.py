"""What only a person can know before real money is traded: config "aquatrade.live_confirmations".

Each is false until somebody has done it and says so; preflight asks for them in mode live.
"""

from pydantic import Field

from aquatrade.risk.profile import Section


class LiveConfirmations(Section):
    """The ticks of a person."""

    shutdown_procedure_read: bool = Field(
        default=False,
        description="true once the shutdown procedure (docs/risk.md) was read, or false",
    )
    withdrawal_addresses_whitelisted: bool = Field(
        default=False,
        description="true once the exchange pays out to listed addresses only, or false",
    )
    alerts_received: bool = Field(
        default=False, description="true once a test alert has reached you, or false"
    )
    breakers_exercised: bool = Field(
        default=False,
        description=(
            "true once a breaker and the kill switch were tried where preflight cannot see it, "
            "or false"
        ),
    )
    key_rights_checked: bool = Field(
        default=False,
        description=(
            "true once you saw at an exchange that does not tell that the key cannot withdraw, "
            "has no margin or futures rights and is bound to your address, or false"
        ),
    )
