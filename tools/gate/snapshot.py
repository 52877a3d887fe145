"""The committed graph of each stack, and what differs from it.

`stacks/snapshots/<stack>.json` has a line a resource: its URN below the project, parent, protection, aliases,
dependencies and provider, and for resources that hold data the inputs whose change would replace them. Three
differences destroy something and are named so: a URN that vanished although no alias points to it, a
protection that was dropped, a resource with data that would be replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tools import paths
from tools.gate import replacement
from tools.gate.model import Resource, StackPreview, short_urn

Kind = Literal["added", "moved", "changed", "vanished", "unprotected", "replaced"]

DESTRUCTIVE: Final[frozenset[Kind]] = frozenset({"vanished", "unprotected", "replaced"})
"""The kinds of differences that lose something."""

SAID: Final[Mapping[Kind, str]] = {
    "added": "is new",
    "moved": "has another URN",
    "changed": "is declared in another way",
    "vanished": "has vanished",
    "unprotected": "is protected no more",
    "replaced": "holds data and would be replaced",
}

_ACCEPT: Final = "if this is what you meant, make snapshot accepts it; commit the file."
REMEDIES: Final[Mapping[Kind, str]] = {
    "added": _ACCEPT,
    "moved": _ACCEPT,
    "changed": _ACCEPT,
    "vanished": "give what takes its place `aliases=[…]` with its old name, parent or type; "
    "if it is to go, make snapshot accepts it.",
    "unprotected": "set protect again; to give it up on purpose, make snapshot accepts it.",
    "replaced": "put the value back, or move the data first; make snapshot accepts it.",
}


@dataclass(frozen=True)
class Entry:
    """A resource of a snapshot. URNs are without the stack and the project, which are the same for all.

    Attributes:
        replaced_by: of a resource that holds data: path → value of the inputs whose change replaces it.
    """

    urn: str
    parent: str = ""
    protect: bool = False
    aliases: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    replaced_by: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def type(self) -> str:
        return self.urn.rpartition("::")[0].rpartition("$")[2]

    @property
    def title(self) -> str:
        """`StatefulSet kafka`."""
        return _title(self.urn)


@dataclass(frozen=True)
class Change:
    """A difference.

    Attributes:
        component: the title of the component that the resource belongs to.
        details: field by field, or why.
    """

    kind: Kind
    urn: str
    component: str
    details: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return _title(self.urn)


def file(stack: str) -> Path:
    """Where a stack's snapshot is."""
    return paths.ROOT / "stacks" / "snapshots" / f"{stack}.json"


def read(stack: str) -> dict[str, Entry] | None:
    """The committed snapshot by URN; None where there is none."""
    where = file(stack)
    if not where.is_file():
        return None
    entries = (_entry(line) for line in json.loads(where.read_text())["resources"])
    return {entry.urn: entry for entry in entries}


def write(stack: str, entries: Mapping[str, Entry]) -> None:
    """Write a snapshot: sorted, a line a resource, what is empty left out."""
    lines = ",\n".join(json.dumps(_line(entries[urn]), ensure_ascii=False) for urn in sorted(entries))
    where = file(stack)
    where.parent.mkdir(exist_ok=True)
    where.write_text(f'{{"stack": {json.dumps(stack)}, "resources": [\n{lines}\n]}}\n')


def take(preview: StackPreview) -> dict[str, Entry]:
    """The graph of a preview."""
    return {entry.urn: entry for entry in map(_taken, preview.resources)}


def changes(preview: StackPreview) -> list[Change] | None:
    """What differs from a stack's committed snapshot; None where there is none."""
    before = read(preview.stack)
    return None if before is None else differences(before, take(preview))


def differences(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[Change]:
    """What changed, the resources of one component together."""
    former = {alias: urn for urn, entry in after.items() for alias in entry.aliases if urn not in before}
    successors = {urn: former[urn] for urn in before if urn not in after and urn in former}
    found: list[Change] = []
    for urn, entry in before.items():
        if urn in after:
            found += _compared(entry, after[urn], after)
        elif urn in successors:
            found.append(Change("moved", urn, _component(entry, before), (f"now {successors[urn]}",)))
            found += _compared(entry, after[successors[urn]], after, moved=True)
        else:
            why = "no alias points to it: what it is would be destroyed"
            found.append(Change("vanished", urn, _component(entry, before), (why,)))
    found += [
        Change("added", urn, _component(entry, after), ("protected",) if entry.protect else ())
        for urn, entry in after.items()
        if urn not in before and urn not in successors.values()
    ]
    return sorted(found, key=lambda change: (change.component, change.urn, change.kind))


def _compared(
    before: Entry, after: Entry, all_after: Mapping[str, Entry], *, moved: bool = False
) -> list[Change]:
    component = _component(after, all_after)
    found: list[Change] = []
    if before.protect and not after.protect:
        found.append(Change("unprotected", after.urn, component, ("protect: true → false",)))
    if paths_ := replacement.replaces(after.type, before.replaced_by, after.replaced_by):
        details = tuple(f"{p}: {before.replaced_by.get(p)!r} → {after.replaced_by.get(p)!r}" for p in paths_)
        found.append(Change("replaced", after.urn, component, details))
    details = [
        *(["protect: false → true"] if after.protect and not before.protect else []),
        *_value_change("parent", _title(before.parent), _title(after.parent)),
        *_value_change("provider", _title(before.provider), _title(after.provider)),
        *_set_change("depends on", before.dependencies, after.dependencies),
        *_set_change("alias", before.aliases, after.aliases),
    ]
    if details and not moved:
        found.append(Change("changed", after.urn, component, tuple(details)))
    return found


def _value_change(what: str, before: str, after: str) -> list[str]:
    return [f"{what}: {before} → {after}"] if before != after else []


def _set_change(what: str, before: Sequence[str], after: Sequence[str]) -> list[str]:
    return [f"{what}: + {_title(u)}" for u in after if u not in before] + [
        f"{what}: - {_title(u)}" for u in before if u not in after
    ]


def _component(entry: Entry, entries: Mapping[str, Entry]) -> str:
    """The nearest component: the resource itself, or the one that it is a child of."""
    holder = entry
    while holder.provider and holder.parent in entries:
        holder = entries[holder.parent]
    return holder.title if holder is not entry or not entry.provider else "(stack)"


def _taken(resource: Resource) -> Entry:
    data = replacement.holds_data(resource.type)
    return Entry(
        urn=short_urn(resource.urn),
        parent=short_urn(resource.parent),
        protect=resource.protect,
        aliases=tuple(short_urn(urn) for urn in resource.aliases),
        dependencies=tuple(sorted(short_urn(urn) for urn in resource.dependencies)),
        provider=short_urn(resource.provider),
        replaced_by=replacement.relevant(resource.type, resource.inputs) if data else {},
    )


def _title(urn: str) -> str:
    qualified, _, name = urn.partition("::")
    kind = qualified.rpartition("$")[2].rpartition(":")[2]
    return f"{kind} {name}" if urn else "(stack)"


def _line(entry: Entry) -> dict[str, Any]:
    values = {
        "urn": entry.urn,
        "parent": entry.parent,
        "protect": entry.protect,
        "aliases": list(entry.aliases),
        "dependencies": list(entry.dependencies),
        "provider": entry.provider,
        "replaced_by": {path: entry.replaced_by[path] for path in sorted(entry.replaced_by)},
    }
    return {key: value for key, value in values.items() if value}


def _entry(line: Mapping[str, Any]) -> Entry:
    return Entry(
        urn=line["urn"],
        parent=line.get("parent", ""),
        protect=line.get("protect", False),
        aliases=tuple(line.get("aliases", ())),
        dependencies=tuple(line.get("dependencies", ())),
        provider=line.get("provider", ""),
        replaced_by=line.get("replaced_by", {}),
    )
