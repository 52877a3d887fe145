"""Takes away what the definitions had once and have no more: only what an import made."""

# Superset is in an environment of its own.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingModuleSource=false

from __future__ import annotations

from collections.abc import Sequence

from superset import db
from superset.connectors.sqla.models import SqlaTable
from superset.models.dashboard import Dashboard as Page
from superset.models.slice import Slice

from workloads.superset.dashboards.model import Dashboard


def remove(dashboards: Sequence[Dashboard]) -> None:
    """Remove dashboards, charts and datasets that are marked as managed elsewhere and not among these."""
    wanted = {one.uuid for one in dashboards}
    wanted |= {chart.uuid for one in dashboards for chart in one.charts}
    wanted |= {dataset.uuid for one in dashboards for dataset in one.datasets}
    for model in (Page, Slice, SqlaTable):
        for found in db.session.query(model).filter_by(is_managed_externally=True):
            if str(found.uuid) not in wanted:
                db.session.delete(found)
    db.session.commit()
