"""The kill file: while it is there, nothing is entered. One look for every bot and the guard."""

from pathlib import Path


def kill_file_text(file: Path) -> str | None:
    """Why a kill file stops entries; None: it is not there.

    A link that leads nowhere counts as there, and so does what cannot be looked for.
    """
    try:
        file.lstat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return f"the kill file {file} cannot be looked for ({why})"
    return f"the kill file {file} is there"
