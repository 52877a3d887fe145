"""What shuts the gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import paths
from tools.errors import MissingPrerequisite, ToolError, UsageError
from tools.gate import checks, ledger, report, snapshot
from tools.gate.model import CheckResult, Finding, PolicyResult, PolicyResults, Resource, StackPreview

HEAD = "urn:pulumi:prod::carbon-platform::"
BUCKET = f"{HEAD}aws:s3/bucket:Bucket::data"


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stacks").mkdir()
    monkeypatch.setattr(paths, "ROOT", tmp_path)


def _bucket(name: str = "data", *, protect: bool = True, aliases: tuple[str, ...] = ()) -> Resource:
    return Resource(
        urn=f"{HEAD}aws:s3/bucket:Bucket::{name}",
        type="aws:s3/bucket:Bucket",
        name=name,
        custom=True,
        protect=protect,
        aliases=aliases,
        inputs={"bucket": "carbon-data"},
    )


def _preview(*resources: Resource, diagnostics: tuple[str, ...] = ()) -> StackPreview:
    return StackPreview("prod", resources, diagnostics=diagnostics)


def _found(id_: str, *previews: StackPreview) -> list[Finding]:
    return [finding for result in checks.run(previews, [id_]) for finding in result.findings]


def test_a_failed_preview_is_an_error_about_its_resource() -> None:
    (finding,) = _found("engine", _preview(diagnostics=(f"{BUCKET}: no such property",)))
    assert (finding.subject, finding.message, finding.severity) == (BUCKET, "no such property", "error")


def test_an_unknown_input_of_a_provider_is_an_error() -> None:
    blind = StackPreview("prod", (), unknown_provider_inputs=("cluster: kubeconfig",))
    (finding,) = _found("provider-inputs", blind)
    assert finding.severity == "error"


def test_policies_are_told_by_their_severity_and_what_could_not_run_is_an_error() -> None:
    results = PolicyResults(
        ran={"encrypted": 3, "named": 2},
        violations=(
            PolicyResult("encrypted", BUCKET, True, "a key encrypts it. Remedy: give one."),
            PolicyResult("named", BUCKET, False, "it has a name. Remedy: give one."),
        ),
        could_not_run=(PolicyResult("tagged", BUCKET, False, "unknown"),),
    )
    (result,) = checks.run([StackPreview("prod", (), policies=results)], ["policy"])
    assert [(f.check, f.severity) for f in result.findings] == [
        ("policy/encrypted", "error"),
        ("policy/named", "warning"),
        ("policy/tagged", "error"),
    ]
    assert (result.examined, len(result.unseen)) == (5, 1)


def _told(results: list[CheckResult], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Check → its line."""
    report.results(results)
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines() if line[:1] in "✓✗!?"]
    return {words[1]: " ".join(words) for words in lines if len(words) == 3}


def test_what_was_not_previewed_to_its_end_never_counts_as_passed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A preview that ran out of time has some of its resources and of the policies' answers."""
    some = StackPreview(
        "prod",
        (_bucket(),),
        policies=PolicyResults(ran={"encrypted": 1}),
        diagnostics=("`pulumi preview` ran out of time",),
    )
    told = _told(checks.run([some], ["policy"]), capsys)
    assert told["engine"].startswith("✗ engine 1 errors")
    assert told["policy"].startswith("? policy nothing found in 1, not all of prod")


def test_what_was_previewed_to_its_end_counts_as_passed(capsys: pytest.CaptureFixture[str]) -> None:
    whole = StackPreview("prod", (_bucket(),), policies=PolicyResults(ran={"encrypted": 1}))
    assert _told(checks.run([whole], ["policy"]), capsys).keys() == {"policy"}
    assert _told(checks.run([whole], ["policy"]), capsys)["policy"].startswith("✓ policy nothing found in 1")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ToolError("the server is gone", remedy="Run it again."), "the server is gone"),
        (ConnectionResetError("peer"), "ConnectionResetError: peer"),
    ],
)
def test_a_check_that_ends_itself_takes_no_other_along(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, said: str
) -> None:
    def broken(_: object) -> CheckResult:
        raise fault

    monkeypatch.setattr(checks, "CHECKS", {**checks.CHECKS, "iam-lint": broken})
    blind = StackPreview("prod", (), unknown_provider_inputs=("cluster: kubeconfig",))
    found = {result.name: result.findings for result in checks.run([blind], ["provider-inputs", "iam-lint"])}
    assert len(found["provider-inputs"]) == 1
    (finding,) = found["iam-lint"]
    assert (finding.severity, said in finding.message) == ("error", True)


def test_what_the_machine_lacks_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(_: object) -> CheckResult:
        raise MissingPrerequisite("there is no Go")

    monkeypatch.setattr(checks, "CHECKS", {"engine": lacking})
    with pytest.raises(MissingPrerequisite):
        checks.run([_preview()], ["engine"])


def test_a_pack_of_which_nothing_ran_is_no_pass() -> None:
    (finding,) = _found("policy", _preview(_bucket()))
    assert "no rule of the pack ran" in finding.message


def test_one_rule_of_the_pack_can_be_asked_alone() -> None:
    results = PolicyResults(
        violations=tuple(PolicyResult(name, BUCKET, True, "no") for name in ("encrypted", "image-pinned"))
    )
    found = _found("policy/image-pinned", StackPreview("prod", (), policies=results))
    assert [f.check for f in found] == ["policy/image-pinned"]


def test_a_check_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="no check polici"):
        checks.run([], ["polici"])


@pytest.mark.parametrize("asked", ["policy/no-such-rule", "snapshot/moved-elsewhere"])
def test_a_part_that_a_check_does_not_have_is_refused(asked: str) -> None:
    with pytest.raises(UsageError, match=asked.partition("/")[2]) as refused:
        checks.run([], [asked])
    assert "Its parts are" in str(refused.value.remedy)


def test_a_stack_without_a_snapshot_does_not_pass() -> None:
    assert [f.check for f in _found("snapshot", _preview(_bucket()))] == ["snapshot/none"]


def test_a_difference_is_an_error_until_it_is_accepted() -> None:
    checks.accept(_preview(_bucket()))
    changed = _preview(_bucket(), _bucket("more", protect=False))
    assert [f.check for f in _found("snapshot", changed)] == ["snapshot/added"]
    checks.accept(changed)
    assert _found("snapshot", changed) == []


def test_a_preview_that_failed_is_neither_compared_nor_accepted() -> None:
    broken = _preview(diagnostics=("no",))
    engine, result = checks.run([broken], ["snapshot"])
    assert [finding.message for finding in engine.findings] == ["no"]
    assert result.findings == []
    assert len(result.unseen) == 1
    with pytest.raises(ToolError):
        checks.accept(broken)
    assert snapshot.read("prod") is None


def test_accepting_a_snapshot_gives_up_no_data() -> None:
    checks.accept(_preview(_bucket()))
    for after in (_preview(), _preview(_bucket(protect=False)), _preview(_bucket("renamed"))):
        checks.accept(after)
        assert [f.check for f in _found("data-kept", after)] == ["data-kept"]


def test_an_alias_keeps_data_and_the_ledger_follows_it() -> None:
    checks.accept(_preview(_bucket()))
    moved = _preview(_bucket("renamed", aliases=(BUCKET,)))
    assert _found("data-kept", moved) == []
    checks.accept(moved)
    assert ledger.read("prod") == ["aws:s3/bucket:Bucket::renamed"]


def test_only_what_is_protected_and_holds_data_is_held() -> None:
    policy = Resource(f"{HEAD}aws:iam/policy:Policy::p", "aws:iam/policy:Policy", "p", True, protect=True)
    checks.accept(_preview(_bucket(protect=False), policy))
    assert ledger.read("prod") == []


def test_a_person_gives_data_up_by_removing_its_line() -> None:
    checks.accept(_preview(_bucket()))
    ledger.file("prod").write_text("# none\n")
    assert _found("data-kept", _preview()) == []


def test_differences_are_told_a_component_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    checks.accept(_preview(_bucket()))
    changes = snapshot.changes(_preview(_bucket("more")))
    assert changes is not None
    report.changes("prod", changes, remedies=True)
    said = capsys.readouterr().out
    assert "prod, compared with its snapshot: 1 added, 1 vanished" in said
    assert "- Bucket data vanished" in said
    assert "+ Bucket more added" in said
    assert "where it has vanished: give what takes its place `aliases=[…]`" in said


def test_the_report_tells_one_finding_of_many_resources_once(capsys: pytest.CaptureFixture[str]) -> None:
    findings = [Finding("policy/x", "error", "prod", name, "is open", "close it") for name in ("a", "b")]
    report.results([CheckResult("policy", findings, 2, unseen=["prod: c"])])
    said = capsys.readouterr().out
    assert said.count("is open") == said.count("close it") == 1
    assert "prod a" in said
    assert "prod b" in said
    assert "2 errors in 2, 1 unseen" in said
