"""Read the settings, build the platform, export where it answers."""

import sys
from pathlib import Path

# The engine puts this directory on the path, where `platform.py` would hide the standard library's.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from infra.config import settings  # noqa: E402
from infra.stack import Stack  # noqa: E402

Stack(settings()).export()
