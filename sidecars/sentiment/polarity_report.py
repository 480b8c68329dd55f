"""Precision, recall and F1 of polarity models on headlines that were labelled by hand.

`python -m sidecars.sentiment.polarity_report [MODEL ...]` prints plain VADER, VADER with the crypto
lexicon, and every MODEL that load_polarity_model knows.

Labels say what a headline means to who holds the asset that it speaks of (or crypto as a whole):
positive, negative, or neutral where it says nothing, asks, announces, or balances itself out. The
part "held_out" was written before the lexicon and is never looked at while changing it.
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sidecars.common.settings_file import SettingsError
from sidecars.sentiment.polarity import (
    NEGATIVE_FROM,
    POSITIVE_FROM,
    PolarityModel,
    VaderPolarity,
    judged,
    load_polarity_model,
)

LABELLED_FILE = Path(__file__).with_name("labelled_headlines.csv")
LABELS = ("positive", "negative", "neutral")
PARTS = ("tuning", "held_out")


@dataclass(frozen=True, slots=True)
class LabelledHeadline:
    """part: "tuning" or "held_out"; label: "positive", "negative" or "neutral"."""

    part: str
    label: str
    headline: str


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one label; 0 where it was never said (precision) or never true (recall)."""

    precision: float
    recall: float
    f1: float
    count: int


def load_labelled(file: Path = LABELLED_FILE) -> list[LabelledHeadline]:
    """The labelled headlines. Raises ValueError naming the line that is wrong."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    labelled = []
    for number, row in enumerate(rows, start=2):
        if row["part"] not in PARTS or row["label"] not in LABELS or not row["headline"]:
            raise ValueError(f"{file.name}, line {number}: expected part,label,headline")
        labelled.append(LabelledHeadline(row["part"], row["label"], row["headline"]))
    return labelled


def label_of(polarity: float) -> str:
    """From 0.05 positive, to -0.05 negative, between them neutral."""
    if polarity >= POSITIVE_FROM:
        return "positive"
    return "negative" if polarity <= NEGATIVE_FROM else "neutral"


def figures(truth: Sequence[str], said: Sequence[str]) -> dict[str, ClassFigures]:
    """Precision, recall and F1 (their harmonic mean) of each label."""
    pairs = list(zip(truth, said, strict=True))
    result = {}
    for label in LABELS:
        right = sum(1 for true, guess in pairs if true == guess == label)
        guessed = sum(1 for _, guess in pairs if guess == label)
        count = sum(1 for true, _ in pairs if true == label)
        precision = right / guessed if guessed else 0.0
        recall = right / count if count else 0.0
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        result[label] = ClassFigures(precision, recall, f1, count)
    return result


def macro_f1(by_label: dict[str, ClassFigures]) -> float:
    """The plain mean of the labels' F1."""
    return sum(each.f1 for each in by_label.values()) / len(by_label)


def judge(model: PolarityModel, headlines: Sequence[LabelledHeadline]) -> dict[str, ClassFigures]:
    """How a model does on headlines."""
    said = [label_of(each) for each in judged(model, [each.headline for each in headlines])]
    return figures([each.label for each in headlines], said)


def report(models: Sequence[PolarityModel], labelled: Sequence[LabelledHeadline]) -> str:
    """A table: one block for each part and model."""
    lines = []
    for part in PARTS:
        headlines = [each for each in labelled if each.part == part]
        for model in models:
            by_label = judge(model, headlines)
            lines.append(
                f"{part} ({len(headlines)}), {model.name}: macro F1 {macro_f1(by_label):.3f}"
            )
            lines += [
                f"  {label:<9} precision {each.precision:.3f}  recall {each.recall:.3f}"
                f"  F1 {each.f1:.3f}  of {each.count}"
                for label, each in by_label.items()
            ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report."""
    try:
        extra = [
            load_polarity_model(each) for each in (sys.argv[1:] if arguments is None else arguments)
        ]
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    models = [VaderPolarity(with_lexicon=False), VaderPolarity(), *extra]
    sys.stdout.write(report(models, load_labelled()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
