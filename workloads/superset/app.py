"""Superset's application, as gunicorn and the preparing job start it."""

# Superset is in an environment of its own.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingModuleSource=false

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).with_name("config.py")


def create() -> Any:
    """The application."""
    os.environ["SUPERSET_CONFIG_PATH"] = str(CONFIG)
    _without_wtforms_json()
    from superset.app import create_app

    return create_app()


def _without_wtforms_json() -> None:
    # Superset calls its `init` and nothing else of it; there is no wheel of it, and images build nothing.
    absent = types.ModuleType("wtforms_json")
    absent.init = lambda: None  # type: ignore[attr-defined]
    sys.modules.setdefault(absent.__name__, absent)
