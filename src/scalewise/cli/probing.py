"""`scalewise probe`: one command for every probe, loaded when it is asked for."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from scalewise.cli.giving import giving
from scalewise.probes import PROBES


class ProbeGroup(TyperGroup):
    """Lists probes without loading them. The command of probe `a-b` is `command` in `cli/probe_a_b.py`, which
    returns the answer."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(PROBES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in PROBES:
            from scalewise.errors import QuestionError, did_you_mean

            hint = did_you_mean(cmd_name, PROBES)
            raise QuestionError(f"there is no probe '{cmd_name}'{hint}; there are {', '.join(PROBES)}.")
        module = import_module(f"scalewise.cli.probe_{cmd_name.replace('-', '_')}")
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command(cmd_name, help=PROBES[cmd_name], epilog=module.EXAMPLE)(giving(module.command))
        made = typer.main.get_command(app)
        made.name = cmd_name
        return made

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Probes"):
            formatter.write_dl(list(PROBES.items()))
