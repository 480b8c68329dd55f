"""The made-up book: its order, its tick and step, its depth, and that it never changes its mind."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.market.noise import key_of
from sidecars.replay.matching.book import (
    Book,
    BookSettings,
    BookSide,
    Taken,
    make_book,
    on_tick,
    still_gone,
)
from sidecars.replay.model import Market, Side
from tests.sidecars.replay.engine_fakes import BTC, DOGE, PLAIN_BOOK, SOL, START_MS

D = Decimal
PRICES = {"BTCUSDT": 61_234.56, "SOLUSDT": 151.37, "DOGEUSDT": 0.12345}
MARKETS = (BTC, SOL, DOGE)


def book_of(
    market: Market,
    *,
    seed: int = 1,
    now_ms: int = START_MS,
    scale: float = 1.0,
    worth_per_second: float = 5000.0,
    settings: BookSettings = BookSettings(),  # noqa: B008 (frozen)
) -> Book:
    price = float(on_tick(PRICES[market.symbol] * scale, market.price_tick))
    key = key_of("book", seed, market.symbol)
    return make_book(market, key, now_ms, price, worth_per_second / price, settings)


@given(
    market=st.sampled_from(MARKETS),
    seed=st.integers(0, 2**31),
    now_ms=st.integers(0, 2**42),
    scale=st.floats(0.2, 5.0),
    worth_per_second=st.floats(0.0, 1e6),
    spread_bp=st.floats(0.0, 50.0),
    spacing_bp=st.floats(0.0, 20.0),
)
def test_a_book_is_in_order_on_tick_and_step(
    market: Market,
    seed: int,
    now_ms: int,
    scale: float,
    worth_per_second: float,
    spread_bp: float,
    spacing_bp: float,
) -> None:
    settings = BookSettings(levels=120, spread_bp=spread_bp, level_spacing_bp=spacing_bp)
    last = on_tick(PRICES[market.symbol] * scale, market.price_tick)
    made = book_of(
        market,
        seed=seed,
        now_ms=now_ms,
        scale=scale,
        worth_per_second=worth_per_second,
        settings=settings,
    )
    bids, asks = list(made.bids.levels()), list(made.asks.levels())
    assert len(asks) == 120
    assert len(bids) == 120
    assert bids[0][0] < last <= asks[0][0]
    spread = asks[0][0] - bids[0][0]
    assert spread >= max(market.price_tick, last * D(str(spread_bp)) / 10_000 - D("1e-12"))
    assert spread <= last * D(str(spread_bp)) / 10_000 + market.price_tick
    assert all(higher[0] > lower[0] for higher, lower in pairwise(bids))
    assert all(lower[0] < higher[0] for lower, higher in pairwise(asks))
    for price, amount in bids + asks:
        assert price > 0
        assert price % market.price_tick == 0
        assert amount >= market.amount_step
        assert amount % market.amount_step == 0


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.symbol)
def test_the_same_question_has_the_same_answer_and_another_seed_another(market: Market) -> None:
    once = list(book_of(market).asks.levels())
    assert once == list(book_of(market).asks.levels())
    assert once != list(book_of(market, seed=2).asks.levels())
    in_the_same_second = START_MS + 999
    assert once == list(book_of(market, now_ms=in_the_same_second).asks.levels())
    assert once != list(book_of(market, now_ms=START_MS + 1000).asks.levels())


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.symbol)
def test_depth_follows_turnover(market: Market) -> None:
    depths = [
        sum(price * amount for price, amount in book_of(market, worth_per_second=w).bids.levels())
        for w in (500.0, 5_000.0, 50_000.0)
    ]
    assert depths[1] / depths[0] == pytest.approx(10, rel=0.02)
    assert depths[2] / depths[1] == pytest.approx(10, rel=0.02)
    # 500 levels at five seconds' turnover each, the first nine thinner, the price 2.5 % lower.
    assert float(depths[1]) == pytest.approx(5_000 * 5 * 496 * 0.975, rel=0.1)


def test_levels_are_spaced_and_thin_at_the_front() -> None:
    settings = BookSettings(amount_noise=0.0, level_spacing_bp=2.0)
    levels = list(book_of(BTC, settings=settings).asks.levels())
    last = D("61234.56")
    assert float((levels[-1][0] - levels[0][0]) / last) == pytest.approx(499 * 2e-4, rel=0.03)
    amounts = [float(amount) for _, amount in levels]
    assert amounts[0] / amounts[-1] == pytest.approx(4 / 13, rel=1e-3)
    assert amounts[:10] == sorted(amounts[:10])
    assert len(set(amounts[9:])) == 1


def test_bids_below_one_tick_do_not_exist() -> None:
    made = make_book(DOGE, 5, START_MS, 0.00003, 100.0, PLAIN_BOOK)
    assert [price for price, _ in made.bids.levels()] == [D("0.00002"), D("0.00001")]
    assert len(list(made.asks.levels())) == 20


@given(gone_steps=st.integers(0, 700), dust=st.sampled_from(["0", "0.0001", "0.0009"]))
def test_taking_from_the_front_equals_level_by_level(gone_steps: int, dust: str) -> None:
    side = book_of(SOL, worth_per_second=5.0).asks
    amount = gone_steps * SOL.amount_step + D(dust)
    expected, gone = [], gone_steps + (1 if D(dust) else 0)
    for price, level in side.levels():
        steps = int(level / SOL.amount_step)
        removed = min(gone, steps)
        gone -= removed
        if steps > removed:
            expected.append((price, (steps - removed) * SOL.amount_step))
    assert list(side.without(amount).levels()) == expected


def test_an_emptied_side_has_no_best_price() -> None:
    side = book_of(SOL).asks.without(D(10**12))
    assert isinstance(side, BookSide)
    assert side.best_price() is None
    assert list(side.levels()) == []


def test_what_was_taken_comes_back_in_a_straight_line() -> None:
    taken = [Taken(1000, D(8)), Taken(3000, D(2))]
    gone = [still_gone(taken, now_ms, 10_000) for now_ms in (3000, 6000, 11_000, 12_999, 13_000)]
    assert gone == [D("8.4"), D("5.4"), D("0.4"), D("0.0002"), D(0)]


def test_buys_face_asks_and_sells_face_bids() -> None:
    made = book_of(BTC)
    assert made.facing(Side.BUY) is made.asks
    assert made.facing(Side.SELL) is made.bids
    after = made.without(bought=D("0.5"), sold=D(0))
    assert list(after.bids.levels()) == list(made.bids.levels())
    assert list(after.asks.levels()) != list(made.asks.levels())


def test_a_price_off_the_tick_goes_to_the_nearest() -> None:
    assert on_tick(61234.5649999, D("0.01")) == D("61234.56")
    assert on_tick(0.1 + 0.2, D("0.00001")) == D("0.3")
    assert on_tick(151.37, D("0.05")) == D("151.35")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"levels": 0}, "levels"),
        ({"replenish_ms": 0}, "replenish_ms"),
        ({"spread_bp": -1.0}, "spread_bp"),
        ({"seconds_per_level": 0.0}, "seconds_per_level"),
        ({"touch_share": D(1), "through_share": D("0.5")}, "touch_share"),
        ({"through_share": D(2)}, "through_share"),
    ],
)
def test_senseless_settings_are_refused(wrong: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        BookSettings(**wrong)  # type: ignore[arg-type]
