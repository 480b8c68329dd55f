"""Polarity by a text classifier of the Hugging Face hub. Optional: transformers is no dependency.

https://huggingface.co/docs/transformers/main_classes/pipelines (TextClassificationPipeline)
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from sidecars.common.settings_file import SettingsError

# Trained on posts about crypto; its labels are Bearish, Neutral and Bullish.
DEFAULT_MODEL = "ElKulako/cryptobert"
POSITIVE_LABELS = frozenset({"positive", "bullish", "pos"})
NEGATIVE_LABELS = frozenset({"negative", "bearish", "neg"})
TEXTS_AT_ONCE = 32


class TransformerPolarity:
    """Probability of the positive label less that of the negative one.

    transformers is imported at once, so that a missing package is seen at the start; the model is
    loaded (at the first time: fetched from the hub) with the first texts.
    """

    def __init__(self, model: str | None = None) -> None:
        """model: "owner/name" or "owner/name@revision". Raises SettingsError."""
        self._model, _, self._revision = (model or DEFAULT_MODEL).partition("@")
        try:
            self._transformers: Any = importlib.import_module("transformers")
        except ImportError:
            raise SettingsError(
                'polarity model "transformer": the package transformers is not installed,'
                ' expected "pip install transformers torch" or another model'
            ) from None

    @property
    def name(self) -> str:
        return f"transformer-{self._model}" + (f"@{self._revision}" if self._revision else "")

    def polarity(self, texts: Sequence[str]) -> list[float]:
        answers = self._classify(list(texts), batch_size=TEXTS_AT_ONCE, truncation=True)
        return [_polarity(answer) for answer in answers]

    @cached_property
    def _classify(self) -> Any:
        return self._transformers.pipeline(
            "text-classification",
            model=self._model,
            revision=self._revision or None,
            top_k=None,
        )


def _polarity(answer: Iterable[Mapping[str, Any]]) -> float:
    """[{"label": "Bullish", "score": 0.9}, ...] -> positive less negative. Raises ValueError."""
    scores = {str(each["label"]).lower(): float(each["score"]) for each in answer}
    positive = [label for label in scores if label in POSITIVE_LABELS]
    negative = [label for label in scores if label in NEGATIVE_LABELS]
    if len(positive) != 1 or len(negative) != 1:
        raise ValueError(
            f"labels {sorted(scores)}, expected one of {sorted(POSITIVE_LABELS)}"
            f" and one of {sorted(NEGATIVE_LABELS)}"
        )
    return scores[positive[0]] - scores[negative[0]]
