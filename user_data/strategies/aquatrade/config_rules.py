"""What the merged configuration must hold beyond keys and types: mode, pairs, keys, database."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ccxt
from freqtrade.configuration.config_validation import validate_config_consistency
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds, validate_exchange

from aquatrade.config_database import database_url, kinds_of_orders, without_credentials
from aquatrade.config_gate import gate_problems
from aquatrade.config_layers import KeyPath, Merged
from aquatrade.config_schema import missing_keys
from aquatrade.config_strategy import strategy_problems
from aquatrade.settings import SettingsError, load_settings
from aquatrade.wording import did_you_mean, one_line, shown

MODES = ("paper", "live", "replay")
MODE_FILE = re.compile(r"mode-([a-z]+)\.json$")
NEEDED: Mapping[KeyPath, str] = {
    ("dry_run",): "true or false (a mode-*.json layer says it)",
    ("exchange",): "a section (an exchange-*.json layer has it)",
    ("strategy",): "the name of a strategy (a bot-*.json layer has it)",
    ("stake_currency",): "a coin like USDT (base.json has it)",
    ("stake_amount",): 'an amount or "unlimited" (a bot-*.json layer has it)',
    ("max_open_trades",): "a whole number (a bot-*.json layer has it)",
    ("entry_pricing",): "a section (base.json has it)",
    ("exit_pricing",): "a section (base.json has it)",
    ("pairlists",): "a list of pair lists (base.json has it)",
}
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PAIR = re.compile(r"^[A-Z0-9]+/([A-Z0-9]+)(?::[A-Z0-9]+)?$")
SIGNS_OF_A_PATTERN = frozenset(".*+?[](){}|^$\\")


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules look at: the merged layers, and the mode that the layers' names say."""

    merged: Merged
    mode: str | None

    @property
    def config(self) -> Mapping[str, Any]:
        return self.merged.config

    def exchange(self) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.config.get("exchange", {})
        return section

    def line(self, key: str, text: str) -> str:
        """'SOURCE: KEY: TEXT', the source being the layer that gave the key."""
        return f"{self.merged.origin(tuple(key.split('.')))}: {key}: {text}"


Rule = Callable[[Subject], Iterator[str]]


def broken_rules(subject: Subject) -> list[str]:
    """A line for every rule that the configuration breaks; none if it may start."""
    lines = [line for rule in RULES for line in rule(subject)]
    # Freqtrade's own words come last, and only for what nothing above has told better.
    return list(dict.fromkeys(lines)) or list(_freqtrade_consistency(subject))


def mode_of(sources: Sequence[str]) -> str | None:
    """The mode that the name of one layer says (mode-live.json: live). Raises ValueError."""
    named = {Path(source).name: match.group(1) for source in sources
             if (match := MODE_FILE.search(Path(source).name))}  # fmt: skip
    if len(named) > 1:
        raise ValueError(f"modes {' and '.join(named)}: expected one mode, not several")
    for file, mode in named.items():
        if mode not in MODES:
            raise ValueError(f"{file}: expected mode-paper.json, mode-live.json, mode-replay.json")
        return mode
    return None


def _spot(subject: Subject) -> Iterator[str]:
    mode = subject.config.get("trading_mode", "spot")
    if subject.mode is not None and mode != "spot":
        yield subject.line(
            "trading_mode", f"got {shown(mode)}, expected spot: the others are for backtests only"
        )


def _needed(subject: Subject) -> Iterator[str]:
    for path, expected in NEEDED.items():
        if subject.config.get(path[0]) is None:
            yield f"configuration: {'.'.join(path)}: missing, expected {expected}"


def _sections_complete(subject: Subject) -> Iterator[str]:
    for section, key in missing_keys(subject.config):
        name = ".".join((*section, key))
        if section == ("telegram",):
            continue
        hint = ""
        if section == ("api_server",) and key in ("password", "jwt_secret_key"):
            hint = f" (a secret file, or FREQTRADE__API_SERVER__{key.upper()})"
        yield subject.line(name, f"missing, expected a value{hint}")


def _telegram(subject: Subject) -> Iterator[str]:
    section = subject.config.get("telegram")
    if isinstance(section, dict) and not (section.get("token") and section.get("chat_id")):
        yield subject.line(
            "telegram",
            "token or chat_id is missing, which freqtrade demands even of a disabled section: "
            "expected both, or no section telegram at all",
        )


def _mode(subject: Subject) -> Iterator[str]:
    dry_run = subject.config.get("dry_run")
    if not isinstance(dry_run, bool):
        return
    if subject.mode == "paper" and not dry_run:
        yield subject.line("dry_run", "got false, expected true in mode paper")
    elif subject.mode in ("live", "replay") and dry_run:
        yield subject.line("dry_run", f"got true, expected false in mode {subject.mode}")
    elif subject.mode is None and not dry_run:
        yield subject.line(
            "dry_run", "got false without mode-live.json, expected live trading to be said twice"
        )


def _replay_stays_local(subject: Subject) -> Iterator[str]:
    if subject.mode != "replay":
        return
    for kind in ("ccxt_config", "ccxt_async_config", "ccxt_sync_config"):
        for path, value in _texts(subject.exchange().get(kind, {}), ("exchange", kind)):
            if "://" in value and urlsplit(value).hostname not in LOOPBACK:
                yield subject.line(
                    ".".join(path), f"got {shown(value)}, expected an address of this machine"
                )
    if not subject.exchange().get("ccxt_config", {}).get("urls"):
        yield subject.line(
            "exchange.ccxt_config.urls", "missing, expected the replay exchange's addresses"
        )


def _live_keys(subject: Subject) -> Iterator[str]:
    if subject.config.get("dry_run") is not False or subject.mode == "paper":
        return
    exchange = subject.exchange()
    if not any(exchange.get(name) for name in ("api_key", "apiKey", "key")):
        yield subject.line(
            "exchange.key",
            "missing, expected the exchange's API key to trade with "
            "(a secret file, or FREQTRADE__EXCHANGE__KEY)",
        )
    if not exchange.get("secret"):
        yield subject.line(
            "exchange.secret",
            "missing, expected the API key's secret "
            "(a secret file, or FREQTRADE__EXCHANGE__SECRET)",
        )


def _exchange_known(subject: Subject) -> Iterator[str]:
    name = subject.exchange().get("name")
    if not isinstance(name, str):
        return
    if name.lower() not in ccxt.exchanges:
        yield subject.line(
            "exchange.name",
            f"got {shown(name)}, expected an exchange that ccxt knows"
            f"{did_you_mean(name.lower(), ccxt.exchanges)}",
        )
    elif not (verdict := validate_exchange(name.lower()))[0]:
        yield subject.line("exchange.name", f"{name} does not work: {one_line(str(verdict[1]))}")


def _pairs(subject: Subject) -> Iterator[str]:
    whitelist = subject.exchange().get("pair_whitelist", [])
    quote = subject.config.get("stake_currency")
    methods = [part.get("method") for part in subject.config.get("pairlists") or []]
    if "StaticPairList" in methods and not whitelist:
        yield subject.line("exchange.pair_whitelist", "empty, expected at least one pair")
    for pair in whitelist:
        if (problem := _pair_problem(pair, quote)) is not None:
            yield subject.line("exchange.pair_whitelist", problem)
    for pattern in subject.exchange().get("pair_blacklist", []):
        if not _compiles(pattern):
            yield subject.line(
                "exchange.pair_blacklist", f"got {shown(pattern)}, expected a pair or a pattern"
            )


def _pair_problem(pair: object, quote: object) -> str | None:
    if not isinstance(pair, str):
        return f"got {shown(pair)}, expected a pair like BTC/{quote}"
    if SIGNS_OF_A_PATTERN & set(pair):
        if _compiles(pair) and pair.removesuffix("$").partition(":")[0].endswith(f"/{quote}"):
            return None
        return f"got {shown(pair)}, expected a pattern that ends with /{quote}"
    match = PAIR.match(pair)
    if match is None:
        near = f"{pair.upper().replace('-', '/').replace('_', '/')}"
        hint = f' (did you mean "{near}"?)' if PAIR.match(near) else ""
        return f"got {shown(pair)}, expected BASE/QUOTE in capitals, like BTC/{quote}{hint}"
    if match.group(1) != quote:
        return f"got {shown(pair)}, expected the stake currency {quote} after the stroke"
    return None


def _compiles(pattern: object) -> bool:
    try:
        re.compile(pattern if isinstance(pattern, str) else "(")
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _timeframe(subject: Subject) -> Iterator[str]:
    timeframe = subject.config.get("timeframe")
    if timeframe is None:
        return
    try:
        seconds = timeframe_to_seconds(timeframe)
    except (ccxt.BaseError, ValueError, IndexError, TypeError):
        seconds = 0
    if seconds < 60:
        yield subject.line("timeframe", f"got {shown(timeframe)}, expected one like 5m, 1h or 1d")


def _strategy_and_settings(subject: Subject) -> Iterator[str]:
    try:
        load_settings(subject.config)
        for key, problem in strategy_problems(subject.config):
            yield subject.line(key, problem)
    except SettingsError as error:
        for problem in re.split(r"; (?=config key ')", str(error)):
            match = re.match(r"config key '([^']+)'(?: is|:)? ?(.*)", problem, re.DOTALL)
            if match:
                yield subject.line(match.group(1), one_line(match.group(2)))
            else:
                yield subject.line("aquatrade", one_line(problem))


def _gate(subject: Subject) -> Iterator[str]:
    for key, problem in gate_problems(subject.config):
        yield subject.line(key, problem)


def _api_password(subject: Subject) -> Iterator[str]:
    section = subject.config.get("api_server")
    if isinstance(section, dict) and section.get("enabled") and section.get("password") == "":
        yield subject.line("api_server.password", "empty, expected a password")


def _database_of_this_mode(subject: Subject) -> Iterator[str]:
    dry_run = subject.config.get("dry_run")
    if not isinstance(dry_run, bool):
        return
    url = database_url(subject.config)
    found = kinds_of_orders(url)
    other = {"live"} if dry_run else {"paper"}
    if found & other:
        kind = "paper" if dry_run else "live"
        yield subject.line(
            "db_url",
            f"{without_credentials(url)} holds {other.pop()} trades, expected a database of its "
            f"own for {kind} trading",
        )


def _freqtrade_consistency(subject: Subject) -> Iterator[str]:
    config = deepcopy(dict(subject.config))
    config.setdefault("internals", {})
    config["runmode"] = RunMode.OTHER
    try:
        validate_config_consistency(config, preliminary=True)
    except OperationalException as error:
        yield f"configuration: {one_line(str(error))}"


def _texts(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(part, (*path, str(key)))


RULES: Sequence[Rule] = (
    _needed, _sections_complete, _telegram, _mode, _spot, _replay_stays_local, _live_keys,
    _exchange_known, _pairs, _timeframe, _strategy_and_settings, _gate,
    _api_password, _database_of_this_mode,
)  # fmt: skip
