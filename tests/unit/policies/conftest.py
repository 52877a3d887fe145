"""What the pinned SDK says of the resources at AWS."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi import _types
from pulumi.runtime import rpc

from policies.rule import ResourceRule, StackRule
from policies.rules import RULES

PROVIDER = "pulumi:providers:aws"


@pytest.fixture(scope="session")
def aws_inputs() -> Mapping[str, frozenset[str]]:
    """Of each type at AWS that a rule names and that exists: token → names of its inputs."""
    named = {PROVIDER}
    for rule in RULES:
        if isinstance(rule, ResourceRule):
            named |= rule.types
        elif isinstance(rule, StackRule):
            named |= set(rule.about)
    found = {token: _inputs(token) for token in named if token.startswith("aws:") and token != "aws:"}
    provider = importlib.import_module("pulumi_aws").ProviderArgs
    found[PROVIDER] = frozenset(_types.input_type_types(provider))
    return {token: inputs for token, inputs in found.items() if inputs}


def _inputs(token: str) -> frozenset[str]:
    package, module, _ = token.split(":")
    importlib.import_module(f"pulumi_{package}")
    modules: list[Any] = rpc._RESOURCE_MODULES.get(f"{package}:{module}", [])
    for found in modules:
        if name := found.mod_info["classes"].get(token):
            resource = getattr(importlib.import_module(found.mod_info["fqn"]), name)
            # Where a block of another resource has the name already, the arguments have a longer one.
            home = sys.modules[resource.__module__]
            args = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")
            return frozenset(_types.input_type_types(args))
    return frozenset()
