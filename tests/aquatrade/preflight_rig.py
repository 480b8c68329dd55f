"""Bots to examine before their start: live layers that lead to a local exchange, and databases."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqtrade.persistence import Trade
from freqtrade.persistence.base import ModelBase
from sqlalchemy import create_engine, insert

from aquatrade.bot_store import RiskStore, risk_database_url
from aquatrade.config_check import CheckedConfig, check
from aquatrade.event_log import Event
from aquatrade.preflight import examine
from aquatrade.preflight_findings import Finding, Start
from aquatrade.risk.model import RiskState
from sidecars.replay.client_config import freqtrade_exchange_config

CONFIGS = Path(__file__).resolve().parents[2] / "user_data" / "config"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAIRS = ["BTC/USDT", "ETH/USDT"]
NOWHERE = "http://127.0.0.1:9"
TICKED = {
    "shutdown_procedure_read": True,
    "withdrawal_addresses_whitelisted": True,
    "alerts_received": True,
}


def checked_live(
    folder: Path, url: str, overlay: Mapping[str, Any] | None = None, *, risk: str | None = "lab"
) -> CheckedConfig:
    """The shipped layers of a live bot that lead to `url`, with a database in the folder."""
    section = freqtrade_exchange_config(url, url.replace("http", "ws"))
    section["pair_whitelist"] = PAIRS
    ready = {"exchange": section, "aquatrade": {"live_confirmations": TICKED},
             "db_url": f"sqlite:///{folder}/dip-live.sqlite"}  # fmt: skip
    files = [CONFIGS / f"{name}.json" for name in ("base", "exchange-binance", "mode-live")]
    files += [] if risk is None else [CONFIGS / f"risk-{risk}.json"]
    files.append(CONFIGS / "bot-dip.json")
    for name, content in (("ready", ready), ("overlay", overlay or {})):
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(content))
    return check(files, {})


def examined(
    folder: Path, url: str, overlay: Mapping[str, Any] | None = None, **how: Any
) -> tuple[dict[str, list[Finding]], Start]:
    """The findings by their check, and what they allow."""
    environment = how.pop("environment", {})
    paper_url = how.pop("paper_url", None)
    checked = checked_live(folder, url, overlay, **how)
    findings, start = examine(checked, environment, NOW, paper_url=paper_url)
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        by_check.setdefault(finding.check, []).append(finding)
    return by_check, start


def freqtrade_database(file: Path, **rows: list[dict[str, Any]]) -> str:
    """A database with freqtrade's own tables and these rows; returns its URL."""
    url = f"sqlite:///{file}"
    engine = create_engine(url)
    ModelBase.metadata.create_all(engine)
    with engine.begin() as connection:
        for name, values in rows.items():
            if values:
                connection.execute(insert(ModelBase.metadata.tables[name]), values)
    engine.dispose()
    return url


def open_trade_row(pair: str = "BTC/USDT", **changes: Any) -> dict[str, Any]:
    defaults = {
        column.name: column.default.arg
        for column in Trade.__table__.columns
        if column.default is not None and column.default.is_scalar
    }
    return defaults | {
        "pair": pair, "exchange": "binance", "is_open": True, "fee_open": 0.001,
        "fee_close": 0.001, "open_rate": 100.0, "stake_amount": 100.0, "amount": 1.0,
        "open_date": NOW.replace(tzinfo=None), "fee_open_cost": 0.1, **changes,
    }  # fmt: skip


def paper_records(
    folder: Path,
    started: datetime,
    last_seen: datetime,
    events: Iterable[tuple[datetime, str]] = (),
) -> str:
    """A paper bot's two databases, with a snapshot of the wallet each day; returns the URL.

    Breaker and kill switch were tried right after the start; `events` came besides.
    """
    naive = started.replace(tzinfo=None)
    days = (last_seen - started).days
    midnight = datetime(started.year, started.month, started.day) + timedelta(days=1)  # noqa: DTZ001
    url = freqtrade_database(
        folder / "dip-paper.sqlite",
        KeyValueStore=[
            {"key": key, "value_type": "datetime", "datetime_value": naive}
            for key in ("bot_start_time", "startup_time")
        ],
        wallet_history=[
            {"timestamp": midnight + timedelta(days=day), "currency": "USDT", "balance": 1.0,
             "quote_currency": "USDT", "leverage": 1.0, "bot_managed": True}
            for day in range(days)
        ],
    )  # fmt: skip
    risk_url = risk_database_url({"db_url": url}, None)
    assert risk_url is not None
    store = RiskStore(risk_url, "dip")
    tried = [(started + timedelta(hours=1), kind) for kind in ("trip", "kill")]
    kept = [Event(at, "dip", kind, f"{kind} of a test") for at, kind in (*tried, *events)]
    store.keep(
        RiskState(last_at=last_seen, last_equity=1000.0, last_profit=0.0),
        sorted(kept, key=lambda event: event.at),
    )
    store.close()
    return url
