"""`python -m sidecars.onchain [serve|backfill]`."""

from sidecars.common.layer.command import layer_command
from sidecars.onchain.layer import LAYER

app = layer_command(LAYER)

if __name__ == "__main__":
    app()
