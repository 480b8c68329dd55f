from hypothesis import given
from hypothesis import strategies as st

from sidecars.confluence.records import ScoreRow
from sidecars.confluence.timeline import Timeline

Moments = list[tuple[int, int, int]]


def row(as_of_ms: int, revision: int, available_at_ms: int) -> ScoreRow:
    return ScoreRow(
        pair="BTC/USDT", formula="f", as_of_ms=as_of_ms, revision=revision,
        available_at_ms=available_at_ms, total=50.0, zone="AVOID", vetoed=False, confidence=0.82,
        percentile=None, technical=20.0, momentum=10.0, regime=20.0, sentiment=0.0,
        candles_from_ms=0, readings="[]", points="[]", degraded="[]",
    )  # fmt: skip


def known_by_hand(rows: list[ScoreRow], moment: int) -> ScoreRow | None:
    """Of the rows available at the moment the latest day's, of that day the latest revision."""
    available = [each for each in rows if each.available_at_ms <= moment]
    return max(available, key=lambda each: (each.as_of_ms, each.revision), default=None)


records = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 15)), max_size=25, unique=True).map(
    # Revisions of a day come later than the ones before them.
    lambda pairs: [
        row(as_of, sum(o == as_of and d < delay for o, d in pairs), as_of + delay)
        for as_of, delay in pairs
    ]
)


@given(rows=records)
def test_the_timeline_is_what_was_known_at_every_moment(rows: list[ScoreRow]) -> None:
    timeline = Timeline(rows)
    for moment in range(-1, 30):
        place = timeline.place_at(moment)
        assert (timeline.rows[place] if place >= 0 else None) == known_by_hand(rows, moment)
    times = timeline.available_at_ms.tolist()
    assert times == sorted(set(times))
    days = [each.as_of_ms for each in timeline.rows]
    assert days == sorted(days)


@given(rows=records, start=st.integers(-2, 30), length=st.integers(1, 30), lead=st.booleans())
def test_ranges(rows: list[ScoreRow], start: int, length: int, lead: bool) -> None:
    timeline = Timeline(rows)
    found = list(timeline.between(start, start + length, lead=lead))
    inside = [each for each in timeline.rows if start <= each.available_at_ms < start + length]
    before = [each for each in timeline.rows if each.available_at_ms < start]
    assert found == ([*before[-1:], *inside] if lead else inside)
