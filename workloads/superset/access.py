"""Who may see what: analysts all dashboards; a tenant its own, of whose datasets it gets its rows alone.

Two rules keep tenants apart. Each tenant's role has a filter of its rows on the template's datasets; and
whoever has none of these roles gets no rows of them at all, so that a role that is forgotten shows nothing.
"""

# Superset is in an environment of its own.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingModuleSource=false

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from superset import db, security_manager
from superset.connectors.sqla.models import RowLevelSecurityFilter, SqlaTable
from superset.models.dashboard import Dashboard as Page
from superset.models.embedded_dashboard import EmbeddedDashboard

from workloads.kit.contracts.dashboards import rows_of
from workloads.kit.contracts.declared.superset import ADMIN, ANALYSTS, tenant_role
from workloads.superset.dashboards.model import Dashboard, Dataset
from workloads.superset.dashboards.tenants import DATASETS
from workloads.superset.policy import GUESTS

_BASE: Final = "Gamma"
"""Superset's role of who looks and asks; it has no dataset of its own."""
_NOBODY: Final = "rows of no tenant"

_CHANGES: Final = (
    "can_add", "can_copy", "can_delete", "can_drill", "can_edit", "can_explore", "can_export", "can_import",
    "can_samples", "can_share", "can_tag", "can_upload", "can_validate", "can_warm_up", "can_write",
)  # fmt: skip
"""How rights begin that who looks at a dashboard does not need: those that change something, or that ask in
another way than a chart does."""


def reconcile(dashboards: Sequence[Dashboard], tenants: Sequence[str], embedders: Sequence[str]) -> None:
    """Make roles and rules what is declared."""
    base = list(security_manager.find_role(_BASE).permissions)
    every = [dataset for one in dashboards for dataset in one.datasets]
    of_tenants = _tables(DATASETS)
    _role(ANALYSTS, base, _tables(every))
    looking = [one for one in base if not one.permission.name.startswith(_CHANGES)]
    guests = _role(GUESTS, looking, of_tenants)
    roles = {name: _role(tenant_role(name), looking, of_tenants) for name in tenants}
    for one in dashboards:
        page = db.session.query(Page).filter_by(uuid=one.uuid).one()
        page.roles = [roles[one.tenant]] if one.tenant is not None else []
        if one.tenant is not None:
            _embedded(page, embedders)
    admin, analysts = (security_manager.find_role(name) for name in (ADMIN, ANALYSTS))
    for name, role in roles.items():
        _rule(f"rows of {name}", "Regular", rows_of(name), [role], of_tenants)
    _rule(_NOBODY, "Base", "1 = 0", [admin, analysts, guests, *roles.values()], of_tenants)
    _forget({_NOBODY, *(f"rows of {name}" for name in roles)}, {tenant_role(name) for name in roles})
    db.session.commit()


def _tables(datasets: Iterable[Dataset]) -> list[Any]:
    wanted = {one.uuid for one in datasets}
    return [table for table in db.session.query(SqlaTable) if str(table.uuid) in wanted]


def _role(name: str, base: Sequence[Any], tables: Sequence[Any]) -> Any:
    role = security_manager.add_role(name)
    role.permissions = [
        *base,
        *(security_manager.add_permission_view_menu("datasource_access", table.perm) for table in tables),
    ]
    return role


def _rule(name: str, kind: str, condition: str, roles: Sequence[Any], tables: Sequence[Any]) -> None:
    rule = db.session.query(RowLevelSecurityFilter).filter_by(name=name).one_or_none()
    if rule is None:
        rule = RowLevelSecurityFilter(name=name)
        db.session.add(rule)
    rule.filter_type, rule.clause, rule.group_key = kind, condition, "tenant" if kind == "Regular" else None
    rule.roles, rule.tables = list(roles), list(tables)


def _embedded(page: Any, embedders: Sequence[str]) -> None:
    """Let guests see it within pages of these origins, by the dashboard's own UUID."""
    if not embedders:
        page.embedded = []
        return
    known = page.embedded[0] if page.embedded else EmbeddedDashboard(uuid=page.uuid)
    known.allow_domain_list = ",".join(embedders)
    page.embedded = [known]


def _forget(rules: Collection[str], roles: Collection[str]) -> None:
    for rule in db.session.query(RowLevelSecurityFilter):
        if rule.name not in rules and rule.name.startswith("rows of "):
            db.session.delete(rule)
    for role in security_manager.get_all_roles():
        if role.name.startswith(tenant_role("")) and role.name not in roles:
            db.session.delete(role)
