"""The config section: defaults, and one clear line for whatever is wrong in it."""

from pathlib import Path
from typing import Any

import pytest
from freqtrade.exceptions import OperationalException

from aquatrade.settings import (
    AquatradeSettings,
    ScoreSettings,
    SettingsError,
    choose_name,
    guard_token,
    load_settings,
    score_threshold,
    scores_token,
)


def refusal(section: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings({"aquatrade": section})
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_missing_section_is_all_defaults() -> None:
    settings = load_settings({})
    assert settings == AquatradeSettings()
    assert (settings.scores.url, settings.scores.filter) == (None, False)
    assert settings.scores.timeout_seconds == pytest.approx(0.5)
    assert settings.scores.max_age_hours == pytest.approx(36.0)
    assert settings.sizing.method == "risk"
    assert settings.sizing.stake_usd == pytest.approx(200.0)
    assert settings.sizing.risk_pct == pytest.approx(2.0)
    assert not settings.accept_negative_evidence


def test_freqtrade_prints_the_refusal_as_one_line() -> None:
    assert issubclass(SettingsError, OperationalException)


def test_all_keys_are_read() -> None:
    settings = load_settings(
        {
            "aquatrade": {
                "preset": "crash",
                "rsi_method": "wilder",
                "accept_negative_evidence": True,
                "scores": {
                    "url": "http://127.0.0.1:8101/",
                    "timeout_seconds": 1,
                    "filter": True,
                    "threshold": 70,
                    "max_age_hours": 48,
                    "min_coverage_pct": 90,
                    "cache_directory": "scores",
                },
                "sizing": {
                    "method": "fixed", "stake_usd": 50, "risk_pct": 1, "cost_pct_per_side": 0.2,
                },
            }
        }
    )  # fmt: skip
    assert settings.scores.url == "http://127.0.0.1:8101"
    assert (settings.preset, settings.rsi_method, settings.scores.threshold) == (
        "crash", "wilder", 70,
    )  # fmt: skip
    assert settings.sizing.stake_usd == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"presett": "crash"}, ["aquatrade.presett", "unknown", 'did you mean "preset"']),
        ({"scores": {"treshold": 60}}, ["aquatrade.scores.treshold", 'mean "threshold"']),
        ({"scores": {"threshold": 49}}, ["scores.threshold", "49", "50 to 85"]),
        ({"scores": {"threshold": 86}}, ["scores.threshold", "86"]),
        ({"scores": {"timeout_seconds": "0.5"}}, ["timeout_seconds", "'0.5'", "0.05 to 5"]),
        ({"scores": {"timeout_seconds": float("nan")}}, ["timeout_seconds", "nan"]),
        ({"scores": {"url": "localhost:8101"}}, ["scores.url", "localhost:8101", "http://"]),
        ({"scores": {"filter": 1}}, ["scores.filter", "1", "true"]),
        ({"scores": {"filter": True}}, ["scores.filter", "scores.url"]),
        ({"scores": {"token": "secret"}}, ["scores.token", "AQUATRADE_SCORES_TOKEN"]),
        ({"scores": 5}, ["aquatrade.scores", "5", "section"]),
        (
            {"sizing": {"method": "martingale"}},
            ["sizing.method", "martingale", '"risk"', '"fixed"'],
        ),
        ({"sizing": {"risk_pct": 0}}, ["sizing.risk_pct", "0", "above 0"]),
        ({"sizing": {"stake_usd": True}}, ["sizing.stake_usd", "True"]),
        ({"rsi_method": "cutler"}, ["rsi_method", "cutler", '"wilder"']),
        ("crash", ["aquatrade", "'crash'", "section"]),
    ],
)
def test_a_mistake_is_named_with_key_value_and_what_is_expected(
    section: Any, words: list[str]
) -> None:
    text = refusal(section)
    for word in words:
        assert word in text


def test_every_mistake_of_a_section_is_in_the_one_line() -> None:
    text = refusal({"presett": 1, "sizing": {"risk_pct": 50}})
    assert "presett" in text and "risk_pct" in text


def test_secrets_do_not_reach_the_log() -> None:
    assert "hunter2" not in refusal({"scores": {"url": "http://me:hunter2@localhost:1"}})
    assert "hunter2" not in refusal({"scores": {"token": "hunter2"}})


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError):
        load_settings({}).scores.filter = True


def test_the_threshold_is_higher_with_real_money_unless_it_is_set() -> None:
    assert score_threshold(ScoreSettings(), live=False) == 60
    assert score_threshold(ScoreSettings(), live=True) == 75
    assert score_threshold(ScoreSettings(threshold=55), live=True) == 55


def test_a_name_is_the_default_or_one_of_the_known() -> None:
    known = {"crash": 1, "specified": 2}
    assert choose_name(None, known, "crash", "aquatrade.preset") == "crash"
    assert choose_name("specified", known, "crash", "aquatrade.preset") == "specified"
    with pytest.raises(SettingsError, match=r"aquatrade\.preset.*'crsh'.*did you mean \"crash\""):
        choose_name("crsh", known, "crash", "aquatrade.preset")


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert scores_token({}) is None
    assert scores_token({"AQUATRADE_SCORES_TOKEN": " direct "}) == "direct"
    assert scores_token({"AQUATRADE_SCORES_TOKEN_FILE": str(file)}) == "from-file"
    both = {"AQUATRADE_SCORES_TOKEN": "direct", "AQUATRADE_SCORES_TOKEN_FILE": str(file)}
    assert scores_token(both) == "direct"


def test_a_token_file_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="AQUATRADE_SCORES_TOKEN_FILE"):
        scores_token({"AQUATRADE_SCORES_TOKEN_FILE": str(tmp_path / "no")})
    (tmp_path / "empty").touch()
    with pytest.raises(SettingsError, match="empty"):
        scores_token({"AQUATRADE_SCORES_TOKEN_FILE": str(tmp_path / "empty")})


def test_a_bot_takes_the_token_for_bots_first() -> None:
    both = {"AQUATRADE_GUARD_TOKEN": "people", "AQUATRADE_GUARD_BOT_TOKEN": "bots"}
    assert guard_token(both) == "bots"
    assert guard_token({"AQUATRADE_GUARD_TOKEN": "people"}) == "people"
    assert guard_token({}) is None
