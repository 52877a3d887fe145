"""Sources whose files are elsewhere, against a real object store and a real SFTP server."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import TypeAdapter

from tests import objects
from tests.services.clients import MigratedDatabase
from tests.services.servers import free_ports
from tests.services.test_price_pipeline import Platform, platform, platform_topics
from tools.embedded.object_store import ObjectStore
from tools.embedded.sftp import Sftp
from workloads.kit.contracts import lake
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import SourceConfig, Sources
from workloads.kit.contracts.sources.store_config import S3Source
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.opening import open_source
from workloads.price_pipeline.sources import SourceError, s3, sftp

pytestmark = pytest.mark.thorough

__all__ = ["platform", "platform_topics"]


class Place(Protocol):
    """Where a test puts files, and the settings of a source that reads them."""

    settings: dict[str, Any]

    def put(self, name: str, content: bytes | str) -> None: ...


class Bucket:
    def __init__(self, store: ObjectStore, bucket: str, secret_file: Path) -> None:
        secret_file.write_text(f"{store.secret}\n")
        self._client, self._bucket = objects.client(store.url, store.secret), bucket
        self._client.create_bucket(Bucket=bucket)
        self.settings = {
            "kind": "s3",
            "bucket": bucket,
            "region": lake.REGION,
            "endpoint": store.url,
            "access_key_id": lake.ACCESS_KEY,
            "secret_access_key_file": str(secret_file),
        }

    def put(self, name: str, content: bytes | str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=name, Body=content)


class Folder:
    def __init__(self, server: Sftp, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.settings = {
            "kind": "sftp",
            "host": "127.0.0.1",
            "port": server.port,
            "user": server.user,
            "key_file": str(server.key_file),
            "host_keys": [server.host_key],
            "settled_after": "PT0S",
        }

    def put(self, name: str, content: bytes | str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture(scope="module")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    directory = tmp_path_factory.mktemp("sftp")
    for one in (directory, *directory.parents):
        if one.is_relative_to("/tmp") and one != Path("/tmp"):
            one.chmod(0o755)
    server = Sftp(directory)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["s3", "sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """One of each kind, empty, of the test's own; patterns begin at it."""
    name = f"prices-{time.time_ns()}"
    if request.param == "s3":
        return Bucket(request.getfixturevalue("object_store"), name, tmp_path / "secret-key")
    server: Sftp = request.getfixturevalue("sftp_server")
    return Folder(server, server.files / name)


def config(place: Place, **changed: Any) -> Any:
    values: dict[str, Any] = {
        "name": "files",
        "pattern": "*.csv",
        "market": "crude",
        "columns": {"event_time": "date", "prices": {"price": "WTI"}},
        **place.settings,
        **changed,
    }
    if isinstance(place, Folder) and not values["pattern"].startswith("/"):
        values["pattern"] = f"{place.folder.name}/{values['pattern']}"
    return values


def rows(
    place: Place, since: datetime | None = None, until: datetime | None = None, **changed: Any
) -> list[tuple[str, float]]:
    """Day and price of each row that gave one."""
    one: Any = TypeAdapter(SourceConfig).validate_python(config(place, **changed))
    source = open_source(one, Sources(sources=(one,)), None, lambda: datetime.now(UTC))
    prices = [price for row in source.rows(since, until) if isinstance(price := check(row), Price)]
    return [(f"{price.delivery_start:%Y-%m-%d}", price.price) for price in prices]


def test_the_files_that_the_pattern_names_are_read_in_the_order_of_their_names_packed_or_not(
    place: Place,
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner.csv", "date;price\n2026-01-03;62,5\n")
    place.put("2026/b.csv.gz", gzip.compress(b"date;price\n2026-01-02;61,5\n"))
    place.put("2026/a.csv", "date;price\n2026-01-01;60,5\n")
    place.put("2026/c.csv.zip", packed.getvalue())
    place.put("2027/d.csv", "date;price\n2027-01-01;1,5\n")
    place.put("2026/notes.txt", "not a price")
    place.put("2026/older/a.csv", "date;price\n2020-01-01;9,5\n")
    place.put("a.csv", "date;price\n2020-01-01;9,5\n")
    german = {"csv": {"delimiter": ";"}, "decimal": ","}

    year = [("2026-01-01", 60.5), ("2026-01-02", 61.5), ("2026-01-03", 62.5)]
    assert rows(place, pattern="2026/*.csv*", **german) == year
    assert rows(place, pattern="20*/[a-d].csv*", **german) == [*year, ("2027-01-01", 1.5)]
    assert rows(place, pattern="2026/a.csv", **german) == year[:1]


def test_files_in_parquet_are_read(place: Place) -> None:
    file = io.BytesIO()
    parquet.write_table(pa.table({"date": ["2026-01-01", "2026-01-02"], "price": [60.5, 61.5]}), file)
    place.put("prices.parquet", file.getvalue())

    assert rows(place, pattern="*.parquet", format="parquet") == [("2026-01-01", 60.5), ("2026-01-02", 61.5)]


XML = """<?xml version="1.0" encoding="{encoding}"?>
<p:Publication xmlns:p="urn:x"><p:Zone code="DE-Süd"><p:Price day="2026-01-0{day}">{price}</p:Price></p:Zone>
</p:Publication>"""
OF_XML: dict[str, Any] = {
    "format": "xml",
    "rows": "Zone.Price",
    "columns": {"event_time": "@day", "symbol": "^.@code", "price": "text()"},
    "symbols": {"DE-Süd": "DE-SUED"},
}


def test_files_in_xml_are_read_packed_or_not_in_their_own_encoding(place: Place) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for day in (3, 4):
            archive.writestr(f"{day}.xml", XML.format(encoding="utf-8", day=day, price=60 + day))
    place.put("a.xml", XML.format(encoding="iso-8859-1", day=1, price="-4.5").encode("latin-1"))
    place.put("b.xml.gz", gzip.compress(XML.format(encoding="utf-16", day=2, price=62).encode("utf-16")))
    place.put("c.xml.zip", packed.getvalue())

    assert rows(place, pattern="*.xml*", **OF_XML) == [
        ("2026-01-01", -4.5),
        ("2026-01-02", 62.0),
        ("2026-01-03", 63.0),
        ("2026-01-04", 64.0),
    ]


@pytest.mark.parametrize(
    ("content", "changed", "words"),
    [
        ("<a><b></a>", {}, r"bad.xml gave no elements at 'Zone.Price' \(mismatched tag"),
        ("<a><Zone2/></a>", {}, r"bad.xml gave no elements at 'Zone.Price' \('Zone' of"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", {}, "bad.xml gave no elements .* document type"),
        (
            XML.format(encoding="utf-8", day=1, price=1),
            {"columns": OF_XML["columns"] | {"price": "cost"}},
            "bad.xml: of 1 rows none has a field 'cost': correct `columns`",
        ),
    ],
)
def test_a_file_in_xml_that_gives_no_prices_fails_by_its_name(
    place: Place, content: str, changed: dict[str, Any], words: str
) -> None:
    place.put("bad.xml", content)
    with pytest.raises(SourceError, match=words):
        rows(place, pattern="bad.xml", **(OF_XML | changed))


def test_a_file_larger_than_one_request_comes_whole(place: Place, tmp_path: Path) -> None:
    content = random.Random(7).randbytes(20_000_001)
    place.put("large.csv", content)
    one: Any = TypeAdapter(SourceConfig).validate_python(config(place))
    opened = s3.connected(one) if isinstance(one, S3Source) else sftp.connected(one)

    with opened as store:
        (file,) = store.files()
        with store.opened(file.name) as read:
            end = read.seek(-1, os.SEEK_END), read.read()
            read.seek(0)
            digest = hashlib.sha256(read.read()).hexdigest()

    assert digest == hashlib.sha256(content).hexdigest()
    assert end == (len(content) - 1, content[-1:])


def test_what_was_written_before_the_range_of_a_run_is_not_read_again_but_a_backfill_reads_all(
    place: Place,
) -> None:
    place.put("a.csv", "date,price\n2026-01-01,60.5\n")
    now = datetime.now(UTC)

    assert len(rows(place, since=now - timedelta(days=30))) == 1
    assert len(rows(place, since=now)) == 1
    assert rows(place, since=now + timedelta(days=2)) == []
    assert len(rows(place, since=now + timedelta(days=2), until=now + timedelta(days=3))) == 1


def test_a_file_that_may_be_half_there_waits_for_the_next_run(sftp_server: Sftp) -> None:
    place = Folder(sftp_server, sftp_server.files / f"upload-{time.time_ns()}")
    del place.settings["settled_after"]
    place.put("a.csv", "date,price\n2026-01-01,60.5\n")
    place.put("b.csv", "date,price\n2026-01-02,61")
    written = time.time() - 61
    os.utime(place.folder / "a.csv", (written, written))

    assert rows(place) == [("2026-01-01", 60.5)]


def test_a_run_publishes_what_is_new_or_changed_in_a_place_of_files(
    place: Place, platform: Platform, database: MigratedDatabase
) -> None:
    place.put("1.csv", "date,price\n2026-01-01,60.5\n2026-01-02,61.5\n")
    platform.sources(config(place))
    platform.run()
    place.put("1.csv", "date,price\n2026-01-01,60.5\n2026-01-02,61.75\n")
    place.put("2.csv", "date,price\n2026-01-03,62.5\n")
    platform.run()
    platform.run()

    found = [(f"{price.delivery_start:%d}", price.price, price.correction) for price in platform.prices()]
    assert found == [("01", 60.5, False), ("02", 61.5, False), ("02", 61.75, True), ("03", 62.5, False)]
    counts = [
        detail["sources"]["files"] for (detail,) in database.query("SELECT detail FROM job_runs ORDER BY id")
    ]
    assert [(one["published"], one["corrections"], one["skipped"]) for one in counts] == [
        (2, 0, 0),
        (1, 1, 1),
        (0, 0, 3),
    ]


def test_a_spoilt_file_is_named(place: Place) -> None:
    place.put("a.csv", b"\x1f\x8bno gzip")
    with pytest.raises(SourceError, match=r"(s3|sftp)://.*/a\.csv cannot be unpacked"):
        rows(place)
    place.put("a.csv", "day,price\n")
    with pytest.raises(SourceError, match=r"(s3|sftp)://.*/a\.csv has no column 'date'"):
        rows(place)
    place.put("b.csv", "date,price\n")
    with pytest.raises(SourceError, match=r"(s3|sftp)://\S* has no file '\S*c\*\.csv': correct `pattern`"):
        rows(place, pattern="c*.csv")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"secret_access_key_file": "/etc/hostname"}, "s3://prices-.*cannot be read.*(SIGNATURE|Signature)"),
        ({"secret_access_key_file": "/nowhere"}, "secret_access_key_file /nowhere: No such file"),
        ({"bucket": "no-such-bucket"}, "s3://no-such-bucket cannot be read"),
        ({"endpoint": f"http://127.0.0.1:{free_ports(1)[0]}"}, "s3://prices-.*cannot be read"),
    ],
)
def test_what_is_wrong_with_a_bucket_is_named_and_the_key_is_not(
    object_store: ObjectStore, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    place = Bucket(object_store, f"prices-{time.time_ns()}", tmp_path / "secret-key")
    with pytest.raises(SourceError, match=words) as raised:
        rows(place, **changed)
    assert object_store.secret not in str(raised.value)


OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGdJnzBMoBSlmXtBvXxv3WQEDZTMt2VSgv1uiCJZbmAG"

OF_ANOTHER_KIND = (
    "ecdsa-sha2-nistp256 "
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBK1CN4tmdXgAthtfa1VHMMxcj/mM"
    "C1R/ePCJkGRtE7ZkQBfdUTwWBnPHI7o3Uj5WZE8gH7L2p371B8Fq7bPVbY0="
)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"host_keys": [OF_ANOTHER_KIND]}, r"it shows the key ssh-ed25519 \S+, which is none of host_keys"),
        ({"host_keys": [OTHER_KEY]}, r"it shows the key ssh-ed25519 \S+, which is none of host_keys"),
        ({"host_keys": ["ssh-ed25519 AAAA"]}, "host_keys: .* is no public key"),
        ({"user": "stranger"}, r"sftp://stranger@.* cannot be read: AuthenticationException"),
        ({"key_file": "/nowhere"}, "key_file /nowhere: No such file"),
        ({"key_file": "/etc/hostname"}, "key_file /etc/hostname is no private key without a pass phrase"),
        ({"port": free_ports(1)[0]}, "cannot be read: .*Unable to connect"),
        ({"pattern": "/no/such/*.csv"}, "cannot be read: .*No such file"),
    ],
)
def test_what_is_wrong_with_a_server_is_named_and_nobody_else_is_talked_to(
    sftp_server: Sftp, changed: dict[str, Any], words: str
) -> None:
    place = Folder(sftp_server, sftp_server.files / f"wrong-{time.time_ns()}")
    with pytest.raises(SourceError, match=words):
        rows(place, **changed)


def test_a_name_from_the_root_on_is_read(sftp_server: Sftp) -> None:
    place = Folder(sftp_server, sftp_server.files / f"root-{time.time_ns()}")
    place.put("a.csv", "date,price\n2026-01-01,60.5\n")
    (place.folder / "link.csv").symlink_to("a.csv")

    assert rows(place, pattern=f"{place.folder}/*.csv") == [("2026-01-01", 60.5)] * 2
