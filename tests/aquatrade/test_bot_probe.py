"""How far the clock is off and how long the exchange was silent, by clocks that a test moves."""

import ccxt
import pytest

from aquatrade.bot_probe import ExchangeProbe


class World:
    """An exchange and this machine; seconds."""

    def __init__(self) -> None:
        self.real = 1_000.0
        self.off = 0.0  # this machine's clock ahead of the exchange's
        self.travel = 0.04
        self.fails = False
        self.jump = 0.0  # of this machine's clock, while the exchange is asked

    def wall(self) -> float:
        return self.real + self.off

    def monotonic(self) -> float:
        return self.real

    def ask(self) -> float | None:
        if self.fails:
            raise ccxt.NetworkError("away")
        self.real += self.travel / 2
        told = self.real
        self.real += self.travel / 2
        self.off += self.jump
        return told


@pytest.fixture
def world() -> World:
    return World()


def probe_of(world: World) -> ExchangeProbe:
    return ExchangeProbe(world.ask, world.wall, world.monotonic)


@pytest.mark.parametrize("off", [0.0, 0.9, -0.9, 1.5, -7.0])
def test_a_clock_that_is_off_is_off_by_so_much(off: float, world: World) -> None:
    world.off = off
    probe = probe_of(world)
    assert probe.skew_seconds is None
    for _ in range(3):
        probe.look()
    assert probe.skew_seconds is not None
    assert abs(probe.skew_seconds - off) <= world.travel / 2 + 1e-9


def test_one_odd_answer_is_not_believed_and_asked_about_soon(world: World) -> None:
    probe = probe_of(world)
    assert probe.look() == pytest.approx(60.0)
    world.off = 30.0
    assert probe.look() == pytest.approx(1.0)
    world.off = 0.0
    probe.look()
    assert probe.skew_seconds == pytest.approx(0.0, abs=0.1)
    world.off = 30.0
    for _ in range(3):
        probe.look()
    assert probe.skew_seconds == pytest.approx(30.0, abs=0.1)


def test_an_answer_that_took_long_says_nothing_about_the_clock(world: World) -> None:
    probe = probe_of(world)
    world.travel = 3.0
    assert probe.look() == pytest.approx(1.0)
    assert probe.skew_seconds is None
    world.travel, world.jump = 0.04, 20.0
    probe.look()
    assert probe.skew_seconds is None


def test_silence_counts_from_the_last_good_answer(world: World) -> None:
    probe = probe_of(world)
    world.real += 7.0
    assert probe.silence_seconds() == pytest.approx(7.0)
    probe.look()
    assert probe.silence_seconds() == pytest.approx(0.0)
    world.fails = True
    for _ in range(40):
        world.real += probe.look()
    assert probe.silence_seconds() == pytest.approx(400.0)
    world.fails = False
    probe.look()
    assert probe.silence_seconds() < 0.1
