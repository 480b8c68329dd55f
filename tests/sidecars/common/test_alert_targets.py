"""Targets: read from where secrets are kept, refused without showing them, Telegram's shape."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecars.common.alert import LONGEST_TEXT, Alert, Level, digest_text
from sidecars.common.alert_targets import AppriseTarget, read_targets
from sidecars.common.settings_file import SettingsError
from tests.sidecars.common.webhook import webhook

ROOT = Path(__file__).parents[3]
TOKEN = "123456789:AAfixture-token-of-thirty-five-chars"


async def test_telegram_gets_the_documented_request(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.telegram import NotifyTelegram

    async with webhook(answer={"ok": True, "result": {"message_id": 1}}) as hook:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{hook.port}/bot")
        target = AppriseTarget(f"tgram://{TOKEN}/-1001234567")
        await asyncio.to_thread(
            target.send, Alert(Level.WARNING, "k", "BTC: zone up", "score 76 < 85 & more")
        )
    assert hook.paths == [f"/bot{TOKEN}/sendMessage"]
    sent = hook.received[0]
    assert str(sent["chat_id"]) == "-1001234567"
    assert "BTC: zone up" in sent["text"]
    assert "score 76 &lt; 85 &amp; more" in sent["text"]
    assert "id: k" not in sent["text"]


def test_targets_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    first, second = "json://127.0.0.1:1/a", "json://127.0.0.1:2/b?overflow=upstream"
    file = tmp_path / "urls"
    file.write_text(f"# mine\n{first}\n\n{second}\n{first}\n", encoding="utf-8")
    from_file = read_targets({"AQUATRADE_ALERT_URLS_FILE": str(file)})
    given_directly = read_targets({"AQUATRADE_ALERT_URLS": f"{first} {second}"})
    assert [each.name for each in from_file] == [each.name for each in given_directly]
    assert len({each.name for each in from_file}) == 2
    assert all(each.name.startswith("json-") for each in from_file)
    assert read_targets({}) == []


@pytest.mark.parametrize("url", ["nonsense", "nothing://SECRETPART", "tgram://SECRETPART"])
def test_an_unknown_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_targets({"AQUATRADE_ALERT_URLS": f"json://127.0.0.1/x {url}"})
    assert "address 2" in str(refused.value)
    assert "SECRETPART" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_targets({"AQUATRADE_ALERT_URLS_FILE": str(tmp_path / "none")})


def test_the_library_is_loaded_only_where_there_is_a_target() -> None:
    code = (
        "import sys; from sidecars.common.notify import Notifier; "
        "from sidecars.common.alert_targets import read_targets; read_targets({}); "
        "sys.exit('apprise' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@given(st.lists(st.tuples(st.text(min_size=1, max_size=300), st.text(max_size=900)), max_size=60))
def test_a_digest_fits_and_counts_what_does_not(alerts: list[tuple[str, str]]) -> None:
    text = digest_text(alerts)
    assert len(text) <= LONGEST_TEXT
    lines = text.split("\n")
    shown = sum(line.startswith("- ") for line in lines)
    if "... and " in lines[-1] and not lines[-1].startswith("- "):
        shown += int(lines[-1].split()[2])
    assert shown >= len(alerts)


@pytest.mark.parametrize(("key", "title"), [("", "t"), ("k" * 201, "t"), ("k", " ")])
def test_an_alert_needs_a_key_and_a_title(key: str, title: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Alert(Level.INFO, key, title)
