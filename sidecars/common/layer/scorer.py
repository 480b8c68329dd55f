"""What a layer's own rules are to the skeleton."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sidecars.common.layer.scores import LayerScore
from sidecars.common.observations import Known
from sidecars.common.sources import Event


class KnownEvents(Protocol):
    """Events known at the moment that they are asked for."""

    def since(self, from_as_of_ms: int) -> Sequence[Event]:
        """Those with as_of_ms >= from_as_of_ms that were available, by as_of_ms."""
        ...


class Scorer(Protocol):
    """The pure rules of a layer. One formula name for one meaning: a change is another name."""

    @property
    def formula(self) -> str: ...

    @property
    def days_needed(self) -> float:
        """How far back the rules look, in days."""
        ...

    @property
    def event_days_needed(self) -> float:
        """The same for headlines and transfers."""
        ...

    def score(self, asset: str, known: Known, events: KnownEvents) -> LayerScore:
        """The score of an asset from what was known; pure, never raises on values in range."""
        ...

    def derived(self, asset: str, known: Known, events: KnownEvents) -> Mapping[str, float]:
        """Series made from other series ({"social_ratio:BTC": 1.4}), for the confluence score."""
        ...
