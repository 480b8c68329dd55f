"""The on-chain sidecar's settings."""

from pathlib import Path

from pydantic import Field

from sidecars.common.layer.settings import LayerSettings
from sidecars.common.settings_parts import DatabaseUrl


class OnchainSettings(LayerSettings):
    """Everything that can be set; a JSON file with these keys, or AQUATRADE_ONCHAIN_KEY."""

    port: int = Field(8103, ge=0, le=65535)
    database_url: DatabaseUrl = "sqlite:///var/sidecars/onchain.sqlite"
    # Further addresses of exchanges, and of watched wallets: CSV address,label,blockchain.
    labels_file: Path | None = None
    # Labels (of that file) whose buying and selling is smart money.
    smart_wallets: tuple[str, ...] = ()
