"""Trino's configuration files: one server that is coordinator and worker, with two catalogues.

No file has a secret: the driver of PostgreSQL reads passwords from the file that `PGPASSFILE` names, at each
connection, and the client of S3 takes its keys from where all of them do.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.manifests.services import ObjectAccess
from workloads.kit.contracts import lake, tenants
from workloads.kit.contracts.declared.services import TRINO
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL

OWNER: Final = WAREHOUSE_ETL.name
"""User that makes and fills the tables of the lake."""

_QUERIES_SHARE: Final = 0.4
_HEADROOM_SHARE: Final = 0.2
"""Of the heap: what queries may take, and what is left for what Trino does not count."""

_REFUSED: Final = "not-yours"
"""Group of what nobody but the owner may ask for: it lets nothing in, and its name is in the answer."""

_ENDED: Final = ("57P01", "57P02", "57P03")
"""What PostgreSQL says on a connection that it ends: a restart, a crash, a start that is not over yet."""

_CATALOGUES: Final = f"{lake.LAKE}|{lake.WAREHOUSE}"
_SHOWN: Final = "|".join(lake.SHOWN)
_TENANTS: Final = f"{tenants.role('')}.+"
"""Users that are tenants: each is called as its role in the database."""

_OWN_ROWS: Final = f"'{tenants.role('')}' || replace({tenants.TENANT_ID}, '-', '_') = current_user"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a server runs.

    Args:
        etc: directory of these files.
        data: directory that it writes to.
        address: that it listens at; all where None.
        database: host:port/name, of PostgreSQL itself: the catalogue asks for a session with a state of its
            own.
        ca_file: authority of PostgreSQL's certificate, which is then verified; None where connections are in
            clear.
    """

    etc: str
    data: str
    port: int
    address: str | None = None
    database: str
    ca_file: str | None = None
    objects: ObjectAccess


def files(place: Place, heap_mib: int, of_tenants: Collection[str] = lake.OF_TENANTS) -> dict[str, str]:
    """Name in `place.etc` → content.

    Args:
        heap_mib: of the JVM.
        of_tenants: tables of the last of `lake.SHOWN` whose rows each belong to a tenant.
    """
    return {
        "config.properties": _properties(_server(place, heap_mib)),
        "node.properties": _properties({"node.environment": "carbon", "node.data-dir": place.data}),
        "jvm.config": _jvm(heap_mib),
        "log.properties": _properties({"io.trino": "INFO"}),
        f"catalog/{lake.WAREHOUSE}.properties": _properties(_warehouse(place)),
        f"catalog/{lake.LAKE}.properties": _properties(_lake(place)),
        "access-control.properties": _properties(
            {"access-control.name": "file", "security.config-file": f"{place.etc}/rules.json"}
        ),
        "rules.json": _json(rules(of_tenants)),
        "resource-groups.properties": _properties(
            {
                "resource-groups.configuration-manager": "file",
                "resource-groups.config-file": f"{place.etc}/groups.json",
            }
        ),
        "groups.json": _json(groups()),
    }


def escaped(password: str) -> str:
    """A password as `pgpass` takes it."""
    return password.replace("\\", "\\\\").replace(":", "\\:")


def pgpass(password: str) -> str:
    """The file that `PGPASSFILE` names.

    Args:
        password: of Trino's role, escaped as that file has it.
    """
    return f"*:*:*:{TRINO.role}:{password}\n"


def rules(of_tenants: Collection[str]) -> dict[str, Any]:
    """Who may do what, first match first: the owner fills the lake, a tenant sees its own rows of a few
    tables, anybody else reads what is shown. A user is who it says it is, so who may ask at all is for the
    network to say.

    Args:
        of_tenants: as `files` takes it.
    """
    marts = lake.SHOWN[-1]
    return {
        "catalogs": [
            # Of PostgreSQL it may change nothing: neither the tables' rule nor the role lets it. But a view
            # of its own over these is for others to read, and that is asked of the catalogue.
            {"user": OWNER, "catalog": _CATALOGUES, "allow": "all"},
            {"catalog": f"{_CATALOGUES}|system", "allow": "read-only"},
        ],
        "schemas": [{"user": OWNER, "catalog": lake.LAKE, "owner": True}, {"owner": False}],
        "tables": [
            {
                "user": OWNER,
                "catalog": lake.LAKE,
                "privileges": ["SELECT", "INSERT", "DELETE", "UPDATE", "OWNERSHIP", "GRANT_SELECT"],
            },
            # The catalogue's own tables are no data.
            {"catalog": lake.WAREHOUSE, "schema": lake.CATALOGUE_LAYER, "privileges": []},
            {"user": OWNER, "catalog": lake.WAREHOUSE, "privileges": ["SELECT", "GRANT_SELECT"]},
            *(
                {
                    "user": _TENANTS,
                    "catalog": _CATALOGUES,
                    "schema": marts,
                    "table": table,
                    "privileges": ["SELECT"],
                    "filter": _OWN_ROWS,
                }
                for table in sorted(of_tenants)
            ),
            {"user": _TENANTS, "privileges": []},
            {"catalog": _CATALOGUES, "schema": _SHOWN, "privileges": ["SELECT"]},
            {"privileges": []},
        ],
        # A function that hands SQL on to PostgreSQL would pass these rules by.
        "functions": [
            {"catalog": "system", "schema": "builtin", "privileges": ["EXECUTE", "GRANT_EXECUTE"]},
            {"privileges": []},
        ],
        "procedures": [
            {"user": OWNER, "catalog": lake.LAKE, "privileges": ["EXECUTE"]},
            {"privileges": []},
        ],
        # Everybody sees and ends queries of their own.
        "queries": [{"allow": ["execute"]}],
    }


def groups() -> dict[str, Any]:
    """How queries share the server: a few small ones at a time beside one large one."""
    return {
        "rootGroups": [
            {
                "name": lake.LARGE,
                "softMemoryLimit": "80%",
                "hardConcurrencyLimit": 1,
                "maxQueued": 20,
            },
            {"name": "small", "softMemoryLimit": "40%", "hardConcurrencyLimit": 4, "maxQueued": 100},
            {"name": _REFUSED, "softMemoryLimit": "0%", "hardConcurrencyLimit": 0, "maxQueued": 0},
        ],
        "selectors": [
            {"user": OWNER, "group": lake.LARGE},
            # What rewrites a table or drops its history (ALTER TABLE … EXECUTE), which no rule is asked of.
            {"queryType": "ALTER_TABLE_EXECUTE", "group": _REFUSED},
            # A tenant does not choose to be large.
            {"user": _TENANTS, "group": "small"},
            {"source": lake.LARGE, "group": lake.LARGE},
            {"group": "small"},
        ],
    }


def _server(place: Place, heap_mib: int) -> dict[str, str]:
    queries = f"{int(heap_mib * _QUERIES_SHARE)}MB"
    made = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.port": str(place.port),
        "discovery.uri": f"http://127.0.0.1:{place.port}",
        # It talks to nobody but itself.
        "node.internal-address": "127.0.0.1",
        "query.max-memory": queries,
        "query.max-memory-per-node": queries,
        "memory.heap-headroom-per-node": f"{int(heap_mib * _HEADROOM_SHARE)}MB",
        "query.max-history": "50",
    }
    if place.address is not None:
        made["node.bind-ip"] = place.address
    return made


def _jvm(heap_mib: int) -> str:
    options = (
        f"-Xmx{heap_mib}m",
        "-Xms256m",
        "-XX:+UseG1GC",
        # What the machine gives shared memory for by default is not there in a pod with a read-only root.
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-OmitStackTraceInFastThrow",
        "-XX:ReservedCodeCacheSize=192m",
        "-Djdk.attach.allowAttachSelf=true",
        "-XX:+EnableDynamicAgentLoading",
        "-Dfile.encoding=UTF-8",
        "--enable-native-access=ALL-UNNAMED",
    )
    return "".join(f"{option}\n" for option in options)


def _warehouse(place: Place) -> dict[str, str]:
    return {
        "connector.name": "postgresql",
        "connection-url": _jdbc(place),
        "connection-user": TRINO.role or "",
        # Of a number without a precision: so many digits after the point, and no text.
        "decimal-mapping": "ALLOW_OVERFLOW",
        "decimal-default-scale": "10",
        "decimal-rounding-mode": "HALF_UP",
        # jsonb of the raw rows, and whatever else Trino has no type for.
        "unsupported-type-handling": "CONVERT_TO_VARCHAR",
    }


def _lake(place: Place) -> dict[str, str]:
    made = {
        "connector.name": "iceberg",
        "iceberg.catalog.type": "jdbc",
        "iceberg.jdbc-catalog.catalog-name": lake.LAKE,
        "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
        "iceberg.jdbc-catalog.connection-url": _jdbc(place, currentSchema=lake.CATALOGUE_LAYER),
        "iceberg.jdbc-catalog.connection-user": TRINO.role or "",
        "iceberg.jdbc-catalog.retryable-status-codes": ",".join(_ENDED),
        "iceberg.jdbc-catalog.default-warehouse-dir": place.objects.lake.rstrip("/"),
        "fs.native-s3.enabled": "true",
        "s3.region": place.objects.region,
    }
    if place.objects.url is not None:
        made |= {"s3.endpoint": place.objects.url, "s3.path-style-access": "true"}
    return made


def _jdbc(place: Place, **parameters: str) -> str:
    said = {"ApplicationName": TRINO.name, **parameters}
    if place.ca_file is not None:
        said |= {"sslmode": "verify-full", "sslrootcert": place.ca_file}
    query = "&".join(f"{name}={value}" for name, value in said.items())
    return f"jdbc:postgresql://{place.database}?{query}"


def _properties(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1) + "\n"
