"""What CEL expressions call by name: `variables.<name>`, in the language of admission policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from policies.limits import Limits

_POD: Final[Mapping[str, str]] = {
    "pod": (
        "object.kind == 'Pod' ? object.spec : object.kind == 'CronJob' "
        "? object.spec.jobTemplate.spec.template.spec : object.spec.template.spec"
    ),
    "containers": (
        "variables.pod.containers + (has(variables.pod.initContainers) ? variables.pod.initContainers : [])"
    ),
}


def of(expression: str, limits: Limits) -> dict[str, str]:
    """The variables that an expression uses, in the order in which they are made: name → expression.

    Those of pods are made from the object; the limits of a stack are literals, since every engine has to
    know them without asking.
    """
    one = f"({'|'.join(limits.provenance)})"
    known = {
        **_POD,
        "registries": json.dumps(limits.registries),
        "digests": json.dumps(limits.digests),
        "provenance": json.dumps(f"^{one}(,{one})*$"),
    }
    used: set[str] = set()
    texts = [expression]
    while texts:
        text = texts.pop()
        new = {name for name in known if f"variables.{name}" in text} - used
        used |= new
        texts += [known[name] for name in new]
    return {name: text for name, text in known.items() if name in used}
