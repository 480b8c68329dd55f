"""The gate that every entry of a bot goes through: its own rules, then the guard. Fails closed."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from aquatrade.bot_approvals import Approval, Approvals
from aquatrade.guard_client import GuardClient, GuardUnavailableError, Signal
from aquatrade.risk.model import Decision, Entry, Reason, Verdict, most_severe

logger = logging.getLogger(__name__)

Judge = Callable[[Entry, datetime], Verdict]


class Listener(Protocol):
    """Who is told what became of a wish to enter."""

    def judged(self, entry: Entry, signal: Signal, verdict: Verdict, now: datetime) -> None: ...


class Gate:
    """Asks for each entry, remembers what was allowed, and gives back what was not used."""

    def __init__(self, bot: str, judge: Judge, guard: GuardClient | None, tell: Listener) -> None:
        self._bot = bot
        self._judge = judge
        self._guard = guard
        self._tell = tell
        self.approvals = Approvals()

    def stake_for(self, entry: Entry, signal: Signal, now: datetime) -> float:
        """What may be staked; 0: no entry. Never raises."""
        self.revoke(entry.pair, entry.side.value)
        if not entry.stake > 0.0:
            return 0.0
        reservation: str | None = None
        try:
            verdict, reservation = self._ask(entry, signal, now)
        except Exception:
            logger.exception("%s could not be judged, entry refused", entry.pair)
            verdict = _refused("error", "it could not be judged, see the log")
        self._say(entry, signal, verdict, now)
        if not verdict.stake > 0.0:
            self._give_back(reservation)
            return 0.0
        notional = verdict.stake * entry.leverage
        self.approvals.grant(
            Approval(
                entry.pair, entry.side.value, notional, now, reservation, is_sent=entry.is_increase
            )
        )
        return verdict.stake

    def allows(self, pair: str, side: str, notional: float) -> bool:
        """The last word on an order: nothing that was not asked for, and no more than allowed."""
        if self.approvals.use(pair, side, notional):
            return True
        logger.warning("%s %s refused: no approval for %.8g", pair, side, notional)
        return False

    def revoke(self, pair: str, side: str | None = None) -> None:
        """What was allowed before is not any more: of one side, or of both."""
        for one in ("long", "short") if side is None else (side,):
            approval = self.approvals.revoke(pair, one)
            # One that was sent may have become an order: the guard finds out by itself.
            if approval is not None and not approval.is_sent:
                self._give_back(approval.reservation)

    def settle(
        self,
        now: datetime,
        order_came: Callable[[Approval], bool],
        entry_waits: Callable[[Approval], bool],
    ) -> None:
        """Give back what was reserved for orders that never came."""
        if not len(self.approvals):
            return
        for approval in self.approvals.settle(now, order_came, entry_waits):
            self._give_back(approval.reservation)

    def _ask(self, entry: Entry, signal: Signal, now: datetime) -> tuple[Verdict, str | None]:
        own = self._judge(entry, now)
        if self._guard is None or not own.stake > 0.0:
            return _not_under_minimum(own, entry), None
        asked = replace(entry, stake=own.stake)
        try:
            answer = self._guard.check(asked, signal, now)
        except GuardUnavailableError as error:
            refusal = Reason("guard", Decision.REJECT, f"no good answer of the guard: {error}")
            return Verdict(Decision.REJECT, 0.0, (*own.reasons, refusal)), None
        said = answer.verdict
        together = Verdict(
            most_severe((own.decision, said.decision)),
            said.stake,
            (*own.reasons, *said.reasons),
        )
        return _not_under_minimum(together, entry), answer.reservation

    def _give_back(self, reservation: str | None) -> None:
        if self._guard is not None and reservation is not None:
            self._guard.release(reservation, self._bot)

    def _say(self, entry: Entry, signal: Signal, verdict: Verdict, now: datetime) -> None:
        try:
            self._tell.judged(entry, signal, verdict, now)
        except Exception:
            # What is said about an entry decides nothing about it.
            logger.exception("the verdict on %s could not be kept", entry.pair)


def _not_under_minimum(verdict: Verdict, entry: Entry) -> Verdict:
    """Freqtrade would raise a stake to the exchange's minimum: more than what is allowed."""
    if not 0.0 < verdict.stake < entry.min_stake:
        return verdict
    text = f"stake {verdict.stake:.2f} is under the exchange's minimum of {entry.min_stake:.2f}"
    reason = Reason("min_stake", Decision.REJECT, text, verdict.stake, entry.min_stake)
    return Verdict(Decision.REJECT, 0.0, (*verdict.reasons, reason))


def _refused(rule: str, text: str) -> Verdict:
    return Verdict(Decision.REJECT, 0.0, (Reason(rule, Decision.REJECT, text),))
