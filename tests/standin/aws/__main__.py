"""The stand-in for the provider aws; the engine starts it."""

import sys
from pathlib import Path

# The engine puts this directory on the path; the project's packages lie above it.
sys.path[0] = str(Path(__file__).resolve().parents[3])

from tests.standin.server import serve  # noqa: E402

serve("aws", engine=sys.argv[-1])
