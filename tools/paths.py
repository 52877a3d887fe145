"""Where things live: the checkout, the shared cache and one instance's state. Nothing else names them."""

import os
import re
from pathlib import Path

from tools.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

_APP = "carbon-platform"
_INSTANCE = re.compile(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?")


def cache_dir() -> Path:
    """What every clone shares and `make down` keeps: `$CARBON_CACHE`, else below `$XDG_CACHE_HOME`."""
    return _dir("CARBON_CACHE", "XDG_CACHE_HOME", ".cache")


def state_root() -> Path:
    """The parent of all instances' state: `$CARBON_STATE`, else below `$XDG_STATE_HOME`."""
    return _dir("CARBON_STATE", "XDG_STATE_HOME", ".local/state")


def instance() -> str:
    """The instance's name, `$INSTANCE` or `local`: a lower-case DNS label of at most 20 characters.

    Raises:
        UsageError: the name cannot be used in host names, links and cgroups.
    """
    name = os.environ.get("INSTANCE") or "local"
    if not _INSTANCE.fullmatch(name):
        raise UsageError(
            f"INSTANCE={name!r} is not a name for an instance",
            remedy="Use up to 20 lower-case letters, digits and dashes, starting with a letter: INSTANCE=ci",
        )
    return name


def state_dir(name: str | None = None) -> Path:
    """One instance's state (`instance()` by default), which `make down` removes."""
    return state_root() / (name or instance())


def _dir(own: str, xdg: str, home: str) -> Path:
    if value := os.environ.get(own):
        return Path(value).expanduser().absolute()
    base = Path(os.environ.get(xdg, ""))
    return (base if base.is_absolute() else Path.home() / home) / _APP
