"""What the commands say to the guard that runs, over HTTP."""

import os
from collections.abc import Mapping
from typing import Any

import requests

from sidecars.common.settings_file import SettingsError
from sidecars.common.tokens import read_token
from sidecars.guard.settings import TOKEN_VARIABLE

TIMEOUT_SECONDS = 15.0
DEFAULT_URL = "http://127.0.0.1:8105"
URL_VARIABLE = "AQUATRADE_GUARD_URL"


class GuardCommandError(Exception):
    """A command cannot be done; one line that says why."""


class GuardUnreachableError(GuardCommandError):
    """No guard answers at the address."""


class GuardHttp:
    """A running guard. Its methods raise GuardCommandError."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: str | int | None) -> dict[str, Any]:
        """The object that is answered. query: what is None is left out."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, params=asked)

    def post(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The object that is answered."""
        return self._ask("POST", path, json=dict(content))

    def _ask(self, method: str, path: str, **parts: Any) -> dict[str, Any]:
        try:
            answer = requests.request(
                method,
                f"{self._url}{path}",
                headers=self._headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **parts,
            )
        except requests.RequestException as error:
            raise GuardUnreachableError(
                f"{self._url} does not answer ({type(error).__name__}): is `aquatrade guard` "
                "running?"
            ) from None
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.status_code != 200:
            raise GuardCommandError(f"{self._url}: {_reason(answer.status_code, content)}")
        if not isinstance(content, dict):
            raise GuardCommandError(f"{self._url}{path}: no answer of a guard: is it one?")
        return content


def guard_at(url: str | None, environment: Mapping[str, str] = os.environ) -> GuardHttp:
    """The guard at an address, else at that of the environment, else on this machine.

    Raises GuardCommandError.
    """
    address = url or environment.get(URL_VARIABLE) or DEFAULT_URL
    try:
        return GuardHttp(address, read_token(environment, TOKEN_VARIABLE))
    except SettingsError as error:
        raise GuardCommandError(str(error)) from None


def _reason(status: int, content: Any) -> str:
    try:
        return str(content["error"]["message"])
    except (KeyError, TypeError):
        return f"HTTP {status}"
