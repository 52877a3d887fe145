"""`make cost`."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command("cost")
def show(
    write: Annotated[bool, typer.Option("--write", help="put it into docs/deploy-aws.md as well")] = False,
) -> None:
    """What each stack costs a month at AWS, by docs/prices.csv; what has no price there is named."""
    # It reads the program's own settings, and with them the SDKs: no other command should wait for that.
    from tools import cost
    from tools.gate import settings

    made = cost.estimates(settings.stacks())
    typer.echo(cost.markdown(made), nl=False)
    if write:
        cost.write(made)
