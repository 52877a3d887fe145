"""What IAM policy documents allow."""

from __future__ import annotations

import pytest

from policies import documents


@pytest.mark.parametrize(
    ("action", "write"),
    [
        ("ec2:DescribeInstances", False),
        ("ec2:Describe*", False),
        ("s3:ListBucket", False),
        ("ecr:BatchGetImage", False),
        ("s3:PutObject", True),
        ("s3:*", True),
        ("*", True),
        ("s3:G*", True),
        ("s3:Get*", True),
        ("s3:GetObject", True),
        ("s3:GetBucketLocation", False),
        ("ssm:GetParameter", True),
        ("ssm:Get*", True),
        ("kms:Decrypt", True),
        ("secretsmanager:GetSecretValue", True),
        ("secretsmanager:Get*", True),
        ("iam:PassRole", True),
    ],
)
def test_what_changes_something_or_hands_out_data(action: str, *, write: bool) -> None:
    assert documents.is_write(action) is write


@pytest.mark.parametrize(
    ("resource", "everything"),
    [
        ("*", True),
        ("arn:aws:s3:::*", True),
        ("arn:aws:s3:::*/*", True),
        ("arn:aws:iam::111122223333:role/*", True),
        ("arn:aws:ec2:eu-central-1:111122223333:instance/*", True),
        ("arn:aws:secretsmanager:eu-central-1:111122223333:secret:*", True),
        ("arn:aws:s3:::carbon-dev-mlflow/*", False),
        ("arn:aws:iam::111122223333:role/carbon-dev-*", False),
        ("arn:aws:secretsmanager:eu-central-1:111122223333:secret:carbon/dev/*", False),
        ("arn:aws:logs:eu-central-1:111122223333:log-group:/carbon/dev/flow:*", False),
    ],
)
def test_what_stands_for_all_of_a_service(resource: str, *, everything: bool) -> None:
    assert documents.is_everything(resource) is everything


def test_a_document_may_have_one_statement_and_one_action() -> None:
    (statement,) = documents.statements({"Statement": {"Effect": "Allow", "Action": "s3:GetObject"}})
    assert documents.listed(statement, "Action") == ["s3:GetObject"]
    assert list(documents.statements("{}")) == []


def test_a_document_that_nobody_can_read_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="marked as secret"):
        list(documents.statements("[secret]"))
    with pytest.raises(ValueError, match="Expecting value"):
        list(documents.statements("Allow"))


def test_who_a_statement_is_about() -> None:
    assert documents.principals({"Principal": "*"}) == ["*"]
    assert documents.principals({"Principal": {"AWS": ["a", "b"], "Service": "c"}}) == ["a", "b", "c"]
    assert documents.principals({}) == []


def test_conditions_whatever_their_case_and_operator() -> None:
    statement = {
        "Condition": {"StringEquals": {"AWS:SourceAccount": "1"}, "StringLike": {"aws:sourceaccount": ["2"]}}
    }
    assert documents.conditions(statement) == {"aws:sourceaccount": ["1", "2"]}
