"""`letters`: messages that consumers refused, listed, repaired and sent again from inside the cluster."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from tools import jobs
from tools.errors import UsageError
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE

app = typer.Typer()


@app.command()
def letters(
    at: Annotated[list[str] | None, typer.Option(help="PARTITION@OFFSET of one; again for more")] = None,
    symbol: Annotated[str, typer.Option(help="those of this symbol")] = "",
    since: Annotated[str, typer.Option(help="whose delivery starts then or later")] = "",
    until: Annotated[str, typer.Option(help="whose delivery starts then or earlier")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE; again for more")] = None,
    send: Annotated[bool, typer.Option("--send", help="send them; without it they are listed")] = False,
    again: Annotated[bool, typer.Option("--again", help="also what was sent again before")] = False,
    reason: Annotated[str, typer.Option(help="why; it is recorded")] = "",
) -> None:
    """List the prices that consumers refused, or send them again, repaired with --set: recorded."""
    if send and not reason.strip():
        raise UsageError("--send needs --reason", remedy="say why: it is recorded on platform-audit")
    if set_ and not send:
        raise UsageError("--set changes what is sent", remedy="add --send and --reason")
    args = ["letters"]
    for name, value in {"symbol": symbol, "since": since, "until": until}.items():
        args += [f"--{name}={value}"] if value else []
    args += ["--at", *at] if at else []
    args += ["--set", *set_] if set_ else []
    if send:
        args += ["--send", f"--reason={reason}", f"--by={getpass.getuser()}", *(["--again"] if again else [])]
    show(jobs.answer(jobs.run(PRICE_PIPELINE.name, *args), "letters", "sent"))


def show(answer: dict[str, Any]) -> None:
    """Print what the pipeline answered."""
    out = Console(highlight=False)
    if "letters" not in answer:
        before = f", {answer['sent_before']} were before" if answer["sent_before"] else ""
        out.print(f"[green]{answer['sent']} sent again[/]{before}")
        return
    for letter in answer["letters"]:
        sent = f"  [green]sent again {letter['sent_again']}[/]" if letter["sent_again"] else ""
        out.print(f"[bold]{letter['place']}[/] {escape(letter['key'])}{sent}")
        out.print(f"  [red]{escape(letter['error'])}[/] {escape(letter['reason'])}", soft_wrap=True)
        out.print(f"  [dim]{escape(letter['message'])}[/]", soft_wrap=True)
        out.print(f"  refused by {', '.join(letter['groups'])}")
    out.print(f"{len(answer['letters'])} messages")
