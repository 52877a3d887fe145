"""Objects of a bucket."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final, cast
from urllib.parse import unquote, urlsplit

import certifi
from pyarrow import fs

from workloads.kit.contracts.sources.store_config import S3Source
from workloads.price_pipeline.sources.secret import read_secret
from workloads.price_pipeline.sources.store import Stored, fixed, matches

_READ_BYTES: Final = 8 << 20
"""Of one request for a part of an object."""


class S3Store:
    """The bucket, through the egress proxy where this process is led there."""

    def __init__(self, config: S3Source) -> None:
        """Raises SourceError if the key cannot be read."""
        at = urlsplit(config.address)
        self._config = config
        given: dict[str, Any] = {"anonymous": True}
        if config.secret_access_key_file is not None:
            secret = read_secret(config.secret_access_key_file, "secret_access_key_file")
            given = {"access_key": config.access_key_id, "secret_key": secret}
        self._store = fs.S3FileSystem(
            **given,
            region=config.region,
            scheme=at.scheme,
            # Given, it has the bucket stand in the path, and one host name is all that is asked.
            endpoint_override=at.netloc,
            connect_timeout=10,
            request_timeout=60,
            proxy_options=_proxy() if at.scheme == "https" else None,
            # As httpx takes them.
            tls_ca_file_path=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        )

    def files(self) -> Sequence[Stored]:
        folder, patterns = fixed(self._config.pattern)
        root = f"{self._config.bucket}/{folder}".rstrip("/")
        chosen = fs.FileSelector(root, recursive=len(patterns) > 1, allow_not_found=bool(folder))
        found = [
            Stored(one.path.removeprefix(f"{self._config.bucket}/"), one.mtime)
            for one in self._store.get_file_info(chosen)
            if one.type == fs.FileType.File and matches(one.path.removeprefix(f"{root}/"), patterns)
        ]
        return sorted(found)

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        with self._store.open_input_file(f"{self._config.bucket}/{name}") as content:
            yield cast(IO[bytes], io.BufferedReader(cast(Any, content), _READ_BYTES))


@contextmanager
def connected(config: S3Source) -> Iterator[S3Store]:
    """The bucket; errors as those of `S3Store`."""
    yield S3Store(config)


def _proxy() -> dict[str, Any] | None:
    """Where `egress.use` leads this process, as Arrow wants to be told."""
    url = os.environ.get("HTTPS_PROXY")
    if not url:
        return None
    at = urlsplit(url)
    proxy: dict[str, Any] = {"scheme": at.scheme, "host": at.hostname, "port": at.port}
    if at.username is not None:
        proxy |= {"username": unquote(at.username), "password": unquote(at.password or "")}
    return proxy
