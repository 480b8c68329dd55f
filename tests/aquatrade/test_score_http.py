"""One read of the sidecar ends at its deadline, whatever the other side does."""

import time

import pytest

from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from tests.aquatrade.fake_sidecar import TOKEN, FakeSidecar

AT = {"pairs": "BTC/USDT", "at": "2024-01-01T00:00:00Z"}


def refusal(sidecar: FakeSidecar, token: str | None = TOKEN, timeout_seconds: float = 0.4) -> str:
    started = time.monotonic()
    with pytest.raises(ScoreUnavailableError) as caught:
        ScoreServer(sidecar.url, token).get("/v1/scores", AT, timeout_seconds)
    assert time.monotonic() - started < timeout_seconds + 3.0
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_answer_is_its_json(sidecar: FakeSidecar) -> None:
    answer = ScoreServer(sidecar.url, TOKEN).get("/v1/scores", AT, 5.0)
    assert answer == {
        "at": AT["at"], "scores": {}, "missing": {"BTC/USDT": "no score available by then"},
    }  # fmt: skip


def test_a_body_that_drips_within_the_sockets_patience_is_given_up(sidecar: FakeSidecar) -> None:
    sidecar.drip_seconds = 0.05
    assert refusal(sidecar) == "the answer did not end in time"


def test_silence_is_given_up(sidecar: FakeSidecar) -> None:
    sidecar.delay_seconds = 30.0
    assert refusal(sidecar) == "no answer in time"


def test_a_wrong_or_missing_token_is_said_and_not_shown(sidecar: FakeSidecar) -> None:
    assert "HTTP 401" in refusal(sidecar, token="wrong-token")
    assert "wrong-token" not in refusal(sidecar, token="wrong-token")
    assert "HTTP 401" in refusal(sidecar, token=None)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": NaN}', b'{"a": Infinity}', b"\xff", b"[" * 10**5]
)
def test_what_is_no_json_is_refused(sidecar: FakeSidecar, body: bytes) -> None:
    sidecar.body = body
    assert "no JSON" in refusal(sidecar)


def test_a_redirect_is_not_followed(sidecar: FakeSidecar) -> None:
    sidecar.status = 302
    assert "HTTP 302" in refusal(sidecar)


def test_a_long_error_page_is_cut_to_one_line(sidecar: FakeSidecar) -> None:
    sidecar.status, sidecar.body = 500, b"<html>\n" + b"x" * 5000
    assert len(refusal(sidecar)) < 300
