"""What the account's one key may do, as Binance tells it: GET /sapi/v1/account/apiRestrictions.

https://developers.binance.com/docs/wallet/account/api-key-permission
"""

from dataclasses import dataclass

from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sidecars.replay.input_errors import InputModel, one_line


class KeyRights(InputModel):
    """Binance's rights; by default those of a sound key: reads and trades spot, from here alone.

    They are told, not enforced: nothing can be withdrawn, borrowed or sold short here anyway.
    """

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)

    ip_restrict: bool = Field(default=True, description="usable from listed addresses only")
    enable_reading: bool = True
    enable_withdrawals: bool = False
    enable_internal_transfer: bool = Field(default=False, description="between own accounts")
    enable_margin: bool = Field(default=False, description="loans, repayments, transfers")
    enable_futures: bool = False
    permits_universal_transfer: bool = False
    enable_vanilla_options: bool = False
    enable_fix_api_trade: bool = False
    enable_fix_read_only: bool = False
    enable_spot_and_margin_trading: bool = True
    enable_portfolio_margin_trading: bool = False


@dataclass
class ToldRights:
    """What is told at the moment; the control API puts another in its place."""

    rights: KeyRights


def parse_key_rights(text: str) -> KeyRights:
    """JSON like {"enableWithdrawals": true}; what is left out is as by default.

    Raises ValueError with one line.
    """
    try:
        return KeyRights.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(one_line(error)) from None
