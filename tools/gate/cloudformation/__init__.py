"""cfn-lint over every AWS resource that has a counterpart in CloudFormation.

It ships what AWS publishes of each type: patterns, lengths, lists of values, what needs what, and which
instance types and engine versions a region has. Resources of the same content are looked at once.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from tools import environments, proc
from tools.gate import marks
from tools.gate.cloudformation import pools
from tools.gate.cloudformation.counterparts import COUNTERPARTS, WITHOUT
from tools.gate.cloudformation.shape import PARAMETER, Schema, Shaped, shaped
from tools.gate.model import CheckResult, Finding, Severity, StackPreview, short_urn

CHECK: Final = "cfn-lint"

SWITCHED_OFF: Final[Mapping[str, str]] = {
    "E3010": "a template holds 500 resources at most; this one is deployed nowhere",
    "E3019": "parts of one resource stand in the template as one each, with the same name",
    "W2001": "a parameter that stands for what is not known need not be used",
    "W2506": "what is not known yet is a parameter of no special type",
    "W3010": "a subnet is in the zone that the settings name, and both are checked there",
    "W3011": "a policy for deletion is the engine's `protect` and `retainOnDelete` here",
    "W3045": "ACLs are left to bucket policies and ownership controls, which are resources of their own",
}
"""Rules that are not run, and why."""

_REMEDY: Final = (
    "Correct the declaration; where it is right, cloudformation/counterparts.py of the gate is not."
)
_PROGRAM: Final = "from cfnlint.runner import main; main()"
"""The environment was moved to where it is, so that its scripts name a place that is no more."""
_CODES: Final = tuple(range(0, 16, 2))
"""A sum: 2 for errors, 4 for warnings, 8 for hints. An odd one says that it did not run."""

Region = str

INSTANCE: Final = "AWS::EC2::Instance"
"""The only type whose instance types cfn-lint knows by region: those of a node group are looked at as its."""


def cfn_lint(previews: Sequence[StackPreview]) -> CheckResult:
    """What AWS would refuse of names, values and combinations, by region.

    Raises:
        CommandFailed: cfn-lint could not be installed, or did not run.
    """
    began = time.monotonic()
    python = environments.cfn_lint()
    seen: dict[Region, dict[str, tuple[str, Shaped, list[tuple[str, str]]]]] = defaultdict(dict)
    without: Counter[str] = Counter()
    unseen: Counter[str] = Counter()
    offered: list[Finding] = []
    examined = 0
    for preview in previews:
        regions = _regions(preview)
        for resource in preview.aws():
            counterpart = COUNTERPARTS.get(resource.type)
            if counterpart is None:
                without[resource.type] += 1
                continue
            examined += 1
            region = regions[resource.provider]
            schema = _schemas(python, region)(counterpart.type)
            found = shaped(resource.inputs, counterpart, schema)
            unseen.update(f"{resource.type}: {name}" for name in found.unseen)
            unseen.update(f"{resource.type}: {name}, which is not known yet" for name in found.open)
            key = json.dumps([counterpart.type, found.properties], sort_keys=True)
            one = seen[region].setdefault(key, (counterpart.type, found, []))
            one[2].append((preview.stack, resource.urn))
            instances = resource.inputs.get("instanceTypes")
            for instance in instances if isinstance(instances, list) else ():
                of_region = Shaped({"InstanceType": instance, "ImageId": {"Ref": PARAMETER["String"]}})
                one = seen[region].setdefault(f"{INSTANCE} {instance}", (INSTANCE, of_region, []))
                one[2].append((preview.stack, resource.urn))
        examined += len(asked := list(pools.of(preview)))
        region = next(iter(regions.values()), "")
        for subject, said in pools.unavailable(asked, _instances(python, region) if region else ()):
            offered.append(
                Finding(CHECK, "error", preview.stack, subject, f"{said} ({region})", pools.REMEDY)
            )
    findings = offered + [
        finding for region in sorted(seen) for finding in _judged(python, region, list(seen[region].values()))
    ]
    told = [*_told_types(without), *_told(unseen)]
    return CheckResult(CHECK, findings, examined, told, time.monotonic() - began)


def _regions(preview: StackPreview) -> Mapping[str, Region]:
    """Provider's URN → its region."""
    return {
        r.urn: str(r.inputs["region"])
        for r in preview.resources
        if r.type == "pulumi:providers:aws" and not marks.unknown(r.inputs.get("region"))
    }


@cache
def _schemas(python: Path, region: Region) -> _Schemas:
    return _Schemas(python, region)


@cache
def _instances(python: Path, region: Region) -> frozenset[str]:
    """Instance types that cfn-lint knows a region to have."""
    (file,) = python.parent.parent.glob(
        "lib/python3*/site-packages/cfnlint/data/schemas/extensions/aws_ec2_instance/instancetype_enum.json"
    )
    known = json.loads(file.read_text(encoding="utf-8"))
    return frozenset(known[region]["enum"])


class _Schemas:
    """The schemas that cfn-lint ships for a region."""

    def __init__(self, python: Path, region: Region) -> None:
        (self._root,) = python.parent.parent.glob("lib/python3*/site-packages/cfnlint/data/schemas")
        index = self._root / "providers" / f"{region}.json"
        self._index: Mapping[str, str] = json.loads(index.read_text(encoding="utf-8"))
        self._known: dict[str, Schema] = {}

    def __call__(self, type_: str) -> Schema:
        if type_ not in self._known:
            file = self._root / "resources" / f"{self._index[type_]}.json"
            self._known[type_] = json.loads(file.read_text(encoding="utf-8"))
        return self._known[type_]


def _judged(
    python: Path, region: Region, made: Sequence[tuple[str, Shaped, list[tuple[str, str]]]]
) -> Iterator[Finding]:
    """cfn-lint's findings on the resources of a region."""
    logical = {f"R{number}": one for number, one in enumerate(made)}
    template = {
        "Parameters": {name: {"Type": kind} for kind, name in PARAMETER.items()},
        "Resources": {
            name: {"Type": type_, "Properties": found.properties}
            for name, (type_, found, _) in logical.items()
        },
    }
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "template.json"
        file.write_text(json.dumps(template), encoding="utf-8")
        asked = [
            "--format",
            "json",
            "--regions",
            region,
            "--ignore-checks",
            *SWITCHED_OFF,
            "--template",
            file,
        ]
        said = proc.output([python, "-c", _PROGRAM, *asked], accept=_CODES)
    for one in cast("list[dict[str, Any]]", json.loads(said)):
        if one["Level"] == "Informational":
            continue
        path = [str(part) for part in one["Location"]["Path"] or ()]
        severity: Severity = "error" if one["Level"] == "Error" else "warning"
        if len(path) < 2 or path[1] not in logical:
            raise ValueError(f"cfn-lint said of no resource: {one['Rule']['Id']} {one['Message']}")
        type_, _, subjects = logical[path[1]]
        where = ".".join([type_, *path[3:]])
        message = f"{where}: {one['Message']} ({one['Rule']['Id']}, {region})"
        for stack, urn in subjects:
            yield Finding(CHECK, severity, stack, short_urn(urn), message, _REMEDY)


def _told_types(without: Counter[str]) -> Iterator[str]:
    for type_, count in sorted(without.items()):
        yield f"{count} {type_}: {WITHOUT.get(type_, 'has no counterpart in counterparts.py')}"


def _told(unseen: Counter[str]) -> Iterator[str]:
    by_type: dict[str, list[str]] = defaultdict(list)
    for line in sorted(unseen):
        type_, _, name = line.partition(": ")
        by_type[type_].append(name)
    for type_, names in by_type.items():
        yield f"{type_}: {', '.join(names)}"
