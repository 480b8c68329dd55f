"""The exchange's process is killed again and again: the ledger ends as if it had lived on.

A child process does numbered steps, each a pure function of its number, and notes each one that
was answered. The parent kills it with SIGKILL at random moments; the next child goes on after the
last note, asking first whether the step had been carried out, as a careful client does. In the end
the books must equal those of an uninterrupted run: same ids, same fills, same balances.
"""

import multiprocessing
import os
import signal
import time
from decimal import Decimal
from pathlib import Path
from random import Random

from sidecars.replay.matching.engine import ReplayEngine
from sidecars.replay.matching.ledger import Ledger
from sidecars.replay.model import ExchangeError, OrderStatus, Side
from tests.sidecars.replay.engine_fakes import SEED, START_MS, FakeMarketView, Tick, request

KILLS = 22
STEPS = 560
STEP_MS = 700
DEPOSITS = {"USDT": Decimal(50_000), "SOL": Decimal(300)}
UNKNOWN_ORDER, NO_SUCH_ORDER, REJECTED = -2011, -2013, -2010


def market() -> FakeMarketView:
    random, price = Random("crash"), 15_000
    ticks: list[Tick] = []
    for at_ms in range(0, STEPS * STEP_MS + 1, 350):
        price += random.choice([-6, -2, -1, 0, 1, 2, 6])
        ticks.append((at_ms, price / 100, random.random() * 4))
    return FakeMarketView({"SOLUSDT": ticks}, turnover={"SOLUSDT": 2.0})


def open_engine(path: Path, view: FakeMarketView) -> tuple[ReplayEngine, Ledger]:
    ledger = Ledger(path)
    return ReplayEngine(view, ledger, seed=SEED, initial_balances=DEPOSITS), ledger


def do_step(engine: ReplayEngine, view: FakeMarketView, step: int) -> int:
    """Carry a step out unless it has been already; its order's id, or 0 if there is none."""
    random, now_ms = Random(f"step {step}"), START_MS + step * STEP_MS
    last = view.last_price("SOLUSDT", now_ms) or 0.0
    if random.random() < 0.3:
        try:
            victim = f"step-{step - random.randint(1, 12)}"
            engine.cancel("SOLUSDT", now_ms, client_order_id=victim)
        except ExchangeError as error:
            assert error.code == UNKNOWN_ORDER
        return 0
    try:
        return engine.order("SOLUSDT", now_ms, client_order_id=f"step-{step}").order_id
    except ExchangeError as error:
        assert error.code == NO_SUCH_ORDER
    offset = random.choice([None, -0.08, -0.02, 0.0, 0.02, 0.08])
    wish = request(
        random.choice(list(Side)),
        f"{random.uniform(0.2, 9):.3f}",
        None if offset is None else f"{last + offset:.2f}",
        client_order_id=f"step-{step}",
    )
    try:
        return engine.place(wish, now_ms).order_id
    except ExchangeError as error:
        assert error.code == REJECTED
        return 0


def work(path: Path, notes: Path, view: FakeMarketView) -> None:
    engine, _ = open_engine(path, view)
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for step in range(len(answered(notes)), STEPS):
        order_id = do_step(engine, view, step)
        os.write(descriptor, f"{order_id}\n".encode())
    os._exit(0)


def answered(notes: Path) -> list[int]:
    """Order ids by step, as far as steps were answered."""
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def kill_after(
    path: Path, notes: Path, view: FakeMarketView, steps: int, extra_seconds: float
) -> None:
    before = len(answered(notes))
    child = multiprocessing.get_context("fork").Process(target=work, args=(path, notes, view))
    child.start()
    assert child.pid is not None
    deadline = time.monotonic() + 30
    while len(answered(notes)) < before + steps and child.is_alive():
        assert time.monotonic() < deadline, "the child does not get on"
        time.sleep(0.001)
    time.sleep(extra_seconds)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL, "it was done before it could be killed"


def test_killed_over_and_over_the_ledger_ends_as_if_it_had_lived_on(tmp_path: Path) -> None:
    path, notes, random = tmp_path / "killed.sqlite", tmp_path / "notes", Random(11)
    view = market()
    for _ in range(KILLS):
        kill_after(path, notes, view, random.randint(4, 36), random.random() * 0.004)
        ledger = Ledger(path)
        assert ledger.verify() == []
        there = {o.request.client_order_id: o.order_id for o in ledger.orders()}
        for step, order_id in enumerate(answered(notes)):
            assert order_id == 0 or there[f"step-{step}"] == order_id
        ledger.close()

    engine, ledger = open_engine(path, view)
    for step in range(len(answered(notes)), STEPS):
        do_step(engine, view, step)
    never_killed, reference = open_engine(tmp_path / "never-killed.sqlite", view)
    for step in range(STEPS):
        do_step(never_killed, view, step)

    assert ledger.orders() == reference.orders()
    assert ledger.fills() == reference.fills()
    assert ledger.balances() == reference.balances()
    assert ledger.verify() == reference.verify() == []
    # All kinds of changes must have been at stake.
    statuses = {order.status for order in reference.orders()}
    assert statuses >= {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.NEW}
    assert sum(fill.is_maker for fill in reference.fills()) > 100
    assert sum(not fill.is_maker for fill in reference.fills()) > 100
    engine.close()
    never_killed.close()
