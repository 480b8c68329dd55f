"""The whole examination against the real replay exchange: one bot that may start, and each refusal
with its one line."""

import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aquatrade import preflight, preflight_database
from aquatrade.preflight_findings import Finding, Outcome, Start
from tests.aquatrade.fake_sidecar import TOKEN, FakeSidecar
from tests.aquatrade.preflight_rig import (
    NOW,
    NOWHERE,
    checked_live,
    examined,
    freqtrade_database,
    open_trade_row,
    paper_records,
)
from tests.sidecars.replay.edge_rig import RunningExchange, running_exchange

LONG_AGO = NOW - timedelta(days=20)


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(
        "--start", "now", "--synthetic-start", "2026-11-01", "--synthetic-end", "2035-01-01",
        "--pairs", "BTC/USDT,ETH/USDT", "--balance", "USDT=5000",
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def url(exchange: RunningExchange) -> Iterator[str]:
    yield exchange.url
    control(exchange.url, "PUT", "key-rights", {})
    control(exchange.url, "DELETE", "faults")


def control(url: str, method: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/control/{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def against(found: dict[str, list[Finding]]) -> list[str]:
    """The lines that are no "ok" and no warning."""
    return [
        finding.line
        for findings in found.values()
        for finding in findings
        if finding.outcome in (Outcome.REFUSED, Outcome.UNKNOWN)
    ]


def test_a_bot_that_may_start(tmp_path: Path, url: str) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    found, start = examined(tmp_path, url, {"available_capital": 1000})
    assert (against(found), start) == ([], Start.GO)
    assert {name for name, findings in found.items() if findings[0].outcome is Outcome.OK} == {
        "config", "risk profile", "confirmation", "arithmetic", "evidence", "database",
        "risk database", "pairs", "minimum order", "clock", "key", "capital", "paper evidence",
        "exercise",
    }  # fmt: skip
    assert "5000.00 USDT at Binance, 1315.79 needed" in found["capital"][0].text
    # Asked, and left as they were: no database is made by asking.
    assert sorted(file.name for file in tmp_path.glob("*live*")) == []


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        ({"enableWithdrawals": True}, "can withdraw (enableWithdrawals), expected a key for spot"),
        ({"enableMargin": True}, "has margin rights (enableMargin), expected a key for spot"),
        ({"enableFutures": True}, "has futures rights (enableFutures), expected a key for spot"),
        ({"enablePortfolioMarginTrading": True}, "has portfolio margin rights"),
        ({"ipRestrict": False}, "is open to every address (ipRestrict is false), expected"),
        ({"enableSpotAndMarginTrading": False}, "may not trade spot, expected enableSpotAndMar"),
    ],
)
def test_a_key_that_may_too_much_or_too_little(
    tmp_path: Path, url: str, rights: dict[str, bool], expected: str
) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    control(url, "PUT", "key-rights", rights)
    found, start = examined(tmp_path, url)
    assert start is Start.NO
    (line,) = against(found)
    assert line.startswith(f"refused key: exchange.key {expected}")


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        (
            {"exchange": {"pair_whitelist": ["BTC/USDT", "ETC/USDT"]}},
            'refused pairs: exchange.pair_whitelist: \'ETC/USDT\' does not exist on Binance, '
            'expected a pair that is traded there (did you mean "ETH/USDT"?)',
        ),
        (
            {
                "aquatrade": {"sizing": {"stake_usd": 6.0}},
                "exchange": {"pair_whitelist": ["BTC/USDT"]},
            },
            "refused minimum order: BTC/USDT: the smallest order, with freqtrade's reserve for "
            "stop and fees, is 6.56 USDT, a trade stakes 6.00: expected",
        ),
        ({"available_capital": 4000}, "refused capital: 5000.00 USDT at Binance, expected 5263.16"),
        ({"exchange": {"key": "unknown-key"}}, "refused key: exchange.key: Binance refuses it"),
        (
            {"aquatrade": {"live_confirmations": {"shutdown_procedure_read": False}}},
            "refused confirmation: aquatrade.live_confirmations.shutdown_procedure_read: got false",
        ),
        (
            {"aquatrade": {"sizing": {"cost_pct_per_side": 5.0}}},
            "refused arithmetic: BuyTheDip: a round trip costs 2 x 5 % = 10 %, the fall that it",
        ),
        (
            {"exchange": {"demo_trading": True}},
            "refused production: exchange.demo_trading is on, expected it off in mode live",
        ),
        (
            {"aquatrade": {"guard": {"url": NOWHERE}}},
            f"refused sidecar guard: aquatrade.guard.url {NOWHERE}: no connection, expected it",
        ),
    ],
)  # fmt: skip
def test_a_setting_that_does_not_hold(
    tmp_path: Path, url: str, overlay: dict[str, Any], expected: str
) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    found, start = examined(tmp_path, url, overlay)
    assert start is Start.NO
    (line,) = against(found)
    assert line.startswith(expected)


def test_no_profile_and_no_paper_evidence(tmp_path: Path, url: str) -> None:
    found, start = examined(tmp_path, url, risk=None)
    assert start is Start.NO
    assert against(found) == [
        "refused risk profile: aquatrade.risk: missing, expected a risk profile (the layer "
        "risk-lab.json, risk-quant.json or risk-scalp.json)",
        found["exercise"][0].line,
    ]
    found, start = examined(tmp_path, url)
    where = f"sqlite:///{tmp_path}/dip-paper.sqlite"
    assert against(found)[0] == (
        f"refused paper evidence: {where}: there is no file dip-paper.sqlite, expected 14 days of "
        "paper trading"
    )


@pytest.mark.parametrize(("offset_ms", "side"), [(5000, "behind"), (-5000, "ahead of")])
def test_a_clock_that_is_off(tmp_path: Path, url: str, offset_ms: int, side: str) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    control(url, "POST", "faults", {"kind": "clock_skew", "parameters": {"offset_ms": offset_ms}})
    found, start = examined(tmp_path, url)
    assert start is Start.NO
    assert found["clock"][0].outcome is Outcome.REFUSED
    assert f" s {side} Binance, expected at most 1 s: set the clock (NTP)" in found["clock"][0].line
    # An exchange refuses what was signed in its future: one line more, not one for each request.
    assert len(against(found)) == (1 if side == "behind" else 2)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "server_error", "parameters": {"status": 500}},
         "unknown exchange: Binance: does not answer well ("),
        ({"kind": "rate_limit"}, "unknown exchange: Binance: does not answer well (429 Too Many"),
        ({"kind": "reset"}, "unknown exchange: Binance: does not answer well (GET http://127.0.0.1"),
        ({"kind": "reset_mid_body"}, "unknown exchange: Binance: "),
        ({"kind": "slow_answer", "parameters": {"delay_seconds": 30.0}},
         "unknown exchange: Binance: no answer in"),
        ({"kind": "slow_answer", "parameters": {"drip_seconds": 30.0}},
         "unknown exchange: Binance: no answer in time, expected its markets"),
        ({"kind": "server_error", "match": {"path": "/sapi/*"}},
         "unknown key: rights of exchange.key at Binance: does not answer well ("),
        ({"kind": "server_error", "match": {"path": "/api/v3/ticker/*"}},
         "unknown minimum order: prices of Binance: does not answer well ("),
        ({"kind": "server_error", "match": {"path": "/api/v3/time"}},
         "unknown clock: time of Binance: does not answer well ("),
    ],
)  # fmt: skip
def test_faults_of_the_network_are_a_line_each_within_bounds(
    tmp_path: Path, url: str, fault: dict[str, Any], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "ANSWER_SECONDS", 3.0)
    paper_records(tmp_path, LONG_AGO, NOW)
    control(url, "POST", "faults", fault)
    started = time.monotonic()
    found, start = examined(tmp_path, url)
    assert time.monotonic() - started < 6.0
    assert start is Start.NO
    (line,) = against(found)
    assert line.startswith(expected), line
    assert "signature" not in line


def test_nothing_is_asked_twice(tmp_path: Path, url: str, sidecar: FakeSidecar) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    noted = {"kind": "slow_answer", "parameters": {"delay_seconds": 0.0}}  # hits everything
    control(url, "POST", "faults", noted)
    before = control(url, "GET", "faults/log?limit=1000")["events"][-1]["number"]
    scores = {"aquatrade": {"scores": {"url": sidecar.url}}}
    examined(tmp_path, url, scores, environment={"AQUATRADE_SCORES_TOKEN": TOKEN})
    events = control(url, "GET", f"faults/log?after={before}")["events"]
    assert [event["target"].partition("?")[0] for event in events] == [
        "GET /api/v3/exchangeInfo", "GET /api/v3/time", "GET /sapi/v1/account/apiRestrictions",
        "GET /api/v3/account", "GET /api/v3/ticker/24hr",
    ]  # fmt: skip
    assert sidecar.requests == ["/health", "/v1/pairs"]


def test_a_paper_bot_is_not_asked_for_evidence_and_starts_without_an_answer(tmp_path: Path) -> None:
    checked = checked_live(tmp_path, NOWHERE)
    config = {**checked.config, "dry_run": True, "dry_run_wallet": 1000}
    paper = type(checked)(config, checked.sources, "paper")
    findings, start = preflight.examine(paper, {}, NOW)
    assert start is Start.GO
    assert [f.check for f in findings if f.outcome is Outcome.UNKNOWN] == ["exchange"]
    assert not {"key", "capital", "paper evidence", "confirmation"} & {f.check for f in findings}
    findings, start = preflight.examine(paper, {}, NOW, needs_live=True)
    assert start is Start.NO


def test_a_bot_that_holds_trades_can_always_close_them(tmp_path: Path, url: str) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    freqtrade_database(tmp_path / "dip-live.sqlite", trades=[open_trade_row()])
    down = {"aquatrade": {"guard": {"url": NOWHERE}}}
    found, start = examined(tmp_path, url, down)
    assert (start, found["start"][0].outcome) == (Start.GO, Outcome.WARNING)
    assert len(against(found)) == 1  # what passes keeps it from nothing, and is said all the same
    control(url, "PUT", "key-rights", {"enableWithdrawals": True})
    found, start = examined(tmp_path, url)
    assert start is Start.EXITS_ONLY
    assert "paused, to close them and make no new ones" in found["start"][0].text


def test_a_database_that_cannot_be_written_is_fatal(tmp_path: Path, url: str) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    nowhere = {"db_url": f"sqlite:///{tmp_path}/no/such/folder/dip-live.sqlite"}
    found, start = examined(
        tmp_path, url, nowhere, paper_url=f"sqlite:///{tmp_path}/dip-paper.sqlite"
    )
    assert start is Start.NO
    assert [line.partition(": sqlite")[0] for line in against(found)] == [
        "refused database", "refused risk database",
    ]  # fmt: skip
    assert "unable to open database file" in against(found)[0]


def test_a_database_that_somebody_else_writes_all_the_time(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight_database, "LOCK_SECONDS", 0.2)
    paper_records(tmp_path, LONG_AGO, NOW)
    freqtrade_database(tmp_path / "dip-live.sqlite", trades=[open_trade_row()])
    checked = checked_live(tmp_path, url)
    with sqlite3.connect(tmp_path / "dip-live.sqlite", isolation_level=None) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        findings, start = preflight.examine(checked, {}, NOW)
        lock.execute("ROLLBACK")
    assert start is Start.NO
    (line,) = [finding.line for finding in findings if finding.outcome is Outcome.REFUSED]
    assert line.startswith("refused database: sqlite:")
    assert "(database is locked)" in line


def test_the_sidecar_is_asked_for_its_health_and_with_the_token(
    tmp_path: Path, url: str, sidecar: FakeSidecar
) -> None:
    paper_records(tmp_path, LONG_AGO, NOW)
    scores = {"aquatrade": {"scores": {"url": sidecar.url}}}
    token = {"AQUATRADE_SCORES_TOKEN": TOKEN}
    found, start = examined(tmp_path, url, scores, environment=token)
    assert (start, found["sidecar scores"][0].outcome) == (Start.GO, Outcome.OK)
    found, start = examined(tmp_path, url, scores, environment={"AQUATRADE_SCORES_TOKEN": "old"})
    assert start is Start.NO
    sidecar.change = lambda answer: answer.update(status="starting")
    found, start = examined(tmp_path, url, scores, environment=token)
    (line,) = against(found)
    assert line == (
        f"refused sidecar scores: aquatrade.scores.url {sidecar.url} is 'starting', expected 'ok'"
    )


@pytest.mark.parametrize("layers", [[], ["nowhere.json"]])
def test_the_command_says_what_is_wrong_and_ends_with_2(
    layers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [argument for layer in layers for argument in ("-c", layer)]
    assert preflight.main(arguments) == 2
    output = capsys.readouterr()
    assert output.err.startswith("refused config: no")
    assert output.err.endswith("preflight: may not start (0 ok, 0 warning, 0 unknown, 1 refused)\n")
