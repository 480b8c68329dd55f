"""Cards as text: 72 columns for a terminal, plain and short for a chat."""

from dataclasses import replace

from sidecars.confluence.monitor.advice import HONEST_NOTE
from sidecars.confluence.monitor.card import CardInputs, make_card
from sidecars.confluence.monitor.figures import age, amount, closed_day, money, signed_pct
from sidecars.confluence.monitor.model import Card, Decision, Price
from sidecars.confluence.monitor.prices import DailyPrices
from sidecars.confluence.monitor.text import (
    WIDTH,
    chat_card,
    chat_list,
    terminal_card,
    terminal_list,
)
from tests.sidecars.confluence.monitor.monitor_rig import ETH, LAST_CLOSE_MS, NOW_MS, records

DECISION = Decision(NOW_MS, True, 66.0, "WAIT", 118.0, "a_note *with* [marks]", 3.21, None)


def card() -> Card:
    price = Price(150.0, "MYR", NOW_MS, "Luno ETH/MYR", is_stale=False)
    daily = DailyPrices({row.as_of_ms: 120.0 for row in records()["ETH/USDT"]})
    return make_card(
        CardInputs(ETH, NOW_MS, records()["ETH/USDT"], price, daily, [DECISION], warnings=("w",))
    )


def bare() -> Card:
    return make_card(CardInputs(replace(ETH, average_cost=None, asset="XRP"), NOW_MS))


def test_a_terminal_card_has_everything_within_72_columns() -> None:
    text = terminal_card(card(), NOW_MS)
    assert max(map(len, text.splitlines())) <= WIDTH
    joined = " ".join(text.split())
    for expected in (
        "ETH 2 = 300.00 MYR (+50.0 % on 100.00 MYR)",
        "Price 150.00 MYR (Luno ETH/MYR)",
        "Sell targets (daily closes; 20 % is kept)",
        "> 1: sell 20 % at",
        "RSI: RSI(14)",
        "bought at 118.00 MYR, score 66 (a_note *with* [marks]): 30 days +3.2 %",
        "! w",
    ):
        assert expected in joined
    assert sum(line.startswith(("+ ", "- ", "? ")) for line in text.splitlines()) == 13


def test_a_card_with_nothing_known_is_still_a_text() -> None:
    text = terminal_card(bare(), NOW_MS)
    assert "Price: not known" in text
    assert "Score: none" in text
    assert chat_card(bare(), NOW_MS).startswith("XRP  2\n")


def test_a_chat_gets_no_markup_and_no_wall_of_text() -> None:
    made = replace(card(), warnings=("STRONG_BUY `x` *y* [z](u)",))
    text = chat_card(made, NOW_MS)
    assert not set("_*`[]") & set(text)
    assert "Good: " in text
    assert len(text) < 1200


def test_all_holdings_are_one_message_with_their_sum() -> None:
    other = replace(card(), holding=replace(ETH, asset="SOL", currency="ZAR"), value=80.0)
    text = chat_list([card(), other, bare()], NOW_MS)
    assert "Together 300.00 MYR and 80.00 ZAR (without XRP: no price)" in text
    assert text.endswith(HONEST_NOTE)
    assert text.count(HONEST_NOTE) == 1
    assert chat_list([], NOW_MS) == "No holdings."
    assert "=" * WIDTH in terminal_list([card(), bare()], NOW_MS)
    assert terminal_list([], NOW_MS) == "No holdings."


def test_figures_in_words() -> None:
    assert [money(value, "MYR") for value in (298_350.4, 612.4, 2.85, 0.00001234)] == [
        "298,350 MYR",
        "612.40 MYR",
        "2.8500 MYR",
        "0.00001234 MYR",
    ]
    assert [amount(value) for value in (0.085, 24.0, 3500.0)] == ["0.085", "24", "3,500"]
    assert signed_pct(38.94) == "+38.9 %"
    assert closed_day(LAST_CLOSE_MS) == "2020-02-24"
    assert [age(minutes * 60_000) for minutes in (40, 180, 5760)] == ["40 min", "3 h", "4 days"]
