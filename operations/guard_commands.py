"""`aquatrade guard`: run it, and what a person tells the one that runs."""

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # starting up is quick where nothing of it is needed
    from rich.console import RenderableType

    from operations.guard_http import GuardHttp

PLAIN_WIDTH = 118  # columns, where no terminal says how many it has
MOST_EVENTS = 1000
LONGEST_NAME = 60  # that the guard takes of who says something

guard = typer.Typer(
    add_completion=False,
    help="The guard over all bots: run it (no command), or talk to the one that runs.",
)
Url = Annotated[
    str | None,
    typer.Option(help="Where the guard is; default: AQUATRADE_GUARD_URL, else this machine."),
]
AsJson = Annotated[bool, typer.Option("--json", help="The guard's own answer, for programs.")]


@guard.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings of the guard to run, JSON.")
    ] = None,
) -> None:
    """Watch over all bots: one book, shared limits, approvals, a kill switch; pages and API."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        typer.echo(
            "aquatrade guard: no settings: name a file with --config, or a command (--help)",
            err=True,
        )
        raise typer.Exit(2)
    from operations.sidecars import TOKEN_FILE, own_token
    from sidecars.common.settings_file import SettingsError
    from sidecars.guard.command import serve
    from sidecars.guard.settings import TOKEN_VARIABLE

    try:
        if not (os.environ.get(TOKEN_VARIABLE) or os.environ.get(f"{TOKEN_VARIABLE}_FILE")):
            own_token({})
            typer.echo(f"token: {TOKEN_FILE}, or {TOKEN_VARIABLE}", err=True)
    except (SettingsError, OSError) as error:
        typer.echo(f"aquatrade guard: {error}", err=True)
        raise typer.Exit(2) from None
    serve(config)


@guard.command()
def status(url: Url = None, as_json: AsJson = False) -> None:
    """May the bots trade, how much of each limit is used, how each bot is."""
    with _speaking(url) as said:
        state = said.get("/v1/state")
        book = said.get("/v1/book")
        if as_json:
            _print_json({"state": state, "book": book})
            return
        from operations.guard_answers import read_standing
        from operations.guard_screens import status_screen

        _show(status_screen(read_standing(state, book)))


@guard.command()
def kill(
    reason: Annotated[str, typer.Argument(help="Why, for the log.")] = "no reason given",
    close: Annotated[
        bool, typer.Option("--close", help="Also close all positions of all bots, at market.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Close without asking again.")] = False,
    url: Url = None,
) -> None:
    """Stop all new trades of all bots at once; exits go on. Only `resume kill` lifts it."""
    with _speaking(url) as said:
        wish = {"by": _who(), "reason": reason, "close": close and yes}
        answer = said.post("/v1/kill", wish)
        typer.echo("All new trades are stopped.")
        if close and not yes:
            # Stopped first: whoever hesitates here has lost nothing.
            typer.confirm("Close all open positions of all bots at the market's price?", abort=True)
            answer = said.post("/v1/kill", wish | {"close": True})
        if close:
            typer.echo(
                "All positions are being closed: `aquatrade guard status` shows what is left."
            )
        if answer.get("not_kept"):
            typer.echo(f"It would not outlive a restart: {answer['not_kept']}", err=True)


@guard.command()
def resume(
    rule: Annotated[
        str | None,
        typer.Argument(help='"day", "week", "month", "stop_equity", "kill", "reconcile" (put up '
                       'with what differs now), "unasked" (orders that no bot asked for have been '
                       'looked at) or "clock" (it was ahead and is right now); default: all limits '
                       "that a hand may lift."),
    ] = None,
    url: Url = None,
) -> None:  # fmt: skip
    """Lift a limit that has tripped, or the kill switch."""
    with _speaking(url) as said:
        answer = said.post("/v1/resume", {"by": _who(), "rule": rule})
        lifted = ", ".join(map(str, answer.get("lifted", ())))
        typer.echo(f"Lifted: {lifted}. The guard is now {answer.get('state')}.")


@guard.command()
def approvals(url: Url = None, as_json: AsJson = False) -> None:
    """Entries of bots in hybrid mode that wait for a yes or no, and those of the last day."""
    with _speaking(url) as said:
        answer = said.get("/v1/approvals")
        if as_json:
            _print_json(answer)
            return
        from operations.guard_answers import read_approvals, read_money
        from operations.guard_screens import approvals_screen

        currency = str(said.get("/v1/state").get("stake_currency", ""))
        now = read_money(said.get("/v1/book")).at
        _show(approvals_screen(read_approvals(answer), currency, now))


@guard.command()
def approve(approval: Annotated[str, typer.Argument(metavar="ID")], url: Url = None) -> None:
    """Let one waiting entry through, once, with the bot's next check."""
    _answer(approval, "approve", url)


@guard.command()
def reject(approval: Annotated[str, typer.Argument(metavar="ID")], url: Url = None) -> None:
    """Refuse one waiting entry for good."""
    _answer(approval, "reject", url)


@guard.command()
def events(
    limit: Annotated[int, typer.Option(min=1, max=MOST_EVENTS, help="So many at most.")] = 30,
    kind: Annotated[
        str | None, typer.Option(help="Only of a kind: trip, verdict, signal, mismatch, ...")
    ] = None,
    bot: Annotated[str | None, typer.Option(help="Only of or about a bot.")] = None,
    pair: Annotated[str | None, typer.Option(help="Only of a pair, like BTC/USDT.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """The newest events, the newest last."""
    with _speaking(url) as said:
        answer = said.get("/v1/events", newest=1, limit=limit, kind=kind, bot=bot, pair=pair)
        if as_json:
            _print_json(answer)
            return
        from operations.guard_answers import read_events
        from operations.guard_screens import event_lines

        _show(event_lines(reversed(read_events(answer))))


@guard.command()
def reconcile(url: Url = None, as_json: AsJson = False) -> None:
    """Compare the exchanges with the bots now; exit code 1 where they differ."""
    with _speaking(url) as said:
        answer = said.post("/v1/reconcile", {})
        from operations.guard_answers import read_reconciliation
        from operations.guard_screens import reconciliation_screen

        found = read_reconciliation(answer)
        if as_json:
            _print_json(answer)
        else:
            _show(reconciliation_screen(found))
    if not found.passed:
        raise typer.Exit(1)


def _answer(approval: str, word: str, url: str | None) -> None:
    from urllib.parse import quote

    with _speaking(url) as said:
        path = f"/v1/approvals/{quote(approval, safe='')}"
        answer = said.post(path, {"answer": word, "by": _who()})
        typer.echo(f"{approval}: {answer.get('status', word)}.")


@contextmanager
def _speaking(url: str | None) -> Iterator["GuardHttp"]:
    """A guard to speak to; whatever cannot be done is one line and exit code 1."""
    from operations.guard_http import GuardCommandError, guard_at

    try:
        yield guard_at(url)
    except GuardCommandError as error:
        typer.echo(f"aquatrade guard: {error}", err=True)
        raise typer.Exit(1) from None


def _who() -> str:
    """Who says it, for the log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for the user's number
        return "command"
    return f"command of {user}"[:LONGEST_NAME]


def _show(what: "RenderableType") -> None:
    from rich.console import Console

    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    Console(width=width, highlight=False).print(what, soft_wrap=width is not None)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=1))
