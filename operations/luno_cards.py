"""`aquatrade luno`: the monitor's cards as text, from the confluence sidecar that runs."""

import os
from collections.abc import Mapping
from pathlib import Path

import requests

from sidecars.common.layer.definition import TOKEN_VARIABLE
from sidecars.common.settings_file import SettingsError
from sidecars.common.tokens import read_token

TIMEOUT_SECONDS = 15.0


class CardsError(Exception):
    """There are no cards; one line that says why."""


def cards_text(url: str, asset: str | None, *, chat: bool, token_file: Path) -> str:
    """The cards that the sidecar at `url` shows. Raises CardsError."""
    parameters = {"format": "chat" if chat else "terminal"}
    if asset is not None:
        parameters["asset"] = asset.upper()
    try:
        token = _token(os.environ, token_file)
        answer = requests.get(
            f"{url.rstrip('/')}/v1/cards",
            params=parameters,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
        )
    except SettingsError as error:
        raise CardsError(str(error)) from None
    except requests.RequestException as error:
        raise CardsError(
            f"{url} does not answer ({type(error).__name__}): is `aquatrade sidecars` running?"
        ) from None
    if answer.status_code != 200:
        raise CardsError(f"{url}: {_reason(answer)}")
    return answer.text


def _token(environment: Mapping[str, str], token_file: Path) -> str:
    """The environment's, else that of the file that `aquatrade sidecars` made."""
    is_set = environment.get(TOKEN_VARIABLE) or environment.get(f"{TOKEN_VARIABLE}_FILE")
    if is_set or not token_file.exists():
        return read_token(environment, TOKEN_VARIABLE)
    return read_token({f"{TOKEN_VARIABLE}_FILE": str(token_file)}, TOKEN_VARIABLE)


def _reason(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
