"""Where alerts go: Telegram, webhooks, mail, Slack, Discord, ... through the library apprise.

Targets are apprise URLs (https://appriseit.com): tgram://BOT_TOKEN/CHAT_ID,
json://host/path for a webhook, mailto://user:password@host, slack://..., discord://.... They are
secrets as a whole: from the environment or a file, never shown and never logged.
"""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

from sidecars.common.alert import Alert, Level
from sidecars.common.keys import find_secret
from sidecars.common.logs import HIDDEN
from sidecars.common.settings_file import SettingsError

VARIABLE = "AQUATRADE_ALERT_URLS"
TIMEOUT_SECONDS = 20.0
LONGEST_REASON = 200
# Programs read these: they are told the key, by which they know an alert that comes twice.
WEBHOOKS = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
_SHORTEST_SECRET = 6


class DeliveryError(Exception):
    """A target did not take an alert; the text is one line that says why, without any secret."""


class Target(Protocol):
    """One receiver. name: stable over restarts, without any secret."""

    @property
    def name(self) -> str: ...

    def send(self, alert: Alert) -> None:
        """Hand it over; blocks, some seconds at most. Raises DeliveryError."""
        ...


class AppriseTarget:
    """One apprise URL. Raises SettingsError for what apprise does not know."""

    def __init__(self, url: str, origin: str = "target") -> None:
        # 25 MB of memory and a moment of work: only where there is a target.
        import apprise

        # They write whole addresses at DEBUG; why something failed, the result says.
        logging.getLogger("apprise").propagate = False
        for name in ("apprise", "urllib3"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._url = url
        self._schema = url.split("://", 1)[0].lower()
        self.secrets = _secrets_of(url)
        fingerprint = hashlib.sha256(url.encode()).hexdigest()[:8]
        self.name = f"{re.sub(r'[^a-z0-9]', '', self._schema)[:20]}-{fingerprint}"
        self._apprise: Any = apprise.Apprise(
            asset=apprise.AppriseAsset(app_id="Aquatrade", app_desc="Aquatrade")
        )
        # What is too long for a service is split, where apprise would cut it off.
        has_overflow = "overflow=" in url
        whole = url if has_overflow else f"{url}{'&' if '?' in url else '?'}overflow=split"
        if "://" not in url or not self._apprise.add(whole):
            raise SettingsError(
                f"{origin}: apprise does not know what to do with it, expected an address like "
                "tgram://BOT_TOKEN/CHAT_ID or json://127.0.0.1:8080/path"
            )

    def send(self, alert: Alert) -> None:
        """Hand it over. Raises DeliveryError."""
        title = f"CRITICAL: {alert.title}" if alert.level == Level.CRITICAL else alert.title
        body = alert.text or alert.title
        if self._schema in WEBHOOKS:
            body = f"{body}\nid: {alert.key}"
        kinds = {Level.INFO: "info", Level.WARNING: "warning", Level.CRITICAL: "failure"}
        result = self._apprise.notify(
            body=body,
            title=title,
            notify_type=kinds[alert.level],
            body_format="text",
            timeout=TIMEOUT_SECONDS,
        )
        if not result:
            raise DeliveryError(self._reason(result))

    def _reason(self, result: Any) -> str:
        """The last thing that apprise says of a failure, without the parts of the address."""
        said = [str(entry.message) for entry in result.logs()]
        text = said[-1] if said else result.status.name.lower()
        return hidden(text.splitlines()[0] if text else "not taken", self.secrets)


def read_targets(environment: Mapping[str, str]) -> list[AppriseTarget]:
    """Targets of AQUATRADE_ALERT_URLS, or of one of the files that keys.py looks into.

    One address a line (or, in the variable, with blanks between); lines that begin with # are
    left out. Raises SettingsError.
    """
    text, origin = find_secret(environment, VARIABLE)
    urls = [
        url
        for line in text.splitlines()
        if not line.lstrip().startswith("#")
        for url in line.split()
    ]
    unique = list(dict.fromkeys(urls))
    return [AppriseTarget(url, f"{origin}, address {n}") for n, url in enumerate(unique, start=1)]


def hidden(text: str, secrets: Sequence[str]) -> str:
    """The text on one line without the secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text[:LONGEST_REASON]


def _secrets_of(url: str) -> tuple[str, ...]:
    """Everything in an address that could open a door: its parts, as written and as sent."""
    parts = re.split(r"[/:@?&=,]+", url.split("://", 1)[-1])
    found = {form for part in parts for form in (part, unquote(part))}
    return tuple(sorted(part for part in {*found, url} if len(part) >= _SHORTEST_SECRET))
