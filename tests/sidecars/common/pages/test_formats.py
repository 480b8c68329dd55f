"""Numbers and times as pages write them."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.pages import formats

NOW_MS = int(datetime(2024, 3, 14, tzinfo=UTC).timestamp() * 1000)
FINITE = st.floats(-1e12, 1e12)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (12_345.67, "MYR 12,345.67"),
        (0.0, "MYR 0.00"),
        (1.0, "MYR 1.00"),
        (0.99996, "MYR 1.0000"),
        (0.0432168, "MYR 0.04322"),
        (0.00001234, "MYR 0.00001234"),
        (-1234.5, "MYR \u22121,234.50"),
        (-0.0, "MYR 0.00"),
    ],
)
def test_money(value: float, said: str) -> None:
    assert plain(formats.money(value, "MYR")) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(318_450.5, "MYR 318,450.50"), (10.0, "MYR 10.00"), (2.85123, "MYR 2.8512"),
     (0.0432168, "MYR 0.04322"), (0.0, "MYR 0.00")],
)  # fmt: skip
def test_prices(value: float, said: str) -> None:
    assert plain(formats.price(value, "MYR")) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(38.9, "+38.9 %"), (-5.94, "\u22125.9 %"), (0.04, "0.0 %"), (-0.04, "0.0 %"), (0.06, "+0.1 %"),
     (1234.0, "+1,234.0 %")],
)  # fmt: skip
def test_signed_percent(value: float, said: str) -> None:
    assert plain(formats.signed_percent(value)) == said


def test_small_formats() -> None:
    assert [plain(formats.percent(value)) for value in (20.0, 12.5, 0.0)] == [
        "20 %",
        "12.5 %",
        "0 %",
    ]
    assert [formats.points(value) for value in (18.0, 7.5, 0.0, 100.0)] == ["18", "7.5", "0", "100"]
    assert plain(formats.coins(0.4213, "BTC")) == "0.4213 BTC"
    assert plain(formats.coins(120_000.0, "ADA")) == "120,000 ADA"
    assert plain(formats.coins(1e-8, "BTC")) == "0.00000001 BTC"
    assert formats.sentence("now: it fell") == "Now: it fell."
    assert formats.sentence("Done.") == "Done."
    assert formats.sentence("on 2024-03-05") == "On 2024\u201103\u201105."
    assert formats.sentence("a 200-day mean, -5 %") == "A 200-day mean, -5 %."
    assert formats.sentence("") == "."


def test_moments() -> None:
    assert plain(formats.moment(NOW_MS)) == "14 Mar 2024 00:00 UTC"
    assert plain(formats.day(NOW_MS)) == "14 Mar 2024"
    assert plain(formats.closed_day(NOW_MS)) == "13 Mar 2024"
    assert formats.machine_time(NOW_MS) == "2024-03-14T00:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"), (9.9, "just now"), (10, "10 seconds ago"), (59.4, "59 seconds ago"),
        (59.6, "1 minute ago"), (90, "2 minutes ago"), (3599, "1 hour ago"),
        (7200, "2 hours ago"), (86_000, "1 day ago"), (3 * 86_400, "3 days ago"),
        (31 * 86_400, "1 month ago"), (364 * 86_400, "1 year ago"), (800 * 86_400, "2 years ago"),
        (-30, "in 30 seconds"), (-7200, "in 2 hours"),
    ],
)  # fmt: skip
def test_ages(seconds: float, said: str) -> None:
    assert formats.age(NOW_MS - round(1000 * seconds), NOW_MS) == said


@given(FINITE)
def test_a_number_reads_back_as_what_it_was(value: float) -> None:
    text = formats.number(value)
    assert re.fullmatch(r"\u2212?\d{1,3}(,\d{3})*\.\d{2,12}", text)
    read = float(text.replace(",", "").replace("\u2212", "-"))
    # Two decimals, or four significant digits below 1, or twelve decimals.
    within = 0.0051 if abs(value) >= 1 else 0.0005 * abs(value)
    assert abs(read - value) <= max(within, 5.1e-13)


@given(FINITE)
def test_signs_and_tones_agree(value: float) -> None:
    text, tone = formats.signed_percent(value), formats.tone(value)
    assert {"+": "up", "\u2212": "down", "0": "flat"}[text[0]] == tone


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_what_is_older_never_sounds_younger(first: int, second: int) -> None:
    units = ["second", "minute", "hour", "day", "month", "year"]

    def rank(age_ms: int) -> tuple[int, int]:
        said = formats.age(NOW_MS - age_ms, NOW_MS)
        if said == "just now":
            return (0, 0)
        count, unit, _ = said.split()
        return units.index(unit.removesuffix("s")), int(count)

    assert rank(min(first, second)) <= rank(max(first, second))
