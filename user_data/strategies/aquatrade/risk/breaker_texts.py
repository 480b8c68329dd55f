"""What a person reads about the breakers: "daily loss 6.4 % of 1,000.00, limit 6 %: ..."."""

from datetime import UTC, datetime

from aquatrade.risk.model import Trip

STOP_EQUITY = "stop_equity"
_NAMES = {
    "day": "daily loss",
    "week": "weekly loss",
    "month": "monthly loss",
    STOP_EQUITY: "equity stop",
}


def rule_name(rule: str) -> str:
    """ "daily loss" for "day"."""
    return _NAMES.get(rule, rule)


def loss_text(rule: str, value_pct: float, equity: float, limit_pct: float) -> str:
    """ "daily loss 6.4 % of 1,000.00, limit 6 %"."""
    loss = f"{rule_name(rule)} {number(value_pct)} % of {money(equity)}"
    return f"{loss}, limit {number(limit_pct)} %"


def stop_equity_text(equity: float, limit: float) -> str:
    """ "equity 4,200.00 is at or under 4,250.00"."""
    return f"equity {money(equity)} is at or under {money(limit)}"


def consequence(
    close: str | tuple[str, ...], until: datetime | None, *, needs_other_config: bool
) -> str:
    """ "no entries until 2024-03-06 00:00 UTC, positions of momentum are closed"."""
    if until is not None:
        end = moment_text(until)
    elif needs_other_config:
        end = "a person resumes with other limits in the config"
    else:
        end = "a person resumes"
    if close == "nothing":
        return f"no entries until {end}"
    closed = "all positions" if isinstance(close, str) else f"positions of {', '.join(close)}"
    return f"no entries until {end}, {closed} are closed"


def end_text(trip: Trip, why: str, recovery_until: datetime | None, factor: float) -> str:
    """ "daily loss resumed, its time is over: stakes x 0.5 until 2024-03-08 10:00 UTC"."""
    text = f"{rule_name(trip.rule)} resumed, {why}"
    if recovery_until is None:
        return text
    return f"{text}: stakes x {number(factor)} until {moment_text(recovery_until)}"


def number(value: float) -> str:
    """With at most two decimals: "6", "6.4", "6.04"."""
    text = f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(amount: float) -> str:
    """ "1,000.00"."""
    return f"{amount:,.2f}"


def moment_text(moment: datetime) -> str:
    """ "2024-03-06 00:00 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
