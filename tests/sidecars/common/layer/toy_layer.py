"""A layer of one source and one rule, for tests of the skeleton."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sidecars.common.clock import Clock
from sidecars.common.fetch import RateLimit
from sidecars.common.layer.definition import HistoryFile, Layer
from sidecars.common.layer.intake import LayerMemory
from sidecars.common.layer.scorer import KnownEvents
from sidecars.common.layer.scores import LayerScore, SubScore, combine
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.observations import MS_PER_DAY, Known, Reading
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import (
    Batch,
    Source,
    SourceContext,
    SourceEntry,
    SourceFacts,
    Transfer,
)

FACTS = SourceFacts("toy.example", ("level", "heard:toy"), 60.0, 600.0, licence="CC0")
KEYED_FACTS = SourceFacts("keyed.example", ("secret_level",), 60.0, 600.0, needs_key=True)


class ToySource:
    """Answers what the test puts into `world`."""

    def __init__(self, world: "World", facts: SourceFacts = FACTS) -> None:
        self._world = world
        self._facts = facts

    @property
    def facts(self) -> SourceFacts:
        return self._facts

    async def poll(self, now_ms: int) -> Batch:
        self._world.polls += 1
        if self._world.error is not None:
            raise self._world.error
        readings = [
            Reading(name, as_of, published, value)
            for name, as_of, published, value in self._world.newest
        ]
        return Batch(readings, list(self._world.events), list(self._world.rejected))

    async def history(self, since_ms: int, now_ms: int) -> Batch:
        self._world.histories.append(since_ms)
        if self._world.error is not None:
            raise self._world.error
        return Batch(
            [
                Reading(name, as_of, published, value)
                for name, as_of, published, value in self._world.past
                if as_of >= since_ms
            ]
        )


class World:
    """What the toy source says."""

    def __init__(self) -> None:
        self.newest: list[tuple[str, int, int, float]] = []
        self.past: list[tuple[str, int, int, float]] = []
        self.events: list[Transfer] = []
        self.rejected: list[str] = []
        self.error: SourceError | Exception | None = None
        self.polls = 0
        self.histories: list[int] = []


class ToyScorer:
    """long = the level of at most two days ago."""

    formula = "toy-1"
    days_needed = 2.0
    event_days_needed = 1.0

    def score(self, asset: str, known: Known, events: KnownEvents) -> LayerScore:
        level = known.latest("level")
        if level is None or known.at_ms - level.as_of_ms > 2 * MS_PER_DAY:
            sub_score = SubScore("level", 1.0, None, None, reason="no level")
        else:
            transfers = len(events.since(known.at_ms - MS_PER_DAY))
            sub_score = SubScore(
                "level",
                1.0,
                level.value,
                100.0 - level.value,
                as_of_ms=level.as_of_ms,
                readings={"level": level.value, "transfers": float(transfers)},
                reason=f"level {level.value:g}",
            )
        return combine(asset, known.at_ms, [sub_score])

    def derived(self, asset: str, known: Known, events: KnownEvents) -> Mapping[str, float]:
        level = known.latest("level")
        return {} if level is None else {f"half_level:{asset}": level.value / 2}


def toy_layer(world: World) -> Layer:
    def make(context: SourceContext) -> Source:
        return ToySource(world)

    def no_files(folder: Path, settings: LayerSettings) -> Iterable[HistoryFile]:
        return []

    def no_options(
        settings: LayerSettings, memory: LayerMemory, clock: Clock
    ) -> Mapping[str, Mapping[str, Any]]:
        return {}

    limit = RateLimit(60, 60.0)
    return Layer(
        name="toy",
        title="Toy layer",
        settings=LayerSettings,
        catalogue={
            "toy": SourceEntry("toy", FACTS, "http://toy.example", limit, make),
            "keyed": SourceEntry(
                "keyed", KEYED_FACTS, "http://keyed.example", limit, make, "AQUATRADE_TOY_TEST_KEY"
            ),
        },
        make_scorer=lambda settings: ToyScorer(),
        read_history_files=no_files,
        options=no_options,
    )


def transfer(event_id: str, as_of_ms: int) -> Transfer:
    return Transfer(
        event_id,
        source="toy.example",
        as_of_ms=as_of_ms,
        published_ms=as_of_ms,
        token="BTC",
        amount_usd=1e6,
        direction="to_exchange",
        from_label=None,
        to_label="Toy",
        blockchain="bitcoin",
        tx_hash="ab",
    )
