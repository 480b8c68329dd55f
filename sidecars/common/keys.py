"""Keys of outside sources: from the environment, or from secret files."""

import json
from collections.abc import Mapping
from pathlib import Path

from sidecars.common.settings_file import SettingsError

# A JSON object {"AQUATRADE_ETHERSCAN_KEY": "..."} with as many keys as there are.
KEYS_FILE_VARIABLE = "AQUATRADE_KEYS_FILE"


def read_key(environment: Mapping[str, str], variable: str) -> str | None:
    """The key in VARIABLE, else in the file that VARIABLE_FILE names, else under that name in the
    file of all keys; None where there is none.

    Raises SettingsError for a file that cannot be read and for a key that cannot be sent.
    """
    key, origin = find_secret(environment, variable)
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(f"{origin}: expected a key of printable ASCII characters")
    return key


def find_secret(environment: Mapping[str, str], variable: str) -> tuple[str, str]:
    """The text (empty: none) and where it stands. Raises SettingsError."""
    key = environment.get(variable, "").strip()
    if key:
        return key, variable
    file = environment.get(f"{variable}_FILE", "").strip()
    if file:
        origin = f"{variable}_FILE ({file})"
        return _text(file, origin).strip(), origin
    file = environment.get(KEYS_FILE_VARIABLE, "").strip()
    if not file:
        return "", variable
    origin = f"{KEYS_FILE_VARIABLE} ({file})"
    try:
        content = json.loads(_text(file, origin))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise SettingsError(f'{origin}: expected a JSON object like {{"{variable}": "..."}}')
    value = content.get(variable, "")
    if not isinstance(value, str):
        raise SettingsError(f"{origin}: key '{variable}' is no text")
    return value.strip(), f"{origin}, key '{variable}'"


def _text(file: str, origin: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"{origin}: cannot be read ({reason})") from None
