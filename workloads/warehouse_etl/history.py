"""The layers' history as Iceberg tables: what each load brought, kept where it outgrows one machine.

A table says itself up to which load it has: a load is appended and that is said in one commit, so that a copy
that was broken off is made again, once.
"""

# The packages of the image are in an environment of their own, where pyright does not look.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import psycopg
import pyarrow as pa
import structlog
from psycopg import sql
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError

from workloads.kit import db
from workloads.kit.contracts import lake
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.kit.db import Connection
from workloads.warehouse_etl.settings import WarehouseSettings

_log: Any = structlog.get_logger(__name__)

_LOADED: Final = "carbon.load-id"
"""Property of a table: the last load that it has."""

_ROWS_AT_ONCE: Final = 100_000

_RAW: Final = sql.SQL(
    "SELECT load_id, ordinal, source, table_name, operation, key, record::text AS record FROM raw.records"
    " WHERE load_id > %s AND load_id <= %s ORDER BY load_id, ordinal"
)

# Digits of Iceberg's widest decimal: ten after the point, as Trino shows PostgreSQL's numbers.
_NUMBER: Final = pa.decimal128(38, 10)
_TYPES: Final[dict[str, pa.DataType]] = {
    "int8": pa.int64(),
    "int4": pa.int32(),
    "text": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "numeric": _NUMBER,
    "float8": pa.float64(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


def keep(settings: WarehouseSettings, connection: Connection) -> tuple[int, dict[str, str]]:
    """Append what the lake lacks of the raw and the cleaned layer, whatever becomes of one table. Returns how
    many rows that was, and table → why it got none.

    Raises:
        OSError: the object store is away or refuses: the next run appends what this one could not.
    """
    row = connection.execute("SELECT coalesce(max(load_id), 0) FROM etl.loads").fetchone()
    until = row[0] if row else 0
    catalogue = _catalogue(settings)
    wanted: list[tuple[str, str, sql.SQL | sql.Composed]] = [("raw", "records", _RAW)]
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'cleaned' ORDER BY tablename"
    ).fetchall()
    wanted += [("cleaned", name, _cleaned(connection, name)) for (name,) in tables]
    rows, failed = 0, dict[str, str]()
    for layer, name, query in wanted:
        try:
            rows += _appended(catalogue, connection, layer, name, query, until)
        except (psycopg.DataError, pa.ArrowException, ValueError, CommitFailedException) as error:
            failed[f"{lake.LAKE}.{layer}.{name}"] = f"{type(error).__name__}: {error}"
            _log.error("lake_table_failed", table=f"{layer}.{name}", error=str(error))
    return rows, failed


def _appended(
    catalogue: SqlCatalog,
    connection: Connection,
    layer: str,
    name: str,
    query: sql.SQL | sql.Composed,
    until: int,
) -> int:
    try:
        table = catalogue.load_table((layer, name))
    except NoSuchTableError:
        catalogue.create_namespace_if_not_exists(layer)
        table = catalogue.create_table((layer, name), schema=_schema(connection, query))
    since = int(table.properties.get(_LOADED, "0"))
    if since >= until:
        return 0
    count = 0
    wanted = _schema(connection, query)
    with table.transaction() as transaction:
        if missing := set(wanted.names) - set(table.schema().as_arrow().names):
            _log.info("lake_columns_added", table=name, columns=sorted(missing))
            with transaction.update_schema() as change:
                change.union_by_name(wanted)
        for batch in _batches(connection, query, since, until, wanted):
            transaction.append(batch)
            count += batch.num_rows
        transaction.set_properties({_LOADED: str(until)})
    return count


def _batches(
    connection: Connection, query: sql.SQL | sql.Composed, since: int, until: int, schema: pa.Schema
) -> Iterator[pa.Table]:
    with connection.transaction(), connection.cursor(name="lake") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(query, (since, until))
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(values, of.type) for values, of in zip(columns, schema, strict=True)]
            yield pa.Table.from_arrays(arrays, schema=schema)


def _schema(connection: Connection, query: sql.SQL | sql.Composed) -> pa.Schema:
    found = (
        connection.execute(sql.SQL("SELECT * FROM ({}) rows LIMIT 0").format(query), (0, 0)).description or ()
    )
    types = connection.adapters.types
    fields: list[pa.Field[Any]] = []
    for column in found:
        known = types.get(column.type_code)
        fields.append(pa.field(column.name, _TYPES.get(known.name if known else "", pa.string())))
    return pa.schema(fields)


def _cleaned(connection: Connection, name: str) -> sql.Composed:
    """Rows as their last load left them; JSON as text, numbers as the lake has them."""
    columns = connection.execute(
        "SELECT column_name, udt_name FROM information_schema.columns"
        " WHERE table_schema = 'cleaned' AND table_name = %s ORDER BY ordinal_position",
        (name,),
    ).fetchall()
    casts = {"numeric": sql.SQL("{0}::numeric(38, 10) AS {0}"), "jsonb": sql.SQL("{0}::text AS {0}")}
    listed = [casts.get(of, sql.SQL("{0}")).format(sql.Identifier(column)) for column, of in columns]
    return sql.SQL("SELECT {} FROM {} WHERE load_id > %s AND load_id <= %s ORDER BY load_id, key").format(
        sql.SQL(", ").join(listed), sql.Identifier("cleaned", name)
    )


def _catalogue(settings: WarehouseSettings) -> SqlCatalog:
    made = db.parameters(settings.of_warehouse, application_name=WAREHOUSE_ETL.name)
    with db.connect(settings.of_warehouse, application_name=WAREHOUSE_ETL.name) as connection:
        password = connection.info.password
    options = quote(f"-c search_path={lake.CATALOGUE_LAYER}")
    verified = "".join(
        f"&{name}={quote(str(made[name]))}" for name in ("sslmode", "sslrootcert") if name in made
    )
    where = f"{made['host']}:{made['port']}/{made['dbname']}?options={options}{verified}"
    given = {
        "uri": f"postgresql+psycopg://{quote(made['user'])}:{quote(password, safe='')}@{where}",
        "init_catalog_tables": "false",
        "warehouse": settings.lake_location or "",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }
    if settings.aws_region is not None:
        given["s3.region"] = settings.aws_region
    if settings.object_store_url is not None:
        given["s3.endpoint"] = settings.object_store_url
    return SqlCatalog(lake.LAKE, **given)
