"""Why it did not trade, as text. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from operations.why_bot import BotCandle
from sidecars.common.moments import iso_ms, moment_at, ms_of
from sidecars.guard.views_why import Story

FIGURES_A_LINE = 4


def story_lines(stories: Sequence[Story]) -> Iterable[str]:
    """What bots and guard said, a paragraph for each bot and candle."""
    for story in stories:
        yield f"{story.bot}  {story.pair}, candle of {iso_ms(story.candle_ms)}: {story.word}"
        yield f"  {story.conclusion}"
        for line in story.lines:
            text = f" {line.text}" if line.text else ""
            yield f"  {moment_at(line.at_ms):%Y-%m-%d %H:%M:%S}  {line.word}:{text}"
            yield from (f"      - {reason}" for reason in line.reasons)


def candle_lines(bot: str, pair: str, seen: BotCandle) -> Iterable[str]:
    """What the bot itself saw on the candle."""
    where = f"{bot}  {pair} {seen.timeframe}, candle of {iso_ms(ms_of(seen.candle))}"
    tag = "" if seen.tag is None else f' "{seen.tag}"'
    if seen.wants_entry:
        yield f"{where}: {seen.strategy} saw a signal{tag}"
    else:
        said = f" (set: {', '.join(seen.signals)})" if seen.signals else ""
        yield f"{where}: {seen.strategy} saw no signal{said}"
    yield from _figures(seen.prices)
    yield from _figures(seen.indicators)


def _figures(figures: Mapping[str, float | None]) -> Iterable[str]:
    said = [
        f"{name} {'not known' if value is None else f'{value:.6g}'}"
        for name, value in figures.items()
    ]
    for start in range(0, len(said), FIGURES_A_LINE):
        yield "    " + ", ".join(said[start : start + FIGURES_A_LINE])
