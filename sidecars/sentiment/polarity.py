"""How positive a headline is, from -1 to 1: VADER with a crypto lexicon, or any other model.

VADER: Hutto and Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
Social Media Text"; the compound score of https://github.com/cjhutto/vaderSentiment.
"""

import hashlib
import importlib
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from numbers import Real
from typing import Any, Protocol, runtime_checkable

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.sentiment.lexicon import MOVES, PHRASES, SILENCED, WORDS
from sidecars.sentiment.transformer_polarity import TransformerPolarity

# Beyond these a compound score is called positive or negative, as VADER's authors do.
POSITIVE_FROM = 0.05
NEGATIVE_FROM = -0.05


@runtime_checkable
class PolarityModel(Protocol):
    """Judges texts. `name` is recorded with what is made of it: another meaning, another name."""

    @property
    def name(self) -> str: ...

    def polarity(self, texts: Sequence[str]) -> Sequence[float]:
        """One number from -1 (bad for who holds it) to 1 for each text, in their order."""
        ...


class VaderPolarity:
    """VADER's compound score. Its word list is read at the first text.

    The name holds a hash of the crypto lexicon, so that a changed lexicon is another model.
    """

    def __init__(self, with_lexicon: bool = True) -> None:
        """with_lexicon: False is VADER as its authors made it."""
        self._with_lexicon = with_lexicon
        suffix = f"+crypto-{_lexicon_hash()}" if with_lexicon else ""
        self._name = f"vader-{version('vaderSentiment')}{suffix}"

    @property
    def name(self) -> str:
        return self._name

    def polarity(self, texts: Sequence[str]) -> list[float]:
        analyzer = _analyzer(self._with_lexicon)
        prepared = [join_phrases(text) for text in texts] if self._with_lexicon else texts
        return [float(analyzer.polarity_scores(text)["compound"]) for text in prepared]


def load_polarity_model(choice: str) -> PolarityModel:
    """ "vader", "transformer", "transformer:MODEL[@REVISION]" of the Hugging Face hub, or
    "module:function", whose function takes nothing and gives a PolarityModel.

    Raises SettingsError with one line.
    """
    if choice == "vader":
        return VaderPolarity()
    module_name, _, function_name = choice.partition(":")
    if module_name == "transformer":
        return TransformerPolarity(function_name or None)
    if not module_name or not function_name:
        raise SettingsError(
            f'polarity model: got "{choice}", expected "vader", "transformer[:MODEL]" or'
            ' "module:function"'
        )
    try:
        model = getattr(importlib.import_module(module_name), function_name)()
    except (ImportError, AttributeError, TypeError) as error:
        raise SettingsError(f'polarity model "{choice}": {error}') from None
    if not isinstance(model, PolarityModel) or not isinstance(model.name, str):
        raise SettingsError(
            f'polarity model "{choice}": got {type(model).__name__}, expected an object with'
            " name and polarity(texts)"
        )
    return model


def judged(model: PolarityModel, texts: Sequence[str]) -> list[float]:
    """The model's answer, checked: as many as texts, each from -1 to 1. Raises SourceError."""
    try:
        answer = list(model.polarity(texts))
    except Exception as error:  # a model that the operator plugged in may raise anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise SourceError(f"polarity model {model.name}: {reason}", "malformed") from error
    if len(answer) != len(texts):
        raise SourceError(
            f"polarity model {model.name}: {len(answer)} numbers for {len(texts)} texts",
            "malformed",
        )
    for text, polarity in zip(texts, answer, strict=True):
        if not _is_polarity(polarity):
            raise SourceError(
                f'polarity model {model.name}: got {polarity!r} for "{text[:60]}",'
                " expected a number from -1 to 1",
                "malformed",
            )
    return [float(polarity) for polarity in answer]


def join_phrases(text: str) -> str:
    """The text with its known phrases made single words, since VADER scores words."""
    spaced = _JOINERS.sub(" ", text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    joined = _PHRASE_PATTERN.sub(lambda match: _token(match[0]), spaced)
    return _MOVE_PATTERN.sub(lambda match: f"{match[1]}_by ", joined)


def _is_polarity(value: object) -> bool:
    return (
        isinstance(value, Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and -1 <= float(value) <= 1
    )


def _token(phrase: str) -> str:
    return "_".join(phrase.lower().split())


# Hyphens and slashes between words hide both from VADER ("record-high").
_JOINERS = re.compile(r"(?<=\w)[-\N{EN DASH}/](?=[A-Za-z])")
_PHRASE_PATTERN = re.compile(
    r"(?<![\w$])(?:"
    + "|".join(
        r"\s+".join(re.escape(word) for word in phrase.split())
        for phrase in sorted(PHRASES, key=lambda phrase: (-len(phrase), phrase))
    )
    + r")(?!\w)",
    re.IGNORECASE,
)
_MOVE_PATTERN = re.compile(rf"\b({'|'.join(MOVES)})\s+(?=[$€£]?\d|double )", re.IGNORECASE)


@lru_cache(maxsize=2)
def _analyzer(with_lexicon: bool) -> Any:
    analyzer = SentimentIntensityAnalyzer()
    if with_lexicon:
        analyzer.lexicon.update(WORDS)
        analyzer.lexicon.update({_token(phrase): value for phrase, value in PHRASES.items()})
        analyzer.lexicon.update({f"{word}_by": value for word, value in MOVES.items()})
        for word in SILENCED:
            analyzer.lexicon.pop(word, None)
    return analyzer


def _lexicon_hash() -> str:
    parts = (WORDS, PHRASES, MOVES, dict.fromkeys(SILENCED, 0.0))
    content = repr([sorted(part.items()) for part in parts])
    return hashlib.sha256(content.encode()).hexdigest()[:8]
