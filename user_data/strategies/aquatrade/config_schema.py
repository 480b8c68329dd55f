"""Which keys a configuration may have and of which kind their values are: freqtrade's own schema,
the keys that freqtrade reads but does not list there, and a line of text for each mistake."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.resolvers.pairlist_resolver import PairListResolver
from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError

from aquatrade.config_layers import KeyPath, Layer
from aquatrade.wording import did_you_mean, one_line, shown

# Keys that freqtrade 2026.9 reads from a configuration although its schema does not list them.
UNLISTED_KEYS: Mapping[KeyPath, frozenset[str]] = {
    (): frozenset(
        {"$schema", "aquatrade", "use_custom_stoploss", "startup_candle_count", "logfile",
         "verbosity", "print_colorized", "timerange", "timeframe_detail", "timeframes",
         "enable_protections", "strategy_list", "pairs", "days", "backtest_notes"}
    ),
    ("exchange",): frozenset(
        {"only_from_ccxt", "demo_trading", "use_public_trades", "skip_open_order_update",
         "_ft_has_params", "apiKey", "accountId", "walletAddress", "privateKey"}
    ),
    ("api_server",): frozenset({"enable_openapi"}),
    ("internals",): frozenset({"heartbeat_interval"}),
}  # fmt: skip
# Sections in which the user or a model chooses the keys, although the schema lists some.
FREE_SECTIONS: frozenset[KeyPath] = frozenset(
    {("freqai", "feature_parameters"), ("freqai", "rl_config"), ("freqai", "data_split_parameters")}
)
PAIRLIST_KEYS = frozenset({"method", "refresh_period", "save_to_file"})
SECRET_KEYS = frozenset(
    {"api_key", "apiKey", "key", "secret", "password", "uid", "account_id", "accountId",
     "wallet_address", "walletAddress", "private_key", "privateKey", "token", "bearer_token",
     "chat_id", "jwt_secret_key", "ws_token", "webhook_url", "url", "db_url"}
)  # fmt: skip
KINDS = {
    "object": "a section of keys and values", "array": "a list", "string": "text",
    "number": "a number", "integer": "a whole number", "boolean": "true or false", "null": "null",
}  # fmt: skip


def layer_problems(layer: Layer) -> list[str]:
    """Unknown keys and values of a wrong kind or range in one layer, a line each."""
    lines = [
        f"{layer.source}: {'.'.join(path)}: unknown key{hint}"
        for path, hint in _unknown_keys(layer.content)
    ]
    lines += [f"{layer.source}: {told(error)}" for error in _errors(layer.content, required=False)]
    return list(dict.fromkeys(lines))


def missing_keys(config: Mapping[str, Any]) -> list[tuple[KeyPath, str]]:
    """(section, key) for every key that a section of the merged configuration needs and lacks."""
    return [
        (tuple(str(part) for part in error.absolute_path), key)
        for error in _errors(config, required=True)
        if error.validator == "required"
        for key in error.validator_value
        if key not in error.instance
    ]


def told(error: ValidationError) -> str:
    """'KEY: got VALUE, expected WHAT' of one violation of the schema, secrets left out."""
    path = tuple(str(part) for part in error.absolute_path)
    came = "a hidden value" if is_secret(path) else shown(error.instance)
    return f"{'.'.join(path) or 'the file'}: got {came}, expected {_expected(error)}"


def is_secret(path: KeyPath) -> bool:
    """Whether the value at this path must not be shown."""
    return any(part in SECRET_KEYS for part in path)


@cache
def pairlist_keys(method: str) -> frozenset[str] | None:
    """The keys that a pair list of this method understands; None for an unknown method."""
    for found in PairListResolver.search_all_objects({}, enum_failed=False):
        if found["name"] == method:
            return PAIRLIST_KEYS | frozenset(found["class"].available_parameters())
    return None


def _unknown_keys(content: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    yield from _unknown_in(content, CONF_SCHEMA, ())
    pairlists = content.get("pairlists")
    for index, pairlist in enumerate(pairlists if isinstance(pairlists, list) else []):
        method = pairlist.get("method") if isinstance(pairlist, dict) else None
        known = pairlist_keys(method) if isinstance(method, str) else None
        if known is not None:
            for key in sorted(set(pairlist) - known):
                yield ("pairlists", str(index), key), did_you_mean(key, known)


def _unknown_in(
    content: Mapping[str, Any], schema: Mapping[str, Any], path: KeyPath
) -> Iterator[tuple[KeyPath, str]]:
    listed = _resolved(schema).get("properties")
    if not listed or path in FREE_SECTIONS:
        return
    known = set(listed) | UNLISTED_KEYS.get(path, frozenset())
    for key, value in content.items():
        if key not in known:
            yield (*path, key), did_you_mean(key, known) or _elsewhere(key, path)
        elif key in listed and isinstance(value, dict):
            yield from _unknown_in(value, listed[key], (*path, key))


@cache
def _places_of_keys() -> Mapping[str, tuple[str, ...]]:
    """For each key of the top level and of its sections: where it stands, written with dots."""
    places: dict[str, list[str]] = {}
    for name, schema in CONF_SCHEMA["properties"].items():
        places.setdefault(name, []).append(name)
        for inner in _resolved(schema).get("properties", {}):
            places.setdefault(inner, []).append(f"{name}.{inner}")
    return {key: tuple(where) for key, where in places.items()}


def _elsewhere(key: str, path: KeyPath) -> str:
    here = ".".join((*path, key))
    places = [place for place in _places_of_keys().get(key, ()) if place != here]
    return f" (did you mean {places[0]}?)" if len(places) == 1 else ""


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definition: Mapping[str, Any] = CONF_SCHEMA["definitions"][reference.rsplit("/", 1)[-1]]
    return definition


def _errors(config: Mapping[str, Any], *, required: bool) -> Iterator[ValidationError]:
    """Violations of freqtrade's schema; a single layer need not have what the whole must have."""
    for error in Draft4Validator(CONF_SCHEMA).iter_errors(config):
        if required or error.validator != "required":
            yield error


def _expected(error: ValidationError) -> str:
    explain = _EXPLANATIONS.get(str(error.validator))
    if explain is not None:
        return explain(error.validator_value, error)
    # The schema's own words may quote the value; the part after the last quote does not.
    return one_line(error.message.rsplit("'", 1)[-1]) or f"what {error.validator} demands"


def _kind(value: Any, _: ValidationError) -> str:
    return " or ".join(KINDS[name] for name in ([value] if isinstance(value, str) else value))


def _choice(value: Any, error: ValidationError) -> str:
    names = [str(name) for name in value if name != ""]
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"one of {listed}{did_you_mean(str(error.instance), names)}"


def _least(value: Any, error: ValidationError) -> str:
    return f"more than {value}" if error.schema.get("exclusiveMinimum") else f"at least {value}"


def _most(value: Any, error: ValidationError) -> str:
    return f"less than {value}" if error.schema.get("exclusiveMaximum") else f"at most {value}"


_EXPLANATIONS: Mapping[str, Callable[[Any, ValidationError], str]] = {
    "type": _kind,
    "enum": _choice,
    "minimum": _least,
    "maximum": _most,
    "pattern": lambda value, _: f'a number or text like "{value}"',
    "minLength": lambda value, _: f"at least {value} characters",
    "minItems": lambda value, _: f"at least {value} in the list",
    "uniqueItems": lambda _, __: "each only once",
    "additionalProperties": lambda _, __: "only keys of letters and digits",
}
