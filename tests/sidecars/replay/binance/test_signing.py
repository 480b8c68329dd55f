"""Keys, signatures and timestamps, against Binance's own published examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.replay.binance.parameters import Parameters
from sidecars.replay.binance.signing import (
    JumpLog,
    check_key,
    check_signature,
    check_timing,
    signature_of,
)
from sidecars.replay.model import ExchangeError

# From "SIGNED Endpoint Examples for POST /api/v3/order" in Binance's documentation.
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
BODY = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
    "&recvWindow=5000&timestamp=1499827319559"
)
BODY_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
MIXED_QUERY = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
MIXED_BODY = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
MIXED_SIGNATURE = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"


def code_of(error: pytest.ExceptionInfo[ExchangeError]) -> int:
    return error.value.code


def no_jumps(_: int) -> int:
    return 0


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", f"{BODY}&signature={BODY_SIGNATURE}"),
        (f"{BODY}&signature={BODY_SIGNATURE}", ""),
        (f"{BODY}&signature={BODY_SIGNATURE.upper()}", ""),
        (MIXED_QUERY, f"{MIXED_BODY}&signature={MIXED_SIGNATURE}"),
    ],
)
def test_binances_published_examples_pass(query: str, body: str) -> None:
    check_signature(query, body, SECRET)


@given(st.data())
def test_a_changed_letter_breaks_the_signature(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(BODY) - 1))
    letter = data.draw(st.sampled_from("0aZ.").filter(lambda c: c != BODY[place]))
    changed = BODY[:place] + letter + BODY[place + 1 :]
    with pytest.raises(ExchangeError) as error:
        check_signature(f"{changed}&signature={BODY_SIGNATURE}", "", SECRET)
    assert code_of(error) == -1022
    assert error.value.message == "Signature for this request is not valid."


def test_query_and_body_are_not_joined_by_an_ampersand() -> None:
    joined = signature_of(f"{MIXED_QUERY}&{MIXED_BODY}", SECRET)
    with pytest.raises(ExchangeError) as error:
        check_signature(MIXED_QUERY, f"{MIXED_BODY}&signature={joined}", SECRET)
    assert code_of(error) == -1022


@pytest.mark.parametrize("query", [BODY, f"{BODY}&signature="])
def test_a_missing_signature_is_a_missing_parameter(query: str) -> None:
    with pytest.raises(ExchangeError) as error:
        check_signature(query, "", SECRET)
    assert code_of(error) == -1102
    assert "'signature'" in error.value.message


def test_a_signature_of_other_letters_is_refused() -> None:
    with pytest.raises(ExchangeError) as error:
        check_signature(f"{BODY}&signature=ü", "", SECRET)
    assert code_of(error) == -1022


@pytest.mark.parametrize(
    ("sent", "code"),
    [(None, -2014), ("", -2014), ("a key", -2014), ("other", -2015), ("KEY", -2015)],
)
def test_keys_that_are_none_or_another(sent: str | None, code: int) -> None:
    with pytest.raises(ExchangeError) as error:
        check_key(sent, "key")
    assert (code_of(error), error.value.http_status) == (code, 401)


def test_the_right_key_passes() -> None:
    check_key("key", "key")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("timestamp=1000000", None),
        ("timestamp=995000", None),
        ("timestamp=994999", -1021),
        ("timestamp=940000&recvWindow=60000", None),
        ("timestamp=999998&recvWindow=1", -1021),
        ("timestamp=1000999", None),
        ("timestamp=1001000", -1021),
        ("timestamp=1000000&recvWindow=60001", -1131),
        ("timestamp=1000000&recvWindow=0", -1131),
        ("recvWindow=5000", -1102),
        ("timestamp=", -1102),
        ("timestamp=now", -1100),
    ],
)
def test_timestamps_against_a_server_at_1000000(parameters: str, code: int | None) -> None:
    if code is None:
        check_timing(Parameters(parameters), 1_000_000, no_jumps)
        return
    with pytest.raises(ExchangeError) as error:
        check_timing(Parameters(parameters), 1_000_000, no_jumps)
    assert code_of(error) == code


class TwoClocks:
    """The exchange's clock and the machine's, moved by hand."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000
        self.real_ns = 77

    def flow(self, milliseconds: int) -> None:
        self.now_ns += milliseconds * 1_000_000
        self.real_ns += milliseconds * 1_000_000


def test_time_that_was_jumped_over_is_no_delay() -> None:
    clocks = TwoClocks()
    jumps = JumpLog(lambda: clocks.now_ns, lambda: clocks.real_ns)
    sent_ms = clocks.now_ns // 1_000_000
    clocks.flow(3_000)
    clocks.now_ns += 600_000 * 1_000_000
    jumps.on_jump()
    clocks.flow(1_000)
    server_ms = clocks.now_ns // 1_000_000
    assert jumps.jumped_ms(sent_ms) == 600_000
    check_timing(Parameters(f"timestamp={sent_ms}"), server_ms, jumps.jumped_ms)
    clocks.flow(1_001)
    with pytest.raises(ExchangeError) as error:
        check_timing(Parameters(f"timestamp={sent_ms}"), server_ms + 1_001, jumps.jumped_ms)
    assert code_of(error) == -1021


def test_a_jump_before_the_request_excuses_nothing() -> None:
    clocks = TwoClocks()
    jumps = JumpLog(lambda: clocks.now_ns, lambda: clocks.real_ns)
    clocks.now_ns += 600_000 * 1_000_000
    jumps.on_jump()
    sent_ms = clocks.now_ns // 1_000_000
    clocks.flow(6_000)
    assert jumps.jumped_ms(sent_ms) == 0
    # Of a jump that the moment lies inside, only the part after it counts.
    assert jumps.jumped_ms(sent_ms - 1_000) == 1_000
