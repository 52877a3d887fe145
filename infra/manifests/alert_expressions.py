"""What alerts ask of Prometheus, where that takes more than a line."""

from __future__ import annotations

from workloads.kit.contracts import metrics
from workloads.kit.contracts.namespaces import PLATFORM


def rise(by: str, counter: str, window: str) -> str:
    """Expression of how far a counter rose within a window, by labels. One that came up within it began at 0
    (a pod that starts, a label that is new), which `increase` does not know of what it first saw above."""
    born = f"({counter} unless count_over_time({counter}[1d] offset {window}))"
    return f"sum by ({by}) ({born} or increase({counter}[{window}]))"


def no_pod(deployment: str) -> str:
    """Expression of a server of the platform of which no pod is ready; it has no figures of its own."""
    labels = f'namespace="{PLATFORM}",deployment="{deployment}"'
    return f"max by (deployment) (kube_deployment_status_replicas_available{{{labels}}}) == 0"


def job_failed() -> str:
    """Expression of a scheduled job whose newest run says that it failed, or of which Kubernetes says that a
    run failed which began after the last that said it ended well: a process that ran out of memory or time,
    or never began, says nothing of itself."""
    here = f'namespace="{PLATFORM}"'
    began = (
        f"kube_job_status_start_time{{{here}}} * on (job_name) group_left (owner_name)"
        f' kube_job_owner{{{here},owner_kind="CronJob"}}'
    )
    failed = f'({began}) and on (job_name) kube_job_failed{{{here},condition="true"}} == 1'
    newest = f'max by (job_name) (label_replace({failed}, "job_name", "$1", "owner_name", "(.+)"))'
    return (
        f"max by (job_name) ({metrics.JOB_LAST_RUN_FAILED}) == 1"
        f" or {newest} > max by (job_name) ({metrics.JOB_LAST_SUCCESS})"
    )


def quality(severity: str) -> str:
    """Expression of the quality alerts of a severity."""
    return f'{metrics.QUALITY_ALERTS}{{severity="{severity}"}}'
