"""The object store: S3 over a volume, by versitygw."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from infra.manifests.probes import Http, Probes
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import ObjectAccess
from infra.manifests.workload import Volume, Workload
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import env, lake, ports
from workloads.kit.contracts.declared.services import OBJECT_STORE
from workloads.kit.contracts.namespaces import PLATFORM

NAME: Final = OBJECT_STORE.name
HEALTH: Final = "/healthz"
BUCKETS: Final = (lake.BUCKET, lake.UPLOADS, lake.DOWNLOADS)

_VOLUME: Final = "/data"


def workload(
    identity: Labels, image: str, resources: Resources, storage: Storage, *, secret: SecretValue
) -> Workload:
    """The server's pod, which has its buckets from its start on.

    Args:
        secret: key of its one account.
    """
    file = f"{env.SECRETS_DIR}/{env.OBJECT_STORE_SECRET}"
    return Workload(
        name=NAME,
        namespace=PLATFORM,
        component="object-store",
        identity=identity,
        image=image,
        resources=resources,
        env=variables(secret_file=file, data=_VOLUME, listen=f":{ports.OBJECT_STORE}"),
        ports={"http": ports.OBJECT_STORE},
        secret_files={env.OBJECT_STORE_SECRET: secret},
        volume=Volume(storage, _VOLUME),
        probes=Probes(live=Http(HEALTH, ports.OBJECT_STORE), ready=Http(HEALTH, ports.OBJECT_STORE)),
        exceptions={"scaler": "one volume holds the objects, and one pod may mount it"},
    )


def variables(*, secret_file: str, data: str, listen: str) -> dict[str, str]:
    """The server's whole configuration, as its image takes it.

    Args:
        secret_file: with the secret key of its account.
        data: directory of the buckets.
        listen: [address]:port.
    """
    return {
        "ROOT_ACCESS_KEY_ID": lake.ACCESS_KEY,
        "ROOT_SECRET_ACCESS_KEY_FILE": secret_file,
        "VGW_DATA": data,
        "VGW_BUCKETS": " ".join(BUCKETS),
        "VGW_PORT": listen,
        "VGW_REGION": lake.REGION,
        "VGW_HEALTH": HEALTH,
    }


def credentials(secret: str) -> str:
    """The account's keys in the file that every client of S3 reads."""
    return f"[default]\naws_access_key_id={lake.ACCESS_KEY}\naws_secret_access_key={secret}\n"


def access(url: str, secret: SecretValue) -> ObjectAccess:
    """What clients need.

    Args:
        url: where it answers.
    """
    return ObjectAccess(
        lake=f"s3://{lake.BUCKET}/",
        uploads=f"s3://{lake.UPLOADS}/",
        downloads=f"s3://{lake.DOWNLOADS}/",
        region=lake.REGION,
        url=url,
        secret=secret,
    )


def lake_locations(objects: ObjectAccess) -> dict[str, str]:
    """What who keeps the lake is told besides."""
    return {env.LAKE_LOCATION: objects.lake, env.UPLOADS_LOCATION: objects.uploads}


def with_objects(w: Workload, objects: ObjectAccess) -> Workload:
    """The workload as a client of the store, whichever it is."""
    told = {env.AWS_REGION: objects.region}
    if objects.url is not None:
        told[env.OBJECT_STORE_URL] = objects.url
    if objects.secret is None:
        return replace(w, env={**w.env, **told})
    told[env.AWS_CREDENTIALS_FILE] = f"{env.SECRETS_DIR}/{env.AWS_CREDENTIALS}"
    if isinstance(objects.secret, str):
        files = {**w.secret_files, env.AWS_CREDENTIALS: credentials(objects.secret)}
        return replace(w, env={**w.env, **told}, secret_files=files)
    return replace(
        w,
        env={**w.env, **told},
        secret_files={**w.secret_files, env.OBJECT_STORE_SECRET: objects.secret},
        secret_templates={
            **w.secret_templates,
            env.AWS_CREDENTIALS: credentials(f'{{{{ index . "{env.OBJECT_STORE_SECRET}" }}}}'),
        },
    )
