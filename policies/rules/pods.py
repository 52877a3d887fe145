"""Pods are restricted."""

from __future__ import annotations

from policies.examples import (
    DEPLOYMENT,
    PROBE,
    with_container,
    with_init_container,
    with_pod,
    with_pod_security,
    with_security,
)
from policies.rule import POD_KINDS, ObjectRule

RESTRICTED = "Kubernetes Pod Security Standards, restricted"
HARDENING = "NSA and CISA Kubernetes Hardening Guide"

_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def _selinux(where: str) -> str:
    options = f"{where}.securityContext.seLinuxOptions"
    return f"""(!has({where}.securityContext) || !has({options})
        || ((!has({options}.type) || {options}.type in {list(_SELINUX)})
            && (!has({options}.user) || {options}.user == '')
            && (!has({options}.role) || {options}.role == '')))"""


def _no_host(path: str) -> str:
    """The action of a probe or hook, if there is one, names no host."""
    levels = path.split(".")
    there = [f"!has({'.'.join(levels[: n + 1])})" for n in range(1, len(levels))]
    kept = [f"(!has({path}.{a}) || !has({path}.{a}.host) || {path}.{a}.host == '')" for a in _ACTIONS]
    return f"({' || '.join(there)} || ({' && '.join(kept)}))"


_ACTIONS = ("httpGet", "tcpSocket")
_ASKING = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.preStop", "lifecycle.postStart")

_OWN_NON_ROOT = with_security(runAsNonRoot=True)
del _OWN_NON_ROOT["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
_OWN_SECCOMP = with_security(seccompProfile={"type": "RuntimeDefault"})
del _OWN_SECCOMP["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]

RULES = (
    ObjectRule(
        id="pod-runs-as-non-root",
        source=RESTRICTED,
        title="no container runs as root",
        remedy="set securityContext.runAsNonRoot: true on the pod or on every container, and no runAsUser 0",
        kinds=POD_KINDS,
        expression="""
            (!has(variables.pod.securityContext) || !has(variables.pod.securityContext.runAsUser)
                || variables.pod.securityContext.runAsUser != 0)
            && variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.runAsUser)
                || c.securityContext.runAsUser != 0)
            && variables.containers.all(c, has(c.securityContext) && has(c.securityContext.runAsNonRoot)
                ? c.securityContext.runAsNonRoot
                : has(variables.pod.securityContext) && has(variables.pod.securityContext.runAsNonRoot)
                    && variables.pod.securityContext.runAsNonRoot)
        """,
        passes=(DEPLOYMENT, with_security(runAsUser=10001), _OWN_NON_ROOT),
        refuses=(
            with_security(runAsUser=0),
            with_pod_security(runAsUser=0),
            with_security(runAsNonRoot=False),
            with_pod_security(runAsNonRoot=None),
        ),
    ),
    ObjectRule(
        id="pod-seccomp",
        source=RESTRICTED,
        title="the system calls are filtered by the runtime's default profile",
        remedy="set securityContext.seccompProfile.type: RuntimeDefault on the pod or on every container",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, has(c.securityContext) && has(c.securityContext.seccompProfile)
                ? c.securityContext.seccompProfile.type in ['RuntimeDefault', 'Localhost']
                : has(variables.pod.securityContext) && has(variables.pod.securityContext.seccompProfile)
                    && variables.pod.securityContext.seccompProfile.type in ['RuntimeDefault', 'Localhost'])
            && (!has(variables.pod.securityContext) || !has(variables.pod.securityContext.seccompProfile)
                || variables.pod.securityContext.seccompProfile.type in ['RuntimeDefault', 'Localhost'])
        """,
        passes=(DEPLOYMENT, _OWN_SECCOMP),
        refuses=(
            with_pod_security(seccompProfile=None),
            with_security(seccompProfile={"type": "Unconfined"}),
        ),
    ),
    ObjectRule(
        id="container-no-privilege-escalation",
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
        passes=(DEPLOYMENT,),
        refuses=(
            with_security(allowPrivilegeEscalation=None),
            with_security(allowPrivilegeEscalation=True, privileged=True),
        ),
    ),
    ObjectRule(
        id="container-drops-capabilities",
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
        passes=(DEPLOYMENT, with_security(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]})),
        refuses=(
            with_security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
            with_security(capabilities={"drop": ["NET_RAW"]}),
        ),
    ),
    ObjectRule(
        id="container-read-only-root",
        source=HARDENING,
        title="the root file system is read-only",
        remedy="set securityContext.readOnlyRootFilesystem: true and mount an emptyDir where it writes",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, has(c.securityContext)
                && has(c.securityContext.readOnlyRootFilesystem) && c.securityContext.readOnlyRootFilesystem)
        """,
        passes=(DEPLOYMENT,),
        refuses=(with_security(readOnlyRootFilesystem=False),),
    ),
    ObjectRule(
        id="pod-no-host-access",
        source=RESTRICTED,
        title="no host network, process or IPC namespace, and no host port",
        remedy="remove hostNetwork, hostPID, hostIPC, hostPort and windowsOptions.hostProcess",
        kinds=POD_KINDS,
        expression="""
            (!has(variables.pod.hostNetwork) || !variables.pod.hostNetwork)
            && (!has(variables.pod.hostPID) || !variables.pod.hostPID)
            && (!has(variables.pod.hostIPC) || !variables.pod.hostIPC)
            && (!has(variables.pod.securityContext) || !has(variables.pod.securityContext.windowsOptions)
                || !has(variables.pod.securityContext.windowsOptions.hostProcess)
                || !variables.pod.securityContext.windowsOptions.hostProcess)
            && variables.containers.all(c,
                (!has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0))
                && (!has(c.securityContext) || !has(c.securityContext.windowsOptions)
                    || !has(c.securityContext.windowsOptions.hostProcess)
                    || !c.securityContext.windowsOptions.hostProcess))
        """,
        passes=(DEPLOYMENT, with_container(ports=[{"containerPort": 8080}])),
        refuses=(
            with_pod(hostNetwork=True),
            with_pod(hostPID=True),
            with_pod(hostIPC=True),
            with_container(ports=[{"containerPort": 8080, "hostPort": 8080}]),
        ),
    ),
    ObjectRule(
        id="pod-volume-types",
        source=RESTRICTED,
        title=f"volumes are of the types {', '.join(_VOLUMES)}",
        remedy="claim a volume, or use an emptyDir; no hostPath",
        kinds=POD_KINDS,
        expression="!has(variables.pod.volumes) || variables.pod.volumes.all(v, "
        + " || ".join(f"has(v.{kind})" for kind in _VOLUMES)
        + ")",
        passes=(DEPLOYMENT, with_pod(volumes=[{"name": "tmp", "emptyDir": {}}])),
        refuses=(
            with_pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
            with_pod(volumes=[{"name": "far", "nfs": {"server": "10.0.0.1", "path": "/"}}]),
        ),
    ),
    ObjectRule(
        id="pod-apparmor",
        source=RESTRICTED,
        title="no AppArmor profile is switched off",
        remedy="remove appArmorProfile.type: Unconfined",
        kinds=POD_KINDS,
        expression="""
            (!has(variables.pod.securityContext) || !has(variables.pod.securityContext.appArmorProfile)
                || variables.pod.securityContext.appArmorProfile.type in ['RuntimeDefault', 'Localhost'])
            && variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.appArmorProfile)
                || c.securityContext.appArmorProfile.type in ['RuntimeDefault', 'Localhost'])
        """,
        passes=(DEPLOYMENT, with_security(appArmorProfile={"type": "RuntimeDefault"})),
        refuses=(with_security(appArmorProfile={"type": "Unconfined"}),),
    ),
    ObjectRule(
        id="pod-selinux",
        source=RESTRICTED,
        title="no SELinux user or role, and no type but those of containers",
        remedy="remove seLinuxOptions",
        kinds=POD_KINDS,
        expression=f"{_selinux('variables.pod')} && variables.containers.all(c, {_selinux('c')})",
        passes=(DEPLOYMENT, with_security(seLinuxOptions={"type": "container_t"})),
        refuses=(
            with_security(seLinuxOptions={"type": "spc_t"}),
            with_pod_security(seLinuxOptions={"user": "system_u"}),
        ),
    ),
    ObjectRule(
        id="container-proc-mount",
        source=RESTRICTED,
        title="/proc is mounted as the runtime masks it",
        remedy="remove securityContext.procMount",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.procMount)
                || c.securityContext.procMount == 'Default')
        """,
        passes=(DEPLOYMENT, with_security(procMount="Default")),
        # The API server takes an unmasked /proc only in a user namespace.
        refuses=(
            with_pod(
                hostUsers=False,
                containers=with_security(procMount="Unmasked")["spec"]["template"]["spec"]["containers"],
            ),
        ),
    ),
    ObjectRule(
        id="pod-sysctls",
        source=RESTRICTED,
        title="only sysctls that concern the pod alone are set",
        remedy="remove the sysctl; those allowed are " + ", ".join(_SYSCTLS),
        kinds=POD_KINDS,
        expression=f"""
            !has(variables.pod.securityContext) || !has(variables.pod.securityContext.sysctls)
            || variables.pod.securityContext.sysctls.all(s, s.name in {list(_SYSCTLS)})
        """,
        passes=(
            DEPLOYMENT,
            with_pod_security(sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}]),
        ),
        refuses=(with_pod_security(sysctls=[{"name": "kernel.msgmax", "value": "65536"}]),),
    ),
    ObjectRule(
        id="probe-asks-its-own-pod",
        source=RESTRICTED,
        title="no probe or hook names another host",
        remedy="remove `host` from the probe: the kubelet asks the pod's own address",
        kinds=POD_KINDS,
        expression=f"variables.containers.all(c, {' && '.join(_no_host(f'c.{p}') for p in _ASKING)})",
        passes=(DEPLOYMENT,),
        refuses=(
            with_container(livenessProbe={"tcpSocket": {"host": "10.0.0.1", "port": 80}}),
            with_container(readinessProbe={"httpGet": {**PROBE["httpGet"], "host": "10.0.0.1"}}),
        ),
    ),
    ObjectRule(
        id="pod-no-service-account-token",
        source="CIS Kubernetes Benchmark 5.1.6",
        title="no pod gets a token for the Kubernetes API",
        remedy="set automountServiceAccountToken: false on the pod, or except the workload with a reason",
        kinds=POD_KINDS,
        expression="""
            has(variables.pod.automountServiceAccountToken) && !variables.pod.automountServiceAccountToken
        """,
        passes=(DEPLOYMENT,),
        refuses=(with_pod(automountServiceAccountToken=True), with_pod(automountServiceAccountToken=None)),
    ),
    ObjectRule(
        id="pod-own-service-account",
        source="CIS Kubernetes Benchmark 5.1.5",
        title="no pod runs under its namespace's default service account",
        remedy="give the workload a ServiceAccount of its own and name it in serviceAccountName",
        kinds=POD_KINDS,
        expression="""
            has(variables.pod.serviceAccountName)
            && variables.pod.serviceAccountName != '' && variables.pod.serviceAccountName != 'default'
        """,
        passes=(DEPLOYMENT,),
        refuses=(with_pod(serviceAccountName="default"), with_pod(serviceAccountName=None)),
    ),
    ObjectRule(
        id="secret-as-file",
        source="CIS Kubernetes Benchmark 5.4.1",
        title="secrets are files, not environment variables",
        remedy="mount the secret as a volume and give the program the path",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c,
                (!has(c.env) || c.env.all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)))
                && (!has(c.envFrom) || c.envFrom.all(e, !has(e.secretRef))))
        """,
        passes=(
            DEPLOYMENT,
            with_container(env=[{"name": "PASSWORD_FILE", "value": "/var/run/secrets/demo/password"}]),
        ),
        refuses=(
            with_container(
                env=[{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "demo", "key": "password"}}}]
            ),
            with_init_container(envFrom=[{"secretRef": {"name": "demo"}}]),
        ),
    ),
)
