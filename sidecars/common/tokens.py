"""The bearer token of a service, from the environment or from a secret file."""

from collections.abc import Mapping
from pathlib import Path

from sidecars.common.settings_file import SettingsError

MINIMUM_TOKEN_LENGTH = 16


# Where `aquatrade sidecars` keeps the token that it makes.
OWN_TOKEN_FILE = Path("var/sidecars/token")


def read_token(environment: Mapping[str, str], variable: str) -> str:
    """The token in VARIABLE, else in the file that VARIABLE_FILE names, else in the one that
    `aquatrade sidecars` made here.

    Raises SettingsError when there is none, or one that is too short or cannot be sent.
    """
    token = environment.get(variable, "").strip()
    origin = variable
    file = environment.get(f"{variable}_FILE", "").strip()
    if not token and not file and OWN_TOKEN_FILE.is_file():
        file = str(OWN_TOKEN_FILE)
    if not token and file:
        origin = f"{variable}_FILE ({file})"
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise SettingsError(f"{origin}: cannot be read ({reason})") from None
    if not token:
        raise SettingsError(
            f"no token: set {variable}, or {variable}_FILE to a file that holds one"
        )
    if len(token) < MINIMUM_TOKEN_LENGTH or not token.isascii() or not token.isprintable():
        raise SettingsError(
            f"{origin}: expected at least {MINIMUM_TOKEN_LENGTH} printable ASCII characters, "
            "for example from: python -c 'import secrets; print(secrets.token_hex(16))'"
        )
    return token
