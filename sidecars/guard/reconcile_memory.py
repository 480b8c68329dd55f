"""What is remembered from look to look. Pure.

Coins beyond what the bots hold belong to somebody else: the first look's surplus is taken for
that. Where it grows while no bot buys, a bot has lost a trade, or a person has paid coins in: that
is a mismatch, `coins_unclaimed`, until a person says that it is well (`accepted`), or the setting
own_balances names the coin. Where it shrinks it is followed: it was not the bots'.

A mismatch of a pair is remembered until a look that could have seen it does not: the fills that
show it are read again for as long as it takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import TypeAdapter, ValidationError

from sidecars.guard.books import ZERO, Leftover
from sidecars.guard.model import Mismatch
from sidecars.guard.reconcile_amounts import mismatch_of_asset, plain

# A little less than the day that an exchange tells at once.
FILLS_LOOK_BACK = timedelta(hours=23)
OVERLAP = timedelta(hours=1)
# How far back the first look after a pause of the guard goes.
LONGEST_LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A difference since it was first seen."""

    mismatch: Mismatch
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class Surplus:
    """Coins beyond the bots'. baseline: what is taken for somebody else's; last: of the last
    look."""

    baseline: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class AccountLook:
    """One look at one account. bots: those that were read; is_whole: they were all of it.

    leftovers: by coin what there is beyond the bots' holdings; None where not all bots were read.
    """

    account: str
    bots: frozenset[str] = frozenset()
    is_whole: bool = False
    found: tuple[Mismatch, ...] = ()
    leftovers: Mapping[str, Leftover] | None = None

    def could_see(self, mismatch: Mismatch) -> bool:
        """Whether a difference that was there would have been found."""
        return self.is_whole or (mismatch.bot is not None and mismatch.bot in self.bots)


@dataclass(frozen=True, slots=True)
class Memory:
    """remembered: by key. surpluses: by account and coin. accepted: what a person has put up with,
    by key, as its text was. whole_at: of each account the last look that read everything."""

    remembered: Mapping[str, Remembered] = field(default_factory=dict)
    surpluses: Mapping[str, Surplus] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)
    whole_at: Mapping[str, datetime] = field(default_factory=dict)


def after_look(
    memory: Memory, look: AccountLook, now: datetime
) -> tuple[Memory, tuple[Mismatch, ...]]:
    """What is known after a look at one account that was read (all bots of it, or some), and the
    mismatches of this look: without those that are accepted, with coins that nobody claims."""
    surpluses = dict(memory.surpluses)
    found = {mismatch.key: mismatch for mismatch in look.found}
    for asset, leftover in (look.leftovers or {}).items():
        place = f"{look.account}|{asset}"
        known = surpluses.get(place)
        if known is None and leftover.young:
            continue  # a first look has to be a quiet one
        surpluses[place], is_grown = _followed(known, leftover)
        if is_grown and known is not None:
            mismatch = _unclaimed(look.account, asset, leftover.value, known.baseline)
            found[mismatch.key] = mismatch
    quiet = {
        key: text
        for key, text in memory.accepted.items()
        if not key.startswith(f"{look.account}|")
        or (found[key].text == text if key in found else not look.is_whole)
    }
    shown = {key: found[key] for key in sorted(found) if key not in quiet}
    remembered = {
        key: each
        for key, each in memory.remembered.items()
        if each.mismatch.account != look.account or not look.could_see(each.mismatch)
    }
    for key, mismatch in shown.items():
        before = memory.remembered.get(key)
        first_seen = now if before is None else before.first_seen
        remembered[key] = Remembered(mismatch, first_seen)
    whole_at = {**memory.whole_at, look.account: now} if look.is_whole else memory.whole_at
    return Memory(remembered, surpluses, quiet, whole_at), tuple(shown.values())


def accepted(memory: Memory) -> Memory:
    """A person has looked: what is shown now is put up with for as long as it stays as it is."""
    surpluses = {
        key: Surplus(max(surplus.baseline, surplus.last), surplus.last)
        for key, surplus in memory.surpluses.items()
    }
    texts = {key: each.mismatch.text for key, each in memory.remembered.items()}
    return replace(
        memory, remembered={}, surpluses=surpluses, accepted={**memory.accepted, **texts}
    )


def fills_since(
    memory: Memory, account: str, pairs: Sequence[str], now: datetime
) -> dict[str, datetime]:
    """From when on the fills of each pair are to be read: a day back, or to the last whole look;
    where something is wrong with a pair's orders, a day further than that is known."""
    since = dict.fromkeys(pairs, _usual_fills(memory, account, now))
    for each in _of_account(memory, account):
        pair = each.mismatch.pair
        if pair in since:
            since[pair] = min(since[pair], each.first_seen - FILLS_LOOK_BACK)
    return since


def earliest_fills(memory: Memory, account: str, now: datetime) -> datetime:
    """The earliest moment that `fills_since` may name."""
    wrong = [each.first_seen - FILLS_LOOK_BACK for each in _of_account(memory, account)]
    return min([_usual_fills(memory, account, now), *wrong])


def memory_to_json(memory: Memory) -> str:
    return _MEMORY.dump_json(memory).decode()


def memory_from_json(text: str) -> Memory:
    """Raises ValueError with one line."""
    try:
        return _MEMORY.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"memory of reconciliation: {place}: {first['msg']}") from None


def _usual_fills(memory: Memory, account: str, now: datetime) -> datetime:
    last = memory.whole_at.get(account, now) - OVERLAP
    return max(min(now - FILLS_LOOK_BACK, last), now - LONGEST_LOOK_BACK)


def _of_account(memory: Memory, account: str) -> list[Remembered]:
    return [each for each in memory.remembered.values() if each.mismatch.account == account]


def _followed(known: Surplus | None, leftover: Leftover) -> tuple[Surplus, bool]:
    """The surplus after a look, and whether it has grown.

    Dust that selling leaves behind raises the baseline, step by step; it falls when two looks had
    it lower: a sale that the bot has not booked yet is no withdrawal.
    """
    value = max(leftover.value, ZERO)  # less than nothing is missing: another mismatch
    if known is None:
        return Surplus(value, value), False
    if leftover.for_sure > known.baseline:
        return Surplus(known.baseline, value), True
    if leftover.young or value - known.baseline > leftover.dust:
        return known, False  # whose it is will be seen once it is booked
    return Surplus(max(value, min(known.last, known.baseline)), value), False


def _unclaimed(account: str, asset: str, value: Decimal, baseline: Decimal) -> Mismatch:
    text = (
        f"the account has {plain(value)} more than the bots hold, it used to be {plain(baseline)}"
    )
    return mismatch_of_asset("coins_unclaimed", account, asset, text, value, baseline)


_MEMORY = TypeAdapter(Memory)
