"""`python -m sidecars.sentiment [serve|backfill]`."""

from sidecars.common.layer.command import layer_command
from sidecars.sentiment.layer import LAYER

app = layer_command(LAYER)

if __name__ == "__main__":
    app()
