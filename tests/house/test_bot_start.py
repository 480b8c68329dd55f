"""How a bot is started and watched: secrets, layers, the check before, the supervision after."""

import http.server
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker.make_secrets import FILES, make_secrets
from docker.supervise import SILENT
from sidecars.replay.client_config import freqtrade_exchange_config
from tests.aquatrade.preflight_rig import freqtrade_database, open_trade_row

REPOSITORY = Path(__file__).resolve().parents[2]
START = REPOSITORY / "docker" / "start-bot.sh"
SUPERVISE = REPOSITORY / "docker" / "supervise.py"


def test_secrets_are_random_and_never_overwritten(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    previous = os.umask(0o077)
    try:
        assert [file.name for file in make_secrets(first)] == list(FILES)
        make_secrets(second)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    for name in FILES:
        # Readable by the user of a container, behind a folder that nobody else may enter.
        assert stat.S_IMODE((first / name).stat().st_mode) == 0o644
        is_random = (first / name).read_text() != (second / name).read_text()
        assert is_random or name == "keys.json"  # which is for people to fill
    server = json.loads((first / "bot.json").read_text())["api_server"]
    # The guard knows the bot's password, and no other key of its.
    assert (first / "bot_password").read_text().strip() == server["password"]
    assert (first / "bot_ws_token").read_text().strip() == server["ws_token"]
    assert len((first / "scores_token").read_text().strip()) >= 32
    assert len(json.loads((first / "bot.json").read_text())["api_server"]["jwt_secret_key"]) >= 32
    (first / "scores_token").write_text("mine")
    assert make_secrets(first) == []
    assert (first / "scores_token").read_text() == "mine"


@pytest.fixture
def start_folder(tmp_path: Path) -> Path:
    """A folder whose name has a blank, with the repository's files and a freqtrade that notes."""
    root = tmp_path / "my bots"
    root.mkdir()
    for name in ("docker", "user_data"):
        (root / name).mkdir()
    for name in ("start-bot.sh", "supervise.py"):
        (root / "docker" / name).symlink_to(REPOSITORY / "docker" / name)
    for name in ("config", "strategies"):
        (root / "user_data" / name).symlink_to(REPOSITORY / "user_data" / name)
    programs = root / "bin"
    programs.mkdir()
    for name, script in (
        # Not a link: an interpreter that is called by another path forgets its environment.
        ("python", f'exec "{sys.executable}" "$@"'),
        (
            "freqtrade",
            'printf "%s\\n" "$@" "${FREQTRADE__INITIAL_STATE:-running}" '
            '> "$(dirname "$0")/../called"',
        ),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    make_secrets(root / "secrets")
    return root


def start_bot(root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{root / 'bin'}:/usr/bin:/bin",
        "AQUATRADE_SECRETS": str(root / "secrets" / "bot.json"),
        **variables,
    }
    return subprocess.run(
        ["/bin/sh", str(root / "docker" / "start-bot.sh"), "dip"],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_bot_starts_with_its_layers_and_a_database_of_its_mode(start_folder: Path) -> None:
    result = start_bot(start_folder, AQUATRADE_LAYERS="preset-specified")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("config ok: BuyTheDip on binance, paper money, 3 pairs")
    called = (start_folder / "called").read_text().splitlines()
    assert (called[0], called[-1]) == ("trade", "running")
    names = [Path(called[i + 1]).name for i, part in enumerate(called) if part == "--config"]
    assert names == [
        "base.json", "exchange-binance.json", "mode-paper.json", "risk-lab.json", "bot-dip.json",
        "preset-specified.json", "api-server.json", "bot.json",
    ]  # fmt: skip
    url = called[called.index("--db-url") + 1]
    assert url.endswith("/user_data/dip-paper.sqlite")


def test_a_bot_that_is_wrongly_configured_never_starts(start_folder: Path) -> None:
    for variables, expected in (
        ({"AQUATRADE_MODE": "live"}, "exchange.key: missing"),
        ({"AQUATRADE_MODE": "liv"}, "mode-liv.json: no such file"),
        ({"AQUATRADE_SECRETS": "nowhere"}, "api_server.password: missing"),
    ):
        result = start_bot(start_folder, **variables)
        assert result.returncode == 2
        assert expected in result.stderr
        assert "Traceback" not in result.stderr
        assert not (start_folder / "called").exists()


def live_secrets(root: Path) -> Path:
    """A layer with keys, that leads to an exchange which is not there."""
    layer = json.loads((root / "secrets" / "bot.json").read_text())
    layer["exchange"] = freqtrade_exchange_config("http://127.0.0.1:9", "ws://127.0.0.1:9")
    file = root / "secrets" / "live.json"
    file.write_text(json.dumps(layer))
    return file


def test_a_live_bot_starts_only_when_all_that_is_checked_holds(start_folder: Path) -> None:
    variables = {"AQUATRADE_MODE": "live", "AQUATRADE_SECRETS": str(live_secrets(start_folder))}
    result = start_bot(start_folder, **variables)
    assert result.returncode == 2
    assert "unknown exchange: Binance: does not answer" in result.stderr
    assert "refused paper evidence: " in result.stderr
    assert result.stderr.splitlines()[-1].startswith("preflight: may not start (")
    assert not (start_folder / "called").exists()


def test_a_live_bot_that_holds_trades_is_started_paused(start_folder: Path) -> None:
    freqtrade_database(start_folder / "user_data" / "dip-live.sqlite", trades=[open_trade_row()])
    variables = {"AQUATRADE_MODE": "live", "AQUATRADE_SECRETS": str(live_secrets(start_folder))}
    result = start_bot(start_folder, **variables)
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1].startswith("preflight: may only exit (")
    called = (start_folder / "called").read_text().splitlines()
    assert (called[0], called[-1]) == ("trade", "paused")


class _Pong(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:  # http.server's name
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def pinged() -> Iterator[str]:
    _Pong.status = 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pong)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def supervised(url: str, program: str, *, allow: int = 2) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, str(SUPERVISE), "--ping", url, "--interval", "0.1",
            "--allow", str(allow), "--", sys.executable, "-uc", program,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_exit_code_of_the_program_is_passed_on(pinged: str) -> None:
    assert supervised(pinged, "raise SystemExit(3)").wait(20) == 3
    assert supervised(pinged, "import os; os.kill(os.getpid(), 9)").wait(20) == 128 + 9


def test_a_program_that_falls_silent_is_ended(pinged: str) -> None:
    process = supervised(pinged, "import time; print('up'); time.sleep(600)")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(0.5)
    assert process.poll() is None  # it answers: it stays
    _Pong.status = 503
    _, errors = process.communicate(timeout=20)
    assert process.returncode == SILENT
    assert "has not answered for 3 pings" in errors


def test_a_stop_is_passed_on_and_waited_for(pinged: str) -> None:
    program = (
        "import signal, time\n"
        "def leave(*_):\n    time.sleep(0.5)\n    print('books closed')\n    raise SystemExit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\nprint('up')\ntime.sleep(600)"
    )
    process = supervised(pinged, program, allow=0)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    _Pong.status = 503  # a program that is stopping need not answer
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "books closed\n")
