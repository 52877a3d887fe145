"""One check over one stack of the checkout that this is run in, after `make snapshot` has accepted the stack.

Prints what the check found as JSON: `python -m tests.gate.judge local policy/image-pinned …`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from tools.gate import checks, engine, settings
from tools.gate.model import Finding


def judge(stack: str, ids: Sequence[str]) -> list[Finding]:
    """What the checks find in a stack whose snapshot was accepted beforehand."""
    if refused := settings.problems(stack):
        return refused
    if list(ids) == [settings.CHECK]:
        return []
    preview = engine.preview(stack, policies=any(id_.startswith(checks.POLICY) for id_ in ids))
    if not preview.diagnostics:
        checks.accept(preview)
    wanted = [id_ for id_ in ids if id_ != settings.CHECK]
    return [finding for result in checks.run([preview], wanted) for finding in result.findings]


if __name__ == "__main__":
    print(json.dumps([asdict(finding) for finding in judge(sys.argv[1], sys.argv[2:])]))
