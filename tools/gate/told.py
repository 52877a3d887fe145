"""Pods tell programs all that they have to be told: what has no default, what goes together, what is one."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tools import paths
from tools.gate.cluster_objects import Manifest, Objects
from tools.gate.pod_ends import Broken
from workloads.kit.contracts import env

TOGETHER: Final[Mapping[str, str]] = {
    env.POSTGRES_USER: env.POSTGRES_PASSWORD_FILE,
    env.REDIS_URL: env.REDIS_PASSWORD_FILE,
    "EGRESS_PROXY_URL": env.EGRESS_PASSWORD_FILE,
    env.READER_USER: env.READER_PASSWORD_FILE,
}
"""Variable → the one that it is of no use without."""

EVERYWHERE: Final[Mapping[str, str]] = {
    env.POSTGRES_HOST: env.POSTGRES_CA_FILE,
    env.KAFKA_BOOTSTRAP: env.KAFKA_TLS_DIR,
}
"""Variable → the one that all have beside it or none: a server speaks TLS to everybody."""

ONE: Final = (env.FEATURE_WINDOWS, env.KAFKA_BOOTSTRAP, env.POSTGRES_DATABASE, env.MLFLOW_TRACKING_URI)
"""What has one value in a stack, of those that are told."""


_ALL: Final = frozenset({env.CODE_VERSION, env.POD_NAME})
"""What every pod is told, whether its program reads it or not."""


def broken(objects: Objects) -> Broken:
    """All that a program is not told, or told otherwise than the others."""
    told = list(_told(objects))
    for owner, package, words, have in told:
        for word in words[:1]:
            if word not in _words(package):
                yield owner, f"args: {package.name} knows no {word}"
        yield from ((owner, said) for said in _lacking(package, have))
        for name, beside in TOGETHER.items():
            if name in have and beside not in have:
                yield owner, f"{name} is set, and {beside} is not"
    for name, beside in EVERYWHERE.items():
        of = [(owner, have) for owner, _, _, have in told if name in have]
        if any(beside in have for _, have in of):
            yield from (
                (o, f"{beside} is not set, as it is for others") for o, have in of if beside not in have
            )
    for name in ONE:
        values: defaultdict[str, list[Manifest]] = defaultdict(list)
        for owner, _, _, have in told:
            if have.get(name):
                values[have[name]].append(owner)
        usual = max(values, key=lambda value: len(values[value]), default="")
        for value in values.keys() - {usual}:
            yield from ((owner, f"{name} is {value}, and {usual} elsewhere") for owner in values[value])


def _told(objects: Objects) -> Iterator[tuple[Manifest, Path, list[str], dict[str, str]]]:
    """Of each container of our programs: who makes it, its package, arguments and variables."""
    for pods in (p for p in objects.pods if p.declared):
        for container in pods.containers:
            image = re.split(r"[@:]", str(container["image"]).rpartition("/")[2])[0]
            package = paths.ROOT / "workloads" / image.replace("-", "_")
            if (package / "__main__.py").is_file():
                have = {e["name"]: str(e.get("value", "")) for e in container.get("env", ())}
                yield pods.owner, package, list(container.get("args", ())), have


def _lacking(package: Path, have: Mapping[str, str]) -> Iterator[str]:
    """What has no default in the settings that the variables are of.

    A program with several commands has settings for each: a variable has to be of one that has all it needs.
    """
    needs = {name: must - have.keys() for name, (_, must) in _settings(package).items()}
    whole = {name for name, lacks in needs.items() if not lacks}
    for variable in sorted(have.keys() - _ALL):
        of = {name for name, (fields, _) in _settings(package).items() if variable in fields}
        if of and not of & whole:
            name = min(of, key=lambda one: (len(needs[one]), one))
            yield f"{', '.join(sorted(needs[name]))} is not set, and {name} has no default for it"
            return


@cache
def _settings(package: Path) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
    """Class of settings → the variables that it reads, and those that it has no default for."""
    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for file in sorted(package.rglob("*.py")):
        for name in re.findall(r"^class (\w+)\(.*Settings\):", file.read_text("utf-8"), re.MULTILINE):
            module = ".".join(file.relative_to(paths.ROOT).with_suffix("").parts)
            fields: Mapping[str, Any] = getattr(import_module(module), name).model_fields
            found[name] = (
                frozenset(field.upper() for field in fields),
                frozenset(field.upper() for field, info in fields.items() if info.is_required()),
            )
    return found


@cache
def _words(package: Path) -> frozenset[str]:
    """Texts in a program's `__main__`, and those that it has from the contracts by name."""
    tree = ast.parse((package / "__main__.py").read_text("utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workloads.kit.contracts"):
            module = import_module(str(node.module))
            found |= {v for a in node.names if isinstance(v := getattr(module, a.name, None), str)}
    return frozenset(found)
