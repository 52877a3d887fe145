"""A stack's file over its bases: what counts, what is refused, and which file is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from infra.schema import schema
from infra.settings.bases import ROOT, ConfigLayer, ConfigLayers, SettingsError, bases, laid_over, layered
from infra.settings.parsing import parse
from tests import stack

FILES = sorted([*(ROOT / "stacks").glob("Pulumi.*.yaml"), *(ROOT / "stacks" / "base").glob("*.yaml")])
SHARING = [file for file in FILES if "carbon:base" in yaml.safe_load(file.read_text())["config"]]

KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(KEYS, VALUES, max_size=3)


def names(file: Path) -> str:
    return str(file.relative_to(ROOT))


def content(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "stacks" / "base").mkdir(parents=True)
    return tmp_path


def base(root: Path, name: str, config: object) -> None:
    (root / "stacks" / "base" / f"{name}.yaml").write_text(yaml.safe_dump({"config": config}))


def a_set(root: Path, name: str, config: dict[str, Any]) -> None:
    directory = root / "stacks" / "sets"
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.yaml").write_text(yaml.safe_dump({"config": config}))


class TestLaidOver:
    def test_maps_are_laid_over_each_other_and_all_else_is_replaced(self) -> None:
        below = {"map": {"kept": 1, "changed": 2}, "list": [1, 2], "value": "x"}
        above = {"map": {"changed": 3, "new": {"deep": 4}}, "list": [3]}
        assert laid_over(below, above) == {
            "map": {"kept": 1, "changed": 3, "new": {"deep": 4}},
            "list": [3],
            "value": "x",
        }

    def test_a_null_takes_away_what_is_below(self) -> None:
        assert laid_over({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None}, "d": None}) == {"a": {"c": 2}}

    def test_a_null_for_which_nothing_is_below_stays_to_be_judged(self) -> None:
        assert laid_over({}, {"misspelt": None}) == {"misspelt": None}

    def test_another_kind_shares_nothing(self) -> None:
        below = {"kafka": {"kind": "strimzi", "node_pool": "data"}}
        assert laid_over(below, {"kafka": {"kind": "statefulset"}}) == {"kafka": {"kind": "statefulset"}}
        assert laid_over(below, {"kafka": {"brokers": 3}})["kafka"]["node_pool"] == "data"

    @given(MAPS, MAPS)
    def test_what_the_upper_says_is_what_counts(self, below: dict[str, Any], above: dict[str, Any]) -> None:
        kept = copy.deepcopy(below), copy.deepcopy(above)
        made = laid_over(below, above)
        assert (below, above) == kept
        for key, value in above.items():
            if value is None and key in below:
                assert key not in made
            elif not isinstance(value, dict):
                assert made[key] == value
        assert {key: made[key] for key in below.keys() - above.keys()} == {
            key: below[key] for key in below.keys() - above.keys()
        }

    @given(MAPS)
    def test_laid_over_itself_without_nulls_nothing_changes(self, one: dict[str, Any]) -> None:
        whole = laid_over(one, {})
        assert whole == one
        without = _without_nulls(one)
        assert laid_over(without, without) == without


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


class TestBases:
    def test_a_base_may_have_one_of_its_own(self, root: Path) -> None:
        base(root, "account", {"carbon:aws": {"account_id": "1", "region": "r"}})
        base(root, "eks", {"carbon:base": "account", "carbon:aws": {"region": "s"}})
        made = layered({"base": "eks", "aws": {"log_days": 7}}, file="stacks/Pulumi.x.yaml", root=root)
        assert made.merged() == {"aws": {"account_id": "1", "region": "s", "log_days": 7}}
        assert made.said_by(["aws", "account_id"]) == ["stacks/base/account.yaml"]
        assert made.said_by(["aws", "region"]) == ["stacks/base/eks.yaml"]

    def test_an_unknown_one_is_named_with_the_one_that_was_meant(self, root: Path) -> None:
        base(root, "eks", {})
        with pytest.raises(SettingsError) as refused:
            layered({"base": "esk"}, file="stacks/Pulumi.x.yaml", root=root)
        assert str(refused.value) == (
            "stacks/Pulumi.x.yaml: carbon:base = 'esk' has no file stacks/base/esk.yaml. "
            "Remedy: write eks if that was meant."
        )

    @pytest.mark.parametrize("name", ["../Pulumi.x", ["eks"], 1, "moon"])
    def test_what_is_no_name_of_one_is_refused(self, root: Path, name: object) -> None:
        (root / "stacks" / "Pulumi.x.yaml").write_text("config: {}")
        base(root, "eks", {})
        with pytest.raises(SettingsError, match=r"carbon:base = .+ has no file .+ Remedy: "):
            layered({"base": name}, file="stacks/Pulumi.x.yaml", root=root)

    def test_one_that_comes_to_itself_again_is_refused(self, root: Path) -> None:
        base(root, "one", {"carbon:base": "two"})
        base(root, "two", {"carbon:base": "one"})
        with pytest.raises(SettingsError, match=r"two\.yaml: carbon:base = 'one' comes to .*one\.yaml again"):
            layered({"base": "one"}, file="stacks/Pulumi.x.yaml", root=root)

    @pytest.mark.parametrize("text", ["config: [", "- config", "config: text", "config: {}\nmore: {}", ""])
    def test_what_is_no_base_is_refused(self, root: Path, text: str) -> None:
        (root / "stacks" / "base" / "eks.yaml").write_text(text)
        with pytest.raises(
            SettingsError, match=r"^stacks/base/eks\.yaml: nothing can be laid over it: .+ Remedy: write YAML"
        ):
            layered({"base": "eks"}, file="stacks/Pulumi.x.yaml", root=root)

    def test_what_the_engine_reads_has_no_place_in_one(self, root: Path) -> None:
        base(root, "eks", {"pulumi:disable-default-providers": ["*"]})
        with pytest.raises(SettingsError, match=r"^stacks/base/eks\.yaml: pulumi:disable-def"):
            layered({"base": "eks"}, file="stacks/Pulumi.x.yaml", root=root)


class TestSets:
    def test_they_lie_between_the_base_and_the_stacks_own_file(self, root: Path) -> None:
        base(root, "eks", {"carbon:redis": {"size": 1, "base": True}})
        a_set(root, "watch", {"carbon:redis": {"size": 2, "set": True}, "carbon:cost": {"a": 1}})
        own = {"base": "eks", "sets": ["watch"], "redis": {"size": 3}}
        made = layered(own, file="stacks/Pulumi.x.yaml", root=root)
        assert made.merged() == {"redis": {"size": 3, "base": True, "set": True}, "cost": {"a": 1}}
        assert made.said_by(["cost", "a"]) == ["stacks/sets/watch.yaml"]

    def test_without_them_nothing_of_theirs_is_there(self, root: Path) -> None:
        a_set(root, "watch", {"carbon:cost": {"a": 1}})
        assert layered({"sets": []}, file="stacks/Pulumi.x.yaml", root=root).merged() == {}

    def test_an_unknown_one_is_named_with_those_there_are(self, root: Path) -> None:
        a_set(root, "watch", {})
        with pytest.raises(SettingsError) as refused:
            layered({"sets": ["moon"]}, file="stacks/Pulumi.x.yaml", root=root)
        assert str(refused.value) == (
            "stacks/Pulumi.x.yaml: carbon:sets has 'moon', which has no file stacks/sets/moon.yaml. "
            "Remedy: there are watch."
        )

    def test_what_is_no_list_is_refused(self, root: Path) -> None:
        with pytest.raises(SettingsError, match="carbon:sets = 'watch' is no list"):
            layered({"sets": "watch"}, file="stacks/Pulumi.x.yaml", root=root)


class TestSaidBy:
    LAYERS = ConfigLayers(
        (
            ConfigLayer(
                "low", {"a": {"kind": "x", "b": 1, "c": {"d": 2}}, "list": [{"e": 1}], "gone": {"f": 1}}
            ),
            ConfigLayer("high", {"a": {"c": {"d": 3, "g": 4}}, "list": [], "gone": None}),
        )
    )

    @pytest.mark.parametrize(
        ("path", "files"),
        [
            (["a", "b"], ["low"]),
            (["a", "c", "d"], ["high"]),
            (["a", "c", "g"], ["high"]),
            (["a"], ["high", "low"]),
            (["gone"], ["high"]),
            (["gone", "f"], []),
            (["list", "0", "e"], []),
            (["nowhere"], []),
        ],
    )
    def test_the_file_that_counts_is_named(self, path: list[str], files: list[str]) -> None:
        assert self.LAYERS.said_by(path) == files

    def test_below_another_kind_nothing_counts(self) -> None:
        layers = ConfigLayers(
            (ConfigLayer("low", {"a": {"kind": "x", "b": 1}}), ConfigLayer("high", {"a": {"kind": "y"}}))
        )
        assert layers.said_by(["a", "b"]) == []
        assert layers.said_by(["a"]) == ["high"]


class TestMessages:
    """A refused key is looked for in the file that has it."""

    @pytest.fixture
    def config(self, root: Path) -> dict[str, Any]:
        """The local stack, all of it in a base named `whole`."""
        base(
            root, "whole", {key: value for key, value in stack.values().items() if key.startswith("carbon:")}
        )
        return {"carbon:base": "whole"}

    def refused(self, root: Path, config: Mapping[str, Any]) -> str:
        with pytest.raises(SettingsError) as refused:
            parse(stack.as_engine(config), file="stacks/Pulumi.x.yaml", root=root)
        return str(refused.value)

    def test_the_whole_is_read(self, root: Path, config: dict[str, Any]) -> None:
        config["carbon:kafka"] = {"brokers": 5}
        read = parse(stack.as_engine(config), file="stacks/Pulumi.x.yaml", root=root).platform
        assert read is not None
        assert (read.kafka.brokers, read.kafka.kind) == (5, "statefulset")

    def test_an_unknown_key_of_the_stack(self, root: Path, config: dict[str, Any]) -> None:
        config["carbon:kafka"] = {"brokr": 5}
        assert self.refused(root, config) == (
            "stacks/Pulumi.x.yaml: carbon:kafka.brokr is not a setting. "
            "Remedy: write brokers if that was meant."
        )

    def test_an_unknown_key_of_the_base(self, root: Path, config: dict[str, Any]) -> None:
        file = root / "stacks" / "base" / "whole.yaml"
        file.write_text(file.read_text().replace("parameters:", "parametrs:"))
        assert self.refused(root, config).startswith(
            "stacks/base/whole.yaml: carbon:postgres.parametrs is not a setting"
        )

    def test_a_value_that_only_both_together_make_wrong(self, root: Path, config: dict[str, Any]) -> None:
        config["carbon:redis"] = {"resources": {"memory": "1Gi"}}
        message = self.refused(root, config)
        assert message.startswith(
            "stacks/Pulumi.x.yaml over stacks/base/whole.yaml: carbon:redis.resources: memory 1Gi is above"
        )

    def test_what_is_missing_may_be_put_into_either(self, root: Path, config: dict[str, Any]) -> None:
        config["carbon:jobs"] = None
        assert self.refused(root, config) == (
            "stacks/Pulumi.x.yaml: carbon:jobs is missing. Remedy: set it, or in stacks/base/whole.yaml; "
            "stacks/schema.json says what it may hold."
        )

    def test_a_null_for_a_section_arrives_as_nothing(self, root: Path, config: dict[str, Any]) -> None:
        """The engine hands an empty text over for a null in the stack's file."""
        given = stack.as_engine(config) | {"carbon:jobs": ""}
        with pytest.raises(SettingsError, match="carbon:jobs is missing"):
            parse(given, file="stacks/Pulumi.x.yaml", root=root)

    def test_a_misspelt_null_is_no_silence(self, root: Path, config: dict[str, Any]) -> None:
        config["carbon:kafka"] = {"storag": None}
        assert "stacks/Pulumi.x.yaml: carbon:kafka.storag is not a setting" in self.refused(root, config)

    def test_a_misspelt_base_is_known(self, root: Path) -> None:
        message = self.refused(root, {"carbon:bas": "whole", **stack.values(), "carbon:sets": []})
        assert "carbon:bas is not a setting. Remedy: write base if that was meant" in message


class TestCommittedFiles:
    def test_each_base_is_somebodys(self) -> None:
        named = {content(file)["config"].get("carbon:base") for file in FILES} - {None}
        assert named == set(bases())

    @pytest.mark.parametrize("file", FILES, ids=names)
    def test_the_schema_takes_each(self, file: Path) -> None:
        assert [error.message for error in Draft202012Validator(schema()).iter_errors(content(file))] == []

    @pytest.mark.parametrize("file", FILES, ids=names)
    def test_an_editor_finds_the_schema(self, file: Path) -> None:
        at = file.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        assert (file.parent / at).resolve() == ROOT / "stacks" / "schema.json"

    @pytest.mark.parametrize("file", FILES, ids=names)
    def test_the_schema_refuses_an_unknown_key_at_every_depth(self, file: Path) -> None:
        validator, whole = Draft202012Validator(schema()), content(file)
        tried = 0
        for at, path in _maps(whole):
            if path and path[-1] == "config":
                key = "carbon:no-such-section"
            elif _names_are_free(path):
                continue
            else:
                key = "no_such_key"
            at[key] = {"no_such_key": 1}
            assert not validator.is_valid(whole), path
            del at[key]
            tried += 1
        assert tried >= 3
        assert validator.is_valid(whole)

    @pytest.mark.parametrize("file", SHARING, ids=names)
    def test_a_file_repeats_nothing_of_its_base(self, file: Path) -> None:
        config = content(file)["config"]
        own = {key.removeprefix("carbon:"): value for key, value in config.items()}
        below = ConfigLayers(layered(own, file=names(file)).files[:-1]).merged()
        assert list(_repeated(own, below)) == []

    def test_what_all_with_a_base_say_alike_stands_in_it(self) -> None:
        for name in bases():
            said = [
                {".".join(path): value for path, value in _leaves(content(file)["config"])}
                for file in SHARING
                if content(file)["config"]["carbon:base"] == name
            ]
            alike = {
                path
                for path, value in said[0].items()
                if len(said) > 1 and all(other.get(path, _NOTHING) == value for other in said[1:])
            }
            assert {path for path in alike if path.startswith("carbon:")} == {"carbon:base"}

    @pytest.mark.parametrize("file", [*(ROOT / "stacks").glob("Pulumi.*.yaml")], ids=names)
    def test_a_secret_in_clear_is_refused_by_the_schema(self, file: Path) -> None:
        whole = content(file)
        whole["config"]["carbon:secrets"] = {"secure": "v1:cipher"}
        assert Draft202012Validator(schema()).is_valid(whole)
        whole["config"]["carbon:secrets"] = stack.PASSWORDS
        assert not Draft202012Validator(schema()).is_valid(whole)


_NOTHING = object()
_FREE = (
    "tenants",
    "pools",
    "schedules",
    "topics",
    "parameters",
    "services",
    "teams",
    "certificates",
    "bindings",
)
"""Maps whose keys are names that people choose."""


def _names_are_free(path: tuple[str, ...]) -> bool:
    return bool(path) and path[-1].removeprefix("carbon:") in _FREE and path[-1] != "carbon:services"


def _maps(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    if isinstance(value, dict):
        for key, inner in list(value.items()):
            yield from _maps(inner, (*path, key))
        yield value, path


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, json.dumps(value)


def _repeated(own: Any, below: Any, path: str = "") -> Iterator[str]:
    for key, value in own.items():
        if key not in below:
            continue
        if isinstance(value, dict) and isinstance(below[key], dict) and value:
            yield from _repeated(value, below[key], f"{path}.{key}")
        elif value == below[key]:
            yield f"{path}.{key}"
