"""Who somebody is, and what he may ask."""

# Superset is in an environment of its own.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingModuleSource=false

from __future__ import annotations

from typing import Any, Final

from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetSecurityException
from superset.security import SupersetSecurityManager

from workloads.superset import login
from workloads.superset.limits import beyond_names
from workloads.superset.login import PROVIDER
from workloads.superset.policy import ALL_ROWS

_LOGINS: Final = frozenset({"AuthDBView", "SecurityApi"})
"""Views that take passwords: Superset slows another one, which shows the page."""


class SecurityManager(SupersetSecurityManager):
    """Superset's, which reads the claims of the platform's issuer, slows down who guesses passwords, and lets
    who sees some rows alone ask for names alone."""

    def register_views(self) -> None:
        super().register_views()
        for view in self.appbuilder.baseviews:
            if type(view).__name__ in _LOGINS:
                self.limiter.limit(self.auth_rate_limit, methods=["POST"])(view.blueprint)

    def raise_for_access(self, *arguments: Any, **named: Any) -> None:
        super().raise_for_access(*arguments, **named)
        if {role.name for role in self.get_user_roles()} & ALL_ROWS:
            return
        if named.get("viz") is not None or named.get("sql") is not None or named.get("query") is not None:
            raise _refused("a query of one's own")
        if (context := named.get("query_context")) is None:
            return
        source = context.datasource
        columns = {column.column_name for column in source.columns}
        metrics = {metric.metric_name for metric in source.metrics}
        for query in context.queries:
            if (beyond := beyond_names(query, columns, metrics)) is not None:
                raise _refused(beyond)

    def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
        """Name, address and the issuer's roles of who logs in; the token's signature, issuer and audience
        have been verified before."""
        if provider != PROVIDER:
            return super().get_oauth_user_info(provider, resp)
        claims: dict[str, Any] = resp.get("userinfo") or {}
        return {
            "username": claims.get("preferred_username") or claims["sub"],
            "email": claims.get("email") or f"{claims['sub']}@localhost",
            "first_name": claims.get("given_name", ""),
            "last_name": claims.get("family_name", ""),
            "role_keys": login.held(
                claims,
                self.appbuilder.app.config["AUTH_ROLES_MAPPING"],
                self.appbuilder.app.config[login.SECOND_FACTORS],
            ),
        }


def _refused(what: str) -> SupersetSecurityException:
    return SupersetSecurityException(
        SupersetError(
            error_type=SupersetErrorType.DATASOURCE_SECURITY_ACCESS_ERROR,
            message=f"{what} is more than this person may ask: name columns and metrics of the dataset",
            level=ErrorLevel.WARNING,
        )
    )
