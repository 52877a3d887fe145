"""What a person hands to the cluster: uploads, files to ingest, and a job's standard input."""

from __future__ import annotations

import gzip
import json
import shlex
from base64 import b64decode
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from tools import ingest_cli, jobs, jobs_cli, kube
from tools.errors import CommandFailed, ToolError, UsageError
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL

_SOURCES: list[dict[str, Any]] = [
    {"kind": "files", "name": "billing", "tables": {"invoices": {"key": ["no"], "pattern": "invoices*"}}},
    {"kind": "files", "name": "etrm", "url": "/in", "tables": {"trades": {"key": ["no"], "pattern": "*"}}},
]


class Cluster:
    """What kubectl answers; keeps what it is asked to make."""

    def __init__(self) -> None:
        self.state = "Complete"
        self.attached = True
        self.made: list[dict[str, Any]] = []

    def __call__(self, *args: str, stdin: str | None = None, **_: object) -> str:
        match args:
            case ("get", "configmap", *_):
                assert f"metadata.name={WAREHOUSE_ETL.name}" in args
                return json.dumps({"items": [{"data": {"sources.yaml": json.dumps({"sources": _SOURCES})}}]})
            case ("get", "secret", *_):
                return json.dumps({"items": []})
            case ("get", "pods", *_):
                return json.dumps({"items": [{"metadata": {"name": "p"}, "status": {"phase": "Running"}}]})
            case ("get", "job", *_):
                condition = {"type": self.state, "status": "True"}
                return json.dumps({"items": [{"status": {"conditions": [condition]}}]})
            case ("create", "job", name, *_):
                pod = {"containers": [{"name": "c"}]}
                made = {"kind": "Job", "metadata": {"name": name}, "spec": {"template": {"spec": pod}}}
                return json.dumps(made)
            case ("create", *_):
                self.made.append(json.loads(stdin or ""))
                return ""
            case ("attach", *_):
                if not self.attached:
                    raise CommandFailed(["kubectl"], 1, output="error: connection reset by peer")
                return ""
            case ("logs", *_):
                return '{"source": "s", "log": "of the job"}'
            case _:
                return ""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    one = Cluster()
    monkeypatch.setattr(kube, "kubectl", one)
    return one


@pytest.mark.parametrize(
    ("name", "said", "remedy"),
    [
        ("invoices-1.csv", "below no source", "SOURCE/NAME"),
        ("biling/invoices-1.csv", "'biling' is no source of uploads", "there are billing"),
        ("etrm/trades.csv", "'etrm' is no source of uploads", "there are billing"),
        ("billing/bills.csv", "'bills.csv' is none of billing's files", "invoices* of invoices"),
        ("billing/invoices.xlsx", "'invoices.xlsx' is neither of .csv and .parquet", "ending"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_a_file_that_nobody_looks_for_is_not_put_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str, remedy: str
) -> None:
    monkeypatch.setattr(boto3, "client", lambda *_, **__: pytest.fail("the store is asked"))
    (tmp_path / "f").write_text("no\n1\n")
    done = CliRunner().invoke(jobs_cli.app, ["upload", str(tmp_path / "f"), name])
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert remedy in done.exception.remedy


@pytest.mark.usefixtures("cluster")
def test_one_that_a_pattern_takes_goes_to_the_store(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("no\n1\n")
    done = CliRunner().invoke(jobs_cli.app, ["upload", str(tmp_path / "f"), "billing/invoices-1.csv"])
    assert "no object store here" in str(done.exception), "which is what is asked for next"


def test_a_file_of_any_name_is_mounted_under_it(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "Preise März (neu).csv"
    file.write_text("a,b\n")
    done = CliRunner().invoke(ingest_cli.app, [str(file), "--as", "s", "--confirm", "w"])
    content, job = cluster.made
    [(key, packed)] = content["binaryData"].items()
    assert key.isascii()
    assert " " not in key
    assert gzip.decompress(b64decode(packed)) == b"a,b\n"
    pod = job["spec"]["template"]["spec"]
    [volume] = pod["volumes"]
    assert volume["configMap"]["items"] == [{"key": key, "path": file.name}]
    assert pod["containers"][0]["args"][:2] == ["ingest", f"/ingest/{file.name}"], done.output


def test_the_command_that_confirms_can_be_given_to_a_shell_as_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    empty: dict[str, Any] = {"counts": {}, "columns": {}, "period": "", "first": None, "last": None}
    file = Path("in/Preise [neu]; März.csv")
    ingest_cli.show(empty | {"revised": [], "refused": [], "confirm": "w"}, file, "s")
    *_, command = capsys.readouterr().out.strip().splitlines()
    words = ["python", "-m", "tools", "ingest", str(file), "--as", "s", "--confirm", "w"]
    assert shlex.split(command) == words


def test_a_standard_input_that_broke_off_is_no_end_of_it(cluster: Cluster) -> None:
    assert "of the job" in jobs.run("customer-import", "import", "-", stdin="a\nb\n")
    cluster.attached = False
    with pytest.raises(ToolError, match="ended well, and may have read a part alone") as broken:
        jobs.run("customer-import", "import", "-", stdin="a\nb\n")
    assert "connection reset by peer" in str(broken.value)
    assert broken.value.remedy == "import it again"
    cluster.state = "Failed"
    with pytest.raises(ToolError, match=r"(?s)failed:.*of the job"):
        jobs.run("customer-import", "import", "-", stdin="a\nb\n")
