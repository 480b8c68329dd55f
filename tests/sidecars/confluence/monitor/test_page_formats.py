"""Names of zones and ranks as the monitor's pages write them."""

import pytest

from sidecars.confluence.monitor import page_formats as formats


def test_zones() -> None:
    assert formats.zone_name("STRONG_BUY") == "Strong buy"
    assert formats.zone_name("NEW_ZONE") == "New zone"
    assert formats.zone_class("STRONG_BUY") == "strong-buy"


@pytest.mark.parametrize(
    ("percentile", "said"),
    [
        (None, "no rank yet: too few comparable days in its last two years"),
        (0.0, "the lowest of its last two years"),
        (0.2, "higher than 1 % of its last two years"),
        (83.4, "higher than 83 % of its last two years"),
        (99.8, "higher than 99 % of its last two years"),
        (100.0, "the highest of its last two years"),
    ],
)
def test_percentiles_in_words(percentile: float | None, said: str) -> None:
    assert formats.percentile_in_words(percentile).replace("\u00a0", " ") == said
