"""Which backtests the suite makes: of what is shipped, of one strategy, of a poor folder."""

from pathlib import Path

import pytest

from lab.evidence_runner import STRATEGIES
from lab.suite_plan import (
    Bot,
    Job,
    SuiteError,
    Wish,
    bot_from,
    bots_of,
    daily_closes,
    plan_suite,
    read_bots,
    recorded_pairs,
    strategy_class,
    strategy_names,
)
from tests.lab.suite_market import PAIRS


def plan(datadir: Path, **changes: object) -> tuple[list[Job], list[str]]:
    wish: dict[str, object] = {"datadir": datadir, "strategy": "BuyTheDip", **changes}
    return plan_suite(Wish(**wish))  # type: ignore[arg-type]


def test_every_strategy_that_is_shipped_has_presets_and_a_timeframe() -> None:
    names = strategy_names()
    assert set(names) == {file.stem for file in STRATEGIES.glob("*.py")}
    for name in names:
        cls = strategy_class(name)
        assert cls.DEFAULT_PRESET in cls.PRESETS
        assert all(preset.timeframe or cls.timeframe for preset in cls.PRESETS.values())


def test_each_preset_and_cost_is_run_as_traded_and_per_stake(seeded_datadir: Path) -> None:
    jobs, notes = plan(seeded_datadir)
    assert len(jobs) == 3 * 2 * 2
    assert {(job.preset, job.cost_pct, job.as_traded) for job in jobs} == {
        (preset, cost, traded)
        for preset in ("crash", "crash_often", "specified")
        for cost in (0.1, 0.3)
        for traded in (True, False)
    }
    assert any("XRP/USDT" in note and "no 1h candles" in note for note in notes)
    for job in jobs:
        assert job.pairs == PAIRS
        assert job.request.timerange == "-20250101"
        assert job.request.fee_rate == pytest.approx(job.cost_pct / 100)


def test_as_traded_is_the_bots_own_file_and_per_stake_is_not(seeded_datadir: Path) -> None:
    traded, staked = plan(seeded_datadir, preset="crash", costs_pct=(0.1,))[0]
    assert traded.request.max_open_trades == 10 and traded.request.wallet == pytest.approx(5000)
    assert "sizing" not in traded.request.aquatrade
    assert traded.request.config["enable_protections"] is True
    assert staked.request.max_open_trades == 3 and staked.capital == pytest.approx(600.0)
    assert staked.request.aquatrade["sizing"] == {"method": "fixed", "stake_usd": 200.0}
    assert staked.request.config["enable_protections"] is False


def test_a_bots_limits_and_services_are_no_part_of_a_backtest(seeded_datadir: Path) -> None:
    jobs, _ = plan(seeded_datadir)
    for job in jobs:
        assert not {"risk", "guard", "scores"} & set(job.request.aquatrade)


def test_the_bot_that_ships_the_preset_comes_first() -> None:
    one = bot_from({"max_open_trades": 3, "aquatrade": {"preset": "specified"}}, "bot-a.json")
    two = bot_from({"max_open_trades": 5, "timeframe_detail": "1m"}, "bot-b.json")
    assert bots_of([one, two], "specified", "crash") == (one,)
    assert bots_of([one, two], "crash", "crash") == (two,)
    assert bots_of([one], "other", "crash") == (one,)
    assert bots_of([], "crash", "crash") == (None,)
    short = bot_from({"max_open_trades": 3, "trading_mode": "futures"}, "bot-c.json")
    assert bots_of([short, one], "crash", "crash") == (one, short)
    assert bots_of([short, one], "specified", "crash") == (one,)
    assert two.config == {"timeframe_detail": "1m"}


def test_perpetuals_need_marks_and_funding(tmp_path: Path) -> None:
    folder = tmp_path / "futures"
    folder.mkdir()
    for kind in ("1h-futures", "1h-mark", "1h-funding_rate", "4h-futures"):
        (folder / f"BTC_USDT_USDT-{kind}.feather").touch()
    (folder / "ETH_USDT_USDT-1h-futures.feather").touch()
    (tmp_path / "SOL_USDT-1h.feather").touch()
    assert recorded_pairs(tmp_path, "1h", "futures") == ("BTC/USDT:USDT",)
    assert recorded_pairs(tmp_path, "4h", "futures") == ("BTC/USDT:USDT",)
    assert recorded_pairs(tmp_path, "1h") == ("SOL/USDT",)


def test_shipped_bots_trade_strategies_that_exist() -> None:
    bots = read_bots()
    assert "BuyTheDip" in bots
    assert set(bots) <= set(strategy_names())
    assert all(isinstance(bot, Bot) and bot.pairs for each in bots.values() for bot in each)


def test_mistakes_are_one_line(seeded_datadir: Path, tmp_path: Path) -> None:
    for changes, words in (
        ({"strategy": "BuyTheDipp"}, "'BuyTheDipp' is unknown, expected one of BuyTheDip"),
        ({"preset": "crsh"}, "'crsh' is unknown, expected one of crash, crash_often"),
        ({"datadir": tmp_path / "none"}, "no such folder"),
        ({"datadir": tmp_path}, "no file like BTC_USDT-1h.feather"),
    ):
        with pytest.raises(SuiteError, match=words) as refused:
            plan(**{"datadir": seeded_datadir, **changes})  # type: ignore[arg-type]
        assert "\n" not in str(refused.value)


def test_a_timeframe_that_the_folder_lacks_is_named(tmp_path: Path, seeded_datadir: Path) -> None:
    (tmp_path / "BTC_USDT-4h.feather").write_bytes(
        (seeded_datadir / "BTC_USDT-1h.feather").read_bytes()
    )
    jobs, notes = plan(tmp_path, preset="specified")
    assert jobs == []
    assert notes == ["BuyTheDip specified: no 1h candles of BTC/USDT, ETH/USDT, SOL/USDT"]


def test_closes_are_of_days_and_end_before_2025(seeded_datadir: Path) -> None:
    closes = daily_closes(seeded_datadir, "BTC/USDT", "1h")
    assert closes.index.is_unique and closes.index[0].hour == 0
    assert closes.index[-1].year == 2024
