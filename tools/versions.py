"""Every pinned version, once. The go.mod files and mise.toml repeat them; a unit test keeps them equal."""

PYTHON = "3.11"
"""The oldest Python that everything runs on."""
POETRY = "2.2.1"
POETRY_PLUGIN_EXPORT = "1.10.1"
UV = "0.13.8"

GO = "1.26.8"
"""What the tools are built with; the oldest that builds a family stands in that family's go.mod."""

JAVA = "17"
MAVEN = "3"
KAFKA = "4.1.1"
POSTGRESQL = "15"

PULUMI = "3.259.0"
PULUMI_KUBERNETES = "4.25.0"
PULUMI_KUBERNETES_COMMIT = "f47bc2d6f199"
"""The commit of the release: it has no Go version of its own."""
PULUMI_LANGUAGE_PYTHON_COMMIT = "bee5e4fa4815"

KUBERNETES = "1.35.3"
ETCD = "3.6.14"
COREDNS = "1.12.4"
PAUSE = "3.10.1"
KUBE_NETWORK_POLICIES = "1.1.0"
LOCAL_PATH_PROVISIONER = "0.0.30"
METRICS_SERVER = "0.9.0"
KUBE_STATE_METRICS = "2.19.1"

KYVERNO = "1.19.0"
KUBE_SCORE = "1.20.0"
ACTIONLINT = "1.7.12"
