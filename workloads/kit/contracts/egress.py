"""Which host names each workload may reach outside the cluster: infra writes, the egress proxy reads."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

PORT: Final = 443
"""The one port that the proxy connects to."""

FILE: Final = "egress.json"
"""Name of the file that says it."""

_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

HostName = Annotated[
    str, StringConstraints(pattern=rf"^({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?$", max_length=253)
]
"""A DNS name in full, in small letters; one in another script as `xn--…`."""

ClientName = Annotated[str, StringConstraints(pattern=rf"^{_LABEL}$")]
"""A workload's name, by which the proxy knows it."""

Place = Annotated[str, StringConstraints(pattern=rf"^({_LABEL}\.)*{_LABEL}$", max_length=253)]
"""An IPv4 address, or the name of a service within the cluster."""


class Egress(BaseModel):
    """Who may reach what.

    Args:
        clients: workload → host names; one without any reaches nothing.
        resolve: host name → where it is looked for in place of what the DNS says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    clients: dict[ClientName, tuple[HostName, ...]]
    resolve: dict[HostName, Place] = {}


_HOST: Final = TypeAdapter[str](HostName)


def host_of(url: str) -> str:
    """The host name of an address that the proxy can reach.

    Raises:
        ValueError: it is no such address; says why, and what to write.
    """
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValueError(f"{url!r} is not https: nothing leaves the cluster in clear")
    if parts.username or parts.password:
        raise ValueError("an address holds no user and no password: give `secret`")
    if parts.port not in (None, PORT):
        raise ValueError(f"{url!r} is at port {parts.port}: the egress proxy connects to {PORT} alone")
    try:
        return _HOST.validate_python(parts.hostname or "")
    except ValidationError:
        raise ValueError(
            f"{parts.hostname!r} is no DNS name in full: give a name such as api.example.com, no address"
        ) from None


def through(proxy: str, workload: str, password: str) -> str:
    """The proxy's address as `workload` proves itself there: what libraries take as `HTTPS_PROXY`."""
    return f"http://{quote(workload)}:{quote(password, safe='')}@{urlsplit(proxy).netloc}"
