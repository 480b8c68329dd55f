"""What makes the sentiment layer: its sources, rules and files of the past."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sidecars.common.clock import Clock, SystemClock
from sidecars.common.layer.definition import HistoryFile, Layer
from sidecars.common.layer.intake import LayerMemory
from sidecars.common.layer.scorer import Scorer
from sidecars.common.layer.settings import LayerSettings
from sidecars.common.moments import ms_of
from sidecars.common.source_errors import SourceError
from sidecars.common.sources import Batch
from sidecars.sentiment.heard import Heard
from sidecars.sentiment.history_files import FILES, read_history_files
from sidecars.sentiment.news_file import KEY as NEWS
from sidecars.sentiment.news_file import read_news_file
from sidecars.sentiment.polarity import load_polarity_model
from sidecars.sentiment.scoring import SentimentScorer
from sidecars.sentiment.settings import SentimentSettings
from sidecars.sentiment.sources import (
    alpha_vantage,
    alternative_me,
    coingecko,
    lunarcrush,
    news_rss,
    reddit,
    yahoo,
)

logger = logging.getLogger(__name__)

CATALOGUE = {
    entry.key: entry
    for entry in (
        alternative_me.ENTRY,
        coingecko.ENTRY,
        yahoo.ENTRY,
        alpha_vantage.ENTRY,
        news_rss.ENTRY,
        reddit.ENTRY,
        lunarcrush.ENTRY,
    )
}


def _own(settings: LayerSettings) -> SentimentSettings:
    if not isinstance(settings, SentimentSettings):
        raise TypeError(f"expected SentimentSettings, got {type(settings).__name__}")
    return settings


def _scorer(settings: LayerSettings) -> Scorer:
    model = load_polarity_model(_own(settings).polarity_model)
    return SentimentScorer(Heard().social_of, model.name)


def _options(settings: LayerSettings, _: LayerMemory, __: Clock) -> Mapping[str, Mapping[str, Any]]:
    model = {"polarity_model": _own(settings).polarity_model}
    return {news_rss.KEY: model, reddit.KEY: model}


def _files(folder: Path, settings: LayerSettings) -> Iterable[HistoryFile]:
    history = read_history_files(folder)
    yield from (HistoryFile(source, batch) for source, batch in history)
    yield from (HistoryFile("history files", Batch(), line) for line in history.problems)
    for line in history.missing:
        logger.warning("no such file", extra={"error": line})
    news = folder / "crypto_news.csv"
    if news.exists():
        yield _news(news, _own(settings))
    elif len(history.missing) == len(FILES):
        names = ", ".join((*FILES, news.name))
        problem = f"{folder}: got none of the files {names}, expected one at least"
        yield HistoryFile("history files", Batch(), problem)


def _news(file: Path, settings: SentimentSettings) -> HistoryFile:
    model = load_polarity_model(settings.polarity_model)
    now_ms = ms_of(SystemClock().now())
    try:
        batch = read_news_file(file.read_bytes(), now_ms, model, settings.assets)
    except OSError as error:
        return HistoryFile(NEWS, Batch(), f"{file}: cannot be read ({error.strerror})")
    except SourceError as error:
        return HistoryFile(NEWS, Batch(), f"{file}: {error}")
    return HistoryFile(NEWS, batch)


LAYER = Layer(
    name="sentiment",
    title="Aquatrade sentiment sidecar",
    settings=SentimentSettings,
    catalogue=CATALOGUE,
    make_scorer=_scorer,
    read_history_files=_files,
    options=_options,
)
