"""warehouse-etl over a real MariaDB, files and an API, Kafka and PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import objects
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.legacy import Api, Warehouse, execute, refusing_listener
from tests.services.servers import until
from tests.trino import Client
from tools import paths
from tools.embedded.mariadb import MariaDb
from tools.embedded.object_store import ObjectStore
from tools.embedded.trino import Trino
from workloads.kit import codec
from workloads.kit.contracts import lake, tables, topics
from workloads.kit.contracts.warehouse import LoadEnd, StagedRows

pytestmark = pytest.mark.thorough

_TABLE = """CREATE TABLE counterparties (
    id varchar(20) NOT NULL PRIMARY KEY, name varchar(100) NOT NULL, country char(2), email varchar(100),
    phone varchar(40), credit_limit decimal(18, 2), currency char(3) NOT NULL,
    updated_at datetime(6) NOT NULL)"""


@pytest.fixture
def crm(mariadb: MariaDb) -> MariaDb:
    """With three counterparties."""
    execute(
        mariadb,
        "DROP TABLE IF EXISTS counterparties",
        _TABLE,
        "INSERT INTO counterparties VALUES"
        " ('c1', 'Nordwind', 'DE', 'a@nordwind.example', '+49 1', 100000.00, 'EUR', '2026-01-01 08:00'),"
        " ('c2', 'Østkraft', 'DK', 'b@ostkraft.example', NULL, 50000.10, 'EUR', '2026-01-01 09:00'),"
        " ('c3', 'Sud', 'FR', 'a@nordwind.example', '+33 1', NULL, 'EUR', '2026-01-01 09:00')",
    )
    return mariadb


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    try:
        yield server
    finally:
        server.stop()


def _of_crm(server: MariaDb, **more: Any) -> dict[str, Any]:
    table: dict[str, Any] = {"key": ["id"], "watermark": "updated_at", **more}
    return {
        "name": "crm", "kind": "mysql", "host": "127.0.0.1", "port": server.port, "database": server.database,
        "user": "reader", "password_file": str(server.password_file), "tables": {"counterparties": table},
    }  # fmt: skip


_INVOICES = "invoice_no,counterparty_id,month,amount,currency,issued_on,due_on,paid_on\n"


def _of_billing(folder: Path) -> dict[str, Any]:
    return {
        "name": "billing", "kind": "files", "url": str(folder),
        "tables": {"invoices": {"key": ["invoice_no"], "pattern": "invoices/*"}},
    }  # fmt: skip


def _of_metering(api: Api) -> dict[str, Any]:
    return {
        "name": "metering", "kind": "http", "url": api.url,
        "tables": {
            "volumes": {
                "key": ["meter_id", "day"], "path": "/volumes", "rows": "data.items",
                "page_parameter": "page", "watermark": "updated_at", "since_parameter": "since",
            }
        },
    }  # fmt: skip


def _volume(meter: str, day: str, mwh: Any, updated_at: str) -> dict[str, Any]:
    return {"meter_id": meter, "counterparty_id": "c1", "day": day, "mwh": mwh, "updated_at": updated_at}


def test_three_kinds_of_sources_come_to_marts_and_a_second_run_changes_nothing(
    etl: Warehouse, crm: MariaDb, api: Api, tmp_path: Path
) -> None:
    (tmp_path / "in" / "invoices").mkdir(parents=True)
    (tmp_path / "in" / "invoices" / "2026-01.csv").write_text(
        _INVOICES + "i1,c1,2026-01-01,1200.50,EUR,2026-02-01,2026-02-15,\n"
        "i2,c2,2026-01-01,-10.25,EUR,2026-02-01,2026-02-15,2026-02-10\n"
        "i3,c2,2026-02-30,99,EUR,2026-02-01,2026-02-15,\n"
    )
    api.paths["/volumes"] = [
        _volume("m1", f"2026-01-0{day}", 1.5 * day, f"2026-01-0{day}T12:00:00Z") for day in range(1, 6)
    ]
    etl.sources = [_of_crm(crm), _of_billing(tmp_path / "in"), _of_metering(api)]
    done = etl.run("2026-03-01T06:00Z")
    assert (done["rows"], done["failed"]) == (11, {})
    assert etl.query(
        "SELECT name, credit_limit, updated_at::text FROM cleaned.counterparties ORDER BY key"
    ) == [
        ("Nordwind", Decimal("100000.00"), "2026-01-01 08:00:00+00"),
        ("Østkraft", Decimal("50000.10"), "2026-01-01 09:00:00+00"),
        ("Sud", None, "2026-01-01 09:00:00+00"),
    ]
    assert etl.query("SELECT source, table_name, key, reason FROM cleaned.rejects") == [
        ("billing", "invoices", "i3", "month: 2026-02-30 is no date")
    ]
    assert etl.query("SELECT counterparty_id, invoiced, unpaid FROM analytics.exposures ORDER BY 1") == [
        ("c1", Decimal("1200.50"), Decimal("1200.50")),
        ("c2", Decimal("-10.25"), 0),
        ("c3", 0, 0),
    ]
    assert etl.query("SELECT month::text, measured_mwh FROM analytics.deliveries") == [
        ("2026-01-01", Decimal("22.5"))
    ]
    before = etl.bytes()
    again = etl.run("2026-03-01T12:00Z")
    assert (again["rows"], again["deletes"], again["models"], again["failed"]) == (0, 0, 0, {})
    assert etl.bytes() == before


def test_changed_deleted_and_late_rows_are_seen_and_both_sides_are_compared(
    etl: Warehouse, crm: MariaDb
) -> None:
    etl.sources = [_of_crm(crm)]
    etl.run("2026-03-01T06:00Z")
    execute(
        crm,
        "UPDATE counterparties SET credit_limit = 7, updated_at = '2026-03-01 07:00' WHERE id = 'c1'",
        "DELETE FROM counterparties WHERE id = 'c2'",
        # Committed behind the watermark, by a transaction that took long.
        "INSERT INTO counterparties VALUES ('c4', 'Late', 'NL', NULL, NULL, 1, 'EUR', '2025-12-31 23:00')",
    )
    done = etl.run("2026-03-01T12:00Z")
    assert (done["rows"], done["deletes"]) == (1, 0)
    done = etl.run("2026-03-02T00:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (1, 1, {})
    assert etl.query("SELECT key, credit_limit FROM cleaned.counterparties ORDER BY key") == [
        ("c1", 7), ("c3", None), ("c4", 1),
    ]  # fmt: skip
    assert etl.query(
        "SELECT figure, at_source, in_layer, matches FROM etl.reconciliation ORDER BY figure"
    ) == [("rows", 3, 3, True), ("sum(credit_limit)", 8, 8, True)]
    # What is lost here is found there.
    with etl.layers.admin() as connection:
        connection.execute("DELETE FROM raw.records WHERE key = 'c3'")
        connection.execute(
            "UPDATE raw.records SET record = record || '{\"credit_limit\": \"9\"}' WHERE key = 'c4'"
        )
    done = etl.run("2026-03-03T00:00Z", code=3)
    assert done["rows"] == 1  # c3, which is no longer known
    assert "sum(credit_limit) is 8.00 at the source and 16.00 here" in done["failed"]["crm.counterparties"]
    # All rows are read once more, and it is as it is there.
    done = etl.run("2026-03-04T00:00Z")
    assert (done["rows"], done["failed"]) == (1, {})
    assert etl.query("SELECT credit_limit FROM cleaned.counterparties WHERE key = 'c4'") == [(1,)]


@pytest.mark.parametrize("watermark", ["updated_at", None])
def test_rows_that_can_never_be_loaded_are_told_of_apart_and_nothing_else_is_hidden_by_them(
    etl: Warehouse, crm: MariaDb, watermark: str | None
) -> None:
    execute(
        crm,
        "ALTER TABLE counterparties DROP PRIMARY KEY, MODIFY COLUMN id varchar(2000) NULL",
        "INSERT INTO counterparties VALUES (NULL, 'None', 'DE', NULL, NULL, 5, 'EUR', '2026-01-01 08:00'),"
        " (' ', 'Blank', 'DE', NULL, NULL, 6, 'EUR', '2026-01-01 08:00'),"
        f" ('{'x' * 1500}', 'Long', 'DE', NULL, NULL, 7, 'EUR', '2026-01-01 08:00')",
    )
    etl.sources = [_of_crm(crm, watermark=watermark)]
    first = etl.run("2026-03-01T00:00Z")
    assert (first["rows"], first["refused"], first["failed"]) == (3, 3, {})
    for day in (2, 3):
        done = etl.run(f"2026-03-0{day}T00:00Z")
        assert (done["rows"], done["refused"], done["failed"]) == (0, 0, {})
        assert done["rejected"] == {"crm.counterparties": 3}
    assert etl.query(
        "SELECT figure, at_source, in_layer, rejected, matches FROM etl.reconciliation"
        " WHERE checked_at = '2026-03-03T00:00Z' ORDER BY figure"
    ) == [
        ("rows", 6, 3, 3, True),
        ("sum(credit_limit)", Decimal("150018.10"), Decimal("150000.10"), 18, True),
    ]
    # What differs beside them is seen as before.
    with etl.layers.admin() as connection:
        connection.execute("DELETE FROM raw.records WHERE key = 'c1'")
    done = etl.run("2026-03-04T00:00Z")
    assert (done["rows"], done["rejected"], done["failed"]) == (1, {"crm.counterparties": 3}, {})


def test_sums_of_floats_may_differ_in_their_last_digits_and_what_no_layer_holds_is_told_of_apart(
    etl: Warehouse, crm: MariaDb
) -> None:
    execute(
        crm,
        "ALTER TABLE counterparties ADD pnl double, ADD much double, ADD exact decimal(38, 10)",
        # In this order they add up to nothing, in the layer's to 1, or to 0.1 more.
        "UPDATE counterparties SET pnl = 1e16, much = 1e300, exact = 1e20 WHERE id = 'c1'",
        "UPDATE counterparties SET pnl = 1, much = 5, exact = 0.1, updated_at = '2025-12-01' WHERE id = 'c2'",
        "UPDATE counterparties SET pnl = -1e16, exact = -1e20 WHERE id = 'c3'",
    )
    etl.sources = [_of_crm(crm)]
    etl.run("2026-03-01T00:00Z")
    again = etl.run("2026-03-02T00:00Z")
    assert (again["rows"], again["failed"]) == (0, {})
    assert etl.query(
        "SELECT figure, in_layer, rejected = 1e300, matches FROM etl.reconciliation"
        " WHERE checked_at = '2026-03-02T00:00Z' AND figure <> 'rows' ORDER BY 1"
    ) == [
        ("sum(credit_limit)", Decimal("150000.10"), False, True),
        ("sum(exact)", Decimal("0.1"), False, True),
        ("sum(much)", 5, True, True),
        ("sum(pnl)", 1, False, True),
    ]
    # A decimal has no last digits to lose.
    with etl.layers.admin() as connection:
        connection.execute(
            "UPDATE raw.records SET record = record || '{\"exact\": \"0.2\"}' WHERE key = 'c2'"
        )
    assert "sum(exact)" in etl.run("2026-03-03T00:00Z", code=3)["failed"]["crm.counterparties"]


def test_days_of_no_likely_year_are_rejected_and_unknown_counterparties_are_flagged(
    etl: Warehouse, crm: MariaDb, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "invoices"
    folder.mkdir(parents=True)
    rows = [
        "i1,c1,2026-01-01,1,EUR,2026-02-01,2026-02-15,",
        "i2,c1,2999-01-01,1,EUR,2026-02-01,2026-02-15,",
        "i3,c1,2026-01-01,1,EUR,0001-02-01,2026-02-15,",
        "i4,c9,2026-01-01,1,EUR,2026-02-01,2026-02-15,",
    ]
    (folder / "a.csv").write_text(_INVOICES + "\n".join(rows) + "\n")
    etl.sources = [_of_crm(crm), _of_billing(tmp_path / "in")]
    etl.run("2026-03-01T06:00Z")
    assert etl.query("SELECT key, reason FROM cleaned.rejects ORDER BY key") == [
        ("i2", "month: 2999-01-01 is of no year from 1970 to 2099"),
        ("i3", "issued_on: 0001-02-01 is of no year from 1970 to 2099"),
    ]
    assert etl.query("SELECT table_name, key, reason FROM cleaned.flags") == [
        ("invoices", "i4", "counterparty_id: c9 is not among counterparties")
    ]
    # Once the CRM has it, nothing is to be looked at.
    execute(crm, "INSERT INTO counterparties VALUES ('c9', 'Nine', 'DE', NULL, NULL, 1, 'EUR', '2026-03-01')")
    etl.run("2026-03-01T12:00Z")
    assert etl.query("SELECT key FROM cleaned.flags") == []


def test_what_a_long_transaction_hid_is_seen_and_a_date_ahead_holds_nothing_back(
    etl: Warehouse, crm: MariaDb
) -> None:
    etl.sources = [_of_crm(crm)]
    execute(crm, "UPDATE counterparties SET updated_at = '9999-12-31' WHERE id = 'c3'")
    etl.run("2026-01-01T09:30Z")
    execute(
        crm,
        # Dated before what the run saw, and known by then.
        "UPDATE counterparties SET name = 'Late', updated_at = '2026-01-01 08:40' WHERE id = 'c1'",
    )
    assert etl.run("2026-01-01T12:00Z")["rows"] == 1
    assert etl.query("SELECT name FROM cleaned.counterparties ORDER BY key") == [
        ("Late",), ("Østkraft",), ("Sud",),
    ]  # fmt: skip
    # A run at 0 UTC that did not come about is made up for.
    execute(crm, "DELETE FROM counterparties WHERE id = 'c2'")
    etl.run("2026-01-02T00:00Z")
    execute(crm, "DELETE FROM counterparties WHERE id = 'c1'")
    assert etl.run("2026-01-03T06:00Z")["deletes"] == 1


def test_a_new_column_is_taken_in_and_a_retyped_or_removed_one_stops_its_table_alone(
    etl: Warehouse, crm: MariaDb, tmp_path: Path
) -> None:
    (tmp_path / "in" / "invoices").mkdir(parents=True)
    etl.sources = [_of_crm(crm, personal={"email": "pseudonym"}), _of_billing(tmp_path / "in")]
    etl.run("2026-03-01T06:00Z")
    execute(
        crm,
        "ALTER TABLE counterparties ADD rating varchar(3)",
        "UPDATE counterparties SET rating = 'AA', updated_at = '2026-03-01 07:00' WHERE id = 'c1'",
    )
    etl.run("2026-03-01T12:00Z")
    assert etl.query("SELECT kind, column_name FROM etl.drift") == [("added", "rating")]
    newest = "SELECT record ->> 'rating' FROM raw.records WHERE key = 'c1' ORDER BY load_id DESC LIMIT 1"
    assert etl.query(newest) == [("AA",)]
    execute(
        crm,
        "ALTER TABLE counterparties MODIFY credit_limit varchar(20)",
        "ALTER TABLE counterparties DROP phone",
        "UPDATE counterparties SET credit_limit = 'high', updated_at = '2026-03-01 13:00' WHERE id = 'c1'",
    )
    (tmp_path / "in" / "invoices" / "a.csv").write_text(
        _INVOICES + "i1,c1,2026-01-01,5,EUR,2026-02-01,2026-02-15,\n"
    )
    done = etl.run("2026-03-01T18:00Z", code=3)
    assert done["rows"] == 1
    assert "credit_limit was retyped (number to text)" in done["failed"]["crm.counterparties"]
    assert "phone was removed" in done["failed"]["crm.counterparties"]
    assert etl.query("SELECT key FROM cleaned.invoices") == [("i1",)]
    assert etl.query("SELECT state FROM etl.sources WHERE source = 'crm'") == [("stopped",)]
    accepted = etl.asked("accept", "crm", "counterparties")
    assert accepted.returncode == 0, accepted.stderr
    assert "credit_limit: retyped (number to text)" in accepted.stdout
    etl.run("2026-03-02T06:00Z")
    # The row is what it is; what is no number is rejected, and what it was before stays.
    assert etl.query("SELECT reason FROM cleaned.rejects") == [("credit_limit: high is no number",)]
    assert etl.query("SELECT credit_limit FROM cleaned.counterparties WHERE key = 'c1'") == [
        (Decimal("100000.00"),)
    ]


def test_personal_data_does_not_leave_its_source(etl: Warehouse, crm: MariaDb, kafka: KafkaClient) -> None:
    etl.sources = [_of_crm(crm, personal={"email": "pseudonym", "phone": "mask", "name": "drop"})]
    etl.run("2026-03-01T00:00Z")
    staged = b"".join(record.raw for record in kafka.read(etl.topic))
    held = "\n".join(row for (row,) in etl.query("SELECT record::text FROM raw.records ORDER BY key"))
    for secret in ("nordwind.example", "Nordwind", "+49"):
        assert secret.encode() not in staged
        assert secret not in held
    (first, _, third) = etl.query("SELECT record ->> 'email' FROM raw.records ORDER BY key")
    assert first == third, "one address has one pseudonym"
    assert etl.query("SELECT record ->> 'phone' FROM raw.records WHERE key = 'c1'") == [("+****",)]


def test_a_file_is_taken_in_once_a_content_and_one_that_is_broken_stops_its_table_alone(
    etl: Warehouse, crm: MariaDb, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "invoices"
    folder.mkdir(parents=True)
    file = folder / "a.csv"
    file.write_text(_INVOICES + "i1,c1,2026-01-01,5,EUR,2026-02-01,2026-02-15,\n,c1,,,,,,\n")
    etl.sources = [_of_billing(tmp_path / "in"), _of_crm(crm)]
    assert etl.run("2026-03-01T06:00Z")["refused"] == 1
    assert etl.run("2026-03-01T12:00Z")["rows"] == 0
    file.write_text(_INVOICES + "i1,c1,2026-01-01,6,EUR,2026-02-01,2026-02-15,\n,c1,,,,,,\n")
    done = etl.run("2026-03-01T18:00Z")
    assert (done["rows"], done["refused"]) == (1, 0)
    assert etl.query("SELECT amount FROM cleaned.invoices") == [(6,)]
    (folder / "b.csv").write_text(_INVOICES + "i2,c1,2026-01-01,7\n")
    (folder / "c.csv").write_bytes("Müller".encode("cp1252"))
    (folder / "d.csv").write_text("")
    (folder / "e.csv").write_text(_INVOICES + "i5,c1,2026-01-01,6,EUR,2026-02-01,2026-02-15,\n")
    execute(crm, "UPDATE counterparties SET name = 'New', updated_at = '2026-03-02' WHERE id = 'c1'")
    done = etl.run("2026-03-02T06:00Z", code=3)
    told = done["failed"]["billing.invoices"]
    assert "b.csv, row 2 has 4 cells, not 8" in told
    assert "c.csv, line 1: 'utf-8' codec can't decode" in told
    assert "d.csv is empty" in told
    assert etl.query("SELECT key FROM cleaned.invoices ORDER BY 1") == [("i1",), ("i5",)]
    assert etl.query("SELECT name FROM cleaned.counterparties WHERE key = 'c1'") == [("New",)]


def test_a_column_that_one_file_lost_stops_the_table_whatever_another_has(
    etl: Warehouse, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "invoices"
    folder.mkdir(parents=True)
    etl.sources = [_of_billing(tmp_path / "in")]
    days = "2026-02-01,2026-02-15"
    short = _INVOICES.replace(",paid_on", "") + f"s1,c1,2026-01-01,5,EUR,{days}\n"
    whole = _INVOICES + f"w1,c1,2026-01-01,5,EUR,{days},2026-02-10\n"
    # A first load: what a file before has is not taken from one that follows; what a later one adds is new.
    (folder / "a.csv").write_text(whole)
    (folder / "b.csv").write_text(short)
    done = etl.run("2026-03-01T06:00Z", code=3)
    assert (
        "column paid_on was removed (unknown: invoices/b.csv has none)" in done["failed"]["billing.invoices"]
    )
    (folder / "b.csv").unlink()
    etl.run("2026-03-01T12:00Z")
    (folder / "c.csv").write_text(short.replace("s1", "s2"))
    (folder / "d.csv").write_text(whole.replace("w1", "w2"))
    for hour in (18, 19):
        done = etl.run(f"2026-03-01T{hour}:00Z", code=3)
        assert "invoices/c.csv has none" in done["failed"]["billing.invoices"]
    assert etl.query("SELECT key FROM cleaned.invoices") == [("w1",)]
    assert etl.query("SELECT kind, column_name FROM etl.drift WHERE found_at > '2026-03-01 12:00+00'") == [
        ("removed", "paid_on")
    ], "what is found again is recorded once"
    accepted = etl.asked("accept", "billing", "invoices")
    assert accepted.stdout.strip().endswith("paid_on: removed (unknown: invoices/c.csv has none)")
    etl.run("2026-03-02T06:00Z")
    paid = etl.query("SELECT key, paid_on::text FROM cleaned.invoices ORDER BY 1")
    assert paid == [("s2", None), ("w1", "2026-02-10"), ("w2", "2026-02-10")]
    (folder / "e.csv").write_text(short.replace("s1", "s3"))
    assert "column paid_on was removed" in etl.run("2026-03-02T12:00Z", code=3)["failed"]["billing.invoices"]
    # With nothing to look at, nothing is accepted and nothing forgotten.
    (folder / "e.csv").unlink()
    refused = etl.asked("accept", "billing", "invoices")
    assert (refused.returncode, "billing invoices shows no columns now" in refused.stderr) == (1, True)
    assert etl.query("SELECT columns ? 'paid_on', state FROM etl.sources") == [(True, "stopped")]


def test_a_row_has_one_key_however_it_is_written(etl: Warehouse, api: Api, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    head = "meter_id,counterparty_id,day,mwh\n"
    (folder / "a.csv").write_text(head + "61,c1,2026-10-01,7\n62 ,c1,2026-10-01,1\n")
    (folder / "b.csv").write_text(head + "61,c1,2026-10-01 00:00:00,8\n")
    table = pa.table({"meter_id": [62], "counterparty_id": ["c1"], "day": [date(2026, 10, 1)], "mwh": [2.5]})
    pq.write_table(table, folder / "c.parquet")
    volumes = {"key": ["meter_id", "day"], "pattern": "*"}
    etl.sources = [{"name": "metering", "kind": "files", "url": str(folder), "tables": {"volumes": volumes}}]
    assert etl.run("2026-11-01T06:00Z")["failed"] == {}
    assert etl.query("SELECT meter_id, day::text, mwh FROM cleaned.volumes ORDER BY 1") == [
        ("61", "2026-10-01", 8),
        ("62", "2026-10-01", Decimal("2.5")),
    ]


def test_what_no_trade_is_is_rejected_and_codes_are_conformed(etl: Warehouse, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    times = "2026-01-01T00:00,2026-02-01T00:00"
    rows = {
        "fine": f"BUY,DE,{times},10,-50,eur,Open",
        "back": "buy,DE,2026-02-01T00:00,2026-01-01T00:00,10,50,EUR,open",
        "minus": f"sell,DE,{times},-10,50,EUR,open",
        "much": f"buy,DE,{times},1e20,1e20,EUR,open",
        "money": f"buy,DE,{times},10,50,Euro,open",
    }
    lines = [f"{key},c1,{row},2025-12-31T23:30" for key, row in rows.items()]
    (folder / "t.csv").write_text("\n".join([_TRADES, *lines]) + "\n")
    trades = {"key": ["trade_id"], "pattern": "*.csv"}
    etl.sources = [{"name": "etrm", "kind": "files", "url": str(folder), "tables": {"trades": trades}}]
    etl.run("2026-11-01T06:00Z")
    assert etl.query("SELECT trade_id, side, price, currency, status FROM cleaned.trades") == [
        ("fine", "buy", -50, "EUR", "open")
    ]
    assert etl.query("SELECT key, reason FROM cleaned.rejects ORDER BY 1") == [
        ("back", "delivery_end: 2026-01-01T00:00 is not after delivery_start"),
        ("minus", "quantity_mwh: -10 is below 0"),
        ("money", "currency: Euro is no code of three letters"),
        ("much", "quantity_mwh: 1e20 is beyond 1e12; price: 1e20 is beyond 1e9"),
    ]


_TRADES = (
    "trade_id,counterparty_id,side,market,delivery_start,delivery_end,quantity_mwh,price,currency,status,"
    "traded_at"
)


def test_a_source_has_a_clock_and_a_position_counts_in_the_month_of_that_clock(
    etl: Warehouse, crm: MariaDb, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    deliveries = {
        # The whole of January, and the hours of an October night: one that is there twice, and told apart.
        "january": "2026-01-01T00:00,2026-02-01T00:00",
        "twice": "2026-10-25T02:00,2026-10-25T04:00",
        "before": "2026-10-25T01:00,2026-10-25T01:45",
        "told": "2026-10-25T02:00+01:00,2026-10-25T03:00:00+01:00",
        "skipped": "2026-03-29T02:30,2026-03-29T04:00",
        "fine": "2026-03-29T03:00,2026-03-29T04:00",
    }
    rows = [f"{name},c1,buy,DE,{of},10,50,EUR,open,2025-12-31T23:30" for name, of in deliveries.items()]
    (tmp_path / "in" / "trades.csv").write_text("\n".join([_TRADES, *rows]) + "\n")
    trades = {"key": ["trade_id"], "pattern": "*.csv"}
    execute(crm, "ALTER TABLE counterparties MODIFY updated_at timestamp(6) NOT NULL DEFAULT 0")
    etl.sources = [
        {"name": "etrm", "kind": "files", "url": str(tmp_path / "in"), "time_zone": "Europe/Berlin",
         "tables": {"trades": trades}},
        {**_of_crm(crm), "time_zone": "Asia/Tokyo"},
    ]  # fmt: skip
    assert etl.run("2026-11-01T06:00Z")["failed"] == {}
    assert etl.query("SELECT trade_id, delivery_start::text FROM cleaned.trades ORDER BY 1") == [
        ("before", "2026-10-24 23:00:00+00"),
        ("fine", "2026-03-29 01:00:00+00"),
        ("january", "2025-12-31 23:00:00+00"),
        ("told", "2026-10-25 01:00:00+00"),
    ]
    assert etl.query("SELECT key, reason FROM cleaned.rejects ORDER BY 1") == [
        ("skipped", "delivery_start: 2026-03-29T02:30 is skipped by the clock of Europe/Berlin"),
        ("twice", "delivery_start: 2026-10-25T02:00 is there twice on the clock of Europe/Berlin: the"
         " source has to give an offset"),
    ]  # fmt: skip
    months = etl.query("SELECT delivery_month::text, trades FROM analytics.positions ORDER BY 1")
    assert months == [("2026-01-01", 1), ("2026-03-01", 1), ("2026-10-01", 2)]
    assert etl.query("SELECT day::text FROM analytics.trading_days") == [("2025-12-31",)]
    # A TIMESTAMP of MySQL is an instant, whatever the clock.
    assert etl.query("SELECT updated_at::text FROM cleaned.counterparties WHERE key = 'c1'") == [
        ("2026-01-01 08:00:00+00",)
    ]
    assert etl.run("2026-11-02T00:00Z")["rows"] == 0


@pytest.mark.parametrize(
    ("value", "zone", "fault"),
    [
        ("0001-01-01 00:00:00", "Europe/Berlin", "is of no year from 1 to 9999 in UTC, by the clock of {}"),
        ("0001-01-01", "Asia/Tokyo", "is of no year from 1 to 9999 in UTC, by the clock of {}"),
        (
            "9999-12-31 23:59:59",
            "America/New_York",
            "is of no year from 1 to 9999 in UTC, by the clock of {}",
        ),
        ("9999-12-31 23:59:59", "Europe/Berlin", None),
        ("9999-12-31", "America/New_York", None),
        ("0001-01-01 00:00:00", "America/New_York", None),
        ("0001-01-01 00:00:00", "UTC", None),
        ("2026-10-25", "Europe/Berlin", None),
        ("2026-03-29 02:30", "Europe/Berlin", "is skipped by the clock of {}"),
    ],
)
def test_a_time_is_good_only_where_whoever_reads_the_layers_can_hold_it(
    etl: Warehouse, value: str, zone: str, fault: str | None
) -> None:
    ((good, found),) = etl.query("SELECT etl.is_timestamp(%s), etl.clock_fault(%s, %s)", (value, value, zone))
    assert (good, found) == (True, fault and fault.format(zone))
    if fault is None:
        ((read,),) = etl.query("SELECT etl.as_timestamp(%s, %s)", (value, zone))
        assert read.year == int(value[:4])


def test_a_file_of_another_custom_is_read_by_what_the_stack_says_of_it(
    etl: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    amounts = {"i1": "1.234,50", "i2": "-0,5", "i3": "1.25", "i4": "1.250", "i5": "12.34,5", "i6": "7"}
    lines = [f"{key};Müller;1.1.2026;{amount};EUR;01.02.2026;15/02/2026;" for key, amount in amounts.items()]
    text = _INVOICES.replace(",", ";") + "\n".join([*lines, "i7;Müller;2026-01-01;1;EUR;31.02.2026;1.2.26;"])
    (tmp_path / "in" / "a.csv").write_bytes(text.encode("cp1252"))
    table = {
        "key": ["invoice_no"], "pattern": "*.csv", "delimiter": ";", "encoding": "cp1252", "decimal": ",",
        "dates": "day-first",
    }  # fmt: skip
    etl.sources = [
        {"name": "billing", "kind": "files", "url": str(tmp_path / "in"), "tables": {"invoices": table}}
    ]
    assert etl.run("2026-03-01T06:00Z")["failed"] == {}
    found = etl.query(
        "SELECT invoice_no, counterparty_id, month::text, amount, due_on::text FROM cleaned.invoices"
        " ORDER BY invoice_no"
    )
    assert found == [
        (key, "Müller", "2026-01-01", Decimal(amount), "2026-02-15")
        for key, amount in [("i1", "1234.50"), ("i2", "-0.5"), ("i4", "1250"), ("i6", "7")]
    ]
    assert etl.query("SELECT key, reason FROM cleaned.rejects ORDER BY 1") == [
        ("i3", "amount: 1.25 beside decimal commas is no number"),
        ("i5", "amount: 12.34,5 beside decimal commas is no number"),
        ("i7", "issued_on: 2026-02-31 is no date; due_on: 1.2.26 is no date"),
    ]
    # Of Parquet, 1.250 is no 1250.
    table["pattern"] = "*"
    assert "let the pattern * end in .csv" in etl.asked("run").stderr


@pytest.mark.parametrize("where", ["extract", "load", "transform"])
def test_a_run_that_is_killed_and_made_again_leaves_the_same_bytes(
    etl: Warehouse, crm: MariaDb, database: MigratedDatabase, kafka: KafkaClient, tmp_path: Path, where: str
) -> None:
    """Killed at a lock that the test holds, where each step has to pass."""
    values = ",".join(
        f"('n{n}', 'Name {n}', 'DE', NULL, NULL, {n}.5, 'EUR', '2026-02-01 00:00:00')" for n in range(3000)
    )
    execute(crm, f"INSERT INTO counterparties VALUES {values}")
    etl.sources = [_of_crm(crm)]
    lock = {
        "extract": "LOCK TABLE etl.refused IN ACCESS EXCLUSIVE MODE",
        "load": "LOCK TABLE etl.sources IN SHARE MODE",
        "transform": "LOCK TABLE etl.progress IN SHARE MODE",
    }[where]
    with etl.layers.admin() as holder, holder.transaction():
        holder.execute(lock.encode())
        process = subprocess.Popen(
            etl.command("run", "--at", "2026-03-01T06:00Z"), cwd=paths.ROOT, env=etl.env
        )
        try:
            until(lambda: _waits(etl), "the run waits", seconds=120)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    until(lambda: not _sessions(etl), "its sessions end", seconds=60)
    etl.run("2026-03-01T06:00Z")
    killed = etl.bytes()
    other = MigratedDatabase(database.server, database.secrets_dir, tables.WAREHOUSE_DATABASE).clone()
    topic = kafka.topic()
    try:
        whole = Warehouse(database, other, kafka.bootstrap, topic, tmp_path)
        whole.sources = etl.sources
        whole.run("2026-03-01T06:00Z")
        assert whole.bytes() == killed
        assert etl.query("SELECT count(*) FROM cleaned.counterparties") == [(3003,)]
    finally:
        other.drop()


def _waits(etl: Warehouse) -> bool:
    return bool(
        etl.query(
            "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
            (etl.layers.name,),
        )
    )


def _sessions(etl: Warehouse) -> bool:
    return bool(
        etl.query(
            "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (etl.layers.name,),
        )
    )


def test_a_message_that_is_none_of_ours_is_set_aside_and_the_rest_is_loaded(
    etl: Warehouse, crm: MariaDb, kafka: KafkaClient
) -> None:
    etl.sources = [_of_crm(crm)]
    nested = b"[" * 5000 + b"]" * 5000
    kafka.produce(etl.topic, [b"{", nested, b"null"])
    # What decodes and cannot be loaded: no row has this number twice.
    staged = StagedRows(
        source="crm", table="counterparties", load_id=9, read_at=datetime(2026, 1, 1, tzinfo=UTC),
        operation="upsert", first=0, rows=[("k", {"id": "k"})],
    )  # fmt: skip
    twice = codec.encode(staged)
    kafka.produce(etl.topic, [twice, twice], partition=0)
    # The last of a load of which a row did not come.
    end = LoadEnd(rows=2, deletes=0, watermark="9999", columns={"id": "text"})
    half = codec.encode(msgspec.structs.replace(staged, load_id=10, end=end))
    kafka.produce(etl.topic, [half], partition=1)
    done = etl.run("2026-03-01T06:00Z", code=3)
    assert done["poison"] == 5
    assert done["failed"] == {etl.topic: "5 messages were set aside"}
    assert etl.query("SELECT count(*) FROM cleaned.counterparties") == [(3,)]
    letters = kafka.read(topics.dead_letter(etl.topic))
    assert sorted(letter.raw for letter in letters) == sorted([b"{", nested, b"null", twice, half])
    assert etl.run("2026-03-01T12:00Z")["poison"] == 0


def test_rows_of_any_content_come_as_they_are(etl: Warehouse, crm: MariaDb) -> None:
    execute(
        crm,
        "ALTER TABLE counterparties ADD note longtext, ADD small bigint unsigned, ADD raw varbinary(4)",
        "INSERT INTO counterparties VALUES ('x1', CONCAT('nul', CHAR(0), '💶'), 'DE', NULL, NULL, -0.01,"
        " 'EUR', '2026-02-01', REPEAT('y', 900000), 18446744073709551615, X'00FF10')",
        "INSERT INTO counterparties VALUES ('x2', '', 'DE', NULL, NULL, 999999999999999.99, 'EUR',"
        " '2026-02-01 00:00:00.000001', REPEAT('z', 2000000), NULL, NULL)",
    )
    etl.sources = [_of_crm(crm)]
    done = etl.run("2026-03-01T00:00Z")
    # A row that fits into no message is counted apart, and the comparison knows of it.
    assert (done["rows"], done["refused"]) == (4, 1)
    assert done["rejected"] == {"crm.counterparties": 1}
    assert etl.query(
        "SELECT record ->> 'small', record ->> 'raw', record ->> 'credit_limit', record ->> 'name'"
        " FROM raw.records WHERE key = 'x1'"
    ) == [("18446744073709551615", "AP8Q", "-0.01", "nul\ufffd💶")]
    # That one row is lacking each night keeps nobody from seeing what is gone.
    execute(crm, "DELETE FROM counterparties WHERE id = 'c1'")
    done = etl.run("2026-03-02T00:00Z")
    assert (done["rows"], done["deletes"], done["refused"]) == (0, 1, 0)
    assert etl.query("SELECT count(*) FROM cleaned.counterparties") == [(3,)]


def test_an_oracle_that_refuses_is_told_of_and_holds_nothing_back(
    etl: Warehouse, crm: MariaDb, tmp_path: Path
) -> None:
    """No Oracle is met here: a listener that knows no service, which is as far as its protocol is open."""
    secret = tmp_path / "oracle-password"
    secret.write_text("a-password-of-oracle")
    with refusing_listener() as port:
        oracle = {
            "name": "etrm", "kind": "oracle", "host": "127.0.0.1", "port": port, "database": "ETRM",
            "user": "reader", "password_file": str(secret), "tables": {"trades": {"key": ["trade_id"]}},
        }  # fmt: skip
        etl.sources = [oracle, _of_crm(crm)]
        done = etl.run("2026-03-01T06:00Z", code=1)
    assert f"reader@127.0.0.1:{port}/ETRM" in done["failed"]["etrm.trades"]
    assert "ETRM" in done["failed"]["etrm.trades"]
    assert "12514" in done["failed"]["etrm.trades"] or "DPY-6001" in done["failed"]["etrm.trades"]
    assert "a-password-of-oracle" not in str(done)
    assert etl.query("SELECT count(*) FROM cleaned.counterparties") == [(3,)]


def test_an_api_that_gives_all_each_time_shows_what_is_gone(etl: Warehouse, api: Api) -> None:
    source = _of_metering(api)
    for name in ("watermark", "since_parameter"):
        del source["tables"]["volumes"][name]
    etl.sources = [source]
    api.paths["/volumes"] = [_volume("m1", f"2026-01-0{day}", day, "x") for day in range(1, 4)]
    # A time that is none is rejected, the rest of the rows not.
    assert etl.run("2026-03-01T06:00Z")["rows"] == 3
    assert len(etl.query("SELECT key FROM cleaned.rejects")) == 3
    api.paths["/volumes"] = [_volume("m1", "2026-01-02", 9.5, "2026-01-05T00:00:00+01:00")]
    done = etl.run("2026-03-01T12:00Z")
    assert (done["rows"], done["deletes"]) == (1, 2)
    assert etl.query("SELECT day::text, mwh FROM cleaned.volumes") == [("2026-01-02", Decimal("9.5"))]
    assert etl.query("SELECT count(*) FROM cleaned.rejects") == [(0,)]
    api.status = 500
    done = etl.run("2026-03-01T18:00Z", code=1)
    assert "HTTP 500" in done["failed"]["metering.volumes"]
    assert etl.query("SELECT count(*) FROM cleaned.volumes") == [(1,)]


def test_an_api_with_a_watermark_shows_late_and_removed_rows_to_a_run_that_compares(
    etl: Warehouse, api: Api
) -> None:
    etl.sources = [_of_metering(api)]
    first = [_volume("m1", f"2026-01-0{day}", day, f"2026-01-0{day}T12:00:00Z") for day in range(1, 4)]
    api.paths["/volumes"] = first
    assert etl.run("2026-03-01T06:00Z")["rows"] == 3
    # Dated long before what was seen; and one is removed.
    api.paths["/volumes"] = [*first[1:], _volume("m2", "2026-01-01", 5, "2026-01-01T12:00:00Z")]
    done = etl.run("2026-03-01T12:00Z")
    assert (done["rows"], done["deletes"]) == (0, 0)
    done = etl.run("2026-03-02T00:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (1, 1, {})
    assert etl.query("SELECT meter_id, day::text FROM cleaned.volumes ORDER BY key") == [
        ("m1", "2026-01-02"), ("m1", "2026-01-03"), ("m2", "2026-01-01"),
    ]  # fmt: skip
    assert etl.query("SELECT watermark FROM etl.loads ORDER BY load_id DESC LIMIT 1") == [
        ("2026-01-03T12:00:00Z",)
    ]


def test_a_key_that_no_index_takes_is_set_aside_and_a_numeric_mark_is_one(etl: Warehouse, api: Api) -> None:
    source = _of_metering(api)
    table = source["tables"]["volumes"]
    table |= {"watermark": "version", "since_parameter": "from"}
    etl.sources = [source]
    api.paths["/volumes"] = [
        {**_volume("m1", "2026-01-01", 1, "2026-01-01T00:00:00Z"), "version": 9},
        {**_volume("m" * 5000, "2026-01-01", 1, "2026-01-01T00:00:00Z"), "version": 10},
        {**_volume("m2", "2026-01-01", 0.1234567890123456789, "2026-01-01T00:00:00Z"), "version": 10},
    ]
    done = etl.run("2026-03-01T06:00Z")
    assert (done["rows"], done["refused"], done["failed"]) == (2, 1, {})
    assert etl.query("SELECT watermark FROM etl.loads") == [("10",)]
    again = etl.run("2026-03-01T12:00Z")
    assert (again["rows"], again["refused"], again["failed"]) == (0, 0, {})
    api.paths["/volumes"] = []
    assert etl.run("2026-03-01T18:00Z")["failed"] == {}
    assert etl.query("SELECT count(*) FROM cleaned.volumes") == [(2,)]


def test_values_at_the_edge_are_taken_or_rejected_and_the_lake_is_not_held_up(
    etl: Warehouse, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "invoices"
    folder.mkdir(parents=True)
    days = "2026-02-01,2026-02-15 00:00:00,9999-12-31"
    amounts = ["1e30", "0." + "1" * 40, "-5", "١٢", "NaN", "1e17"]
    rows = [f"i{n},c1,2026-01-01,{amount},EUR,{days}" for n, amount in enumerate(amounts)]
    (folder / "a.csv").write_text(_INVOICES + "\n".join(rows) + "\n")
    etl.sources = [_of_billing(tmp_path / "in")]
    etl.run("2026-03-01T06:00Z")
    assert [key for (key,) in etl.query("SELECT key FROM cleaned.invoices ORDER BY key")] == [
        "i1",
        "i2",
        "i5",
    ]
    assert len(etl.query("SELECT key FROM cleaned.rejects")) == 3
    # The newest of a key counts, also where the layer has the one before it: in one file, far apart.
    some = [f"x{n},c1,2026-01-01,1,EUR,{days}" for n in range(6000)]
    text = [f"i2,c1,2026-01-01,7,EUR,{days}", *some, f"i2,c1,2026-01-01,-5,EUR,{days}"]
    (folder / "b.csv").write_text(_INVOICES + "\n".join(text) + "\n")
    etl.run("2026-03-01T12:00Z")
    assert etl.query("SELECT amount FROM cleaned.invoices WHERE key = 'i2'") == [(-5,)]


@pytest.mark.parametrize("changed", [True, False])
def test_a_model_that_comes_later_takes_in_all_that_was_loaded(
    etl: Warehouse, crm: MariaDb, changed: bool
) -> None:
    execute(crm, "UPDATE counterparties SET currency = 'E1' WHERE id = 'c3'")
    etl.sources = [_of_crm(crm)]
    etl.run("2026-03-01T06:00Z")
    with etl.layers.admin() as connection:
        connection.execute("DROP TABLE cleaned.counterparties, cleaned.rejects CASCADE")
    if changed:
        execute(
            crm, "UPDATE counterparties SET name = 'New', updated_at = '2026-03-01 07:00' WHERE id = 'c1'"
        )
    etl.run("2026-03-01T12:00Z")
    assert etl.query("SELECT name FROM cleaned.counterparties ORDER BY key") == [
        ("New" if changed else "Nordwind",), ("Østkraft",),
    ]  # fmt: skip
    assert etl.query("SELECT count(*) FROM analytics.exposures") == [(2,)]
    # What was rejected is so again, also where its model alone is lacking.
    rejected = [("c3", "currency: E1 is no code of three letters")]
    assert etl.query("SELECT key, reason FROM cleaned.rejects") == rejected
    with etl.layers.admin() as connection:
        connection.execute("DROP TABLE cleaned.rejects")
    etl.run("2026-03-01T18:00Z")
    assert etl.query("SELECT key, reason FROM cleaned.rejects") == rejected


def test_a_personal_column_that_a_file_lacks_stops_it_and_no_row_is_in_the_message(
    etl: Warehouse, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "invoices"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("i1,jane.doe@person.example,5\ni2,x,6\n")
    source = _of_billing(tmp_path / "in")
    source["tables"]["invoices"]["personal"] = {"email": "drop"}
    etl.sources = [source]
    done = etl.run("2026-03-01T06:00Z", code=3)
    assert "a.csv has no column invoice_no, email among its 3" in done["failed"]["billing.invoices"]
    assert "jane.doe" not in str(etl.query("SELECT * FROM etl.sources")) + str(done)


def test_who_may_not_read_a_table_is_told_and_no_password_is_shown(etl: Warehouse, crm: MariaDb) -> None:
    of_crm = _of_crm(crm)
    of_crm["tables"]["nowhere"] = {"key": ["id"]}
    etl.sources = [of_crm, {**_of_crm(crm), "name": "other", "user": "nobody"}]
    done = etl.run("2026-03-01T06:00Z", code=1)
    assert "has no table nowhere that this user may read" in done["failed"]["crm.nowhere"]
    assert "Access denied" in done["failed"]["other.counterparties"]
    assert crm.password_file.read_text() not in str(done)
    assert etl.query("SELECT count(*) FROM cleaned.counterparties") == [(3,)]


def test_the_lake_has_each_load_once_and_trino_joins_and_maintains_it(
    database: MigratedDatabase,
    warehouse: MigratedDatabase,
    object_store: ObjectStore,
    trino: Trino,
    kafka: KafkaClient,
    crm: MariaDb,
    tmp_path: Path,
) -> None:
    etl = Warehouse(database, warehouse, kafka.bootstrap, kafka.topic(), tmp_path)
    etl.objects(object_store)
    uploads = objects.client(object_store.url, object_store.secret)
    uploads.put_object(
        Bucket=lake.UPLOADS,
        Key="billing/invoices/a.csv",
        Body=(_INVOICES + "i1,c1,2026-01-01,5.25,EUR,2026-02-01,2026-02-15,\n").encode(),
    )
    billing = _of_billing(tmp_path)
    del billing["url"]
    etl.sources = [_of_crm(crm), billing]
    assert etl.run("2026-03-01T06:00Z")["kept"] == 4 + 4
    assert etl.run("2026-03-01T12:00Z")["kept"] == 0
    execute(
        crm,
        "UPDATE counterparties SET credit_limit = -1.5, updated_at = '2026-03-02' WHERE id = 'c1'",
        "DELETE FROM counterparties WHERE id = 'c2'",
    )
    assert etl.run("2026-03-03T00:00Z")["kept"] == 2 + 1
    owner = Client(trino.url)
    assert owner.query("SELECT operation, count(*) FROM lake.raw.records GROUP BY 1 ORDER BY 1") == [
        ["delete", 1],
        ["upsert", 5],
    ]
    analyst = Client(trino.url, user="an-analyst")
    limits = "SELECT credit_limit FROM lake.cleaned.counterparties WHERE key = 'c1' ORDER BY load_id"
    assert [float(limit) for (limit,) in analyst.query(limits)] == [100000.0, -1.5]
    joined = (
        "SELECT c.name, i.amount FROM warehouse.cleaned.counterparties c"
        " JOIN lake.cleaned.invoices i ON i.counterparty_id = c.counterparty_id"
    )
    assert [(name, float(amount)) for name, amount in analyst.query(joined)] == [("Nordwind", 5.25)]
    done = etl.asked("maintain", more={"TRINO_URL": trino.url})
    assert done.returncode == 0, done.stdout + done.stderr
    [[files]] = owner.query('SELECT count(*) FROM lake.raw."records$files"')
    assert files == 1
    assert owner.query("SELECT count(*) FROM lake.raw.records") == [[6]]
