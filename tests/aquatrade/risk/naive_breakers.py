"""The breakers once more, slow and obvious: every answer from the whole history of looks.

For books with equity above 0. Nothing here is rolled: what a period measures from is searched for
in the history each time.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aquatrade.risk.model import Book
from aquatrade.risk.profile import LossLimit, RiskProfile

RULES = ("day", "week", "month")


def name_of_period(rule: str, moment: datetime) -> tuple[int, ...]:
    """A number for each period, later ones larger."""
    if rule == "day":
        return (moment.year, moment.month, moment.day)
    if rule == "week":
        return tuple(moment.isocalendar())[:2]
    return (moment.year, moment.month)


def end_of_period(rule: str, moment: datetime) -> datetime:
    """Walks hour by hour until the period has another name."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    while name_of_period(rule, hour) == name_of_period(rule, moment):
        hour += timedelta(hours=1)
    return hour


@dataclass
class NaiveBreakers:
    looks: list[tuple[datetime, float, float]] = field(default_factory=list)
    restarts: list[tuple[str, datetime, float, float]] = field(default_factory=list)
    trips: dict[str, dict[str, Any]] = field(default_factory=dict)
    recoveries: list[tuple[datetime, float]] = field(default_factory=list)  # end, factor
    now: datetime | None = None

    def measured_from(self, rule: str, book: Book) -> tuple[float, float]:
        """Equity and profit that a loss of the present period is measured from."""
        assert self.now is not None
        this = name_of_period(rule, self.now)
        for name, moment, equity, profit in reversed(self.restarts):
            if name == rule and name_of_period(rule, moment) == this:
                return equity, profit
        before = [look for look in self.looks if name_of_period(rule, look[0]) < this]
        if before:
            return before[-1][1:]
        return self.looks[0][1:] if self.looks else (book.equity, book.profit)

    def look(self, profile: RiskProfile, book: Book) -> None:
        self.now = book.at if self.now is None else max(self.now, book.at)
        for rule, trip in list(self.trips.items()):
            if trip["until"] is not None and self.now >= trip["until"]:
                self._end(rule, book, same=name_of_period(rule, self.now) == trip["period"])
        for rule in RULES:
            limit: LossLimit | None = getattr(profile, rule)
            equity, profit = self.measured_from(rule, book)
            breached = limit and (profit - book.profit) / equity * 100 >= limit.limit_pct - 1e-9
            if limit is not None and breached and rule not in self.trips:
                self._trip(rule, limit)
        if profile.stop_equity is not None and book.equity <= profile.stop_equity:
            self.trips.setdefault("stop_equity", {"until": None, "close": "all", "period": None})
        self.looks.append((self.now, book.equity, book.profit))

    def _trip(self, rule: str, limit: LossLimit) -> None:
        assert self.now is not None
        until = {
            "next_period": end_of_period(rule, self.now),
            "after_hours": self.now + timedelta(hours=limit.off_hours),
        }.get(limit.resume)
        self.trips[rule] = {
            "until": until,
            "close": limit.close,
            "period": name_of_period(rule, self.now),
            "recovery": (limit.recovery_hours, limit.recovery_factor),
        }

    def resume(self, book: Book, rules: list[str]) -> None:
        """Of the rules, those that a hand may lift."""
        self.now = book.at if self.now is None else max(self.now, book.at)
        for rule in rules:
            self._end(rule, book, same=True)

    def _end(self, rule: str, book: Book, *, same: bool) -> None:
        assert self.now is not None
        trip = self.trips.pop(rule)
        hours, factor = trip.get("recovery", (0.0, 1.0))
        if hours:
            lasting = [end for end in self.recoveries if end[0] > self.now]
            end = max([self.now + timedelta(hours=hours), *(one[0] for one in lasting)])
            self.recoveries = [(end, min([factor, *(one[1] for one in lasting)]))]
        if same and rule in RULES:
            self.restarts.append((rule, self.now, book.equity, book.profit))

    def factor(self, moment: datetime) -> float:
        return min([factor for end, factor in self.recoveries if moment < end], default=1.0)

    def closes(self) -> str | tuple[str, ...]:
        wanted = [trip["close"] for trip in self.trips.values()]
        if "all" in wanted:
            return "all"
        names = {name for one in wanted if one != "nothing" for name in one}
        return tuple(sorted(names)) or "nothing"
