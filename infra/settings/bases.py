"""A stack's configuration in layers: its own file lies over its sets and its base, and a base may name one.

So what several stacks share stands once, in `stacks/base/<name>.yaml`, and a stack's file keeps what differs.
What not every instance needs is a set, `stacks/sets/<name>.yaml`, of sections that may be absent.
Maps are laid over each other key by key; any other value, a list too, is replaced; a null takes away what a
base has. A map of another `kind` shares nothing with the one below it, and replaces it whole.

The engine knows nothing of this: it reads a stack's own file, and the program lays it over the bases.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

from infra.settings.base import NAMESPACE

BASE: Final = "base"
"""Key, after the prefix, by which a file names its base."""

ROOT: Final = Path(__file__).resolve().parents[2]
"""Of the checkout."""

SETS: Final = "sets"
"""Key, after the prefix, of the list of a stack's sets."""

_BASES: Final = Path("stacks") / "base"
_SETS: Final = Path("stacks") / "sets"


class SettingsError(Exception):
    """A stack's configuration is refused; the message has a line a problem: file, key, value, remedy."""


@dataclass(frozen=True)
class ConfigLayer:
    """What one file says.

    Args:
        file: from the root of the checkout, for messages.
        sections: section → value, without the prefix of the keys.
    """

    file: str
    sections: Mapping[str, Any]


@dataclass(frozen=True)
class ConfigLayers:
    """The files of a stack, its own last."""

    files: tuple[ConfigLayer, ...]

    def merged(self) -> dict[str, Any]:
        """Section → value, of all of them together."""
        made: dict[str, Any] = {}
        for layer in self.files:
            made = laid_over(made, layer.sections)
        return made

    def said_by(self, path: Sequence[str]) -> list[str]:
        """Files that what stands at a path is from, the one that counts first. Only a map has several."""
        found: list[str] = []
        above: list[Any] = []
        for layer in reversed(self.files):
            steps = _steps(layer.sections, path)
            if any(_unlike(*pair) for pair in zip(steps, above, strict=False)):
                break
            if len(steps) == len(path):
                found.append(layer.file)
            if steps and not isinstance(steps[-1], Mapping):
                break
            above = max(above, steps, key=len)
        return found

    def blamed(self, path: Sequence[str]) -> str:
        """Where to look for what is wrong at a path: the stack's own file where none says anything."""
        return " over ".join(self.said_by(path)) or self.files[-1].file


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two maps as one. A null above for which nothing is below stays, to be judged as a value."""
    made = dict(below)
    for key, value in above.items():
        lower = made.get(key)
        if key in made and value is None:
            del made[key]
        elif isinstance(lower, Mapping) and isinstance(value, Mapping) and not _unlike(lower, value):
            made[key] = laid_over(cast("Mapping[str, Any]", lower), cast("Mapping[str, Any]", value))
        else:
            made[key] = value
    return made


def layered(sections: Mapping[str, Any], *, file: str, root: Path = ROOT) -> ConfigLayers:
    """A stack's sections over the sets and the bases that it names.

    Args:
        sections: of the stack's own file, without the prefix of their keys.
        file: that file, from the root.
        root: of the checkout, which has the bases and the sets.

    Raises:
        SettingsError: a base or a set is unknown, is none, or a base comes to itself again.
    """
    own = ConfigLayer(file, sections)
    found = [own]
    while (name := found[0].sections.get(BASE)) is not None:
        lower = _base(name, said_in=found[0].file, root=root)
        if any(lower.file == layer.file for layer in found):
            raise SettingsError(
                f"{found[0].file}: {NAMESPACE}:{BASE} = {name!r} comes to {lower.file} again. "
                "Remedy: let one of them name no base."
            )
        found.insert(0, lower)
    found[-1:] = [*_sets(own, root), own]
    kept = ({k: v for k, v in x.sections.items() if k not in (BASE, SETS)} for x in found)
    return ConfigLayers(tuple(ConfigLayer(x.file, s) for x, s in zip(found, kept, strict=True)))


def bases(root: Path = ROOT) -> list[str]:
    """Names of all bases."""
    return _names(root / _BASES)


def sets(root: Path = ROOT) -> list[str]:
    """Names of all sets."""
    return _names(root / _SETS)


def set_layer(name: object, *, said_in: str, root: Path = ROOT) -> ConfigLayer:
    """A set.

    Args:
        said_in: where it is named, for the message.

    Raises:
        SettingsError: there is none of that name, or it is none.
    """
    known = sets(root)
    file = _SETS / f"{name}.yaml"
    if name not in known:
        raise SettingsError(
            f"{said_in}: {NAMESPACE}:{SETS} has {name!r}, which has no file {file}. "
            f"Remedy: {_meant(name, known)}."
        )
    return _read(file, root)


def _sets(own: ConfigLayer, root: Path) -> list[ConfigLayer]:
    named: object = own.sections.get(SETS, [])
    if not isinstance(named, list):
        raise SettingsError(
            f"{own.file}: {NAMESPACE}:{SETS} = {named!r} is no list. "
            f"Remedy: list names of {', '.join(sets(root)) or 'sets'}."
        )
    return [set_layer(name, said_in=own.file, root=root) for name in cast("list[object]", named)]


def _names(directory: Path) -> list[str]:
    return sorted(file.stem for file in directory.glob("*.yaml"))


def _meant(name: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1)
    return f"write {near[0]} if that was meant" if near else f"there are {', '.join(known) or 'none'}"


def _base(name: object, *, said_in: str, root: Path) -> ConfigLayer:
    known = bases(root)
    file = _BASES / f"{name}.yaml"
    if name not in known:
        raise SettingsError(
            f"{said_in}: {NAMESPACE}:{BASE} = {name!r} has no file {file}. Remedy: {_meant(name, known)}."
        )
    return _read(file, root)


def _read(file: Path, root: Path) -> ConfigLayer:
    why = "there is no map `config`, or something beside it"
    try:
        content: Any = yaml.safe_load((root / file).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        content, why = None, " ".join(str(error).split())
    if not isinstance(content, dict) or set(cast("dict[str, Any]", content)) != {"config"}:
        content = {}
    config = cast("dict[str, Any]", content).get("config")
    if not isinstance(config, dict):
        raise SettingsError(
            f"{file}: nothing can be laid over it: {why}. Remedy: write YAML with a map `config` alone."
        )
    config, prefix = cast("dict[str, Any]", config), f"{NAMESPACE}:"
    if foreign := [key for key in config if not key.startswith(prefix)]:
        raise SettingsError(
            f"{file}: {foreign[0]} is read by the engine, which knows no base. "
            "Remedy: write it into each stack's file."
        )
    return ConfigLayer(str(file), {key.removeprefix(prefix): value for key, value in config.items()})


def _unlike(lower: Any, upper: Any) -> bool:
    """Whether two values are maps of different kinds; one that names none is of any."""
    if not (isinstance(lower, Mapping) and isinstance(upper, Mapping)):
        return False
    one, other = cast("Mapping[str, Any]", lower).get("kind"), cast("Mapping[str, Any]", upper).get("kind")
    return None not in (one, other) and one != other


def _steps(value: Any, path: Sequence[str]) -> list[Any]:
    """The values along a path, as far as there are any."""
    steps: list[Any] = []
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = cast("Mapping[str, Any]", value)[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[int(part)]
        else:
            break
        steps.append(value)
    return steps
