"""Which model is served: the champion, else the challenger, and the last good one whatever happens."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixture_models import artifact
from tests.unit.model_server.conftest import MemoryRegistry, Server
from workloads.kit.contracts.models import Probe
from workloads.kit.features import DEFAULT
from workloads.kit.registry import Artifact, ArtifactError
from workloads.model_server.models import Models
from workloads.model_server.residents import ModelAway


def served(models: Models, symbol: str = "S") -> tuple[int, str, str] | None:
    found = models.current.get(symbol)
    return found and (found.version, found.alias, found.skill)


def test_a_champion_is_served_before_a_challenger(server: Server):
    server.registry.add(artifact("S"), 1, "challenger")
    assert not server.models.ready
    server.models.refresh()
    assert server.models.ready
    assert served(server.models) == (1, "challenger", "none")
    server.registry.add(artifact("S"), 2, "champion")
    server.models.refresh()
    assert served(server.models) == (2, "champion", "proven")


def test_a_roll_back_is_followed_and_takes_the_claim_of_skill_away(server: Server):
    server.registry.add(artifact("S"), 1, "champion")
    server.models.refresh()
    server.registry.named["S"] = {"challenger": 1}
    server.models.refresh()
    assert served(server.models) == (1, "challenger", "none")
    server.registry.named["S"] = {"previous": 1}
    server.models.refresh()
    assert served(server.models) is None


def test_nothing_is_loaded_again_that_did_not_change(server: Server):
    server.registry.add(artifact("S"), 1, "champion")
    server.models.refresh()
    before = server.models.current["S"]
    server.models.refresh()
    assert server.models.current["S"] is before
    assert server.registry.fetched == [("S", 1)]


def test_all_stay_while_the_registry_is_away(server: Server):
    server.registry.add(artifact("S"), 1, "champion")
    server.models.refresh()
    server.registry.away = True
    server.models.refresh()
    assert served(server.models) == (1, "champion", "proven")


@pytest.mark.parametrize(
    "changed",
    [
        {"probe": Probe(features=[[0.01] * len(DEFAULT.names)], returns=[0.5])},
        {"feature_set": "1:2-5"},
        {"features": [*DEFAULT.names[::-1]]},
    ],
    ids=["answers otherwise than its card", "another feature set", "another order"],
)
def test_an_unfit_version_leaves_the_last_good_one(server: Server, changed: dict[str, Any]):
    server.registry.add(artifact("S"), 1, "champion")
    server.models.refresh()
    server.registry.add(artifact("S", **changed), 2, "champion")
    for _ in range(3):
        server.models.refresh()
        assert served(server.models) == (1, "champion", "proven")
    # It is not fetched over and over.
    assert server.registry.fetched == [("S", 1), ("S", 2)]


@pytest.mark.parametrize(
    "named",
    [{"champion": 1, "challenger": 2}, {"champion": 1, "challenger": 3}, {"challenger": 3}],
    ids=["just rolled back", "and refused since, unseen", "and none before it"],
)
def test_a_champion_that_fell_claims_nothing_where_the_one_before_cannot_be_loaded(
    server: Server, named: dict[str, int]
):
    server.registry.add(artifact("S", feature_set="1:2-5"), 1, "previous")
    server.registry.add(artifact("S"), 2, "champion")
    server.models.refresh()
    assert served(server.models) == (2, "champion", "proven")
    server.registry.named["S"] = named
    for _ in range(2):
        server.models.refresh()
        assert served(server.models) == (2, "challenger", "none")


def test_an_unfit_champion_gives_way_to_the_challenger_where_there_was_no_good_one(server: Server):
    server.registry.add(artifact("S", feature_set="1:2-5"), 2, "champion")
    server.registry.add(artifact("S"), 1, "challenger")
    server.models.refresh()
    assert served(server.models) == (1, "challenger", "none")


def test_a_version_that_cannot_be_fetched_is_tried_again(server: Server):
    server.registry.named["S"] = {"champion": 1}
    server.models.refresh()
    assert served(server.models) is None
    server.registry.add(artifact("S"), 1)
    server.models.refresh()
    assert served(server.models) == (1, "champion", "proven")


def test_a_restarted_worker_comes_up_from_the_copy_while_the_registry_is_away(server: Server, tmp_path: Path):
    server.registry.add(artifact("S"), 3, "champion")
    server.registry.add(artifact("T"), 1, "challenger")
    server.models.refresh()
    gone = MemoryRegistry()
    gone.away = True
    other = Models(gone, tmp_path / "models", DEFAULT)
    other.refresh()
    assert other.ready
    assert served(other) == (3, "champion", "proven")
    assert served(other, "T") == (1, "challenger", "none")


def test_without_a_copy_it_is_not_ready_until_the_registry_answers(server: Server):
    server.registry.away = True
    server.models.refresh()
    assert not server.models.ready
    server.registry.away = False
    server.models.refresh()
    assert server.models.ready
    assert not server.models.current


def test_a_damaged_copy_is_fetched_again(server: Server, tmp_path: Path):
    server.registry.add(artifact("S"), 1, "champion")
    server.models.refresh()
    (tmp_path / "models" / "S" / "1" / "model.onnx").write_bytes(b"half a mod")
    other = Models(server.registry, tmp_path / "models", DEFAULT)
    other.refresh()
    assert served(other) == (1, "champion", "proven")
    assert server.registry.fetched == [("S", 1), ("S", 1)]


def test_only_the_models_in_use_are_kept(server: Server, tmp_path: Path):
    for version in (1, 2, 3):
        server.registry.add(artifact("S"), version, "champion")
        server.models.refresh()
    assert [path.name for path in (tmp_path / "models" / "S").iterdir()] == ["3"]
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"S", "aliases.json"}


def test_a_symbol_that_is_no_file_name_is_left_out(server: Server, tmp_path: Path):
    server.registry.add(artifact("../S"), 1, "champion")
    server.models.refresh()
    assert not server.models.current
    assert server.registry.fetched == []


def test_what_goes_wrong_with_one_symbol_stops_no_other_nor_the_readiness(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    fetch = server.registry.fetch

    def failing(symbol: str, version: int) -> Artifact:
        if symbol == "BAD":
            raise OSError(28, "No space left on device")
        return fetch(symbol, version)

    monkeypatch.setattr(server.registry, "fetch", failing)
    for symbol in ("A", "BAD", "Z"):
        server.registry.add(artifact(symbol), 1, "champion")
    server.models.refresh()
    assert server.models.ready
    assert set(server.models.current) == {"A", "Z"}
    server.registry.add(artifact("A"), 2, "champion")
    server.models.refresh()
    assert served(server.models, "A") == (2, "champion", "proven")


def test_a_disk_that_is_full_costs_the_copies_alone(server: Server, tmp_path: Path):
    (tmp_path / "models").write_text("no directory")
    server.registry.add(artifact("S"), 1, "champion")
    server.models.refresh()
    assert server.models.ready
    assert served(server.models) == (1, "champion", "proven")


def test_a_download_cut_short_is_tried_again_with_growing_pauses(tmp_path: Path):
    registry, now = MemoryRegistry(), [0.0]
    models = Models(registry, tmp_path, DEFAULT, clock=lambda: now[0])
    registry.add(artifact("S"), 1, "champion")
    models.refresh()
    whole, tries = artifact("S"), list[float]()

    def fetch(symbol: str, version: int) -> Artifact:
        tries.append(now[0])
        raise ArtifactError("no readable model")

    registry.fetch = fetch  # type: ignore[method-assign]
    registry.add(whole, 2, "champion")
    while now[0] < 100:
        models.refresh()
        assert served(models) == (1, "champion", "proven")
        now[0] += 1
    assert tries == [0, 5, 15, 35, 75]
    registry.fetch = lambda symbol, version: whole  # type: ignore[method-assign]
    now[0] = 200
    models.refresh()
    assert served(models) == (2, "champion", "proven")


def test_memory_holds_the_models_asked_for_last_and_the_others_answer_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    registry = MemoryRegistry()
    models = Models(registry, tmp_path, DEFAULT, resident=2)
    row = np.full((1, len(DEFAULT.names)), 0.01)
    for number in range(5):
        registry.add(artifact(f"S{number}", weight=float(number)), 1, "champion")
    models.refresh()
    resident = models._residents._models  # pyright: ignore[reportPrivateUsage]
    for number in (0, 1, 2, 3, 4, 0):
        answer = models.current[f"S{number}"].model.predict(row)
        assert answer.tolist() == pytest.approx([0.01 * number])
        assert len(resident) == 2
    assert list(resident) == [("S4", 1), ("S0", 1)]
    assert len(registry.fetched) == 5
    # Not in memory, not on disk, and nowhere to be had: said as such, for that model alone.
    shutil.rmtree(tmp_path / "S2")
    registry.away = True
    with pytest.raises(ModelAway, match="S2"):
        models.current["S2"].model.predict(row)
    assert models.current["S0"].model.predict(row).tolist() == [0.0]
