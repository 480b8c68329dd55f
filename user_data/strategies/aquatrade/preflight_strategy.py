"""Whether a strategy can earn at all with these settings, and trades often enough to tell.

A strategy class may offer a classmethod

    unprofitable_by_arithmetic(settings: AquatradeSettings) -> str | None

that says in one line why it cannot: costs, spacing and targets alone decide it, no market. Its
presets may say how many trades a year they made when they were measured.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from aquatrade.preflight_asking import NoAnswerError, Unknown
from aquatrade.preflight_findings import Finding, ok, refused, unknown, warning
from aquatrade.presets import Preset
from aquatrade.score_http import ScoreServer, ScoreUnavailableError
from aquatrade.score_records import ScoreAnswerError, iso_moment, parse_history
from aquatrade.settings import AquatradeSettings, score_threshold
from aquatrade.sizing import stake_at_risk
from aquatrade.wording import one_line

SIGNALS_A_YEAR = 20.0
HISTORY_SECONDS = 3.0
YEAR = timedelta(days=365)
UNKNOWN_PAIR = "HTTP 404"
HOOK = "unprofitable_by_arithmetic"


def check_arithmetic(strategy: Any, settings: AquatradeSettings) -> Iterator[Finding]:
    """strategy: the class; nothing is found for one without the hook."""
    hook = getattr(strategy, HOOK, None)
    if hook is None:
        return
    try:
        reason = hook(settings)
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        yield unknown("arithmetic", f"{strategy.__name__}.{HOOK}: {one_line(repr(error))}")
        return
    if reason:
        yield refused("arithmetic", f"{strategy.__name__}: {reason}")
    else:
        yield ok("arithmetic", f"{strategy.__name__}: costs leave something to earn")


def check_evidence(strategy: str, name: str, preset: Preset, *, live: bool) -> Iterator[Finding]:
    """A preset that lost is named with its figures; that it was accepted, the config check saw."""
    if preset.lost_when_measured:
        accepted = "; accepted by aquatrade.accept_negative_evidence" if live else ""
        yield warning(
            "evidence",
            f"{strategy} preset '{name}' lost when it was measured ({preset.evidence}){accepted}",
        )
    else:
        yield ok("evidence", f"{strategy} preset '{name}': {preset.evidence}")


def check_signals(
    preset: Preset, pairs: int, settings: AquatradeSettings, share: float | Unknown, *, live: bool
) -> Iterator[Finding]:
    """Enough signals in a year to live by, at the threshold and with these pairs.

    share: of last year's scores that were at the threshold or above; 1 without the filter. The
    score is taken to be independent of the signals, which is what was measured.
    """
    if preset.trades_a_year is None:
        return
    if isinstance(share, Unknown):
        yield warning("signals", f"how many the threshold leaves is not known: {share.why}")
        return
    a_year = preset.trades_a_year * min(1.0, pairs / preset.measured_pairs) * share
    told = f"about {a_year:.0f} signals a year on {pairs} pairs"
    if settings.scores.filter:
        threshold = score_threshold(settings.scores, live=live)
        told += f" at a score of {threshold} or more ({share:.1%} of last year's)"
    if a_year < SIGNALS_A_YEAR:
        yield warning("signals", f"{told}, expected {SIGNALS_A_YEAR:.0f} or more")
    else:
        yield ok("signals", told)


def share_of_scores(
    server: ScoreServer, pairs: Sequence[str], threshold: float, now: datetime
) -> float:
    """Which share of the last year's scores of these pairs is at the threshold or above.

    Pairs that the sidecar does not know are left out, and those after one that it could not tell.
    Raises NoAnswerError where nothing is left.
    """
    high = total = 0
    why = "no scores"
    for pair in pairs:
        start, end = (round((now - ago).timestamp() * 1000) for ago in (YEAR, timedelta()))
        query = {"pair": pair, "start": iso_moment(start), "end": iso_moment(end)}
        try:
            answer = server.get("/v1/scores/history", query, HISTORY_SECONDS)
            scores = parse_history(answer, pair)["total"]
        except (ScoreUnavailableError, ScoreAnswerError) as error:
            why = one_line(str(error))
            if why.startswith(UNKNOWN_PAIR):
                continue
            break
        high += int((scores >= threshold).sum())
        total += len(scores)
    if not total:
        raise NoAnswerError(why)
    return high / total


def stake_of_one_trade(
    settings: AquatradeSettings, stop_pct: float, capital: float | Unknown | None
) -> float | Unknown:
    """What the sizing would stake on one trade, in stake currency.

    capital: of the bot; None: as much as it takes.
    """
    sizing, risk = settings.sizing, settings.risk
    most = sizing.most_usd
    if risk is not None and risk.max_order is not None:
        most = min(most, risk.max_order)
    if sizing.method == "fixed" or capital is None:
        return most
    if isinstance(capital, Unknown):
        return capital
    if sizing.method in ("fraction", "volatility"):
        most = min(most, capital * sizing.fraction_pct / 100.0)
    by_risk = sizing.risk_pct if sizing.method in ("risk", "kelly") else None
    limits = [by_risk, risk.risk_per_trade_pct if risk is not None else None]
    if limits == [None, None]:
        return most
    decision = stake_at_risk(
        capital=capital,
        available=capital,
        risk_pct=min(limit for limit in limits if limit is not None),
        stop_pct=stop_pct,
        cost_pct_per_side=sizing.cost_pct_per_side,
        max_stake=most,
        min_stake=0.0,
    )
    return Unknown(one_line(decision.reason)) if decision.reason else decision.stake
