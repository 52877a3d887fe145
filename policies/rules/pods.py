"""Pods are restricted."""

from __future__ import annotations

from policies.examples import DEPLOYMENT, with_pod, with_security
from policies.rule import POD_KINDS, Rule

RESTRICTED = "Kubernetes Pod Security Standards, restricted"
HARDENING = "NSA and CISA Kubernetes Hardening Guide"

RULES = (
    Rule(
        id="pod-runs-as-non-root",
        severity="mandatory",
        source=RESTRICTED,
        title="no container runs as root",
        remedy="set securityContext.runAsNonRoot: true on the pod, and no runAsUser 0",
        kinds=POD_KINDS,
        expression="""
            has(variables.pod.securityContext) && has(variables.pod.securityContext.runAsNonRoot)
            && variables.pod.securityContext.runAsNonRoot
            && (!has(variables.pod.securityContext.runAsUser) || variables.pod.securityContext.runAsUser != 0)
            && variables.containers.all(c, !has(c.securityContext)
                || ((!has(c.securityContext.runAsNonRoot) || c.securityContext.runAsNonRoot)
                    && (!has(c.securityContext.runAsUser) || c.securityContext.runAsUser != 0)))
        """,
        passes=DEPLOYMENT,
        refuses=with_security(runAsUser=0),
    ),
    Rule(
        id="pod-seccomp",
        severity="mandatory",
        source=RESTRICTED,
        title="the system calls are filtered by the runtime's default profile",
        remedy="set securityContext.seccompProfile.type: RuntimeDefault on the pod",
        kinds=POD_KINDS,
        expression="""
            has(variables.pod.securityContext) && has(variables.pod.securityContext.seccompProfile)
            && variables.pod.securityContext.seccompProfile.type in ['RuntimeDefault', 'Localhost']
            && variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.seccompProfile)
                || c.securityContext.seccompProfile.type in ['RuntimeDefault', 'Localhost'])
        """,
        passes=DEPLOYMENT,
        refuses=with_pod(securityContext={"runAsNonRoot": True}),
    ),
    Rule(
        id="container-no-privilege-escalation",
        severity="mandatory",
        source=RESTRICTED,
        title="no container is privileged or may gain privileges",
        remedy="set securityContext.allowPrivilegeEscalation: false, and no privileged",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, has(c.securityContext)
                && has(c.securityContext.allowPrivilegeEscalation)
                && !c.securityContext.allowPrivilegeEscalation
                && (!has(c.securityContext.privileged) || !c.securityContext.privileged))
        """,
        passes=DEPLOYMENT,
        refuses=with_security(allowPrivilegeEscalation=None),
    ),
    Rule(
        id="container-drops-capabilities",
        severity="mandatory",
        source=RESTRICTED,
        title="every container drops all capabilities",
        remedy="set securityContext.capabilities.drop: [ALL]; only NET_BIND_SERVICE may be added",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, has(c.securityContext) && has(c.securityContext.capabilities)
                && has(c.securityContext.capabilities.drop)
                && c.securityContext.capabilities.drop.exists(d, d == 'ALL')
                && (!has(c.securityContext.capabilities.add)
                    || c.securityContext.capabilities.add.all(a, a == 'NET_BIND_SERVICE')))
        """,
        passes=DEPLOYMENT,
        refuses=with_security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    ),
    Rule(
        id="container-read-only-root",
        severity="mandatory",
        source=HARDENING,
        title="the root file system is read-only",
        remedy="set securityContext.readOnlyRootFilesystem: true and mount an emptyDir where it writes",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, has(c.securityContext)
                && has(c.securityContext.readOnlyRootFilesystem) && c.securityContext.readOnlyRootFilesystem)
        """,
        passes=DEPLOYMENT,
        refuses=with_security(readOnlyRootFilesystem=False),
    ),
    Rule(
        id="pod-no-host-access",
        severity="mandatory",
        source=RESTRICTED,
        title="no host network, process or IPC namespace, host path or host port",
        remedy="remove hostNetwork, hostPID, hostIPC, hostPath volumes and hostPort",
        kinds=POD_KINDS,
        expression="""
            (!has(variables.pod.hostNetwork) || !variables.pod.hostNetwork)
            && (!has(variables.pod.hostPID) || !variables.pod.hostPID)
            && (!has(variables.pod.hostIPC) || !variables.pod.hostIPC)
            && (!has(variables.pod.volumes) || variables.pod.volumes.all(v, !has(v.hostPath)))
            && variables.containers.all(c, !has(c.ports) || c.ports.all(p, !has(p.hostPort)))
        """,
        passes=DEPLOYMENT,
        refuses=with_pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
    ),
)
