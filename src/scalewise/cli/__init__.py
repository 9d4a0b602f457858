"""The commands. Thin: parse, call, print; every error a user can cause is caught here, once.

`asking.py` makes a command of every question; the other files are named for what their commands do; `options.py` holds
what commands share.
"""

import sys
from typing import Annotated, NoReturn

import typer

from scalewise.cli.asking import QuestionGroup
from scalewise.cli.comparing import compare_laws
from scalewise.cli.listing import export_runs, list_runs
from scalewise.cli.planning import plan
from scalewise.cli.probing import ProbeGroup
from scalewise.cli.publishing import publish
from scalewise.cli.reading import read_runs
from scalewise.cli.serving import serve
from scalewise.cli.status import INTERRUPTED, WRONG_USE
from scalewise.cli.training import report, train
from scalewise.cli.watching import watch

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Settle claims about scale in deep learning: runs go in, an honest answer comes out.",
    epilog="Exit status: 0 answered, 3 the data cannot tell, 2 wrong use or bad input.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from scalewise.version import VERSION

        typer.echo(VERSION)
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


@app.callback()
def everything(version: Version = False) -> None:
    """What holds for every command."""


ask = typer.Typer(
    cls=QuestionGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Ask a question of a table of runs (a file, a store, or 'smol').",
)


@ask.callback()
def any_question() -> None:
    """What holds for every question."""


probe = typer.Typer(
    cls=ProbeGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Measure something of models: what they remember, whether they are consistent.",
)


@probe.callback()
def any_probe() -> None:
    """What holds for every probe."""


app.add_typer(ask, name="ask")
app.add_typer(probe, name="probe")
app.command(
    "compare", epilog="Example: scalewise compare runs.csv --x params --y accuracy --family linear --family logistic"
)(compare_laws)


app.command("read", epilog="Example: scalewise read logs/ more/*.csv --into table --from-name 'd={width:int}_'")(
    read_runs
)
app.command("runs", epilog="Example: scalewise runs out/lab --group-by params --group-by lr --sort loss")(list_runs)
app.command("export", epilog="Example: scalewise export table --to wandb-names --into runs.csv")(export_runs)
app.command("report", epilog="Example: scalewise report smol --into out/demo.html")(report)
app.command("plan", epilog="Example: scalewise plan studies/lab.toml")(plan)
app.command("train", epilog="Example: scalewise train studies/lab.toml --into out/lab --html out/lab.html")(train)
app.command("watch", epilog="Example: scalewise watch out/lab")(watch)
app.command("serve", epilog="Example: scalewise serve out/lab")(serve)
app.command("publish", epilog="Example: scalewise publish out/lab --to out/model --license apache-2.0")(publish)


def main() -> None:
    """The entry point: whatever goes wrong becomes one sentence and an exit status."""
    from scalewise.errors import ScalewiseError

    try:
        status = app(standalone_mode=False)
    except ScalewiseError as error:
        _end(str(error), WRONG_USE)
    except typer.TyperException as error:
        message = str(getattr(error, "format_message", error.__str__)())
        if message.startswith("Usage:"):  # a command without its words: the help is the answer
            typer.echo(message)
            sys.exit(WRONG_USE)
        _end(f"{message.removesuffix('.')} (`scalewise --help` shows how to ask)", WRONG_USE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}.", WRONG_USE)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:  # Typer makes this status of Ctrl-C
        _end("interrupted; a study or a probe goes on from here when the same command is given again.", INTERRUPTED)
    sys.exit(status)


def _end(sentence: str, status: int) -> NoReturn:
    typer.echo(f"scalewise: {sentence}", err=True)
    sys.exit(status)
