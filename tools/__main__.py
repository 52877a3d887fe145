"""`python -m tools`: every command for a developer's machine, composed from the modules that define them."""

import typer

from tools import (
    bench_cli,
    console,
    cost_cli,
    ingest_cli,
    jobs_cli,
    keys_cli,
    letters_cli,
    people_cli,
    platform_cli,
    quality_cli,
    quotas_cli,
    skip_cli,
    toolchain_cli,
    withdraw_cli,
)
from tools.cluster import cli as cluster_cli
from tools.gate import cli as gate_cli
from tools.image_build import cli as images_cli
from tools.sdk import cli as sdk_cli

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.registered_commands += platform_cli.app.registered_commands + bench_cli.app.registered_commands
app.registered_commands += gate_cli.app.registered_commands
app.registered_commands += cost_cli.app.registered_commands + skip_cli.app.registered_commands
app.registered_commands += people_cli.app.registered_commands
app.registered_commands += quotas_cli.app.registered_commands
app.registered_commands += ingest_cli.app.registered_commands + letters_cli.app.registered_commands
app.registered_commands += jobs_cli.app.registered_commands + withdraw_cli.app.registered_commands
app.add_typer(keys_cli.app, name="keys")
app.add_typer(quality_cli.app, name="quality")
app.add_typer(toolchain_cli.app, name="toolchain")
app.add_typer(cluster_cli.app, name="cluster")
app.add_typer(images_cli.app, name="images")
app.add_typer(sdk_cli.app, name="sdk")

if __name__ == "__main__":
    console.main(app)
