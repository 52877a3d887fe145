"""What the engine starts: `pulumi up --policy-pack policies`."""

import sys
from pathlib import Path

# The engine runs this file from its own directory; the project's packages lie above it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import PolicyPack

from policies.pack import policies

PolicyPack("carbon-platform", policies=policies())
