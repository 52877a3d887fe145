"""An OpenID Connect issuer of a stack, and what the platform's own one asks of other sections."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from pydantic import Field

from infra.settings.base import Section
from infra.settings.needs import Need
from infra.settings.workloads import Destination
from workloads.kit.contracts import people
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.keycloak import KEYCLOAK

Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
Origin = Annotated[str, Field(pattern=r"^https?://[^\s/]+$")]
"""Address without a path."""

SECTION: Final = KEYCLOAK.section
"""That of the platform's own issuer."""

_NEEDED: Final = (KEYCLOAK.name, DATA_API.name)


class IssuerSettings(Section):
    """An OpenID Connect issuer at which people log in, as a public client with a proof key."""

    issuer: Url = Field(description="URL below which its .well-known document is.")
    destinations: list[Destination] = Field(default=[], description="Addresses at which the issuer answers.")


@dataclass(frozen=True, kw_only=True)
class OwnIssuer:
    """The platform's own issuer.

    Args:
        issuer: as its tokens name it, which is where people reach it.
        inside: where pods do.
    """

    issuer: str
    inside: str


def own(addresses: Mapping[str, str], host: str) -> OwnIssuer:
    """Keycloak as an issuer.

    Args:
        addresses: at which people reach workloads.
        host: name of its service.
    """
    inside = f"http://{host}:{KEYCLOAK.port}{people.PATH}"
    return OwnIssuer(issuer=addresses[KEYCLOAK.name] + people.PATH, inside=inside)


class _Known(Protocol):
    @property
    def people(self) -> Mapping[str, people.Person]: ...
    @property
    def programs(self) -> Mapping[str, people.Program]: ...


def needs(section: _Known | None, addresses: Mapping[str, str], tenants: Collection[str]) -> Iterator[Need]:
    """What Keycloak, by its section, asks of the stack's other sections."""
    if section is None:
        return
    for name in _NEEDED:
        yield True, name in addresses, SECTION, f"addresses.{name}, at which people reach it"
    for name, one in {**section.people, **section.programs}.items():
        if one.tenant is not None:
            yield True, one.tenant in tenants, f"{SECTION}: {name}", f"tenants.{one.tenant}"
