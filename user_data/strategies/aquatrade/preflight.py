"""`python -m aquatrade.preflight -c FILE ...`: may this bot be started? Asks everything that can be
asked before the first order, and says in one line each what stands against it.

Exit code 0: it may. 2: it may not. 3, only with --exits-go-on: it may not make new trades, but it
holds some, which it has to be able to close.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aquatrade.config_check import CheckedConfig, ConfigRefused, check
from aquatrade.preflight_findings import (
    Finding,
    Outcome,
    Start,
    blocking,
    decide,
    ok,
    refused,
    warning,
)
from aquatrade.preflight_run import Examination
from aquatrade.preflight_subject import subject_of

ANSWER_SECONDS = 9.0
CODES = {Start.GO: 0, Start.NO: 2, Start.EXITS_ONLY: 3}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _parser().parse_args(arguments)
    # Freqtrade's own commentary would stand between the lines.
    logging.disable(logging.CRITICAL)
    environment = dict(os.environ)
    if options.db_url:
        environment["FREQTRADE__DB_URL"] = options.db_url
    try:
        checked = check(options.config, environment)
    except ConfigRefused as refusal:
        return _say([refused("config", line) for line in refusal.lines], Start.NO)
    findings, start = examine(
        checked, environment, datetime.fromtimestamp(time.time(), UTC),  # house: clock - the edge
        needs_live=options.live, paper_url=options.paper_db_url,
    )  # fmt: skip
    if start is Start.EXITS_ONLY and not options.exits_go_on:
        start = Start.NO
    return _say(findings, start)


def examine(
    checked: CheckedConfig,
    environment: Mapping[str, str],
    now: datetime,
    *,
    needs_live: bool = False,
    paper_url: str | None = None,
) -> tuple[list[Finding], Start]:
    """All findings about a configuration that passed its own check, and what they allow.

    Takes as long as the slowest answer, at most ANSWER_SECONDS and the time of a locked database.
    """
    findings = [ok("config", checked.summary())]
    if needs_live and checked.mode != "live":
        findings.append(refused("config", f"mode {checked.mode}, expected mode live (--live)"))
    subject = subject_of(checked, environment, now, paper_url)
    found, holds_trades = Examination(subject).findings(ANSWER_SECONDS)
    findings += found
    against = blocking(findings, real_orders=subject.real_orders)
    start = decide(against, holds_trades=holds_trades)
    if against and start is not Start.NO:
        so = "all the same" if start is Start.GO else "paused, to close them and make no new ones"
        findings.append(warning("start", f"the bot holds open trades and has to start {so}"))
    return findings, start


def _say(findings: Sequence[Finding], start: Start) -> int:
    for finding in findings:
        (sys.stdout if finding.outcome is Outcome.OK else sys.stderr).write(f"{finding.line}\n")
        sys.stdout.flush()
    counts = [
        f"{sum(finding.outcome is outcome for finding in findings)} {outcome.value}"
        for outcome in Outcome
    ]
    verdict = {Start.GO: "may start", Start.EXITS_ONLY: "may only exit", Start.NO: "may not start"}
    (sys.stdout if start is Start.GO else sys.stderr).write(
        f"preflight: {verdict[start]} ({', '.join(counts)})\n"
    )
    return CODES[start]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aquatrade.preflight",
        description="Check all that can be checked before a bot trades; the last file wins.",
    )
    parser.add_argument("-c", "--config", action="append", default=[], metavar="FILE", type=Path)
    parser.add_argument("--db-url", help="the database that `freqtrade trade` will be given")
    parser.add_argument(
        "--paper-db-url", help="where the bot traded on paper [X-paper.sqlite beside X-live.sqlite]"
    )
    parser.add_argument("--live", action="store_true", help="refuse whatever is not mode live")
    parser.add_argument(
        "--exits-go-on",
        action="store_true",
        help="exit code 3 in place of 2 for a bot that holds trades and may be started paused",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
