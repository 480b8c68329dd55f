"""Polarity models: the lexicon's effect, phrases, plug-ins, and figures on labelled headlines."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.sentiment import polarity_report
from sidecars.sentiment.lexicon import PHRASES, SILENCED, WORDS
from sidecars.sentiment.polarity import (
    PolarityModel,
    VaderPolarity,
    join_phrases,
    judged,
    load_polarity_model,
)
from sidecars.sentiment.polarity_report import figures, judge, label_of, load_labelled, macro_f1
from sidecars.sentiment.transformer_polarity import TransformerPolarity

VADER = VaderPolarity()
PLAIN = VaderPolarity(with_lexicon=False)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Team pulls a rug pull on holders", "negative"),
        ("Bitcoin hits all-time high", "positive"),
        ("Bitcoin hits all time   HIGH", "positive"),
        ("Token delisted after depeg", "negative"),
        ("ETF inflows continue", "positive"),
        ("Not a rug pull", "positive"),
        ("Price falls less than feared", "positive"),
        ("Court throws out lawsuit against exchange", "positive"),
        ("Solana up 12%", "positive"),
        ("Solana down $12", "negative"),
        ("What is up with staking", "neutral"),
        ("SEC reviews security interest rules", "neutral"),
        ("Bitcoin trades at $43,210", "neutral"),
    ],
)
def test_knows_the_trade(text: str, label: str) -> None:
    assert label_of(VADER.polarity([text])[0]) == label


def test_a_phrase_counts_once() -> None:
    assert join_phrases("A Rug-Pull! Really") == "A rug_pull! Really"
    assert join_phrases("rug pulled") == "rug_pulled"  # the longest
    assert join_phrases("drug pull") == "drug pull"
    assert join_phrases("up 5% and up") == "up_by 5% and up"


@given(st.text(max_size=200))
def test_any_text_has_a_polarity(text: str) -> None:
    assert -1 <= VADER.polarity([text])[0] <= 1


def test_the_lexicon_is_sound() -> None:
    assert all(-4 <= value <= 4 for value in [*WORDS.values(), *PHRASES.values()])
    assert all(word == word.lower() and " " not in word for word in [*WORDS, *SILENCED])
    assert all(" " in phrase or "-" in phrase or phrase == "dovish" for phrase in PHRASES)
    assert not SILENCED & set(WORDS)


def test_the_name_tells_models_apart() -> None:
    assert VADER.name.startswith("vader-3.3.2+crypto-")
    assert PLAIN.name == "vader-3.3.2"


def test_a_changed_lexicon_is_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = VaderPolarity().name
    monkeypatch.setitem(WORDS, "moon", 1.0)
    assert VaderPolarity().name != before
    monkeypatch.undo()
    assert VaderPolarity().name == before


# --- figures -----------------------------------------------------------------------------------


def test_figures_by_hand() -> None:
    truth = ["positive", "positive", "negative", "neutral"]
    said = ["positive", "negative", "negative", "positive"]
    by_label = figures(truth, said)
    assert (by_label["positive"].precision, by_label["positive"].recall) == (0.5, 0.5)
    assert (by_label["negative"].precision, by_label["negative"].recall) == (0.5, 1.0)
    assert by_label["neutral"].f1 == 0.0
    assert macro_f1(by_label) == pytest.approx((0.5 + 2 / 3 + 0.0) / 3)


def test_labelled_headlines_are_balanced_and_apart() -> None:
    labelled = load_labelled()
    assert len(labelled) >= 200
    assert len({each.headline.lower() for each in labelled}) == len(labelled)
    for part in polarity_report.PARTS:
        labels = [each.label for each in labelled if each.part == part]
        assert {labels.count(label) for label in polarity_report.LABELS} == {42}


@pytest.mark.parametrize(("part", "floor"), [("tuning", 0.90), ("held_out", 0.80)])
def test_the_lexicon_helps(part: str, floor: float) -> None:
    headlines = [each for each in load_labelled() if each.part == part]
    plain, ours = macro_f1(judge(PLAIN, headlines)), macro_f1(judge(VADER, headlines))
    assert ours >= floor
    assert ours > plain + 0.15


def test_a_wrong_label_names_its_line(tmp_path: Any) -> None:
    file = tmp_path / "labelled.csv"
    file.write_text("part,label,headline\ntuning,good,Yes\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"labelled.csv, line 2"):
        load_labelled(file)


def test_report_prints_both_models_on_both_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert polarity_report.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.count("macro F1") == 4
    assert "held_out (126), vader-3.3.2+crypto-" in printed
    assert polarity_report.main(["nonsense"]) == 2
    assert capsys.readouterr().err.startswith("polarity model")


# --- plug-ins ----------------------------------------------------------------------------------


class Constant:
    """A model that a user could plug in."""

    def __init__(self, answer: Any = 0.25, name: str = "constant") -> None:
        self.answer = answer
        self.name = name

    def polarity(self, texts: Sequence[str]) -> list[Any]:
        return [self.answer for _ in texts]


class Raising:
    name = "raising"

    def polarity(self, texts: Sequence[str]) -> list[float]:
        raise RuntimeError("out of\nmemory")


class Short:
    name = "short"

    def polarity(self, texts: Sequence[str]) -> list[float]:
        return [0.0]


def plugged(monkeypatch: pytest.MonkeyPatch, **contents: Any) -> None:
    module = ModuleType("plugged_models")
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, "plugged_models", module)


def test_loads_what_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(monkeypatch, make=Constant)
    assert load_polarity_model("vader").name == VADER.name
    model = load_polarity_model("plugged_models:make")
    assert isinstance(model, PolarityModel) and judged(model, ["a", "b"]) == [0.25, 0.25]


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("", "expected"),
        ("vadre", "expected"),
        ("plugged_models:", "expected"),
        ("no_such_module_here:make", "No module"),
        ("plugged_models:missing", "missing"),
        ("plugged_models:number", "not callable"),
        ("plugged_models:nothing", "NoneType"),
    ],
)
def test_a_wrong_model_is_one_clear_line(
    choice: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged(monkeypatch, number=3, nothing=lambda: None)
    with pytest.raises(SettingsError, match=reason) as caught:
        load_polarity_model(choice)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers() -> None:
    assert judged(Constant(np.float32(0.5)), ["a"]) == [0.5]


@pytest.mark.parametrize(
    "model",
    [
        *(Constant(bad) for bad in (float("nan"), float("inf"), 1.5, -1.01, True, None, "0.5")),
        Raising(),
        Short(),
    ],
)
def test_an_answer_that_is_no_polarity_is_an_error(model: Any) -> None:
    with pytest.raises(SourceError, match=f"polarity model {model.name}") as caught:
        judged(model, ["a", "b"])
    assert "\n" not in str(caught.value)


# --- transformers ------------------------------------------------------------------------------


class FakeTransformers(ModuleType):
    """What of transformers is used; answers by the length of the text."""

    def __init__(self, labels: tuple[str, str, str]) -> None:
        super().__init__("transformers")
        self.labels = labels
        self.asked: list[dict[str, Any]] = []

    def pipeline(self, task: str, **options: Any) -> Any:
        self.asked.append({"task": task, **options})
        bad, neutral, good = self.labels

        def classify(texts: list[str], **_: Any) -> list[list[dict[str, Any]]]:
            return [
                [
                    {"label": good, "score": 0.7 if len(text) > 3 else 0.1},
                    {"label": neutral, "score": 0.2},
                    {"label": bad, "score": 0.1 if len(text) > 3 else 0.7},
                ]
                for text in texts
            ]

        return classify


def with_transformers(monkeypatch: pytest.MonkeyPatch, *labels: str) -> FakeTransformers:
    bad, neutral, good = labels
    fake = FakeTransformers((bad, neutral, good))
    monkeypatch.setitem(sys.modules, "transformers", fake)
    return fake


def test_transformer_is_positive_less_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = with_transformers(monkeypatch, "Bearish", "Neutral", "Bullish")
    model = load_polarity_model("transformer:some/model@abc")
    assert model.name == "transformer-some/model@abc"
    assert not fake.asked  # loaded with the first texts
    assert judged(model, ["good one", "bad"]) == pytest.approx([0.6, -0.6])
    assert judged(model, ["good one"]) == pytest.approx([0.6])
    (asked,) = fake.asked
    assert (asked["model"], asked["revision"], asked["top_k"]) == ("some/model", "abc", None)


def test_transformer_with_other_labels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_transformers(monkeypatch, "LABEL_0", "LABEL_1", "LABEL_2")
    with pytest.raises(SourceError, match="label_0"):
        judged(TransformerPolarity(), ["a"])


def test_transformer_without_its_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SettingsError, match="transformers is not installed") as caught:
        load_polarity_model("transformer")
    assert "\n" not in str(caught.value)
