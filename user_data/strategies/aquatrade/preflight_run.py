"""Puts the checks before a start together: asks all at once, waits once, judges in order."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from aquatrade import preflight_exchange_checks as on_exchange
from aquatrade.bot_store import risk_database_url
from aquatrade.config_database import without_credentials
from aquatrade.preflight_asking import Asked, Unknown
from aquatrade.preflight_database import DatabaseState, check_database, look_into
from aquatrade.preflight_exchange import NOT_ASKED, ExchangeAnswers, ExchangeQuestions
from aquatrade.preflight_findings import Finding, refused
from aquatrade.preflight_live import (
    check_confirmations,
    check_guarded,
    check_production,
    check_profile,
)
from aquatrade.preflight_paper import PaperRecord, check_exercised, check_paper, read_paper
from aquatrade.preflight_services import Sidecar, check_health, read_health
from aquatrade.preflight_strategy import (
    check_arithmetic,
    check_evidence,
    check_signals,
    share_of_scores,
    stake_of_one_trade,
)
from aquatrade.preflight_subject import Subject
from aquatrade.score_http import ScoreServer
from aquatrade.settings import (
    GUARD_TOKEN_VARIABLE,
    TOKEN_VARIABLE,
    SettingsError,
    guard_token,
    score_threshold,
    scores_token,
)

SKEW_SECONDS = 1.0  # where no profile says
NAMELESS = Unknown("the live database's name does not tell the paper one's (--paper-db-url)")


class Examination:
    """All questions about one subject, asked when it is made."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._findings: list[Finding] = []
        self._exchange_answers = ExchangeAnswers(str(subject.exchange["name"]))
        questions = ExchangeQuestions(subject.config, subject.stop_ratio)
        self._exchange = Asked(partial(questions.ask, self._exchange_answers), "exchange")
        self._databases = [
            (check, url, Asked(partial(look_into, url), check)) for check, url in self._urls()
        ]
        self._sidecars = [
            (sidecar, Asked(partial(read_health, sidecar), sidecar.name))
            for sidecar in self._named_sidecars()
        ]
        self._share = self._ask_share()
        self._paper = self._ask_paper()

    def findings(self, seconds: float) -> tuple[list[Finding], bool]:
        """What was found, and whether the bot holds trades; waits at most so many seconds."""
        deadline = time.monotonic() + seconds
        found = [*self._findings, *self._about_settings()]
        holds_trades = False
        for check, url, asked in self._databases:
            state = asked.answer(deadline)
            found.append(check_database(check, url, state))
            holds_trades |= isinstance(state, DatabaseState) and state.open_trades > 0
        answers = self._exchange_said(deadline)
        found += self._about_exchange(answers, holds_trades=holds_trades)
        for sidecar, health in self._sidecars:
            found += check_health(sidecar, health.answer(deadline))
        found += self._about_signals(answers, deadline)
        if self._subject.is_live:
            found += self._about_paper(deadline)
        return found, holds_trades

    # -- what is asked ------------------------------------------------------------------------

    def _urls(self) -> Iterator[tuple[str, str]]:
        subject = self._subject
        yield "database", subject.database_url
        if subject.settings.risk is None:
            return
        try:
            url = risk_database_url(subject.config, subject.settings.risk_database_url)
        except SettingsError as error:
            self._findings.append(refused("risk database", str(error)))
            return
        if url is not None:
            yield "risk database", url

    def _named_sidecars(self) -> Iterator[Sidecar]:
        settings, environment = self._subject.settings, self._subject.environment
        for name, url, door, variable, token_of, decides in (
            ("scores", settings.scores.url, "/v1/pairs", TOKEN_VARIABLE, scores_token,
             settings.scores.filter),
            # What the guard cannot tell it refuses by itself.
            ("guard", settings.guard.url, "/v1/state", GUARD_TOKEN_VARIABLE, guard_token, False),
        ):  # fmt: skip
            if url is None:
                continue
            try:
                yield Sidecar(name, url, door, variable, token_of(environment), decides)
            except SettingsError as error:
                self._findings.append(refused(f"sidecar {name}", str(error)))

    def _ask_share(self) -> Asked[float] | None:
        subject = self._subject
        scores = subject.settings.scores
        sidecar = next((sidecar for sidecar, _ in self._sidecars if sidecar.name == "scores"), None)
        if not scores.filter or sidecar is None:
            return None
        threshold = score_threshold(scores, live=subject.is_live)
        server = ScoreServer(sidecar.url, sidecar.token)
        question = partial(share_of_scores, server, subject.plain_pairs, threshold, subject.now)
        return Asked(question, "score history")

    def _ask_paper(self) -> Asked[PaperRecord] | None:
        subject = self._subject
        if not subject.is_live or subject.paper_url is None:
            return None
        risk_url = risk_database_url({"db_url": subject.paper_url}, None)
        if risk_url is None:
            return None
        return Asked(partial(read_paper, subject.paper_url, risk_url), "paper evidence")

    # -- what it means ------------------------------------------------------------------------

    def _about_settings(self) -> Iterator[Finding]:
        subject = self._subject
        if subject.is_live:
            yield check_profile(subject.settings)
            yield from check_guarded(subject.settings)
            yield from check_confirmations(subject.settings.live_confirmations)
            yield from check_production(subject.exchange)
        if subject.strategy is not None:
            yield from check_arithmetic(subject.strategy, subject.settings)
        if subject.preset is not None:
            yield from check_evidence(
                subject.config["strategy"],
                subject.preset_name,
                subject.preset,
                live=subject.is_live,
            )

    def _exchange_said(self, deadline: float) -> ExchangeAnswers:
        """What has come until the deadline; the thread may go on writing into its own."""
        outcome = self._exchange.answer(deadline)
        answers = replace(self._exchange_answers)
        if isinstance(outcome, Unknown) and isinstance(answers.tradable, Unknown):
            answers.tradable = outcome
        return answers

    def _about_exchange(self, answers: ExchangeAnswers, *, holds_trades: bool) -> Iterator[Finding]:
        subject, settings = self._subject, self._subject.settings
        yield from on_exchange.check_reached(answers)
        yield from on_exchange.check_pairs(answers)
        stake = self._stake(answers, holds_trades=holds_trades)
        yield from on_exchange.check_min_orders(answers, stake, subject.currency)
        limit = SKEW_SECONDS if settings.risk is None else settings.risk.max_clock_skew_seconds
        yield from on_exchange.check_clock(answers, limit)
        yield from on_exchange.check_fees(answers, settings.sizing.cost_pct_per_side)
        if not subject.real_orders:
            return
        mode = str(subject.config.get("trading_mode", "spot"))
        yield from on_exchange.check_key(answers, mode, settings.live_confirmations)
        if not holds_trades:
            yield from on_exchange.check_capital(
                answers,
                subject.currency,
                needed=stake,
                available_capital=subject.available_capital,
                reserve_pct=subject.reserve_pct,
            )

    def _stake(self, answers: ExchangeAnswers, *, holds_trades: bool) -> float | Unknown:
        """Of one trade; for a bot whose money is in trades, the most it would ever stake."""
        subject = self._subject
        capital: float | Unknown | None
        if subject.available_capital is not None:
            capital = subject.available_capital
        elif not subject.real_orders:
            capital = subject.paper_capital()
        elif holds_trades:
            capital = None
        elif isinstance(answers.totals, Unknown):
            capital = NOT_ASKED  # the check of the capital tells why
        else:
            capital = answers.totals.get(subject.currency, 0.0) * subject.tradable_ratio
        if subject.preset is None:
            return _configured_stake(subject, capital)
        return stake_of_one_trade(subject.settings, subject.stop_ratio * 100.0, capital)

    def _about_signals(self, answers: ExchangeAnswers, deadline: float) -> Iterable[Finding]:
        subject = self._subject
        if subject.preset is None:
            return ()
        pairs = len(answers.wanted) or len(subject.plain_pairs)
        share = 1.0 if self._share is None else self._share.answer(deadline)
        return check_signals(subject.preset, pairs, subject.settings, share, live=subject.is_live)

    def _about_paper(self, deadline: float) -> Iterator[Finding]:
        subject = self._subject
        record = NAMELESS if self._paper is None else self._paper.answer(deadline)
        where = without_credentials(subject.paper_url or subject.database_url)
        risk = subject.settings.risk
        if risk is not None:
            yield from check_paper(record, risk.paper_days, where)
        confirmed = subject.settings.live_confirmations.breakers_exercised
        yield from check_exercised(record, where, confirmed=confirmed)


def _configured_stake(subject: Subject, capital: float | Unknown | None) -> float | Unknown:
    """What freqtrade itself stakes for a strategy that is not one of ours."""
    amount = subject.config["stake_amount"]
    if amount != "unlimited":
        return float(amount)
    if not isinstance(capital, float):
        return Unknown("stake_amount is unlimited and the capital is not known")
    return capital / max(1, int(subject.config["max_open_trades"]))
