"""The typer application: its commands, and the exit codes of failures."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import holdfast

try:
    import rich as _  # noqa: F401
    import typer
    from typer.core import TyperGroup
except ImportError as error:
    raise ImportError('the command line needs typer and rich: pip install "holdfast[cli]"') from error

from holdfast_cli.commands.add import add
from holdfast_cli.commands.audit import audit
from holdfast_cli.commands.demo import demo
from holdfast_cli.commands.doctor import doctor, reembed
from holdfast_cli.commands.edit import delete, forget, prune_history, update
from holdfast_cli.commands.evaluate import evaluate
from holdfast_cli.commands.search import get, history, list_memories, search, users
from holdfast_cli.failures import report_failure, to_failure

_AS_JSON = "holdfast_cli.as_json"


class CommandGroup(TyperGroup):
    """The commands; every failure of a command becomes one line and an exit code here."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Look for --json first, because a usage error occurs before the command's own options are parsed."""
        ctx.meta[_AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = to_failure(error)
            if failure is None:
                raise
            report_failure(failure, as_json=ctx.meta[_AS_JSON])
            raise typer.Exit(failure.exit_code) from error


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    # Framed help for a terminal, plain help for a file or a pipe.
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
    """Remember conversations, search the memories, and change them. Needs no key and no network.

    Exit codes: 0 success, 1 nothing found or an unhealthy store, 2 bad input, 3 the store or a model service failed.
    """


app.command()(demo)
app.command()(add)
app.command()(search)
app.command("list")(list_memories)
app.command()(get)
app.command()(update)
app.command()(delete)
app.command()(forget)
app.command("prune-history")(prune_history)
app.command()(history)
app.command()(users)
app.command()(doctor)
app.command()(reembed)
app.command()(audit)
app.command("eval")(evaluate)
