"""The state of the breakers as text, to outlive a restart. What is not whole is not read."""

import math
from collections.abc import Sequence
from datetime import UTC
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from aquatrade.canonical_json import canonical_json
from aquatrade.risk.model import Mark, Period, RiskState, Trip

VERSION = 1
LONGEST_TEXT = 1_000

Number = Annotated[float, Field(allow_inf_nan=False)]
AboveZero = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
FromZero = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0.0, le=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Mark(_Part):
    started: AwareDatetime
    equity: AboveZero
    profit: Number


class _Trip(_Part):
    rule: str = Field(min_length=1)
    at: AwareDatetime
    value: Number
    limit: Number
    text: str
    close: Literal["nothing", "all"] | list[str]
    until: AwareDatetime | None
    needs_other_config: str | None
    recovery_hours: FromZero
    recovery_factor: Factor


class _State(_Part):
    version: Literal[1]
    marks: dict[Literal["day", "week", "month"], _Mark]
    trips: list[_Trip]
    recovery_until: AwareDatetime | None
    recovery_factor: Factor
    last_at: AwareDatetime | None
    last_equity: Number | None
    last_profit: Number | None
    error: str | None

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> "_State":
        looked = (self.last_at, self.last_equity, self.last_profit)
        if any(part is None for part in looked) and (self.marks or any(looked)):
            raise ValueError("marks without all of last_at, last_equity and last_profit")
        rules = [trip.rule for trip in self.trips]
        if len(set(rules)) < len(rules):
            raise ValueError("two trips of one rule")
        return self


def to_json(state: RiskState) -> str:
    """The state as one line of JSON; equal states give equal text."""
    return canonical_json(
        {
            "version": VERSION,
            "marks": {
                period.value: {
                    "started": mark.started, "equity": mark.equity, "profit": mark.profit
                }
                for period, mark in state.marks.items()
            },
            "trips": state.trips,
            "recovery_until": state.recovery_until,
            "recovery_factor": state.recovery_factor,
            "last_at": state.last_at,
            "last_equity": _known(state.last_equity),
            "last_profit": _known(state.last_profit),
            "error": state.error,
        }
    )  # fmt: skip


def from_json(text: str) -> RiskState:
    """The state that to_json wrote. Raises ValueError with one line for anything else."""
    try:
        read = _State.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"risk state: {_told(error.errors(include_url=False))}") from None
    except RecursionError:
        raise ValueError("risk state: nested too deep") from None
    marks = {
        Period(name): Mark(Period(name), mark.started.astimezone(UTC), mark.equity, mark.profit)
        for name, mark in read.marks.items()
    }
    return RiskState(
        marks=marks,
        trips=tuple(_trip(trip) for trip in read.trips),
        recovery_until=read.recovery_until,
        recovery_factor=read.recovery_factor,
        last_at=read.last_at,
        last_equity=math.nan if read.last_equity is None else read.last_equity,
        last_profit=math.nan if read.last_profit is None else read.last_profit,
        error=read.error,
    )


def _trip(trip: _Trip) -> Trip:
    values = trip.model_dump()
    close = trip.close if isinstance(trip.close, str) else tuple(trip.close)
    return Trip(**{**values, "close": close})


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(errors: Sequence[Any]) -> str:
    """'KEY: what is wrong' of the first mistake, in one line."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"])
    text = " ".join(f"{place or 'the whole'}: {first['msg']}".split())
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return text[:LONGEST_TEXT] + more
