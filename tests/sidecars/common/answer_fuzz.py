"""Runs a function on malformed variants of a valid answer, drawn by hypothesis."""

import gzip
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.sidecars.common.answer_variants import WHOLE_ANSWERS, variants

SHOWN_BYTES = 300


def fuzz_answers(
    take: Callable[[bytes], None], example: bytes, *, examples: int, seed_number: int
) -> int:
    """Call `take` with about `examples` variants, the same ones each time; how many differed."""
    taken: set[bytes] = set()

    def take_once(body: bytes) -> None:
        if body in taken:
            return
        try:
            take(body)
        except BaseException as error:
            error.add_note(_shown(body, example))
            raise
        taken.add(body)  # not before it has passed: what fails is tried again while it is shrunk

    for body in (*WHOLE_ANSWERS, gzip.compress(example, 1, mtime=0), _as_utf_16(example)):
        take_once(body)

    @seed(seed_number)
    @settings(
        max_examples=examples * 5 // 4,  # some are drawn twice
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
    )
    @given(variants(example).filter(lambda body: body != example))
    def every_variant(body: bytes) -> None:
        take_once(body)

    every_variant()
    return len(taken)


def _shown(body: bytes, example: bytes) -> str:
    """The answer where it first differs from the example."""
    pairs = enumerate(zip(body, example, strict=False))
    place = next((at for at, (one, other) in pairs if one != other), len(body))
    first = max(0, place - SHOWN_BYTES // 2)
    return (
        f"the answer: {len(body)} bytes (the example: {len(example)}), other from byte {place} on: "
        f"{body[first : first + SHOWN_BYTES]!r}, the example has "
        f"{example[first : first + SHOWN_BYTES]!r}"
    )


def _as_utf_16(example: bytes) -> bytes:
    return example.decode("utf-8", "replace").encode("utf-16")
