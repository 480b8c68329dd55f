import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable

from sidecars.common.observations import Observation
from sidecars.confluence.candles import DailyCandles
from sidecars.confluence.store import Store, metadata
from tests.sidecars.confluence.local_binance import seeded_candles
from tests.sidecars.confluence.test_records import all_rows, scored

BATCH = 200
WRITER = """
import sys
from dataclasses import replace
from sidecars.confluence.store import Store
from tests.sidecars.confluence.test_records import all_rows, scored
rows = all_rows(scored())[:{batch}]
store = Store(sys.argv[1], "binance")
print("ready", flush=True)
for number in range(100_000):
    store.append_scores([replace(row, pair=f"P{{number}}/USDT") for row in rows])
    print(number, flush=True)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'scores.sqlite'}"


def test_candles_and_records_come_back_bit_for_bit(url: str) -> None:
    candles, rows = seeded_candles(1, 300), all_rows(scored())
    store = Store(url, "binance")
    store.append_candles("BTC/USDT", candles)
    store.append_scores(rows)
    store.close()
    again = Store(url, "binance")
    assert again.candles("BTC/USDT").rows() == candles.rows()
    assert again.scores("luno-1-test", "ETH/USDT") == rows
    assert again.scores("luno-1-test", "ETH/USDT", rows[-1].as_of_ms) == rows[-1:]
    assert again.scores("luno-1-other", "ETH/USDT") == []
    assert len(Store(url, "kraken").candles("BTC/USDT")) == 0
    again.close()


def test_what_is_there_is_never_rewritten(url: str) -> None:
    store = Store(url, "binance")
    first = seeded_candles(1, 50)
    store.append_candles("BTC/USDT", DailyCandles.from_rows(first.rows()[:30]))
    store.append_candles("BTC/USDT", seeded_candles(2, 50))
    expected = [*first.rows()[:30], *seeded_candles(2, 50).rows()[30:]]
    assert store.candles("BTC/USDT").rows() == expected
    row = all_rows(scored())[-1]
    store.append_scores([row])
    store.append_scores([replace(row, total=99.0), replace(row, total=98.0, revision=1)])
    assert [each.total for each in store.scores("luno-1-test", "ETH/USDT")] == [row.total, 98.0]
    store.append_scores([])
    store.close()


def test_alive_only_moves_forward(url: str) -> None:
    store = Store(url, "binance")
    assert store.alive_until_ms("f") is None
    for moment in (5, 9, 7):
        store.say_alive("f", moment)
    assert store.alive_until_ms("f") == 9
    assert store.alive_until_ms("g") is None
    store.close()


def test_a_feed_is_read_up_to_a_moment_that_only_moves_forward(url: str) -> None:
    store = Store(url, "binance")
    assert store.feeds_complete_until_ms("f") == {}
    for feed, until in (("sentiment", 5), ("sentiment", 9), ("sentiment", 7), ("onchain", 3)):
        store.say_complete("f", feed, until)
    store.close()
    again = Store(url, "binance")
    assert again.feeds_complete_until_ms("f") == {"sentiment": 9, "onchain": 3}
    assert again.feeds_complete_until_ms("g") == {}
    again.close()


def test_observations_come_back_and_the_first_of_each_stays(url: str) -> None:
    first = Observation("fear_greed", 5, 6, 0.1, "x")
    store = Store(url, "binance")
    store.append_observations([first, replace(first, available_at_ms=8, value=0.3)])
    store.append_observations([replace(first, value=0.2), replace(first, series="other")])
    store.append_observations([])
    found = store.observations(["fear_greed", "nothing"])
    store.close()
    assert list(found) == ["fear_greed"]
    assert len(found["fear_greed"]) == 2
    assert found["fear_greed"].latest("fear_greed", 7) == first


def test_records_are_counted_by_formula(url: str) -> None:
    store = Store(url, "binance")
    rows = all_rows(scored())
    store.append_scores(rows)
    assert store.count_scores("luno-1-test") == len(rows)
    assert store.count_scores("luno-1-other") == 0
    store.close()


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path, url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(batch=BATCH), url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    confirmed = -1
    for line in process.stdout:
        if line.strip() == "4":
            confirmed = 4
            break
    # Somewhere within the batches after.
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    connection = sqlite3.connect(tmp_path / "scores.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    counts = connection.execute("SELECT pair, COUNT(*) FROM scores GROUP BY pair").fetchall()
    connection.close()
    assert {count for _, count in counts} == {BATCH}
    assert {f"P{number}/USDT" for number in range(confirmed + 1)} <= {pair for pair, _ in counts}
    # The next process finds its way on.
    store = Store(url, "binance")
    row = all_rows(scored())[0]
    store.append_scores([row])
    assert store.scores("luno-1-test", "ETH/USDT") == [row]
    store.close()


def test_the_tables_are_postgresql_too() -> None:
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in metadata.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        assert "BIGINT" in text  # milliseconds do not fit a plain integer there
        insert = postgresql.insert(table).on_conflict_do_nothing()
        assert "ON CONFLICT DO NOTHING" in str(insert.compile(dialect=dialect))
