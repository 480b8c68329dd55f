"""The holdings file: what is held, read from YAML and checked; one clear line a mistake."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sidecars.common.moments import ms_of
from sidecars.common.settings_file import SettingsError, check_settings
from sidecars.confluence.monitor.model import Holding

MAX_FILE_BYTES = 256 * 1024
MOST_HOLDINGS = 200
# No amount and no cost is smaller or larger than these; sums of them stay finite.
LEAST, MOST = 1e-30, 1e30
MOST_BITS = 4096
# The share of an amount by which Luno's balance may differ before it is said.
BALANCE_TOLERANCE = 0.001


def _text(value: object) -> object:
    if isinstance(value, bool):
        # YAML takes NO, ON, YES and OFF for truth values, and some of them are coins' names.
        raise ValueError('text; a name like NO or ON needs quotes in YAML: "NO"')
    return value


def _number(value: object) -> object:
    # Compared with infinity and not converted: an integer may be too large for a float.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not LEAST <= value <= MOST:  # type: ignore[operator]
        raise ValueError("a number above 0, like 0.25 (without quotes or commas)")
    return value


def _day(value: object) -> object:
    if isinstance(value, datetime) or not isinstance(value, date | str):
        raise ValueError("a day, like 2024-01-31")
    return value


def _upper(value: str) -> str:
    return value.upper()


Symbol = Annotated[
    str, BeforeValidator(_text), Field(pattern=r"^[A-Za-z0-9.-]{1,24}$"), AfterValidator(_upper)
]
Market = Annotated[
    str,
    BeforeValidator(_text),
    Field(pattern=r"^[A-Za-z0-9.-]{1,24}/[A-Za-z0-9.-]{1,24}$"),
    AfterValidator(_upper),
]
Positive = Annotated[float, BeforeValidator(_number), Field(gt=0)]


class HoldingEntry(BaseModel):
    """One holding as the file has it.

    average_cost: per coin, in `currency`. since: UTC day of the last purchase. started_with: the
    amount before anything was sold by the ladder; left out, it is `amount`. pair: whose score
    counts, ASSET/QUOTE if left out. market: Luno's market that prices it, ASSET/CURRENCY if left
    out; none where the currency is the pair's own quote.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    asset: Symbol
    amount: Positive
    average_cost: Positive | None = None
    currency: Symbol = "MYR"
    since: Annotated[date, BeforeValidator(_day)] | None = None
    started_with: Positive | None = None
    pair: Market | None = None
    market: Market | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "HoldingEntry":
        if self.started_with is not None and self.started_with < self.amount:
            raise ValueError(
                f"'started_with' of {self.asset} is {self.started_with:g}, expected at least its "
                f"amount {self.amount:g}: after a purchase, 'since' and 'average_cost' start anew"
            )
        if self.market is not None and self.market.split("/")[1] != self.currency:
            raise ValueError(
                f"'market' of {self.asset} is {self.market}, expected one in {self.currency}"
            )
        return self


class HoldingsFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    holdings: tuple[HoldingEntry, ...] = Field(max_length=MOST_HOLDINGS)

    @model_validator(mode="after")
    def _once_each(self) -> "HoldingsFile":
        assets = [each.asset for each in self.holdings]
        doubled = sorted({asset for asset in assets if assets.count(asset) > 1})
        if doubled:
            raise ValueError(
                f"{', '.join(doubled)} stands there twice, expected one entry an asset, with the "
                "sum of the amounts and their average cost"
            )
        return self


def load_holdings(file: Path, today: date, quote: str = "USDT") -> tuple[Holding, ...]:
    """The holdings of a file, in its order. today: in UTC; quote: of pairs that are not named.

    Raises SettingsError: one line a mistake, of YAML with line and column.
    """
    content = _read(file)
    if not isinstance(content, Mapping):
        raise SettingsError(f"{file}: got {_kind(content)}, expected a key 'holdings' with a list")
    checked = check_settings(HoldingsFile, {str(key): content[key] for key in content}, str(file))
    for each in checked.holdings:
        if each.since is not None and each.since > today:
            raise SettingsError(
                f"{file}: 'since' of {each.asset} is {each.since}, expected {today} or earlier"
            )
    return tuple(_holding(each, quote) for each in checked.holdings)


def with_balances(
    holdings: Sequence[Holding],
    balances: Mapping[str, float],
    currency: str,
    pairs: Sequence[str],
    quote: str = "USDT",
) -> tuple[Holding, ...]:
    """The file's holdings, then what else Luno holds of the scored pairs, without a cost."""
    named = {each.asset for each in holdings}
    found = [
        Holding(asset, amount, currency, f"{asset}/{quote}", None, None, f"{asset}/{currency}")
        for asset, amount in sorted(balances.items())
        if asset not in named and amount > 0 and f"{asset}/{quote}" in pairs
    ]
    return (*holdings, *found)


def balance_warning(holding: Holding, balances: Mapping[str, float]) -> str | None:
    """One line where Luno holds another amount than the file says."""
    held = balances.get(holding.asset)
    if held is None or abs(held - holding.amount) <= BALANCE_TOLERANCE * holding.amount:
        return None
    return (
        f"Luno holds {held:.8g} {holding.asset}, the holdings file says {holding.amount:.8g}: "
        "the file counts"
    )


def _holding(entry: HoldingEntry, quote: str) -> Holding:
    pair = entry.pair or f"{entry.asset}/{quote}"
    market = entry.market or f"{entry.asset}/{entry.currency}"
    since = entry.since
    since_ms = (
        None if since is None else ms_of(datetime(since.year, since.month, since.day, tzinfo=UTC))
    )
    return Holding(
        asset=entry.asset,
        amount=entry.amount,
        currency=entry.currency,
        pair=pair,
        average_cost=entry.average_cost,
        since_ms=since_ms,
        market=None if market == pair else market,
        started_with=entry.started_with,
    )


class _Loader(yaml.SafeLoader):
    """Plain data only: a key stands once, and nothing refers to something else."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.get_mark()
            raise yaml.MarkedYAMLError(problem="an alias (*) is not taken", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"key '{key.value}' stands there twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    value = int(loader.construct_yaml_int(node))
    if value.bit_length() > MOST_BITS:  # in hexadecimal it may be too large to be shown
        raise yaml.MarkedYAMLError(problem="a number is too large", problem_mark=node.start_mark)
    return value


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def _read(file: Path) -> object:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"{file}: cannot be read ({reason}), expected a YAML file") from None
    if len(raw) > MAX_FILE_BYTES:
        raise SettingsError(f"{file}: is larger than {MAX_FILE_BYTES} bytes")
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SettingsError(f"{file}{where}: is not YAML ({error.problem})") from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        text = " ".join(str(error).split())[:160]
        raise SettingsError(f"{file}: is not YAML ({text})") from None


def _kind(content: object) -> str:
    return "nothing" if content is None else type(content).__name__
