"""A child that writes as a layer does, as fast as it can, and says on stdout what it has kept.

Arguments: database file, number of the first batch. Each line is one JSON array:
["batch", NUMBER] once the values and transfers of a batch are kept, ["scores", {asset: body}] once
scores would be answered.
"""

import asyncio
import json
import sys
from collections.abc import Mapping

from sidecars.common.clock import ManualClock
from sidecars.common.layer.intake import LayerMemory
from sidecars.common.layer.recorder import Recorder
from sidecars.common.layer.store import LayerStore
from sidecars.common.moments import moment_at
from sidecars.common.observations import Known, Reading
from sidecars.common.sources import Batch, Transfer
from sidecars.onchain.layer import LAYER
from sidecars.onchain.settings import OnchainSettings

START_MS = 1_748_736_000_000
STEP_MS = 60_000
SERIES = tuple(f"exchange_inflow_coins:COIN{number}" for number in range(12))
TRANSFERS = 8
ASSETS = ("BTC", "ETH")
SOURCE = "writer"
