"""Read the settings, build the platform, export where it answers."""

import sys
from pathlib import Path

# The engine puts this directory on the path, where `platform.py` would hide the standard library's.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import pulumi  # noqa: E402

from infra.config import settings  # noqa: E402
from infra.platform import Platform  # noqa: E402

platform = Platform("carbon", settings())
pulumi.export("endpoints", platform.endpoints)
