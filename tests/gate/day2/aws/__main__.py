"""The provider aws over a world of files; the engine starts it."""

import sys
from pathlib import Path

# The engine puts this directory on the path; the project's packages lie above it.
sys.path[0] = str(Path(__file__).resolve().parents[4])

from tests.gate.day2.world import serve  # noqa: E402

serve("aws", engine=sys.argv[-1])
