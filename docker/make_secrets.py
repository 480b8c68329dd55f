"""Makes the secret files that docker-compose.yml mounts, where they do not exist yet.

Needs nothing but Python: it runs before anything is installed.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "secrets"


def token(_: Path) -> str:
    """The bearer token of the sidecars; the guard has one for people and one for bots."""
    return secrets.token_hex(32) + "\n"


def bot_layer(_: Path) -> str:
    """A layer of configuration for the bot: FreqUI's password; exchange keys may join it."""
    layer = {
        "api_server": {
            "password": secrets.token_urlsafe(18),
            "jwt_secret_key": secrets.token_hex(32),
            "ws_token": secrets.token_urlsafe(24),
        }
    }
    return json.dumps(layer, indent=4) + "\n"


def bot_password(folder: Path) -> str:
    """FreqUI's password once more, for the guard: the one in bot.json."""
    return _of_bot_layer(folder, "password")


def bot_ws_token(folder: Path) -> str:
    """The token of the bot's websocket, for the guard: the one in bot.json."""
    return _of_bot_layer(folder, "ws_token")


def source_keys(_: Path) -> str:
    """Keys of outside sources and addresses of notifications, by variable: none at first."""
    return "{}\n"


def _of_bot_layer(folder: Path, key: str) -> str:
    layer = json.loads((folder / "bot.json").read_text(encoding="utf-8"))
    try:
        return f"{layer['api_server'][key]}\n"
    except (KeyError, TypeError):
        sys.exit(f"{folder / 'bot.json'}: api_server.{key} is missing, expected a text")


# In this order: what repeats a part of bot.json comes after it.
FILES: dict[str, Callable[[Path], str]] = {
    "scores_token": token,
    "guard_token": token,
    "guard_bot_token": token,
    "bot.json": bot_layer,
    "bot_password": bot_password,
    "bot_ws_token": bot_ws_token,
    "keys.json": source_keys,
}


def make_secrets(folder: Path) -> list[Path]:
    """Write what is missing; returns the files that were made. An existing file stays as it is."""
    # Nobody else may enter the folder; inside, files are readable by whoever a container runs as.
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    made = []
    for name, content in FILES.items():
        file = folder / name
        if file.exists():
            continue
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        os.fchmod(descriptor, 0o644)  # whatever the umask says
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content(folder))
        made.append(file)
    return made


def main() -> int:
    made = make_secrets(FOLDER)
    for name in FILES:
        state = "made" if FOLDER / name in made else "kept"
        sys.stdout.write(f"secrets/{name}: {state}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
