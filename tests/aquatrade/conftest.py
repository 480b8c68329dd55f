"""A score sidecar to talk to."""

from collections.abc import Iterator

import pytest

from tests.aquatrade.fake_sidecar import FakeSidecar, running_sidecar


@pytest.fixture
def sidecar() -> Iterator[FakeSidecar]:
    with running_sidecar() as fake:
        yield fake
