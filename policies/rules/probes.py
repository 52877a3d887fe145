"""The kubelet can tell whether a pod lives and may get traffic."""

from __future__ import annotations

from policies.examples import DEPLOYMENT, with_container
from policies.rule import ObjectRule

RULES = (
    ObjectRule(
        id="pod-probes",
        source="Kubernetes: configure liveness, readiness and startup probes",
        title="every container that keeps running has a readiness and a liveness probe",
        remedy="set readinessProbe and livenessProbe; a server answers both, a consumer counts what it did",
        kinds=frozenset({"Deployment", "StatefulSet", "DaemonSet"}),
        expression="variables.pod.containers.all(c, has(c.readinessProbe) && has(c.livenessProbe))",
        passes=(DEPLOYMENT,),
        refuses=(with_container(readinessProbe=None), with_container(livenessProbe=None)),
    ),
)
