"""Sets: what not everybody needs of a stack on a small machine, added by `make up WITH="…"`.

A stack's committed file lists all that it may have; a run has those that were asked for, and keeps them until
it is brought up with others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from infra.settings import bases
from infra.settings.base import NAMESPACE
from tools import paths
from tools.errors import UsageError
from workloads.kit.contracts.platform import running

KEY: Final = f"{NAMESPACE}:{bases.SETS}"

ALL: Final = "all"
_NONE: Final = "none"


def known(stack: str) -> list[str]:
    """Names of those that a stack may have."""
    return list(_committed(stack).get(KEY, []))


def asked(stack: str, said: str, earlier: list[str]) -> list[str]:
    """Names of those that a run is to have.

    Args:
        said: names, `all` or `none`; where it says nothing, those that the run had stay.

    Raises:
        UsageError: there is none of a name.
    """
    wanted = said.replace(",", " ").split()
    if not wanted:
        return earlier
    there = known(stack)
    if wanted == [ALL]:
        return there
    if wanted == [_NONE]:
        return []
    if unknown := [name for name in wanted if name not in there]:
        raise UsageError(
            f"WITH has {', '.join(unknown)}: stack {stack} has no such set",
            remedy=f"There are {', '.join(there) or 'none'}; {ALL} is all of them, {_NONE} the core alone.",
        )
    return [name for name in there if name in wanted]


def names(stack: str, chosen: list[str]) -> frozenset[str]:
    """Names of all that runs in a stack that has these sets."""
    config = _committed(stack)
    prefix = f"{NAMESPACE}:"
    own = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    file = str(file_of(stack).relative_to(paths.ROOT))
    merged = bases.layered({**own, bases.SETS: chosen}, file=file, root=paths.ROOT).merged()
    return running(merged)


def file_of(stack: str) -> Path:
    """A stack's committed file."""
    return paths.ROOT / "stacks" / f"Pulumi.{stack}.yaml"


def _committed(stack: str) -> dict[str, Any]:
    return (yaml.safe_load(file_of(stack).read_text(encoding="utf-8")) or {}).get("config", {})
