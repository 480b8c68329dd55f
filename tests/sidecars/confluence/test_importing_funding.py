"""Funding from a file: what is kept, what is refused, what a record reads of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sidecars.common.clock import ManualClock
from sidecars.common.moments import ms_of
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.confluence.__main__ import app
from sidecars.confluence.feed import ImportedFeed
from sidecars.confluence.importing import FUNDING_FILE, import_funding
from sidecars.confluence.records import READINGS
from sidecars.confluence.store import Store
from sidecars.confluence.updater import Updater
from tests.sidecars.confluence.conftest import MakeSettings
from tests.sidecars.confluence.local_binance import seeded_candles
from tests.sidecars.confluence.test_updater import FakeSource

START = datetime(2019, 1, 1, tzinfo=UTC)
DAYS = 40
NOW = START + timedelta(days=DAYS, hours=1)
CLOCK = ManualClock(NOW)
IMPORTED = {"derivatives": {"id": "imported"}}
FUNDING = "funding_rate_pct:BTC"


def written(folder: Path, rates: dict[int, str]) -> Path:
    rows = [f"{START + timedelta(days=day):%Y-%m-%d},{rate}" for day, rate in rates.items()]
    file = folder / FUNDING_FILE
    file.write_text("\n".join(["date,funding_rate", *rows]) + "\n")
    return file


async def test_a_day_is_read_by_the_record_after_its_end(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(pairs=["BTC/USDT"], **IMPORTED)
    # 0.01 % a day, 0.08 % on the last two days.
    rates = {day: "0.0001" if day < DAYS - 2 else "0.0008" for day in range(DAYS)}
    taken = import_funding(settings, written(tmp_path, rates), CLOCK)
    assert (taken.values, taken.rejected, taken.scored_before) == (DAYS, [], 0)
    store = Store(settings.database_url, "binance")
    updater = Updater(
        settings, store, FakeSource({"BTC/USDT": seeded_candles(1, DAYS)}), CLOCK,
        [ImportedFeed("derivatives", (FUNDING,))],
    )  # fmt: skip
    await updater.load()
    assert await updater.backfill()
    store.close()
    rows = updater.timelines["BTC/USDT"].rows
    last, before = (
        dict(zip(READINGS, orjson.loads(row.readings), strict=True))["funding_pct"]
        for row in (rows[-1], rows[-2])
    )
    # The value of a day is published at the close itself: the next day's record is the first.
    assert before == pytest.approx(0.01)
    assert last == pytest.approx((6 * 0.01 + 0.08) / 7)
    again = import_funding(settings, written(tmp_path, rates), CLOCK)
    assert again.scored_before == len(rows)


def test_what_cannot_be_funding_is_refused_and_nothing_is_kept_twice(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(**IMPORTED)
    file = written(tmp_path, {0: "0.0001", 1: "0.051", 2: "-0.051", 3: "-0.0004"})
    taken = import_funding(settings, file, CLOCK)
    assert taken.values == 2
    assert taken.rejected == [
        "2019-01-03T00:00:00Z: 5.1 % per 8 h, expected at most 5 either way",
        "2019-01-04T00:00:00Z: -5.1 % per 8 h, expected at most 5 either way",
    ]
    import_funding(settings, written(tmp_path, {0: "0.0002", 4: "0.0001"}), CLOCK)
    store = Store(settings.database_url, "binance")
    window = store.observations([FUNDING])[FUNDING].window(0, 1 << 62)
    store.close()
    assert window.value.tolist() == pytest.approx([0.01, -0.04, 0.01])
    assert window.as_of_ms.tolist() == [ms_of(START + timedelta(days=day)) for day in (1, 4, 5)]


def test_a_file_that_is_none_is_said(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(**IMPORTED)
    with pytest.raises(SourceError, match="cannot be read"):
        import_funding(settings, tmp_path / "no.csv", CLOCK)
    with pytest.raises(SourceError, match="which has not come yet"):
        import_funding(settings, written(tmp_path, {DAYS + 5: "0.0001"}), CLOCK)
    with pytest.raises(SettingsError, match="key 'derivatives' is null"):
        import_funding(make_settings(), written(tmp_path, {0: "0.1"}), CLOCK)


def test_the_command(tmp_path: Path) -> None:
    written(tmp_path, {0: "0.0001", 1: "0.9"})
    config = tmp_path / "confluence.json"
    content = {
        "pairs": ["BTC/USDT"],
        "database_url": f"sqlite:///{tmp_path}/data/scores.sqlite",
        **IMPORTED,
    }
    config.write_text(json.dumps(content))
    command = ["import", "-c", str(config), "--folder", str(tmp_path)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "1 daily values of BTC's funding" in result.output
    assert "refused: 2019-01-03T00:00:00Z: 90 % per 8 h" in result.output
    config.write_text(json.dumps({**content, "derivatives": None}))
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "confluence: key 'derivatives' is null" in result.output
