"""Wires reconciliation from the settings and the keys of the environment."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import Engine

from sidecars.common.clock import Clock
from sidecars.common.keys import read_key
from sidecars.common.settings_file import SettingsError
from sidecars.common.source_errors import SourceError
from sidecars.guard.books import BotIdentity
from sidecars.guard.bot_books import BotApi, BotBookReader
from sidecars.guard.exchange_books import CcxtAccount, Credentials
from sidecars.guard.reconciling import MemoryStore, Reconciler
from sidecars.guard.settings import AccountSettings, GuardSettings


def make_reconciler(
    settings: GuardSettings,
    environment: Mapping[str, str],
    apis: Mapping[str, BotApi],
    clock: Clock,
    engine: Engine,
) -> Reconciler:
    """apis: of each bot. To be loaded before its first look, and closed at the end.

    Raises SettingsError for a key that is missing, sqlalchemy.exc.SQLAlchemyError.
    """
    accounts = {
        account.name: _account(account, environment, clock) for account in settings.accounts
    }
    bots = [
        BotBookReader(
            BotIdentity(bot.name, bot.client_id_prefix),
            apis[bot.name],
            Decimal(str(bot.allotment)),
        )
        for bot in settings.bots
    ]
    return Reconciler(accounts, bots, clock, MemoryStore(engine))


def _account(account: AccountSettings, environment: Mapping[str, str], clock: Clock) -> CcxtAccount:
    key, secret, password = (
        read_key(environment, account.variable(part)) for part in ("KEY", "SECRET", "PASSWORD")
    )
    for part, value in (("KEY", key), ("SECRET", secret)):
        if value is None:
            variable = account.variable(part)
            raise SettingsError(
                f"account {account.name}: {variable} (or {variable}_FILE) is missing, "
                "expected a key that may only read"
            )
    try:
        return CcxtAccount(
            account.name,
            account.exchange,
            account.ccxt_config,
            Credentials(key or "", secret or "", password),
            clock,
            own_balances={
                asset: Decimal(str(amount)) for asset, amount in account.own_balances.items()
            },
        )
    except SourceError as error:
        raise SettingsError(f"key 'accounts': {error}") from None
