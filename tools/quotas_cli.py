"""`python -m tools quotas`."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command("quotas")
def show(
    stack: Annotated[
        str, typer.Option("--stack", help="one stack alone, or all that share the account")
    ] = "all",
) -> None:
    """What AWS has to allow before the stacks come up, and the commands that ask for it; they ask nothing."""
    # It reads the program's own settings, and with them the SDKs: no other command should wait for that.
    from tools import quotas
    from tools.gate import settings

    typer.echo(quotas.text(quotas.needs(settings.chosen(stack))), nl=False)
