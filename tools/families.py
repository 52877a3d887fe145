"""The Go-built programs, a family a command, with how each is built and asked for its version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools import versions
from tools.paths import ROOT


@dataclass(frozen=True)
class Program:
    """One executable.

    Attributes:
        package: its Go main package.
        version: the pinned version, as it appears in the answer to `ask`.
        ask: arguments that make it print its version; empty when it cannot.
        beside: a program it is released with: it is taken from PATH only from that one's directory.
    """

    package: str
    version: str
    ask: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True)
class Family:
    """Programs built by one command.

    Attributes:
        defines: Go string variables that the linker sets, by full name.
        copies: files that must lie beside the programs: name → (module, path inside it).
        replaces: files of a module that one of ours takes the place of: (module, path inside it) → ours.
        module: the directory of its go.mod, the family's name by default; families that share one share what
            is compiled for it.
    """

    name: str
    programs: Mapping[str, Program]
    defines: Mapping[str, str] = field(default_factory=dict[str, str])
    copies: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    replaces: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    module: str = ""

    @property
    def directory(self) -> Path:
        return ROOT / "tools" / "go" / (self.module or self.name)

    @property
    def ldflags(self) -> str:
        return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in self.defines.items())])


_K8S = versions.KUBERNETES
_COMPONENT_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = _K8S.split(".")
_ADDONS = "addons"
"""One go.mod for what runs beside the control plane: each of them alone would compile a client of its own.
kube-state-metrics does not compile with theirs."""


def _kubernetes(name: str, *ask: str) -> Program:
    return Program(f"k8s.io/kubernetes/cmd/{name}", _K8S, ask or ("--version",))


PLATFORM = (
    Family(
        "pulumi",
        {"pulumi": Program("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", versions.PULUMI, ("version",))},
        {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": f"v{versions.PULUMI}"},
    ),
    Family(
        "pulumi-language-python",
        {
            "pulumi-language-python": Program(
                "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3",
                versions.PULUMI_LANGUAGE_PYTHON_COMMIT,
                beside="pulumi",
            )
        },
        copies={
            "pulumi-language-python-exec": (
                "github.com/pulumi/pulumi/sdk/v3",
                "python/cmd/pulumi-language-python-exec",
            )
        },
    ),
    Family(
        "pulumi-resource-kubernetes",
        {"pulumi-resource-kubernetes": Program(".", versions.PULUMI_KUBERNETES)},
        {"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": versions.PULUMI_KUBERNETES},
        replaces={
            ("github.com/pulumi/pulumi-kubernetes/sdk/v4", "go/kubernetes/yaml/v2/kinds.go"): "kinds/kinds.go"
        },
    ),
    Family(
        "kubernetes",
        {
            "kubeadm": _kubernetes("kubeadm", "version", "-o", "short"),
            "kubectl": _kubernetes("kubectl", "version", "--client"),
            "kubelet": _kubernetes("kubelet"),
            "kube-apiserver": _kubernetes("kube-apiserver"),
            "kube-controller-manager": _kubernetes("kube-controller-manager"),
            "kube-proxy": _kubernetes("kube-proxy"),
            "kube-scheduler": _kubernetes("kube-scheduler"),
        },
        {
            f"{_COMPONENT_VERSION}.gitVersion": f"v{_K8S}",
            f"{_COMPONENT_VERSION}.gitMajor": _MAJOR,
            f"{_COMPONENT_VERSION}.gitMinor": _MINOR,
        },
    ),
    Family("etcd", {"etcd": Program("go.etcd.io/etcd/server/v3", versions.ETCD, ("--version",))}),
    Family("coredns", {"coredns": Program("./coredns", versions.COREDNS, ("-version",))}, module=_ADDONS),
    Family(
        "kube-network-policies",
        {
            "kube-network-policies": Program(
                "sigs.k8s.io/kube-network-policies/cmd/kube-network-policies/standard",
                versions.KUBE_NETWORK_POLICIES,
            )
        },
        module=_ADDONS,
    ),
    Family(
        "local-path-provisioner",
        {
            "local-path-provisioner": Program(
                "github.com/rancher/local-path-provisioner",
                versions.LOCAL_PATH_PROVISIONER,
                ("--version",),
            )
        },
        {"main.VERSION": f"v{versions.LOCAL_PATH_PROVISIONER}"},
        module=_ADDONS,
    ),
    Family(
        "metrics-server",
        {
            "metrics-server": Program(
                "sigs.k8s.io/metrics-server/cmd/metrics-server", versions.METRICS_SERVER, ("--version",)
            )
        },
        {"k8s.io/client-go/pkg/version.gitVersion": f"v{versions.METRICS_SERVER}"},
        module=_ADDONS,
    ),
    Family(
        "kube-state-metrics",
        {
            "kube-state-metrics": Program(
                "k8s.io/kube-state-metrics/v2", versions.KUBE_STATE_METRICS, ("version",)
            )
        },
        {"github.com/prometheus/common/version.Version": f"v{versions.KUBE_STATE_METRICS}"},
    ),
)
"""What a platform on this machine runs on."""

SETS = (
    Family(
        "versitygw",
        {
            "versitygw": Program(
                "github.com/versity/versitygw/cmd/versitygw", versions.VERSITYGW, ("--version",)
            )
        },
        {"main.Version": f"v{versions.VERSITYGW}"},
    ),
)
"""What a set alone runs on: built by `make up` where the stack has it."""

CHECKERS = (
    Family(
        "kyverno",
        {
            "kubectl-kyverno": Program(
                "github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno", versions.KYVERNO, ("version",)
            )
        },
        {"github.com/kyverno/kyverno/pkg/version.BuildVersion": f"v{versions.KYVERNO}"},
    ),
    Family(
        "kube-score",
        {
            "kube-score": Program(
                "github.com/zegl/kube-score/cmd/kube-score", versions.KUBE_SCORE, ("version",)
            )
        },
        {"main.version": versions.KUBE_SCORE},
    ),
    Family(
        "actionlint",
        {
            "actionlint": Program(
                "github.com/rhysd/actionlint/cmd/actionlint", versions.ACTIONLINT, ("-version",)
            )
        },
        {"github.com/rhysd/actionlint.version": versions.ACTIONLINT},
    ),
)
"""What only judges the project: the gate and the workflows' linter. `make up` builds none of it."""

FAMILIES = (*PLATFORM, *SETS, *CHECKERS)

BY_PROGRAM: Mapping[str, Family] = {name: family for family in FAMILIES for name in family.programs}
"""Each program's family."""
