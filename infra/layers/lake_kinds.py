"""The object store, the way that a stack's settings choose, and Trino over it."""

from __future__ import annotations

import pulumi

from infra.components.object_store import ObjectStore, ObjectStoreArgs
from infra.components.trino import Trino, TrinoArgs
from infra.layers.data_kinds import DataSite
from infra.manifests import object_store, trino
from infra.manifests.network import Paths
from infra.manifests.services import ObjectAccess, PostgresAccess
from infra.names import DOWNLOADS, LAKE, UPLOADS
from infra.settings import lake
from workloads.kit.contracts.declared.services import OBJECT_STORE


def objects(
    site: DataSite, settings: lake.ObjectStore, paths: Paths, opts: pulumi.ResourceOptions
) -> ObjectAccess:
    """The object store; what clients need."""
    match settings:
        case lake.ObjectStoreGateway():
            (name,) = OBJECT_STORE.own_secrets.values()
            args = ObjectStoreArgs(
                identity=site.identity,
                image=site.images.of(OBJECT_STORE.of_image),
                domain=site.domain,
                secret=site.passwords.own[name],
                settings=settings,
                paths=paths,
            )
            return ObjectStore(object_store.NAME, args, opts).access
        case lake.ObjectStoreS3():
            bucket = site.bucket("warehouse", "object_store")
            assert site.names is not None, "it has a bucket"
            return ObjectAccess(
                lake=f"s3://{bucket}/{LAKE}/",
                uploads=f"s3://{bucket}/{UPLOADS}/",
                downloads=f"s3://{bucket}/{DOWNLOADS}/",
                region=site.names.region,
            )


def query_engine(
    site: DataSite,
    settings: lake.TrinoServer,
    database: PostgresAccess,
    store: ObjectAccess,
    paths: Paths,
    opts: pulumi.ResourceOptions,
) -> Trino:
    """Trino."""
    args = TrinoArgs(
        identity=site.identity,
        image=site.images.of(trino.NAME),
        postgres=database,
        password=site.passwords.roles[trino.ROLE],
        objects=store,
        settings=settings,
        paths=paths,
    )
    return Trino(trino.NAME, args, opts)
