"""One HTTP read of the score sidecar, over before its deadline whatever the other side does."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

CHUNK_BYTES = 65_536
MAX_ANSWER_BYTES = 64 * 1024 * 1024
ERROR_TEXT_LENGTH = 200


class ScoreUnavailableError(Exception):
    """The sidecar gave no usable answer; the text says what happened."""


@dataclass(frozen=True, slots=True)
class ScoreServer:
    """Where the sidecar is and how it is spoken to."""

    url: str
    token: str | None
    monotonic: Callable[[], float] = time.monotonic

    def get(self, path: str, parameters: Mapping[str, str], timeout_seconds: float) -> object:
        """GET a JSON document. Raises ScoreUnavailableError for anything but a whole 200 in time.

        The deadline counts real seconds for the whole exchange: also a body that comes byte by
        byte, each one within the socket's own time-out, is given up when it is reached.
        """
        deadline = self.monotonic() + timeout_seconds
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy and no .netrc between a bot and its sidecar
                with session.get(
                    self.url + path,
                    params=dict(parameters),
                    headers=headers,
                    timeout=timeout_seconds,
                    stream=True,
                    allow_redirects=False,
                ) as response:
                    body = self._read(response, deadline)
                    status = response.status_code
        except (requests.RequestException, HTTPError, OSError) as error:
            raise ScoreUnavailableError(_cause(error)) from error
        if status != requests.codes.ok:
            raise ScoreUnavailableError(f"HTTP {status}: {_one_line(body)}")
        try:
            # A bare NaN or Infinity is no JSON; Python's parser would let it through.
            parsed: object = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ScoreUnavailableError(f"no JSON in the answer ({error})") from error
        return parsed

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        while True:
            chunk = response.raw.read1(CHUNK_BYTES, decode_content=True)
            if not chunk:
                return bytes(body)
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise ScoreUnavailableError(f"answer of more than {MAX_ANSWER_BYTES} bytes")
            if self.monotonic() > deadline:
                raise ScoreUnavailableError("the answer did not end in time")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _cause(error: Exception) -> str:
    if isinstance(error, (requests.Timeout, TimeoutError, ReadTimeoutError)):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{error.__class__.__name__}: {error}"


def _one_line(body: bytes) -> str:
    return " ".join(body.decode("utf-8", "replace").split())[:ERROR_TEXT_LENGTH]
