"""Keys of outside sources, from the environment or from secret files."""

from collections.abc import Mapping
from pathlib import Path

from sidecars.common.settings_file import SettingsError


def read_key(environment: Mapping[str, str], variable: str) -> str | None:
    """The key in VARIABLE, else in the file that VARIABLE_FILE names; None where neither is set.

    Raises SettingsError for a file that cannot be read and for a key that cannot be sent.
    """
    key = environment.get(variable, "").strip()
    origin = variable
    file = environment.get(f"{variable}_FILE", "").strip()
    if not key and file:
        origin = f"{variable}_FILE ({file})"
        try:
            key = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise SettingsError(f"{origin}: cannot be read ({reason})") from None
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(f"{origin}: expected a key of printable ASCII characters")
    return key
