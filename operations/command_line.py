"""The `aquatrade` command."""

import typer

main = typer.Typer(no_args_is_help=True, add_completion=False, help="Aquatrade's command line.")
