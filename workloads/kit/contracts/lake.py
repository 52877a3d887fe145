"""The lake: buckets, the Iceberg tables in them, and as whom and for what one asks Trino."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts.tables import Layer

BUCKET: Final = "lake"
"""Bucket of the Iceberg tables where the platform runs the object store itself."""

UPLOADS: Final = "warehouse-uploads"
"""Bucket of the files that legacy systems send, likewise."""

DOWNLOADS: Final = "downloads"
"""Bucket of the files that tenants asked for, likewise."""

REGION: Final = "us-east-1"
"""What a client signs for where the store is no AWS region: the gateway's default."""

ACCESS_KEY: Final = "carbon"
"""Name of the one account of the store; its secret key is a secret."""

LAKE: Final = "lake"
WAREHOUSE: Final = "warehouse"
"""Catalogues of Trino: the Iceberg tables, and the layers in PostgreSQL, which Trino only reads."""

SHOWN: Final[tuple[Layer, ...]] = ("cleaned", "analytics")
"""Layers, schemas of both catalogues, that analysts read."""

CATALOGUE_LAYER: Final[Layer] = "lake"
"""Schema of the warehouse's database that holds the catalogue of the Iceberg tables."""

OF_TENANTS: Final[frozenset[str]] = frozenset()
"""Tables and views of `analytics`, in either catalogue, with the column `tenants.TENANT_ID`: a tenant sees
its own rows of these, and nothing else."""

LARGE: Final = "large"
"""Source that a client names for a query that may take most of the memory; one of them runs at a time."""
