"""Several bots on one replay exchange, steered by scripts and by the clock, killed at will."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aquatrade.event_log import Event, EventLog, open_event_database
from lab.agreement import Agreement
from lab.trades import read_bot_books
from operations.conductor import Conductor
from operations.fleet_road import LAYERS, FleetBot, FleetRoad, Guard
from operations.ledger_client import agreement_of, ledger_orders
from operations.processes import Child
from operations.road import QUOTE, Exchange, MarketSource, write_json
from tests.rehearsal.fleet_books import merged_books, with_fees_paid_in_dust

STRATEGIES = Path(__file__).with_name("strategies")
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
SETTLE_MINUTES = 45
GUARD = "guard"
# In the replayed time, where every look of the guard is a halt of the clock.
GUARD_SETTINGS: Mapping[str, Any] = {
    "poll_seconds": 30.0,
    "reconcile_seconds": 300.0,
    "lease_seconds": 120.0,
}


class FleetRig:
    """A context: everything that was started in it ends with it.

    The rig holds the clock: nothing moves except while it lets time run.
    """

    def __init__(
        self, folder: Path, datadir: Path, pairs: Sequence[str], start: datetime, seed: int = 1
    ) -> None:
        self.road = FleetRoad(
            folder / "road", MarketSource(datadir, seed=seed), pairs, strategies=STRATEGIES
        )
        self.pairs = tuple(pairs)
        self.start = start
        self.bots: dict[str, FleetBot] = {}
        self.children: dict[str, Child] = {}
        self.guard: Guard | None = None
        self._families: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.road.stage.__enter__()
        # One participant is enough: time stands while the rig does not let it run.
        self.exchange: Exchange = self.road.start_exchange(self.start, participants=1)
        assert self.exchange.lockstep_port is not None
        self.conductor = Conductor(self.exchange.lockstep_port, self.road.stage.check)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self.children):
            self.kill(name)  # to end well takes each of them seconds
        # In this order: without the rig's seat the clock would run away with those that are left.
        self.road.stage.__exit__(kind, error, trace)
        self.conductor.close()

    # -- bots -----------------------------------------------------------------------------------

    def add_bot(
        self,
        name: str,
        overrides: Mapping[str, Any],
        pairs: Sequence[str] | None = None,
        family: str = "probe",
    ) -> FleetBot:
        """Write the papers of a probe that wants nothing yet; `start_bots` starts it."""
        config = {
            "strategy": "Probe",
            "max_open_trades": 20,
            "internals": {"process_throttle_secs": 60},
            **overrides,
        }
        self.bots[name] = self.road.fleet_bot(name, self.exchange, config, pairs)
        self._families[name] = family
        self.script(name)
        return self.bots[name]

    def start_bots(self, *names: str) -> None:
        """Start these bots (all, if none is named) side by side."""
        chosen = [self.bots[name] for name in names or self.bots]
        for bot in chosen:
            self.children[bot.name] = self.road.start_bot(
                self.exchange, bot.config, bot.name, LAYERS
            )
        for bot in chosen:
            self.road.wait_for_bot(self.exchange, bot, self.children[bot.name])

    def script(self, *names: str, **script: Any) -> None:
        """What these probes (all, if none is named) do from their next loop on."""
        for name in names or self.bots:
            file = self.road.folder / f"{name}-script.json"
            content = {"family": self._families[name], **script}
            write_json(file.with_suffix(".new"), content).rename(file)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.road.stage.stop(self.children.pop(name), hard=True)

    def stop(self, name: str) -> None:
        """SIGTERM, and wait until it is gone."""
        self.road.stage.stop(self.children.pop(name))

    # -- the guard ------------------------------------------------------------------------------

    def add_guard(
        self,
        bots: Mapping[str, Mapping[str, Any]],
        profile: Mapping[str, Any],
        **settings: Any,
    ) -> Guard:
        """Write the guard's papers; bots: what the guard is told of each (allotment, stage)."""
        of_bots = {self.bots[name]: of_bot for name, of_bot in bots.items()}
        self.guard = self.road.guard(
            self.exchange, of_bots, profile, {**GUARD_SETTINGS, **settings}
        )
        return self.guard

    def start_guard(self) -> None:
        assert self.guard is not None
        self.children[GUARD] = self.road.start_guard(self.guard)

    def start_all(self) -> None:
        """Bots and guard side by side, and let time run until the guard trusts what it sees."""
        self.start_guard()
        self.start_bots()
        self.wait_until_active()

    def wait_until_active(self, seconds: int = 300) -> None:
        """Let time run, that many seconds at most, until the guard is ACTIVE."""
        for _ in range(seconds // 10):
            if self.guard_state()["state"] == "ACTIVE":
                return
            self.run(10 * SECOND)
        raise AssertionError(f"the guard is not ACTIVE: {self.guard_state()}")

    def guard_state(self) -> dict[str, Any]:
        assert self.guard is not None
        return dict(self.guard.ask("state"))

    def events(self, name: str, **chosen: str) -> list[Event]:
        """What a bot, or the guard, has kept in its log, oldest first."""
        database = self.road.guard_database if name == GUARD else self.road.risk_database(name)
        engine = open_event_database(f"sqlite:///{database}")
        try:
            log = EventLog(engine)
            assert log.verify() is None
            return [stored.event for stored in log.after(0, 100_000, **chosen)]
        finally:
            engine.dispose()

    def log(self, name: str) -> str:
        return (self.road.folder / "logs" / f"{name}.log").read_text(errors="replace")

    # -- time -----------------------------------------------------------------------------------

    def run(self, step: timedelta) -> datetime:
        """Let time run; returns the moment reached."""
        return self.conductor.run_until(self.conductor.now() + step)

    def run_to(self, moment: datetime) -> None:
        """Let time run to a moment, unless it has passed."""
        if moment > self.conductor.now():
            self.conductor.run_until(moment)

    def run_candles(self, candles: int) -> None:
        """Until half a minute after so many candles have closed."""
        now = self.conductor.now()
        minute = now.replace(second=0, microsecond=0)
        self.conductor.run_until(minute + candles * MINUTE + 30 * SECOND)

    def run_until(self, condition: Callable[[], bool], candles: int = 6) -> None:
        """Let candles pass until something is so; so many at most."""
        for _ in range(candles):
            if condition():
                return
            self.run_candles(1)
        assert condition()

    # -- what is believed, what is so -----------------------------------------------------------

    def orders(self, **filters: str) -> list[dict[str, Any]]:
        """Orders of the ledger, oldest first."""
        found: list[dict[str, Any]] = []
        start: int | None = 0
        while start is not None:
            page: Any = self.exchange.control(
                "ledger/orders", from_order_id=str(start), limit="1000", **filters
            )
            found += page["orders"]
            start = page["next_from_order_id"]
        return found

    def agreement(self) -> Agreement:
        """All bots' books together against the ledger of their account."""
        books = merged_books([read_bot_books(bot.database) for bot in self.bots.values()])
        ledger = ledger_orders(self.exchange, QUOTE)
        return agreement_of(self.exchange, with_fees_paid_in_dust(books, ledger), QUOTE)

    def settle(self) -> Agreement:
        """Run until the books agree; the last comparison if they do not in time."""
        for _ in range(SETTLE_MINUTES):
            agreement = self.agreement()
            if not agreement.disagreements:
                break
            self.run(MINUTE)
        return agreement
