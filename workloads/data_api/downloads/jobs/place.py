"""Where files are kept: a bucket of the object store."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from workloads.data_api.downloads.jobs.settings import JobSettings

if TYPE_CHECKING:  # memory that a worker needs only if it is asked for a file
    from pyarrow import fs

_PART: Final = 4 << 20
"""Bytes that are asked of a file at once, all of which are held."""
_CONNECT_SECONDS: Final = 3
_REQUEST_SECONDS: Final = 20
_ATTEMPTS: Final = 3


class PlaceAway(Exception):
    """The object store does not answer, or not as it should."""


@contextmanager
def _told() -> Generator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise PlaceAway(f"{type(error).__name__}: {error}") from error


class Place:
    """Files by name. Every method raises PlaceAway.

    Args:
        location: s3://bucket/[prefix/].
    """

    def __init__(self, location: str, settings: JobSettings) -> None:
        self._root = location.removeprefix("s3://")
        self._settings = settings
        self._made: fs.FileSystem | None = None
        self._making = threading.Lock()

    def _store(self) -> fs.FileSystem:
        from pyarrow import fs

        # Not before it is needed: it keeps threads of its own.
        with self._making:
            if self._made is None:
                self._made = fs.S3FileSystem(**self._given())
            return self._made

    def _given(self) -> dict[str, Any]:
        from pyarrow import fs

        s = self._settings
        given: dict[str, Any] = {
            "connect_timeout": _CONNECT_SECONDS,
            "request_timeout": _REQUEST_SECONDS,
            "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        }
        if s.aws_region is not None:
            given["region"] = s.aws_region
        if s.object_store_url is not None:
            scheme, _, host = s.object_store_url.rstrip("/").partition("://")
            given |= {"endpoint_override": host, "scheme": scheme}
        return given

    @contextmanager
    def written(self, name: str) -> Generator[Any]:
        """Write a file, in parts as it comes; it is there when the block ends, not where it breaks off."""
        with _told():
            out: Any = self._store().open_output_stream(self._root + name)
        try:
            yield out
            with _told():
                out.close()
        except BaseException:
            self._given_up(out, name)
            raise

    def _given_up(self, out: Any, name: str) -> None:
        # A stream has no other end than to be closed: what is there then is nobody's.
        try:
            with _told():
                out.close()
                self._store().delete_file(self._root + name)
        except PlaceAway:
            return  # it goes with the job

    def read(self, name: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`; the first are there when this returns."""
        with _told():
            file: Any = self._store().open_input_file(self._root + name)
            file.seek(start)
            first: bytes = file.read(min(_PART, end - start))
        return _parts(file, first, end - start)

    def names(self, folder: str) -> list[str]:
        """Names of the files of a folder."""
        from pyarrow import fs

        with _told():
            at = fs.FileSelector(self._root + folder, allow_not_found=True)
            found = self._store().get_file_info(at)
        return [one.path.removeprefix(self._root) for one in found if one.type == fs.FileType.File]

    def remove(self, name: str) -> None:
        """Remove a file; that there is none is no fault."""
        with _told(), suppress(FileNotFoundError):
            self._store().delete_file(self._root + name)

    def clear(self, folder: str) -> None:
        """Remove a folder with all that is in it; that there is none is no fault."""
        with _told(), suppress(FileNotFoundError):
            self._store().delete_dir(self._root + folder)


def _parts(file: Any, first: bytes, rest: int) -> Iterator[bytes]:
    part = first
    try:
        while rest > 0:
            if not part:
                raise PlaceAway(f"a file ends {rest} bytes too early")
            rest -= len(part)
            yield part
            if rest > 0:
                with _told():
                    part = file.read(min(_PART, rest))
    finally:
        file.close()
