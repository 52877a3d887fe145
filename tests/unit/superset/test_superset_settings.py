"""What Superset is told, and what its pages and guests may."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.superset_settings import LEAST
from tools.embedded.process import free_ports
from workloads.kit.contracts import env
from workloads.superset import login, logs, policy, report
from workloads.superset.__main__ import main
from workloads.superset.settings import MissingSetting, Oidc, Settings


@pytest.mark.parametrize("name", LEAST)
def test_what_has_no_default_is_asked_for_by_name(name: str) -> None:
    with pytest.raises(MissingSetting, match=f"^{name} is not set$"):
        Settings.read({**LEAST, name: ""})


def test_by_default_nobody_embeds_and_people_log_in_by_password() -> None:
    read = Settings.read(LEAST)
    assert (read.oidc, read.tenants, read.embedders, read.workers, read.port) == (None, (), (), 1, 5432)


def test_a_secret_is_its_files_content(tmp_path: Path) -> None:
    read = Settings.read({**LEAST, env.SUPERSET_SECRETS_DIR: str(tmp_path)})
    (tmp_path / "secret-key").write_text("of this stack\n")
    assert read.secret_key == "of this stack"
    with pytest.raises(MissingSetting, match="guest-token-key: No such file"):
        _ = read.guest_key


def test_commands_say_how_they_are_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(env.POSTGRES_HOST, raising=False)
    assert main(["serve"]) == 2
    assert "POSTGRES_HOST is not set" in capsys.readouterr().err
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)
    assert main(["dance"]) == 2
    assert "serve|prepare" in capsys.readouterr().err


def test_a_secret_that_is_not_there_is_named_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)
    prepare: Any = ModuleType("workloads.superset.prepare")
    prepare.prepare = lambda settings: settings.admin_password
    monkeypatch.setitem(sys.modules, prepare.__name__, prepare)
    assert main(["prepare"]) == 2
    assert "admin-password: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rules", "limits"),
    [
        ([], False),
        ([{"clause": ""}], False),
        ([{"clause": "tenant = 'a'"}, {"clause": " "}], False),
        ([{"clause": "1=1"}], False),
        ([{"clause": "tenant = 'a' OR 1=1"}], False),
        ([{"clause": "tenant = 'a' OR tenant = 'b'"}], False),
        # Of one dataset: those of all others would be open.
        ([{"clause": "tenant = 'a'", "dataset": 999}], False),
        ([{"clause": "tenant = 'a'"}, {"clause": "tenant = 'a'", "dataset": 1}], False),
        ([{"clause": "tenant = 'a'"}], True),
    ],
)
def test_a_guest_needs_a_rule_that_says_whose_rows(rules: list[dict[str, Any]], limits: bool) -> None:
    assert policy.limits_rows({"rls": rules}) is limits


def test_pages_load_nothing_of_others_and_are_framed_by_who_may() -> None:
    alone = policy.headers([], secure=False)
    assert alone["frame_options"] == "SAMEORIGIN"
    framed = policy.headers(["https://hub.example.org"], secure=True)
    assert framed["frame_options"] is None
    assert framed["strict_transport_security"] is True
    rules = framed["content_security_policy"]
    assert rules.pop("frame-ancestors") == ["'self'", "https://hub.example.org"]
    assert "http" not in json.dumps(rules)
    assert "unsafe-eval" not in json.dumps(rules)


def test_without_an_issuer_nobody_registers() -> None:
    assert login.config(None) == {"AUTH_TYPE": 1, "AUTH_USER_REGISTRATION": False}


def test_a_log_line_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    record = logging.makeLogRecord({"name": "a", "levelname": "INFO", "msg": "two\nlines %s", "args": ("x",)})
    line = logs.Line().format(record)
    assert "\n" not in line
    assert json.loads(line)["event"] == "two\nlines x"


def test_settings_of_an_issuer_are_read() -> None:
    told = {"issuer": "https://login.example.org", "client_id": "d", "roles": {"a": ["Analysts"]}}
    assert Settings.read({**LEAST, env.OIDC: json.dumps(told)}).oidc == Oidc(**told)


def test_no_line_of_whoever_sends_a_report_shows_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The library that asks logs the path of what it asks again, which is the secret."""
    import logging

    [port] = free_ports(1)
    file = tmp_path / "webhook"
    file.write_text(f"http://127.0.0.1:{port}/services/T0/B0/UNSPOKEN-OF\n")
    monkeypatch.setenv(env.REPORT_WEBHOOK_FILE, str(file))
    monkeypatch.setattr(report, "_TRIES", 1)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure("DEBUG")
        with pytest.raises(report.Refused, match=r"127\.0\.0\.1 did not answer"):
            report._send(report._webhook("127.0.0.1"), {"text": "figures"})  # pyright: ignore[reportPrivateUsage]
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    said = capsys.readouterr().out
    assert "Retry" in said
    assert "UNSPOKEN" not in said
