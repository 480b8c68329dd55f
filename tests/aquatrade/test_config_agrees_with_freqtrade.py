"""The checker against freqtrade itself: the same merge, the same keys, never a crash, and what it
accepts freqtrade accepts."""

import inspect
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.configuration.config_validation import validate_config_consistency
from freqtrade.configuration.environment_vars import _flat_vars_to_nested_dict
from freqtrade.configuration.load_config import load_from_files
from freqtrade.enums import RunMode
from freqtrade.exchange import exchange as freqtrade_exchange
from freqtrade.persistence import Order, Trade, init_db
from freqtrade.resolvers.pairlist_resolver import PairListResolver
from hypothesis import given, settings
from hypothesis import strategies as st

from aquatrade.config_check import ConfigRefused, check, check_layers
from aquatrade.config_database import kinds_of_orders
from aquatrade.config_layers import Layer, merge, read_layers, variable_layers
from aquatrade.config_schema import UNLISTED_KEYS, pairlist_keys
from aquatrade.settings import AquatradeSettings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = REPOSITORY / "user_data" / "config"
FREQTRADE = Path(inspect.getfile(freqtrade_exchange)).parents[1]
NAMES = ("base.json", "exchange-binance.json", "mode-paper.json", "bot-dip.json")
SHIPPED = [json.loads((CONFIGS / name).read_text()) for name in NAMES]


@contextmanager
def files(*contents: object) -> Iterator[list[Path]]:
    """Each content as a file in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"layer{number}.json" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        yield paths


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "b"])
keys = st.sampled_from(["a", "b", "c"])
sections = st.recursive(
    st.dictionaries(keys, scalars | st.lists(scalars, max_size=2), max_size=3),
    lambda inner: st.dictionaries(keys, scalars | inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(sections, min_size=1, max_size=4))
def test_layers_merge_as_freqtrade_merges_them(contents: list[dict[str, Any]]) -> None:
    with files(*contents) as paths:
        try:
            merged = merge(read_layers(paths, {})).config
        except ConfigRefused as refused:
            # Freqtrade crashes, or lets a value swallow a section, depending on the order.
            assert all("expected a" in line for line in refused.lines)
            return
        theirs = load_from_files([str(path) for path in paths])
        theirs.pop("config_files")
        assert merged == theirs


def test_inclusions_lie_under_the_file_that_includes_them() -> None:
    with files(
        {"a": 1, "b": 1, "add_config_files": ["layer1.json", "layer2.json"]},
        {"a": 2, "c": 2, "d": 2, "s": {"x": 1}},
        {"a": 3, "c": 3, "s": {"y": 1}},
        {"d": 4},
    ) as (top, _, __, last):
        merged = merge(read_layers([top, last], {})).config
        theirs = load_from_files([str(top), str(last)])
        theirs.pop("config_files")
        assert merged == theirs
        assert merged["c"] == 3
        assert (merged["a"], merged["b"], merged["d"]) == (1, 1, 4)


@given(
    st.dictionaries(
        st.lists(st.sampled_from(["A", "B", "EXCHANGE", "CCXT_CONFIG", "aKey"]), min_size=1)
        .map("__".join)
        .map("FREQTRADE__".__add__),
        st.sampled_from(["1", "0.5", "true", "text", "[1, 2]", ""]),
        max_size=2,
    )
)
def test_variables_are_read_as_freqtrade_reads_them(environment: dict[str, str]) -> None:
    try:
        ours = merge(variable_layers(environment)).config
    except ConfigRefused:
        return
    assert ours == _flat_vars_to_nested_dict(environment, "FREQTRADE__")


def paths_of(content: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if above:
        yield above
    if isinstance(content, dict):
        for key, value in content.items():
            yield from paths_of(value, (*above, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from paths_of(value, (*above, index))


def changed(content: Any, path: tuple[str | int, ...], change: Callable[[Any, Any], None]) -> Any:
    content = deepcopy(content)
    section = content
    for part in path[:-1]:
        section = section[part]
    change(section, path[-1])
    return content


@st.composite
def mutated_layers(draw: st.DrawFn) -> list[Any]:
    """The shipped layers with one to three places deleted, renamed or given another value."""
    layers: list[Any] = deepcopy(SHIPPED)
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(layers) - 1))
        places = list(paths_of(layers[number]))
        if not places:
            continue
        path = draw(st.sampled_from(places))
        value = draw(values)
        name = draw(st.sampled_from(sorted(CONF_SCHEMA["properties"])) | st.text(max_size=12))

        def delete(section: Any, key: Any) -> None:
            del section[key]

        def rename(section: Any, key: Any, name: str = name) -> None:
            if isinstance(section, dict):
                section[name] = section.pop(key)

        def replace(section: Any, key: Any, value: Any = value) -> None:
            section[key] = value

        change = draw(st.sampled_from([delete, rename, replace]))
        layers[number] = changed(layers[number], path, change)
    return layers


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["unlimited", "limit", "1h", "BTC/USDT", "other", "https://x:y@h/", "\ud83d"])
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@settings(max_examples=400)
@given(mutated_layers())
def test_no_change_of_a_config_ever_crashes_and_what_passes_freqtrade_takes(
    contents: list[Any],
) -> None:
    layers = [
        Layer(name, content)
        for name, content in zip(NAMES, contents, strict=True)
        if isinstance(content, dict)
    ]
    try:
        checked = check_layers(layers)
    except ConfigRefused as refused:
        assert refused.lines
        assert all(line and "\n" not in line and len(line) < 2_000 for line in refused.lines)
        return
    assert checked.summary()
    config = deepcopy(dict(checked.config))
    config["runmode"] = RunMode.UTIL_NO_EXCHANGE
    config.setdefault("internals", {})
    validate_config_consistency(config, preliminary=True)


@settings(max_examples=200)
@given(st.integers(0, 3), st.integers(0, 2_000), st.integers(0, 300), st.text(max_size=8))
def test_no_damage_to_a_file_ever_crashes(number: int, start: int, cut: int, text: str) -> None:
    whole = (CONFIGS / NAMES[number]).read_text()
    damaged = whole[:start] + text + whole[start + cut :]
    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / NAMES[number]
        broken.write_text(damaged, encoding="utf-8", errors="surrogatepass")
        paths = [broken if name == NAMES[number] else CONFIGS / name for name in NAMES]
        try:
            check(paths, {})
        except ConfigRefused as refused:
            assert refused.lines
            assert all("\n" not in line for line in refused.lines)


def test_deep_nesting_is_refused() -> None:
    for text in ('{"a":' * 5_000 + "1" + "}" * 5_000, '{"a":' * 40 + "[]" + "}" * 40):
        with files(text) as paths, pytest.raises(ConfigRefused, match="nested too deep"):
            check(paths, {})


def test_every_unlisted_key_is_one_that_freqtrade_reads_and_does_not_list() -> None:
    source = "\n".join(file.read_text() for file in FREQTRADE.rglob("*.py"))
    source += (FREQTRADE / "templates" / "base_config.json.j2").read_text()
    for section, names in UNLISTED_KEYS.items():
        schema = CONF_SCHEMA
        for part in section:
            schema = schema["properties"][part]
            if "$ref" in schema:
                schema = CONF_SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[-1]]
        for name in names - {"aquatrade"}:
            assert name not in schema["properties"], f"{section} {name} is listed by now"
            assert f'"{name}"' in source, f"{section} {name} is not read by freqtrade"


def test_every_key_that_a_pair_list_reads_is_known() -> None:
    found = PairListResolver.search_all_objects({}, enum_failed=False)
    assert len(found) > 15
    for one in found:
        text = Path(one["location"]).read_text()
        read = set(re.findall(r"_pairlistconfig(?:\.get\(|\[)[\"'](\w+)", text))
        known = pairlist_keys(one["name"])
        assert known is not None
        assert read <= known, one["name"]
    assert pairlist_keys("NoSuchPairList") is None


def test_base_shows_the_defaults_of_the_section_aquatrade() -> None:
    assert load_settings(SHIPPED[0]) == AquatradeSettings()


def test_paper_and_live_trades_never_share_a_database(tmp_path: Path) -> None:
    def database(name: str, order_id: str) -> str:
        url = f"sqlite:///{tmp_path / name}"
        init_db(url)
        order = Order(
            ft_order_side="buy", ft_pair="BTC/USDT", ft_amount=1.0, ft_price=1.0,
            ft_is_open=False, order_id=order_id, ft_trade_id=1,
        )  # fmt: skip
        Order.session.add(order)
        Order.session.commit()
        Trade.session.remove()
        return url

    paper = database("paper.sqlite", "dry_run_buy_BTC/USDT_1700000000.0")
    live = database("live.sqlite", "7")
    empty = f"sqlite:///{tmp_path / 'none.sqlite'}"
    assert [kinds_of_orders(url) for url in (paper, live, empty)] == [{"paper"}, {"live"}, set()]
    assert kinds_of_orders("postgresql://u:p@host/db") == set()
    paths = [CONFIGS / name for name in NAMES]
    assert check(paths, {"FREQTRADE__DB_URL": paper}).mode == "paper"
    with pytest.raises(ConfigRefused, match="holds live trades, expected a database of its own"):
        check(paths, {"FREQTRADE__DB_URL": live})
    assert 'order_id = f"dry_run_' in inspect.getsource(freqtrade_exchange)


def test_an_unreadable_database_is_left_to_freqtrade(tmp_path: Path) -> None:
    file = tmp_path / "garbage.sqlite"
    file.write_bytes(b"no database at all" * 100)
    assert kinds_of_orders(f"sqlite:///{file}") == set()
