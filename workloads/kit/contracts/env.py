"""Environment variables that infra sets and workloads read. A secret is a file, which the variable names."""

from __future__ import annotations

from typing import Final

KAFKA_BOOTSTRAP: Final = "KAFKA_BOOTSTRAP"
"""host:port[,host:port…]"""
KAFKA_TLS_DIR: Final = "KAFKA_TLS_DIR"
"""Directory of TLS_CA, TLS_CERTIFICATE and TLS_KEY: Kafka is spoken to over TLS, by certificate. Optional."""

POSTGRES_HOST: Final = "POSTGRES_HOST"
POSTGRES_PORT: Final = "POSTGRES_PORT"
POSTGRES_DATABASE: Final = "POSTGRES_DATABASE"
POSTGRES_USER: Final = "POSTGRES_USER"
POSTGRES_PASSWORD_FILE: Final = "POSTGRES_PASSWORD_FILE"
POSTGRES_CA_FILE: Final = "POSTGRES_CA_FILE"
"""Certificate authority of the server, whose name and certificate are then verified. Optional."""

REDIS_URL: Final = "REDIS_URL"
REDIS_PASSWORD_FILE: Final = "REDIS_PASSWORD_FILE"
MLFLOW_TRACKING_URI: Final = "MLFLOW_TRACKING_URI"

OBJECT_STORE_URL: Final = "OBJECT_STORE_URL"
"""Where the object store answers; without it, S3 itself."""
LAKE_LOCATION: Final = "LAKE_LOCATION"
UPLOADS_LOCATION: Final = "UPLOADS_LOCATION"
"""s3://bucket/[prefix/] of the Iceberg tables, and of the files that legacy systems send."""
DOWNLOADS_LOCATION: Final = "DOWNLOADS_LOCATION"
"""data-api: s3://bucket/[prefix/] of the files of download jobs; without it, there are none."""
AWS_REGION: Final = "AWS_REGION"
AWS_CREDENTIALS_FILE: Final = "AWS_SHARED_CREDENTIALS_FILE"
"""Keys of the object store, as every client of S3 reads them; without it, Pod Identity gives them."""
ROLES: Final = "ROLES"
"""migrations: JSON list of the database roles that a stack has."""
TRINO_URL: Final = "TRINO_URL"
WAREHOUSE_SOURCES_FILE: Final = "WAREHOUSE_SOURCES_FILE"
WAREHOUSE_PSEUDONYM_KEY_FILE: Final = "WAREHOUSE_PSEUDONYM_KEY_FILE"
WAREHOUSE_COMPARE_HOURS: Final = "WAREHOUSE_COMPARE_HOURS"
"""warehouse-etl: JSON list of hours in UTC whose run compares keys and figures with the sources."""

METRICS_PORT: Final = "METRICS_PORT"
LOG_LEVEL: Final = "LOG_LEVEL"
CODE_VERSION: Final = "CODE_VERSION"
"""Content tag of the image, recorded with every trained model."""

POD_NAME: Final = "POD_NAME"

SOURCES_FILE: Final = "SOURCES_FILE"
"""price-pipeline: YAML file that lists its sources."""
PROVENANCE: Final = "PROVENANCE"
"""price-pipeline: what its prices may be, separated by commas: market, replay, synthetic; by default market
alone. The policies look at it: nothing else lets a price that no market made be published."""
REPLAY_INTERVAL_SECONDS: Final = "REPLAY_INTERVAL_SECONDS"
"""price-pipeline replay: seconds a step, instead of the source's own interval."""
REPLAY_AT_END: Final = "REPLAY_AT_END"
"""price-pipeline replay, after the last step: `idle` (stay up, ready) or `exit` (with 0)."""

INSTRUMENTS: Final = "INSTRUMENTS"
"""forecast-run: JSON list of the instruments whose delivery days are forecast (`contracts.instruments`)."""
VALUE_CURRENCY: Final = "VALUE_CURRENCY"
"""customer-metrics: currency of the purchases that customers' value is made of, e.g. EUR."""
MARKETS: Final = "MARKETS"
"""market-connectors: names of its markets, e.g. DE-LU,PL."""
STAY_SECONDS: Final = "STAY_SECONDS"
"""market-connectors: how long a run brings what is published meanwhile."""

FEATURE_WINDOWS: Final = "FEATURE_WINDOWS"
"""Session counts of the feature set, e.g. 7,30,90: the same for training, serving and prediction-consumer."""

TRAINING_SHARDS: Final = "TRAINING_SHARDS"
"""model-training: pods of an indexed job that share a run; by default one has all symbols."""

TOPIC_REPLICATION: Final = "TOPIC_REPLICATION"
TOPIC_MIN_INSYNC: Final = "TOPIC_MIN_INSYNC"
TOPIC_RETENTION_MS: Final = "TOPIC_RETENTION_MS"
"""migrations topics: JSON, topic -> retention in ms where it is not the declared one."""

KEEP_MONTHS: Final = "KEEP_MONTHS"
"""migrations partitions: JSON, table -> months before this one that are kept; of others all."""

TENANTS: Final = "TENANTS"
"""migrations upgrade: JSON list of the tenants' names."""

ENTITLEMENTS: Final = "ENTITLEMENTS"
"""migrations upgrade: JSON, tenant -> what it gets (`contracts.entitlements.Entitlement`)."""

WORKERS: Final = "WORKERS"
"""Web servers: processes a pod."""

MAX_PROCESSES: Final = "MAX_PROCESSES"
"""api-integration: worker processes of all pods at most."""

TLS_CA: Final = "ca.crt"
TLS_CERTIFICATE: Final = "user.crt"
TLS_KEY: Final = "user.key"
"""Files of KAFKA_TLS_DIR, PEM: who signed the brokers' certificates, and who this client is."""

POSTGRES_PASSWORD: Final = "postgres-password"
"""Name of the secret file with a role's password of the database, and its key in the secret."""

PASSWORDS: Final = ("", ".next", ".previous")
"""What follows that name: a password that rotates has the one to come and the one before beside it, so that
no log-in is refused while server and pods change over."""
AWS_CREDENTIALS: Final = "aws-credentials"
"""Name of the secret file with the keys of the object store, in the AWS clients' own format."""
OBJECT_STORE_SECRET: Final = "object-store-secret"
"""Name of the secret file with the store's own secret key."""

READER_USER: Final = "READER_USER"
READER_PASSWORD_FILE: Final = "READER_PASSWORD_FILE"
READER_PASSWORD: Final = "reader-password"
"""superset: role that charts' queries log in as, and the name of the secret file with its password."""
SUPERSET_PORT: Final = "SUPERSET_PORT"
SUPERSET_SECRETS_DIR: Final = "SUPERSET_SECRETS_DIR"
"""superset: where its own secrets' files are, where not at SECRETS_DIR."""
OIDC: Final = "OIDC"
"""superset and data-api: JSON of the issuer at which people log in, by each one's own settings; without it by
password or key."""
DASHBOARDS: Final = "DASHBOARDS"
DASHBOARDS_KEY_FILE: Final = "DASHBOARDS_KEY_FILE"
"""data-api: address at which people reach Superset, and file with the key that signs its guests' tokens."""
EMBEDDERS: Final = "EMBEDDERS"
"""superset: JSON list of origins whose pages may show dashboards to guests."""
SECURE_COOKIES: Final = "SECURE_COOKIES"
"""superset: `true` where people come over HTTPS alone."""
KEYCLOAK_URL: Final = "KEYCLOAK_URL"
KEYCLOAK_SECRETS_DIR: Final = "KEYCLOAK_SECRETS_DIR"
REALM: Final = "REALM"
"""keycloak-prepare: where Keycloak answers; where its secrets' files are, where not at SECRETS_DIR; JSON of
`contracts.people.RealmFacts`."""
KEYCLOAK_HOSTNAME: Final = "KEYCLOAK_HOSTNAME"
KEYCLOAK_ADMIN_PASSWORD_FILE: Final = "KEYCLOAK_ADMIN_PASSWORD_FILE"
"""keycloak: URL at which people reach it, which every token's issuer begins with; file with its
administrator's first password."""
REPORT: Final = "REPORT"
"""superset: JSON of `dashboards`, `host` and `address` of a report."""
REPORT_WEBHOOK_FILE: Final = "REPORT_WEBHOOK_FILE"
"""superset: file with the address that takes a report, which is a secret."""
EGRESS_FILE: Final = "EGRESS_FILE"
EGRESS_PASSWORD_FILE: Final = "EGRESS_PASSWORD_FILE"

EGRESS_PASSWORD: Final = "egress-password"
"""Name of the secret file by which a workload is known at the egress proxy."""

SECRETS_DIR: Final = "/var/run/secrets/carbon"
"""Where infra mounts a workload's secret files, one a key."""
