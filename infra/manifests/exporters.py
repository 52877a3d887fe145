"""Exporters: figures that the database and Kubernetes know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from infra.manifests.meta import Manifest
from infra.manifests.probes import Http, Probes
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import PostgresAccess
from infra.manifests.workload import SERVICE_ACCOUNT, SecretMount, Workload
from infra.settings import Labels, Resources
from workloads.kit.contracts import env, models, ports, tables
from workloads.kit.contracts.declared import services as declared
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM

POSTGRES_EXPORTER: Final = declared.POSTGRES_EXPORTER.name
KUBE_STATE_METRICS: Final = declared.KUBE_STATE_METRICS.name

WATCHED: Final = (PLATFORM, MONITORING)
"""Namespaces that kube-state-metrics looks at."""

WATCHED_KINDS: Final = {
    "": ("persistentvolumeclaims", "pods"),
    "apps": ("deployments", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
}
"""API group → kinds that kube-state-metrics counts."""

_CONFIG: Final = "/etc/carbon"
_CA: Final = "/var/run/secrets/postgres"
_TELEMETRY: Final = 8082
_OUTCOMES: Final = 500
"""Outcomes a symbol that live figures are taken over."""

_JOBS: Final = f"""
select job as job_name,
       coalesce(extract(epoch from max(finished_at) filter (where status = 'succeeded')), 0)
         as last_success_timestamp_seconds,
       coalesce((array_agg(status order by started_at desc)
                 filter (where status <> 'running'))[1] = 'failed', false)::int as last_run_failed
from {tables.SCHEMA}.{tables.JOB_RUNS}
group by job
"""

# Of the newest run that ended, whether well or not; none before there is one.
_WAREHOUSE: Final = f"""
select (select count(*) from jsonb_object_keys(coalesce(detail -> 'failed', '{{}}')))
         as tables_left_out,
       coalesce((detail ->> 'rows')::float8, 0) as rows,
       coalesce((detail ->> 'refused')::float8, 0) as rows_refused
from {tables.SCHEMA}.{tables.JOB_RUNS}
where job = '{WAREHOUSE_ETL.name}' and status <> 'running'
order by started_at desc
limit 1
"""

# Of each table by month: the months after this one that have a partition.
_MONTHS: Final = f"""
select p.relname as table_name,
       count(*) filter (where right(c.relname, 7) > to_char(now() at time zone 'utc', 'YYYY_MM')
                        and right(c.relname, 7) ~ '^[0-9]{{4}}_[0-9]{{2}}$') as months_ahead
from pg_partitioned_table t
join pg_class p on p.oid = t.partrelid and p.relnamespace = '{tables.SCHEMA}'::regnamespace
join pg_inherits i on i.inhparent = p.oid
join pg_class c on c.oid = i.inhrelid
group by 1
"""

_TRAINED: Final = f"""
select symbol, extract(epoch from max(at)) as timestamp_seconds
from {tables.SCHEMA}.{tables.MODEL_EVENTS}
where event = 'registered'
group by symbol
"""

# Real and synthetic prices never share a figure, nor do a model and the naive last value.
_LIVE: Final = f"""
select recent.symbol,
       case when recent.provenance = 'synthetic' then 'synthetic' else 'real' end as provenance,
       1 - avg(recent.abs_error) / nullif(avg(recent.naive_abs_error), 0) as skill,
       avg(recent.covered::int) as coverage
from (select distinct symbol from {tables.SCHEMA}.{tables.ML_PREDICTIONS}) symbols
cross join lateral (
  select o.symbol, o.provenance, o.abs_error, o.naive_abs_error, o.covered
  from {tables.SCHEMA}.{tables.PREDICTION_OUTCOMES} o
  where o.symbol = symbols.symbol and o.model_alias <> '{models.NAIVE}'
  order by o.event_time desc limit {_OUTCOMES}
) recent
group by 1, 2
"""


def queries() -> Manifest:
    """postgres-exporter's own queries; a metric is called after its query and its column."""
    return {
        "carbon_job": _query(
            _JOBS,
            labels={"job_name": "Scheduled job."},
            figures={
                "last_success_timestamp_seconds": "Unix time at which it last ended well, 0 if never.",
                "last_run_failed": "1 if its newest finished run failed.",
            },
        ),
        "carbon_warehouse_run": _query(
            _WAREHOUSE,
            labels={},
            figures={
                "tables_left_out": "Tables that it did not load, or that differ from their sources.",
                "rows": "Rows that it loaded.",
                "rows_refused": "Rows that it set aside for the first time.",
            },
        ),
        "carbon_store_partitions": _query(
            _MONTHS,
            labels={"table_name": "Table with a partition a month."},
            figures={"months_ahead": "Months after this one that have a partition."},
        ),
        "carbon_model_trained": _query(
            _TRAINED,
            labels={"symbol": "Symbol of the model."},
            figures={"timestamp_seconds": "Unix time at which its newest model was registered."},
        ),
        "carbon_model_live": _query(
            _LIVE,
            labels={"symbol": "Symbol of the model.", "provenance": "real or synthetic."},
            figures={
                "skill": f"1 - MAE / naive MAE over its last {_OUTCOMES} outcomes.",
                "coverage": "Share of those whose interval held the price that followed.",
            },
        ),
    }


def _query(sql: str, *, labels: Mapping[str, str], figures: Mapping[str, str]) -> Manifest:
    described = [(column, "LABEL", text) for column, text in labels.items()]
    described += [(column, "GAUGE", text) for column, text in figures.items()]
    return {
        "query": sql.strip(),
        "cache_seconds": 10,
        "metrics": [{c: {"usage": usage, "description": text}} for c, usage, text in described],
    }


def postgres_exporter(
    identity: Labels, image: str, resources: Resources, *, postgres: PostgresAccess, password: SecretValue
) -> Workload:
    """The exporter of the database's figures.

    Args:
        postgres: the database; its figures are those of the server itself, so no pooler stands between.
        password: of its role.
    """
    security, mounts = "sslmode=disable", ()
    if postgres.ca_secret is not None:
        security = f"sslmode=verify-full&sslrootcert={_CA}/{env.TLS_CA}"
        mounts = (SecretMount(name="postgres-ca", path=_CA, sources={postgres.ca_secret: (env.TLS_CA,)}),)
    return Workload(
        name=POSTGRES_EXPORTER,
        namespace=MONITORING,
        component="exporter",
        identity=identity,
        image=image,
        resources=resources,
        args=(
            f"--web.listen-address=:{ports.POSTGRES_EXPORTER}",
            f"--extend.query-path={_CONFIG}/queries.yml",
        ),
        env={
            "DATA_SOURCE_URI": f"{postgres.direct_host}:{ports.POSTGRES}/{tables.DATABASE}?{security}",
            "DATA_SOURCE_USER": declared.POSTGRES_EXPORTER.role or "",
            "DATA_SOURCE_PASS_FILE": f"{env.SECRETS_DIR}/{env.POSTGRES_PASSWORD}",
        },
        ports={"http": ports.POSTGRES_EXPORTER},
        files={"queries.yml": json.dumps(queries(), indent=1)},
        files_at=_CONFIG,
        secret_files={env.POSTGRES_PASSWORD: password},
        mounted_secrets=mounts,
        # Its metrics page asks the database: a database away must not restart the one that says so.
        probes=Probes(live=Http("/", ports.POSTGRES_EXPORTER), ready=Http("/", ports.POSTGRES_EXPORTER)),
        exceptions={"scaler": "two of them would ask the database twice"},
    )


def kube_state_metrics(identity: Labels, image: str, resources: Resources) -> Workload:
    """The exporter of what Kubernetes knows about the platform's objects."""
    kinds = sorted(kind for group in WATCHED_KINDS.values() for kind in group)
    return Workload(
        name=KUBE_STATE_METRICS,
        namespace=MONITORING,
        component="exporter",
        identity=identity,
        image=image,
        resources=resources,
        args=(
            f"--port={ports.KUBE_STATE_METRICS}",
            f"--telemetry-port={_TELEMETRY}",
            f"--resources={','.join(kinds)}",
            f"--namespaces={','.join(WATCHED)}",
        ),
        ports={"http": ports.KUBE_STATE_METRICS},
        probes=Probes(
            live=Http("/healthz", ports.KUBE_STATE_METRICS), ready=Http("/healthz", ports.KUBE_STATE_METRICS)
        ),
        exceptions={
            "scaler": "two of them would count everything twice",
            SERVICE_ACCOUNT: "counts the objects that the Kubernetes API lists",
        },
    )
