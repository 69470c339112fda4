"""The application: which commands there are, and how a failure ends."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import holdfast
from holdfast_cli.adding import add
from holdfast_cli.auditing import audit
from holdfast_cli.changing import delete, update
from holdfast_cli.demo import demo
from holdfast_cli.evaluating import evaluate
from holdfast_cli.failures import failure_of, report
from holdfast_cli.finding import get, history, list_memories, search, users
from holdfast_cli.upkeep import doctor, reembed

_AS_JSON = "holdfast_cli.as_json"


class Commands(TyperGroup):
    """The commands, with one place where everything that goes wrong becomes a line and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note whether JSON is wanted: a usage error happens before the command's own options are read."""
        ctx.meta[_AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            report(failure, as_json=ctx.meta[_AS_JSON])
            raise typer.Exit(failure.exit_code) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    # Help in frames suits a terminal; a file or a pipe gets it plain.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)


def _print_version(value: bool) -> None:  # noqa: FBT001 - how typer calls it
    if value:
        typer.echo(f"holdfast {holdfast.__version__}")
        raise typer.Exit


@app.callback()
def _holdfast(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Remember conversations, find what was said, and change it. No key and no network are needed.

    Exit codes: 0 fine, 1 nothing found or an unhealthy store, 2 bad input, 3 the store or a model service failed.
    """


app.command()(demo)
app.command()(add)
app.command()(search)
app.command("list")(list_memories)
app.command()(get)
app.command()(update)
app.command()(delete)
app.command()(history)
app.command()(users)
app.command()(doctor)
app.command()(reembed)
app.command()(audit)
app.command("eval")(evaluate)
