"""Reading what the engine wrote down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.gate import marks, record

URN = "urn:pulumi:prod::carbon-platform::"
BOX = f"{URN}carbon:storage:Box::new"
BUCKET = f"{URN}carbon:storage:Box$aws:s3/bucket:Bucket::new-data"
SECRET = {marks.SIGNATURE: marks.SECRET, "value": {"password": "dummy"}}


def _log(directory: Path, *calls: dict[str, Any]) -> record.Calls:
    file = directory / "calls.json"
    file.write_text("\n\n".join(json.dumps(call) for call in calls))
    return record.calls(file)


def _registered(urn: str, **request: Any) -> dict[str, Any]:
    qualified, name = urn.split("::")[2:]
    whole = {"type": qualified.rpartition("$")[2], "name": name} | request
    return {
        "method": "/pulumirpc.ResourceMonitor/RegisterResource",
        "request": whole,
        "response": {"urn": urn},
    }


def _checked(urn: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": "/pulumirpc.ResourceProvider/Check",
        "request": {"urn": urn},
        "response": {"inputs": inputs},
    }


def _answer(*states: dict[str, Any]) -> dict[str, Any]:
    return {"steps": [{"op": "create", "newState": state} for state in states]}


def test_inputs_are_those_that_the_provider_checked_with_secrets_in_clear(tmp_path: Path) -> None:
    calls = _log(tmp_path, _registered(BUCKET), _checked(BUCKET, {"data": SECRET, "size": 3.0}))
    state = {"urn": BUCKET, "type": "aws:s3/bucket:Bucket", "custom": True, "inputs": {"data": "[secret]"}}
    (resource,) = record.resources(_answer(state), calls)
    assert resource.inputs == {"data": {"password": "dummy"}, "size": 3}
    assert isinstance(resource.inputs["size"], int)


def test_the_stack_itself_is_no_resource_and_no_parent(tmp_path: Path) -> None:
    root = f"{URN}pulumi:pulumi:Stack::carbon-platform-prod"
    calls = _log(tmp_path, _registered(BOX))
    found = record.resources(
        _answer(
            {"urn": root, "type": "pulumi:pulumi:Stack"},
            {"urn": BOX, "type": "carbon:storage:Box", "parent": root},
        ),
        calls,
    )
    assert [(r.name, r.parent) for r in found] == [("new", "")]


def test_a_provider_is_named_without_its_id(tmp_path: Path) -> None:
    provider = f"{URN}pulumi:providers:aws::aws"
    state = {"urn": BUCKET, "type": "aws:s3/bucket:Bucket", "provider": f"{provider}::{marks.UNKNOWN}"}
    (resource,) = record.resources(_answer(state), _log(tmp_path, _registered(BUCKET)))
    assert resource.provider == provider


def test_an_alias_of_a_parent_is_one_of_its_children(tmp_path: Path) -> None:
    calls = _log(
        tmp_path,
        _registered(BOX, aliases=[{"spec": {"name": "old"}}]),
        _registered(BUCKET, parent=BOX, aliases=[{"spec": {"type": "aws:s3/bucketV2:BucketV2"}}]),
    )
    box = {"urn": BOX, "type": "carbon:storage:Box"}
    bucket = {"urn": BUCKET, "type": "aws:s3/bucket:Bucket", "parent": BOX}
    above, below = record.resources(_answer(box, bucket), calls)
    assert above.aliases == (f"{URN}carbon:storage:Box::old",)
    assert set(below.aliases) >= {
        f"{URN}carbon:storage:Box$aws:s3/bucketV2:BucketV2::new-data",
        f"{URN}carbon:storage:Box$aws:s3/bucket:Bucket::old-data",
        f"{URN}carbon:storage:Box$aws:s3/bucketV2:BucketV2::old-data",
    }


def test_an_alias_may_have_another_parent_or_none(tmp_path: Path) -> None:
    calls = _log(
        tmp_path,
        _registered(
            BUCKET,
            parent=BOX,
            aliases=[
                {"urn": f"{URN}aws:s3/bucket:Bucket::given"},
                {"spec": {"noParent": True, "name": "alone"}},
                {"spec": {"parentUrn": f"{URN}carbon:old:Shelf::a"}},
            ],
        ),
    )
    (resource,) = record.resources(_answer({"urn": BUCKET, "type": "aws:s3/bucket:Bucket"}), calls)
    assert set(resource.aliases) == {
        f"{URN}aws:s3/bucket:Bucket::given",
        f"{URN}aws:s3/bucket:Bucket::alone",
        f"{URN}carbon:old:Shelf$aws:s3/bucket:Bucket::new-data",
    }


def test_unknown_inputs_of_providers_are_found_at_any_depth(tmp_path: Path) -> None:
    provider = f"{URN}pulumi:providers:kubernetes::cluster"
    nested = {"settings": {"hosts": ["a", marks.UNKNOWN]}, "context": "main"}
    calls = _log(
        tmp_path,
        _registered(provider, object=nested),
        _registered(BUCKET, object={"bucket": marks.UNKNOWN}),
    )
    assert record.unknown_provider_inputs(calls) == (f"{provider}: settings",)


def test_policies_that_ran_broke_or_could_not_are_told_apart(tmp_path: Path) -> None:
    events = tmp_path / "events.json"
    said = {"resourceUrn": BUCKET, "policyName": "encrypted", "enforcementLevel": "mandatory"}
    lines: list[dict[str, Any]] = [
        {"policyAnalyzeSummaryEvent": {"passed": ["tagged"], "failed": ["encrypted"]}},
        {"policyAnalyzeStackSummaryEvent": {"passed": ["tagged"]}},
        {"policyEvent": said | {"message": "title\nno key. Remedy: give one."}},
        {
            "policyEvent": said
            | {
                "policyName": "named",
                "enforcementLevel": "advisory",
                "message": "title\ncan't run policy 'named' from policy pack 'x' during preview: unknown",
            }
        },
    ]
    events.write_text("\n".join(json.dumps(line) for line in lines))
    results = record.policies(events, record.Calls())
    assert results.ran == {"tagged": 2, "encrypted": 1}
    assert [(v.policy, v.mandatory, v.message) for v in results.violations] == [
        ("encrypted", True, "no key. Remedy: give one.")
    ]
    assert [r.policy for r in results.could_not_run] == ["named"]


def test_an_exception_that_was_used_is_seen(tmp_path: Path) -> None:
    said = [
        {"policyName": "image-digest", "reason": "excepted: until 2027"},
        {"policyName": "image-registry", "reason": "no pods"},
    ]
    call = {
        "method": "/pulumirpc.Analyzer/Analyze",
        "request": {"urn": BUCKET},
        "response": {"notApplicable": said},
    }
    events = tmp_path / "events.json"
    events.write_text("")
    results = record.policies(events, _log(tmp_path, call, call))
    assert [(r.policy, r.urn, r.message) for r in results.excepted] == [
        ("image-digest", BUCKET, "until 2027")
    ]


def test_an_error_is_told_once_with_its_resource(tmp_path: Path) -> None:
    events = tmp_path / "events.json"
    error = {"severity": "error", "urn": BUCKET, "message": "no such property\n"}
    events.write_text("\n".join(json.dumps({"diagnosticEvent": error}) for _ in range(2)))
    answer = {"diagnostics": [{"severity": "warning", "message": "careful"}]}
    assert record.errors(events, answer, broken=False) == (f"{BUCKET}: no such property",)


def test_that_the_preview_failed_is_told_where_nothing_else_says_why(tmp_path: Path) -> None:
    events = tmp_path / "events.json"
    events.write_text("")
    answer = {"diagnostics": [{"severity": "error", "message": "error: preview failed"}]}
    assert record.errors(events, answer, broken=False) == ("preview failed",)
    assert record.errors(events, answer, broken=True) == ()
