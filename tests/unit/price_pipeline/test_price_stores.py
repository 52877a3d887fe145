"""Files that are elsewhere: which of them, and by which way."""

from __future__ import annotations

import base64
import gzip
import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from workloads.kit.contracts.sources.store_config import S3Source, SftpSource
from workloads.price_pipeline.sources import SourceError, s3, xml_file
from workloads.price_pipeline.sources.store import fixed, matches

BUCKET: dict[str, Any] = {
    "kind": "s3",
    "name": "files",
    "bucket": "prices",
    "region": "eu-central-1",
    "pattern": "*.csv",
    "market": "crude",
    "columns": {"event_time": "date", "prices": {"price": "WTI"}},
}
SERVER: dict[str, Any] = {
    **{name: value for name, value in BUCKET.items() if name not in ("bucket", "region")},
    "kind": "sftp",
    "host": "sftp.example",
    "user": "me",
    "key_file": "/key",
    "host_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGdJnzBMoBSlmXtBvXxv3WQEDZTMt2VSgv1uiCJZbmAG"],
}


class Proxy:
    """Remembers what it was asked, and refuses it."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                head = iter(lambda: lines.readline().decode().strip(), "")
                self.asked.append(list(head))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    server = Proxy()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("changed", "host"),
    [({}, "s3.eu-central-1.amazonaws.com"), ({"endpoint": "https://objects.example"}, "objects.example")],
)
def test_a_bucket_is_asked_by_one_host_name_through_the_egress_proxy(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], host: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://price-pipeline:p%2Fw@127.0.0.1:{proxy.port}")

    with (
        s3.connected(S3Source.model_validate(BUCKET | changed)) as store,
        pytest.raises(OSError, match="403"),
    ):
        store.files()

    pair = base64.b64encode(b"price-pipeline:p/w").decode()
    assert {lines[0] for lines in proxy.asked} == {f"CONNECT {host}:443 HTTP/1.1"}
    assert f"Proxy-Authorization: Basic {pair}" in proxy.asked[0]


@pytest.mark.parametrize(
    ("pattern", "folder", "below"),
    [
        ("*.csv", "", ["*.csv"]),
        ("2026/a.csv", "2026", ["a.csv"]),
        ("in/20*/x/[ab].csv", "in", ["20*", "x", "[ab].csv"]),
        ("/srv/out/*.csv", "/srv/out", ["*.csv"]),
    ],
)
def test_a_pattern_is_a_folder_and_patterns_below_it(pattern: str, folder: str, below: list[str]) -> None:
    assert fixed(pattern) == (folder, below)


def test_a_star_stays_in_its_folder() -> None:
    assert matches("2026/a.csv", ["20*", "*.csv"])
    assert not matches("2026/a.csv", ["*.csv"])
    assert not matches("2026/older/a.csv", ["20*", "*.csv"])
    assert not matches("2026/A.CSV", ["20*", "*.csv"])


@pytest.mark.parametrize(
    ("model", "values", "words"),
    [
        (S3Source, BUCKET | {"pattern": "/a.csv"}, "no / before them"),
        (S3Source, BUCKET | {"pattern": "a//b.csv"}, "pattern"),
        (S3Source, BUCKET | {"access_key_id": "me"}, "both of access_key_id"),
        (S3Source, BUCKET | {"endpoint": "https://me:hunter2@objects.example"}, "endpoint: an address holds"),
        (SftpSource, SERVER | {"password_file": "/p"}, "one of password_file and key_file"),
        (SftpSource, SERVER | {"key_file": None}, "one of password_file and key_file"),
        (SftpSource, SERVER | {"host_keys": []}, "host_keys"),
        (S3Source, BUCKET | {"format": "xml"}, "xml needs `rows`"),
        (SftpSource, SERVER | {"rows": "a.b"}, "csv has no rows"),
        (S3Source, BUCKET | {"format": "xml", "rows": 'a."b'}, "rows"),
    ],
)
def test_what_is_not_whole_is_refused(model: Any, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as raised:
        model.model_validate(values)
    assert "hunter2" not in " ".join(error["msg"] for error in raised.value.errors())


def test_a_file_of_xml_that_would_not_fit_in_memory_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(xml_file, "MOST_BYTES", 1_000)
    source = S3Source.model_validate(
        BUCKET | {"format": "xml", "rows": "r", "columns": {"event_time": "@d", "prices": {"@p": "WTI"}}}
    )
    row = b'<r d="2026-01-01" p="60"/>'

    def read(count: int) -> int:
        packed = gzip.compress(b"<a>" + row * count + b"</a>")
        return len(list(xml_file.rows(source, io.BytesIO(packed), "a.xml.gz")))

    assert read(20) == 20
    with pytest.raises(SourceError, match=r"a\.xml\.gz is of more than 1000 bytes"):
        read(100)
