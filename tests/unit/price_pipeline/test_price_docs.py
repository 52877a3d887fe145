"""What docs/sources.md shows is what the pipeline takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.paths import ROOT
from workloads.kit.contracts.messages import PROVENANCES
from workloads.kit.contracts.sources.row_config import Columned
from workloads.price_pipeline import config

PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_a_sources_file(tmp_path: Path, number: int) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text(EXAMPLES[number], encoding="utf-8")
    assert len(config.load(file, PROVENANCES).sources) == 1


def test_every_way_to_label_a_period_is_told() -> None:
    assert len(EXAMPLES) == 10
    labels = Columned.model_json_schema()["properties"]["labels"]["enum"]
    assert [label for label in labels if f"`{label}`" not in PAGE] == []
