"""`python -m aquatrade.config_check -c FILE ...`: a wrong configuration is refused, in one clear
line a mistake, before anything starts. Takes the same files in the same order as `freqtrade`.

Exit code 0: a summary on stdout. Exit code 2: the mistakes on stderr, one a line.
"""

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aquatrade.config_database import database_url, without_credentials
from aquatrade.config_layers import ConfigRefused, Layer, merge, read_layers
from aquatrade.config_rules import Subject, broken_rules, mode_of
from aquatrade.config_schema import layer_problems

__all__ = ["CheckedConfig", "ConfigRefused", "check", "main"]


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """A configuration that may start. `config` may hold secrets: it is not in the repr."""

    config: Mapping[str, Any] = field(repr=False)
    sources: tuple[str, ...]
    mode: str | None

    def summary(self) -> str:
        """One line: what will trade, where, how, with how much."""
        config = self.config
        pairs = config["exchange"].get("pair_whitelist", [])
        money = "paper money" if config["dry_run"] else "REAL MONEY"
        where = config["exchange"]["name"]
        if self.mode == "replay":
            where, money = "the replay exchange", "its money"
        scores = config.get("aquatrade", {}).get("scores", {}).get("url")
        return (
            f"config ok: {config['strategy']} on {where}, {money}, {len(pairs)} pairs against "
            f"{config['stake_currency']}, at most {config['max_open_trades']} trades, "
            f"scores {'from ' + scores if scores else 'off'}; {len(self.sources)} layers"
        )


def check(paths: Sequence[Path], environment: Mapping[str, str]) -> CheckedConfig:
    """Read and check configuration files as `freqtrade --config A --config B` would merge them.

    environment: its FREQTRADE__ variables are the last layer. Raises ConfigRefused with a line
    for every mistake: source, key, what came, what is expected.
    """
    return check_layers(read_layers(paths, environment))


def check_layers(layers: Sequence[Layer]) -> CheckedConfig:
    """Check layers already read, the strongest last. Raises ConfigRefused."""
    problems = [line for layer in layers for line in layer_problems(layer)]
    if problems:
        raise ConfigRefused(problems)
    sources = tuple(layer.source for layer in layers)
    merged = merge(layers)
    try:
        mode = mode_of(sources)
    except ValueError as error:
        raise ConfigRefused([f"configuration: {error}"]) from None
    broken = broken_rules(Subject(merged, mode))
    if broken:
        raise ConfigRefused(broken)
    return CheckedConfig(merged.config, sources, mode)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m aquatrade.config_check",
        description="Check layered freqtrade configuration files; the last one wins.",
    )
    parser.add_argument("-c", "--config", action="append", default=[], metavar="FILE", type=Path)
    parser.add_argument("--db-url", help="the database that `freqtrade trade` will be given")
    options = parser.parse_args(arguments)
    # Freqtrade's own commentary on what it reads would stand between the lines.
    logging.disable(logging.CRITICAL)
    environment = dict(os.environ)
    if options.db_url:
        environment["FREQTRADE__DB_URL"] = options.db_url
    try:
        checked = check(options.config, environment)
    except ConfigRefused as refused:
        sys.stderr.writelines(f"{line}\n" for line in refused.lines)
        return 2
    sys.stdout.write(
        f"{checked.summary()}; database {without_credentials(database_url(checked.config))}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
