"""Start the MLflow server on PostgreSQL, with the password in a file that libpq reads.

MLflow hands its database URI on to its processes in their environment and names it in errors, so the URI has
no password in it. Arguments are added to `mlflow server`.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from urllib.parse import quote

PASSFILE = Path(tempfile.gettempdir()) / "pgpass"
ARTIFACTS = "/artifacts"


def main() -> int:
    """Run the server until it ends or is told to; its exit code."""
    try:
        host, port, database, user = (
            os.environ[f"POSTGRES_{name}"] for name in ("HOST", "PORT", "DATABASE", "USER")
        )
        password = Path(os.environ["POSTGRES_PASSWORD_FILE"]).read_text(encoding="utf-8").rstrip("\n")
    except KeyError as missing:
        print(f"{missing.args[0]} is not set", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"POSTGRES_PASSWORD_FILE={error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    entry = ":".join(map(_escaped, (host, port, database, user, password)))
    uri = f"postgresql+psycopg2://{quote(user, '')}@{host}:{port}/{quote(database, '')}"
    PASSFILE.touch(mode=0o600)
    PASSFILE.write_text(f"{entry}\n", encoding="utf-8")

    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--serve-artifacts"),
            *("--artifacts-destination", ARTIFACTS),
            *("--backend-store-uri", uri),
            *sys.argv[1:],
        ],
        env={**os.environ, "PGPASSFILE": str(PASSFILE)},
        start_new_session=True,
    )

    def stop(number: int, _: FrameType | None) -> None:
        os.killpg(server.pid, number)

    # The first process of a container has no default for these, and MLflow sets none.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return abs(server.wait())


def _escaped(field: str) -> str:
    return field.replace("\\", "\\\\").replace(":", "\\:")


if __name__ == "__main__":
    sys.exit(main())
