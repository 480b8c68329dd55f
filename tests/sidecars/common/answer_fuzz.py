"""Runs a function on malformed variants of a valid answer, drawn by hypothesis."""

import gzip
import random
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from tests.sidecars.common.answer_variants import WHOLE_ANSWERS, Variants

SHOWN_BYTES = 300
MOST_REPEATS = 20


def fuzz_answers(
    take: Callable[[bytes], None], example: bytes, *, examples: int, seed_number: int
) -> int:
    """Call `take` with `examples` different variants, the same ones each time; how many there were.

    Fewer only where the example has not so many.
    """
    taken: set[bytes] = {example}
    variants = Variants(example)

    def take_new(body: bytes) -> None:
        try:
            take(body)
        except BaseException as error:
            error.add_note(_shown(body, example))
            raise
        taken.add(body)  # not before it has passed: hypothesis tries once more what fails

    for body in (*WHOLE_ANSWERS, gzip.compress(example, 1, mtime=0), _as_utf_16(example)):
        if body not in taken:
            take_new(body)

    @seed(seed_number)
    @settings(
        max_examples=max(1, examples - len(taken) + 1),
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate,),
    )
    @given(st.randoms(use_true_random=True))
    def every_variant(chance: random.Random) -> None:
        for _ in range(MOST_REPEATS):
            body = variants(chance)
            if body not in taken:
                take_new(body)
                return

    every_variant()
    return len(taken) - 1


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
