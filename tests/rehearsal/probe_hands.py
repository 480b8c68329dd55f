"""One probe in hand: told what to want, and looked at for what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aquatrade.event_log import Event
from operations.fleet_road import FleetBot
from tests.rehearsal.fleet_rig import FleetRig

SECOND = timedelta(seconds=1)
MOST_CANDLES = 40


@dataclass(frozen=True, slots=True)
class Probe:
    """A bot of the rig; each wish takes one candle, after which it wants nothing."""

    rig: FleetRig
    name: str

    @property
    def bot(self) -> FleetBot:
        return self.rig.bots[self.name]

    # -- wishes ---------------------------------------------------------------------------------

    def wish(self, **script: Any) -> None:
        """One candle with this script."""
        self.rig.script(self.name, **script)
        self.rig.run_candles(1)
        self.rig.script(self.name)

    def enter(self, *pairs: str, **script: Any) -> None:
        """Enter these pairs, which nothing stands against."""
        self.wish(enter=pairs, **script)
        missing = set(pairs) - set(self.held())
        assert not missing, f"no entry of {missing}\n{self.story()}"

    def leave(self, *pairs: str) -> None:
        """Leave these pairs: exits always go on."""
        self.wish(leave=pairs)
        still = set(pairs) & set(self.held())
        assert not still, f"no exit of {still}\n{self.story()}"

    def is_refused(self, pair: str, rule: str, **script: Any) -> Event:
        """An entry is wanted and refused by this rule; returns the verdict."""
        before, held = len(self.verdicts(pair)), set(self.held())
        self.wish(enter=[pair], **script)
        assert pair not in set(self.held()) - held, f"{pair} was entered\n{self.story()}"
        verdicts = self.verdicts(pair)[before:]
        assert verdicts, f"nobody asked about {pair}\n{self.story()}"
        assert rule in rules_of(verdicts[-1]), f"{verdicts[-1]}\n{self.story()}"
        assert said(verdicts[-1])["decision"] == "REJECT"
        return verdicts[-1]

    def is_reduced(self, pair: str, rule: str) -> float:
        """An entry is made smaller by this rule; returns what was staked."""
        before = len(self.verdicts(pair))
        self.enter(pair)
        verdict = self.verdicts(pair)[before:][0]
        assert said(verdict)["decision"] == "REDUCE", verdict
        assert rule in rules_of(verdict), verdict
        return self.stake_of(pair)

    def enters_when_it_may(self, pair: str, candles: int = MOST_CANDLES) -> int:
        """Want an entry until it is made; returns how many candles that took."""
        for candle in range(1, candles + 1):
            self.wish(enter=[pair])
            if pair in self.held():
                return candle
        raise AssertionError(f"{pair} was not entered in {candles} candles\n{self.story()}")

    def approved_entry(self, pair: str) -> None:
        """An entry of a hybrid bot: asked for, refused, approved by a person, made at once."""
        guard = self.rig.guard
        assert guard is not None
        held = set(self.held())
        self.rig.script(self.name, enter=[pair])
        self.rig.run_candles(1)
        assert pair not in set(self.held()) - held, "nobody has said yes yet"
        waiting = [
            each
            for each in guard.ask("approvals")["approvals"]
            if (each["bot"], each["pair"], each["status"]) == (self.name, pair, "waiting")
        ]
        assert len(waiting) == 1, f"{waiting}\n{self.story()}"
        guard.tell(f"approvals/{waiting[0]['id']}", {"answer": "approve", "by": "a person"})
        self.rig.run(25 * SECOND)
        self.rig.script(self.name)
        assert pair in self.held(), f"approved and not entered\n{self.story()}"

    # -- what became of them --------------------------------------------------------------------

    def trades(self) -> list[dict[str, Any]]:
        """Open trades, as the bot's REST API tells them."""
        return list(self.bot.ask("status"))

    def held(self) -> list[str]:
        """Pairs of which something has been bought."""
        return [trade["pair"] for trade in self.trades() if trade["amount"]]

    def stake_of(self, pair: str) -> float:
        return float(next(t["stake_amount"] for t in self.trades() if t["pair"] == pair))

    def locks(self) -> list[dict[str, Any]]:
        """Locks of all pairs, those of single pairs left out."""
        return [lock for lock in self.bot.ask("locks")["locks"] if lock["pair"] == "*"]

    def open_orders(self) -> list[dict[str, Any]]:
        """Of this bot, on the exchange."""
        return [
            order
            for order in self.rig.orders(open_only="true")
            if order["client_order_id"].startswith(self.bot.client_id_prefix)
        ]

    def events(self, kind: str) -> list[Event]:
        return self.rig.events(self.name, kind=kind)

    def verdicts(self, pair: str) -> list[Event]:
        return self.rig.events(self.name, kind="verdict", pair=pair)

    def story(self) -> str:
        """The end of the bot's log, for an error message."""
        return self.rig.log(self.name)[-4000:]


def rules_of(verdict: Event) -> list[str]:
    """The rules that had something to say."""
    return [str(reason["rule"]) for reason in said(verdict)["reasons"]]


def said(verdict: Event) -> Mapping[str, Any]:
    """The verdict that an event tells."""
    content: Mapping[str, Any] = verdict.data["verdict"]
    return content
