"""Where the parts of the running exchange are found on the aiohttp application.

Types only are imported here, so that every part may import the keys without a cycle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from sidecars.replay.binance.key_rights import ToldRights
    from sidecars.replay.faults.plan import Faults
    from sidecars.replay.matching.ledger import Ledger
    from sidecars.replay.model import MarketView, MatchingEngine
    from sidecars.replay.settings import ReplaySettings
    from sidecars.replay.timekeeper import ReplayClock

VIEW: web.AppKey[MarketView] = web.AppKey("replay_view")
ENGINE: web.AppKey[MatchingEngine] = web.AppKey("replay_engine")
LEDGER: web.AppKey[Ledger] = web.AppKey("replay_ledger")
CLOCK: web.AppKey[ReplayClock] = web.AppKey("replay_clock")
KEY_RIGHTS: web.AppKey[ToldRights] = web.AppKey("replay_key_rights")
FAULTS: web.AppKey[Faults] = web.AppKey("replay_faults")
SETTINGS: web.AppKey[ReplaySettings] = web.AppKey("replay_settings")
