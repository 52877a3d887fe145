"""poetry.lock: what an image installs of it is all that its packages need."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tools import paths


def test_what_a_package_needs_is_in_each_of_its_groups() -> None:
    """An image installs the packages of its group and nothing else: also what only its Python needs."""
    lock: dict[str, Any] = tomllib.loads((paths.ROOT / "poetry.lock").read_text(encoding="utf-8"))
    packages = {package["name"]: package for package in lock["package"]}
    missing: list[str] = []
    for name, package in packages.items():
        for needed, how in package.get("dependencies", {}).items():
            if isinstance(how, dict) and how.get("optional"):
                continue
            other = packages.get(re.sub(r"[-_.]+", "-", needed).lower())
            there = set(other["groups"]) if other else set[str]()
            lacking = {*package["groups"]} - there
            if lacking and "main" not in there:
                missing.append(f"{name} needs {needed} in {', '.join(lacking)}")
    assert missing == []
