"""Alembic's environment: runs the versions on the connection that `schema.migrate` hands over."""

from __future__ import annotations

from alembic import context

from workloads.kit.contracts import tables

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=tables.SCHEMA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
