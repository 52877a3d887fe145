"""migrations: what the database and the brokers have to hold before the others start."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.services import KAFKA, POSTGRES

MIGRATIONS: Final = Declaration(
    name="migrations",
    about="brings databases, tables, roles and grants to what is declared",
    kind="job",
    part_of="jobs",
    # As the superuser: it makes the roles that the others log in as.
    calls=(POSTGRES.name,),
)

PARTITIONS: Final = Declaration(
    name="store-partitions",
    about="makes the feature store's months ahead of time, and drops those that are not kept",
    kind="job",
    part_of="jobs",
    image=MIGRATIONS.name,
    # As the superuser, whose the tables are.
    calls=(POSTGRES.name,),
)

TOPICS: Final = Declaration(
    name="topics",
    about="brings the topics to what is declared",
    kind="job",
    part_of="jobs",
    image=MIGRATIONS.name,
    # Where rights are checked an operator declares the topics in its place.
    calls=(KAFKA.name,),
)
