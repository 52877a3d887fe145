"""What a rule is: of one Kubernetes object (CEL), of one AWS resource or of a whole stack (Python)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from policies.limits import Limits

Object = Mapping[str, Any]
"""A Kubernetes object as the API server takes it."""

Severity = Literal["mandatory", "advisory"]

KUBERNETES = "kubernetes:"
_NOT_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")

POD_KINDS = frozenset({"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"})
"""The kinds that hold a pod's specification."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the engine shows it to policies.

    Attributes:
        type: its token, such as `aws:s3/bucket:Bucket`.
        props: its properties by their names in the schema (camelCase). Touching one whose value is unknown
            raises `pulumi_policy.proxy.UnknownValueError`; a secret is the text `[secret]`.
        protect: whether the engine refuses to delete it.
        sources: property → URNs of the resources that its value is made from.
    """

    type: str
    name: str
    props: Mapping[str, Any]
    urn: str = ""
    protect: bool = False
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @property
    def is_object(self) -> bool:
        """Whether it is one Kubernetes object; what a chart renders is not seen."""
        return self.type.startswith(KUBERNETES) and not self.type.startswith(_NOT_OBJECTS)

    def get(self, path: str, default: Any = None) -> Any:
        """The value at a dotted path, `default` if there is none; a list on the way stands for its first."""
        found: Any = self.props
        for part in path.split("."):
            found = first(found)
            if not isinstance(found, Mapping) or part not in found:
                return default
            found = cast("Mapping[str, Any]", found)[part]
        return default if found is None else found

    def refers_to(self, prop: str, other: Resource) -> bool:
        """Whether a property's value is made from another resource, or is that one's id or name."""
        if other.urn and other.urn in self.sources.get(prop, ()):
            return True
        mine = self.get(prop)
        return mine is not None and mine in {other.get(p) for p in ("id", "arn", "bucket", "name")} - {None}


def stack_name(urn: str) -> str:
    """The stack that a resource belongs to: the engine tells a Python pack nothing else about it."""
    return urn.removeprefix("urn:pulumi:").split("::", 1)[0]


def first(value: Any) -> Any:
    """A block: some schemas wrap it in a list of one."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return cast("Sequence[Any]", value)[0]
    return cast("Any", value)


@dataclass(frozen=True, slots=True)
class Stack:
    """All resources of a stack."""

    resources: Sequence[Resource]

    def of(self, *types: str) -> Iterator[Resource]:
        """Those of some types."""
        return (r for r in self.resources if r.type in types)

    def objects(self, *kinds: str) -> Iterator[Resource]:
        """Kubernetes objects of some kinds."""
        return (r for r in self.resources if r.is_object and r.props.get("kind") in kinds)


@dataclass(frozen=True, slots=True)
class Finding:
    """What breaks a rule, and where."""

    resource: Resource
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has.

    Attributes:
        id: kebab-case, unique.
        severity: `mandatory` stops an update, `advisory` is reported.
        source: the standard that it follows.
        title: what must hold.
        remedy: what to do when it does not.
    """

    id: str
    severity: Severity = "mandatory"
    source: str
    title: str
    remedy: str

    @property
    def message(self) -> str:
        """What somebody is told who breaks it."""
        return f"{self.title}. Remedy: {self.remedy}. (rule {self.id}; source: {self.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRule(Rule):
    """A rule that one Kubernetes object decides, as one CEL expression.

    The same text runs in the pack (cel-python), in ValidatingAdmissionPolicies and in Kyverno.

    Attributes:
        kinds: the kinds of objects it looks at; empty for all.
        enforced: the kinds for which the cluster enforces it, where these are fewer: for kinds of which
            Kubernetes itself makes objects that nobody can change.
        expression: CEL over `object` and `variables` (see `policies.variables`), true when it holds. Every
            level of an optional path has its own `has`: engines differ on a missing one.
        passes: objects that it lets through.
        refuses: objects that it refuses; each breaks this rule and no other.
    """

    kinds: frozenset[str]
    enforced: frozenset[str] | None = None
    expression: str
    passes: tuple[Object, ...]
    refuses: tuple[Object, ...]

    def __post_init__(self) -> None:
        # In one line: what every engine gives back is what it was sent.
        object.__setattr__(self, "expression", " ".join(self.expression.split()))

    def covers(self, kind: str) -> bool:
        """Whether the rule looks at objects of this kind."""
        return not self.kinds or kind in self.kinds

    @property
    def enforced_kinds(self) -> frozenset[str]:
        """The kinds for which the cluster enforces it."""
        return self.kinds if self.enforced is None else self.enforced


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRule(Rule):
    """A rule that the inputs of one resource decide.

    Attributes:
        types: tokens of the types it looks at; one that ends with a colon stands for all that start so.
        check: yields a sentence for each thing that breaks it.
        passes, refuses: as for objects.
    """

    types: frozenset[str]
    check: Callable[[Resource, Limits], Iterable[str]]
    passes: tuple[Resource, ...]
    refuses: tuple[Resource, ...]

    def covers(self, token: str) -> bool:
        """Whether the rule looks at resources of this type."""
        return token in self.types or any(token.startswith(t) for t in self.types if t.endswith(":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRule(Rule):
    """A rule that only several resources decide together. It sees their outputs.

    Attributes:
        about: what it looks at, for the report: kinds or types.
        check: yields what breaks it.
        passes, refuses: stacks.
    """

    about: tuple[str, ...]
    check: Callable[[Stack, Limits], Iterable[Finding]]
    passes: tuple[tuple[Resource, ...], ...]
    refuses: tuple[tuple[Resource, ...], ...]
