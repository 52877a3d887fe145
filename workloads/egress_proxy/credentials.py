"""`python -m workloads.egress_proxy.credentials DIRECTORY`: squid asks it whether a client is who it says.

A line in is `<name> <password>`, both percent-encoded; a line out `OK` or `ERR`. The password of a workload
is the file of its name, read each time: a rotated one holds at once.
"""

from __future__ import annotations

import hmac
import re
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def answer(directory: Path, line: str) -> str:
    """What is said of a line."""
    name, _, password = line.strip("\n").partition(" ")
    if not _NAME.fullmatch(name):
        return "ERR"
    try:
        known = (directory / name).read_bytes().strip()
    except OSError:
        return "ERR"
    given = unquote_to_bytes(password)
    return "OK" if known and hmac.compare_digest(known, given) else "ERR"


def main() -> None:
    directory = Path(sys.argv[1])
    for line in sys.stdin:
        print(answer(directory, line), flush=True)


if __name__ == "__main__":
    main()
