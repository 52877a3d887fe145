"""Files of a server that gives them over SFTP."""

from __future__ import annotations

import base64
import io
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Final, cast

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.config import SSH_PORT
from paramiko.pkey import UnknownKeyType

from workloads.kit.contracts.sources.store_config import SftpSource
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.secret import read_secret
from workloads.price_pipeline.sources.store import Stored, fixed

_READ_BYTES: Final = 4 << 20
"""Asked for at once, in many small requests: one after the other would each wait for its answer."""


class SftpStore:
    """The server's files."""

    def __init__(self, config: SftpSource, client: paramiko.SFTPClient) -> None:
        self._pattern = config.pattern
        self._client = client

    def files(self) -> Sequence[Stored]:
        folder, patterns = fixed(self._pattern)
        if self._pattern.startswith("/") and not folder:
            folder = "/"
        return sorted(self._below(folder, patterns))

    def _below(self, folder: str, patterns: Sequence[str]) -> Iterator[Stored]:
        for one in self._client.listdir_attr(folder or "."):
            if not fnmatchcase(one.filename, patterns[0]):
                continue
            name = f"{folder.rstrip('/')}/{one.filename}" if folder else one.filename
            mode = one.st_mode or 0
            if stat.S_ISLNK(mode):
                one = self._client.stat(name)
                mode = one.st_mode or 0
            if len(patterns) > 1 and stat.S_ISDIR(mode):
                yield from self._below(name, patterns[1:])
            elif len(patterns) == 1 and stat.S_ISREG(mode):
                yield Stored(name, datetime.fromtimestamp(one.st_mtime or 0, UTC))

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        with self._client.open(name, "rb") as content:
            yield cast(IO[bytes], io.BufferedReader(_Content(content), _READ_BYTES))


class _Content(io.RawIOBase):
    """A file of which each read is asked for whole, and nothing beyond it."""

    def __init__(self, file: paramiko.SFTPFile) -> None:
        self._file = file
        self._size = file.stat().st_size or 0
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        before = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = before + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        wanted = min(len(buffer), max(0, self._size - self._at))
        if not wanted:
            return 0
        given = b"".join(self._file.readv([(self._at, wanted)]))
        if not given:
            raise EOFError(f"it ends at {self._at} of {self._size} bytes")
        buffer[: len(given)] = given
        self._at += len(given)
        return len(given)


@contextmanager
def connected(config: SftpSource) -> Iterator[SftpStore]:
    """The server's files, while logged in.

    Raises:
        SourceError: a secret cannot be read.
        OSError: the server is away, shows another key than those stated, or refuses.
    """
    password, key = None, None
    if config.password_file is not None:
        password = read_secret(config.password_file, "password_file")
    with paramiko.SSHClient() as client:
        try:
            if config.key_file is not None:
                key = _private(config.key_file)
            _trust(client, config)
            client.connect(
                config.host,
                config.port,
                config.user,
                password,
                key,
                timeout=10,
                banner_timeout=10,
                auth_timeout=30,
                channel_timeout=30,
                allow_agent=False,
                look_for_keys=False,
            )
            with client.open_sftp() as files:
                channel = files.get_channel()
                if channel is not None:
                    channel.settimeout(config.timeout_seconds)
                yield SftpStore(config, files)
        except paramiko.BadHostKeyException as error:
            raise OSError(
                f"it shows the key {_written(error.key)}, which is none of host_keys: "
                "ask its owner whether that is right before you state it"
            ) from error
        except paramiko.SSHException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error


def _private(file: Path) -> paramiko.PKey:
    read_secret(file, "key_file")
    try:
        return paramiko.PKey.from_path(file)
    except (ValueError, TypeError, UnsupportedAlgorithm, paramiko.SSHException, UnknownKeyType) as e:
        # Some of their texts hold the key.
        raise SourceError(
            f"key_file {file} is no private key without a pass phrase ({type(e).__name__})"
        ) from None


def _trust(client: paramiko.SSHClient, config: SftpSource) -> None:
    """Have the client talk to who shows one of the stated keys, and to nobody else."""
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    name = config.host if config.port == SSH_PORT else f"[{config.host}]:{config.port}"
    for text in config.host_keys:
        kind, value = text.split()
        try:
            key = paramiko.PKey.from_type_string(kind, base64.b64decode(value, validate=True))
        except (ValueError, paramiko.SSHException, UnknownKeyType) as error:
            raise SourceError(f"host_keys: {text!r} is no public key: {error}") from None
        client.get_host_keys().add(name, kind, key)


def _written(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"
