"""The checker of configurations: what ships passes, a mistake is one clear line, never a crash."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aquatrade.config_check import CheckedConfig, ConfigRefused, check

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = REPOSITORY / "user_data" / "config"
KEYS = {"FREQTRADE__EXCHANGE__KEY": "abc", "FREQTRADE__EXCHANGE__SECRET": "def"}
API = {
    "FREQTRADE__API_SERVER__PASSWORD": "correct horse",
    "FREQTRADE__API_SERVER__JWT_SECRET_KEY": "0123456789abcdef0123456789abcdef",
}
PAPER = ("base.json", "exchange-binance.json", "mode-paper.json", "bot-dip.json")
LIVE = ("base.json", "exchange-binance.json", "mode-live.json", "bot-dip.json")
REPLAY = ("base.json", "exchange-binance.json", "mode-replay.json", "bot-dip.json")


def shipped(*names: str) -> list[Path]:
    return [CONFIGS / name for name in names]


def refusal(
    tmp_path: Path,
    overlay: Mapping[str, Any] | str,
    layers: tuple[str, ...] = PAPER,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """The lines that refuse the shipped layers with one more layer, my.json, on top."""
    file = tmp_path / "my.json"
    file.write_text(overlay if isinstance(overlay, str) else json.dumps(overlay))
    with pytest.raises(ConfigRefused) as caught:
        check([*shipped(*layers), file], environment or {})
    return [line.replace(f"{tmp_path}/", "") for line in caught.value.lines]


@pytest.mark.parametrize(
    ("layers", "environment", "mode"),
    [
        (PAPER, {}, "paper"),
        (REPLAY, {}, "replay"),
        (LIVE, KEYS, "live"),
        (("base.json", "exchange-mexc.json", "mode-paper.json", "bot-dip.json"), {}, "paper"),
        ((*PAPER, "preset-specified.json"), {}, "paper"),
        ((*PAPER, "api-server.json"), API, "paper"),
    ],
)
def test_what_ships_is_accepted(
    layers: tuple[str, ...], environment: dict[str, str], mode: str
) -> None:
    checked = check(shipped(*layers), environment)
    assert checked.mode == mode
    assert checked.config["strategy"] == "BuyTheDip"
    assert checked.summary().startswith("config ok: BuyTheDip on ")


MISTAKES: list[tuple[dict[str, Any], str]] = [
    (
        {"trading_mode": "futures", "margin_mode": "isolated"},
        "my.json: trading_mode: got 'futures', expected spot: the others are for backtests only",
    ),
    (
        {"max_open_trade": 3},
        'my.json: max_open_trade: unknown key (did you mean "max_open_trades"?)',
    ),
    (
        {"exchange": {"pair_whitelst": []}},
        'my.json: exchange.pair_whitelst: unknown key (did you mean "pair_whitelist"?)',
    ),
    (
        {"pair_whitelist": ["BTC/USDT"]},
        "my.json: pair_whitelist: unknown key (did you mean exchange.pair_whitelist?)",
    ),
    (
        {"pairlists": [{"method": "VolumePairList", "number_asset": 5}]},
        'my.json: pairlists.0.number_asset: unknown key (did you mean "number_assets"?)',
    ),
    (
        {"max_open_trades": "three"},
        "my.json: max_open_trades: got 'three', expected a whole number or a number",
    ),
    ({"max_open_trades": -3}, "my.json: max_open_trades: got -3, expected at least -1"),
    (
        {"tradable_balance_ratio": 1.5},
        "my.json: tradable_balance_ratio: got 1.5, expected at most 1",
    ),
    ({"stoploss": 0}, "my.json: stoploss: got 0, expected less than 0"),
    (
        {"entry_pricing": {"price_side": "othr"}},
        "my.json: entry_pricing.price_side: got 'othr', expected one of ask, bid, same, other"
        ' (did you mean "other"?)',
    ),
    (
        {"dry_run": "yes"},
        "my.json: dry_run: got 'yes', expected true or false",
    ),
    (
        {"stake_amount": "unlimitd"},
        "my.json: stake_amount: got 'unlimitd', expected a number or text like \"unlimited\"",
    ),
    ({"exchange": 5}, "my.json: exchange: got 5, expected a section of keys and values"),
    (
        {"exchange": {"name": "binanc"}},
        "my.json: exchange.name: got 'binanc', expected an exchange that ccxt knows"
        ' (did you mean "binance"?)',
    ),
    (
        {"exchange": {"pair_whitelist": ["btc-usdt"]}},
        "my.json: exchange.pair_whitelist: got 'btc-usdt', expected BASE/QUOTE in capitals, "
        'like BTC/USDT (did you mean "BTC/USDT"?)',
    ),
    (
        {"exchange": {"pair_whitelist": ["BTC/BUSD"]}},
        "my.json: exchange.pair_whitelist: got 'BTC/BUSD', expected the stake currency USDT "
        "after the stroke",
    ),
    (
        {"exchange": {"pair_whitelist": ["(BTC/.*"]}},
        "my.json: exchange.pair_whitelist: got '(BTC/.*', expected a pattern that ends with /USDT",
    ),
    (
        {"exchange": {"pair_whitelist": []}},
        "my.json: exchange.pair_whitelist: empty, expected at least one pair",
    ),
    (
        {"exchange": {"pair_blacklist": ["BNB/(.*"]}},
        "my.json: exchange.pair_blacklist: got 'BNB/(.*', expected a pair or a pattern",
    ),
    (
        {"timeframe": "5m"},
        "my.json: timeframe: got '5m', expected 1h: BuyTheDip's own",
    ),
    (
        {"timeframe": "1x"},
        "my.json: timeframe: got '1x', expected one like 5m, 1h or 1d",
    ),
    (
        {"telegram": {"enabled": False}},
        "my.json: telegram: token or chat_id is missing, which freqtrade demands even of a "
        "disabled section: expected both, or no section telegram at all",
    ),
    (
        {"strategy": "BuyTheDp"},
        "my.json: strategy: got 'BuyTheDp', expected one of BuyTheDip, CrossMomentum, "
        "GridTrader, MaCrossover, Momentum, Scalper, SmaTrend (did you mean "
        '"BuyTheDip"?)',
    ),
    (
        {"aquatrade": {"preset": "specifed"}},
        "my.json: aquatrade.preset: got 'specifed', expected one of \"crash\", \"crash_often\", "
        '"specified" (did you mean "specified"?)',
    ),
    ({"dry_run": False}, "my.json: dry_run: got false, expected true in mode paper"),
    (
        {"aquatrade": {"scores": {"filtr": True}}},
        "my.json: aquatrade.scores.filtr: unknown, expected one of url, timeout_seconds, filter, "
        'threshold, max_age_hours, min_coverage_pct, cache_directory (did you mean "filter"?)',
    ),
    (
        {"aquatrade": {"sizing": {"risk_pct": 50.0}}},
        "my.json: aquatrade.sizing.risk_pct: got 50.0, expected a percentage of the bot's capital "
        "above 0 and up to 10",
    ),
    (
        {"stake_amount": "unlimited", "max_open_trades": -1},
        "configuration: `max_open_trades` and `stake_amount` cannot both be unlimited.",
    ),
    (
        {"api_server": {"enabled": True, "listen_ip_address": "127.0.0.1", "listen_port": 8080,
                        "username": "me", "jwt_secret_key": "x" * 32, "password": ""}},
        "my.json: api_server.password: empty, expected a password",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("overlay", "line"), MISTAKES, ids=[line for _, line in MISTAKES])
def test_a_mistake_is_one_line(tmp_path: Path, overlay: dict[str, Any], line: str) -> None:
    assert refusal(tmp_path, overlay) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n  "dry_run": tru\n}', "my.json:2:17: not valid JSON: Invalid value"),
        ("", "my.json:1:1: not valid JSON: The document is empty"),
        ("[1]", "my.json: got list, expected { ... }"),
        (
            '{"dry_run": true, "dry_run": false}',
            "my.json: key 'dry_run' stands twice in one section, expected it once",
        ),
        ('{"stake_amount": NaN}', "my.json: stake_amount: expected a finite number"),
        (
            '{"add_config_files": []}',
            "my.json: add_config_files: expected a list of at least one file name",
        ),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text) == [line]


def test_every_missing_file_is_named() -> None:
    with pytest.raises(ConfigRefused) as caught:
        check([Path("no-a.json"), Path("no-b.json")], {})
    assert caught.value.lines == [
        "no-a.json: no such file, expected a configuration file",
        "no-b.json: no such file, expected a configuration file",
    ]
    with pytest.raises(ConfigRefused, match="expected at least one"):
        check([], {})
    with pytest.raises(ConfigRefused, match="cannot be read"):
        check([CONFIGS], {})


def test_an_inclusion_in_a_circle_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "circle.json"
    file.write_text('{"add_config_files": ["circle.json"]}')
    with pytest.raises(ConfigRefused, match="expected no file to include itself"):
        check([file], {})


def test_a_section_over_a_value_is_refused_where_freqtrade_crashes(tmp_path: Path) -> None:
    below = tmp_path / "below.json"
    below.write_text('{"exchange": {"ccxt_async_config": {"options": 5}}}')
    above = tmp_path / "above.json"
    above.write_text('{"exchange": {"ccxt_async_config": {"options": {"a": 1}}}}')
    with pytest.raises(ConfigRefused) as caught:
        check([*shipped(*PAPER), below, above], {})
    assert caught.value.lines == [
        f"{above}: exchange.ccxt_async_config.options: got a section, "
        f"expected a value as in {below}"
    ]


def test_layers_that_are_left_out_are_named() -> None:
    with pytest.raises(ConfigRefused) as caught:
        check(shipped("base.json"), {})
    told = "\n".join(caught.value.lines)
    for layer in ("mode-*.json", "exchange-*.json", "bot-*.json"):
        assert layer in told


def test_live_needs_keys_and_to_be_said_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused) as caught:
        check(shipped(*LIVE), {})
    assert [line.split(": ")[1] for line in caught.value.lines] == [
        "exchange.key",
        "exchange.secret",
    ]
    lines = refusal(tmp_path, {"dry_run": True}, LIVE, KEYS)
    assert lines == ["my.json: dry_run: got true, expected false in mode live"]
    with pytest.raises(ConfigRefused, match=r"mode-paper\.json and mode-live\.json"):
        check(shipped(*PAPER, "mode-live.json"), KEYS)
    quiet = tmp_path / "quiet.json"
    quiet.write_text('{"dry_run": false}')
    layers = shipped("base.json", "exchange-binance.json", "bot-dip.json")
    with pytest.raises(ConfigRefused, match="live trading to be said twice"):
        check([*layers, quiet], KEYS)


def test_a_preset_that_lost_goes_live_only_when_that_is_accepted(tmp_path: Path) -> None:
    lost = {"aquatrade": {"preset": "specified"}}
    assert [
        "lost when it was measured" in line for line in refusal(tmp_path, lost, LIVE, KEYS)
    ] == [True]
    file = tmp_path / "accepted.json"
    file.write_text('{"aquatrade": {"preset": "specified", "accept_negative_evidence": true}}')
    assert check([*shipped(*LIVE), file], KEYS).mode == "live"


def test_a_replay_never_leaves_this_machine(tmp_path: Path) -> None:
    away = {"exchange": {"ccxt_config": {"urls": {"api": {"private": "https://api.binance.com"}}}}}
    assert refusal(tmp_path, away, REPLAY) == [
        "my.json: exchange.ccxt_config.urls.api.private: got 'https://api.binance.com', "
        "expected an address of this machine"
    ]


def test_a_variable_is_a_layer_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused) as caught:
        check(shipped(*PAPER), {"FREQTRADE__MAX_OPEN_TRADES": "many"})
    assert caught.value.lines == [
        "environment FREQTRADE__MAX_OPEN_TRADES: max_open_trades: got 'many', "
        "expected a whole number or a number"
    ]
    url = "http://confluence:8101"
    checked = check(shipped(*PAPER), {"FREQTRADE__AQUATRADE__SCORES__URL": url})
    assert checked.config["aquatrade"]["scores"]["url"] == url
    assert f"scores from {url}" in checked.summary()


SECRET = "sentinel-that-must-stay-hidden"


@pytest.mark.parametrize(
    "overlay",
    [
        {"exchange": {"secret": [SECRET], "key": {"a": SECRET}, "password": 5}},
        {"api_server": {"jwt_secret_key": SECRET[:9], "password": [SECRET]}},
        {"telegram": {"token": [SECRET], "chat_id": {"x": SECRET}, "enabled": True}},
        {"pairlists": [{"method": "RemotePairList", "bearer_token": SECRET, "numbr": 1}]},
        {"db_url": [f"postgresql://me:{SECRET}@host/db"]},
        {"discord": {"webhook_url": [SECRET]}},
    ],
)
def test_a_secret_is_never_shown(tmp_path: Path, overlay: dict[str, Any]) -> None:
    lines = refusal(tmp_path, overlay)
    assert lines
    assert SECRET[:9] not in "\n".join(lines)


def test_a_checked_config_does_not_print_its_secrets() -> None:
    checked = check(shipped(*LIVE), {**KEYS, "FREQTRADE__EXCHANGE__SECRET": SECRET})
    assert isinstance(checked, CheckedConfig)
    assert SECRET not in repr(checked)
    assert SECRET not in checked.summary()


def run_check(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{key: text for key, text in os.environ.items() if not key.startswith("FREQTRADE__")},
        "PYTHONPATH": str(REPOSITORY / "user_data" / "strategies"),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "aquatrade.config_check", *arguments],
        cwd=CONFIGS, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_command_ends_with_0_or_with_2_and_one_line_a_mistake(tmp_path: Path) -> None:
    files = [part for name in PAPER for part in ("-c", name)]
    good = run_check(*files, "--db-url", "sqlite:///dip-paper.sqlite")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.rstrip().endswith("database sqlite:///dip-paper.sqlite")
    bad = run_check(*files, FREQTRADE__MAX_OPEN_TRADE="3", FREQTRADE__DRY_RUN="perhaps")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.splitlines() == [
        "environment FREQTRADE__DRY_RUN: dry_run: got 'perhaps', expected true or false",
        "environment FREQTRADE__MAX_OPEN_TRADE: max_open_trade: unknown key "
        '(did you mean "max_open_trades"?)',
    ]


GUARD = {"aquatrade": {"guard": {"url": "http://127.0.0.1:8105"}}}


@pytest.mark.parametrize(
    ("overlay", "key", "words"),
    [
        ({**GUARD, "bot_name": ""}, "bot_name", "the name that the guard knows this bot by"),
        ({**GUARD, "force_entry_enable": True, "position_adjustment_enable": True},
         "force_entry_enable", "an entry by hand into an open trade"),
        ({"aquatrade": {"risk": {"name": "own"}}, "force_entry_enable": True,
          "strategy_path": "elsewhere", "strategy": "Own"},
         "force_entry_enable", "position_adjustment_enable false"),
    ],
)  # fmt: skip
def test_what_leads_around_the_gate_is_refused(
    overlay: Mapping[str, Any], key: str, words: str, tmp_path: Path
) -> None:
    (line,) = refusal(tmp_path, overlay)
    assert line.startswith(f"my.json: {key}: ") and words in line


@pytest.mark.parametrize(
    "overlay",
    [
        {**GUARD, "force_entry_enable": True},
        {**GUARD, "force_entry_enable": True, "position_adjustment_enable": False},
        {"force_entry_enable": True, "position_adjustment_enable": True},
    ],
)
def test_what_goes_through_the_gate_is_accepted(overlay: Mapping[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "my.json"
    file.write_text(json.dumps(overlay))
    assert check([*shipped(*PAPER), file], {}).mode == "paper"
