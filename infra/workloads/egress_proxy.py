"""egress-proxy: what each workload may reach outside the cluster, by host name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Annotated, Final

import pulumi
from pydantic import AfterValidator, Field

from infra.components.egress_proxy import EgressProxy, EgressProxyArgs
from infra.manifests.network import Paths, Peer
from infra.manifests.probes import Http, Probes
from infra.settings.workloads import WorkloadSettings
from infra.workloads.room import Published, Room
from infra.workloads.site import WorkloadSite, with_variables
from workloads.kit.contracts import env, ports, public
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.egress import FILE, PORT, Egress, HostName
from workloads.kit.contracts.platform import EGRESS_CLIENTS

_CONFIG: Final = "/etc/carbon"
_DRAIN_SECONDS: Final = 5
_STOP_SECONDS: Final = 30
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None


def _stand_in(text: str) -> str:
    at = _address(text)
    if at is None and (text.count(".") != 1 or text.replace(".", "").isdecimal()):
        raise ValueError("is neither an IPv4 address nor a service as <name>.<namespace>")
    if at is not None and (of := _of_no_host(at)) is not None:
        raise ValueError(f"is an address {of}, not of a host outside the cluster: give one of those")
    return text


def _of_no_host(at: IPv4Address) -> str | None:
    """Link-local addresses hold the credentials of AWS's nodes, among others."""
    kinds = {
        "of the proxy itself (loopback)": at.is_loopback,
        "of a node's own link (link-local)": at.is_link_local,
        "of a group (multicast)": at.is_multicast,
        "of nobody (unspecified)": at in _THIS_NETWORK,
        "of no network (reserved)": at.is_reserved,
    }
    return next((kind for kind, it_is in kinds.items() if it_is), None)


StandIn = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=127), AfterValidator(_stand_in)
]


class EgressProxySettings(WorkloadSettings):
    """The one way out of the cluster. Which workload may reach which host follows from the sources."""

    replicas: int = Field(2, ge=1, le=9, description="Pods.")
    resolve: dict[HostName, StandIn] = Field(
        default={},
        description="Host name → what stands in for it: an IPv4 address outside the cluster, or a service as "
        f"<name>.<namespace> that answers at {PORT}, its pods at {ports.STAND_IN}.",
    )

    def within(self, network: IPv4Network) -> list[str]:
        """Names whose stand-in has an address of this network."""
        places = {name: _address(at) for name, at in self.resolve.items()}
        return sorted(name for name, at in places.items() if at is not None and at in network)


def _published(s: EgressProxySettings) -> Iterator[Published]:
    for name in sorted(s.resolve):
        yield Published(f"resolve ({name}, by a stand-in)", "synthetic", "remove it")


def egress(site: WorkloadSite, s: EgressProxySettings) -> Egress:
    """Who may reach what, as the proxy reads it."""
    domain = site.network.domain
    places = {name: at if _address(at) else f"{at}.svc.{domain}" for name, at in s.resolve.items()}
    clients = {name: tuple(site.hosts.get(name, ())) for name in _clients(site)}
    return Egress(clients=clients, resolve=places)


def _clients(site: WorkloadSite) -> list[str]:
    return [name for name in EGRESS_CLIENTS if name in site.network.running]


def _paths(site: WorkloadSite, s: EgressProxySettings) -> Paths:
    """Those of its declaration, and to what stands in for a market."""
    paths = site.paths(EGRESS_PROXY)
    for at in sorted(set(s.resolve.values())):
        if _address(at):
            paths = replace(paths, networks=(*paths.networks, (f"{at}/32", PORT)))
        else:
            name, namespace = at.split(".")
            paths = replace(paths, egress=(*paths.egress, (Peer(namespace, name), ports.STAND_IN)))
    return paths


def _deploy(site: WorkloadSite, s: EgressProxySettings, opts: pulumi.ResourceOptions) -> None:
    w = site.pod(EGRESS_PROXY, s, variables={env.EGRESS_FILE: f"{_CONFIG}/{FILE}"})
    w = with_variables(w, {env.METRICS_PORT: str(ports.METRICS)})
    allowed = egress(site, s).model_dump_json(indent=1)
    w = replace(
        w,
        ports={**w.ports, "metrics": ports.METRICS},
        probes=Probes(live=Http(public.LIVE, ports.METRICS), ready=Http(public.READY, ports.METRICS)),
        files={FILE: f"{allowed}\n"},
        files_at=_CONFIG,
        secret_files={name: site.passwords.egress[name] for name in _clients(site)},
        drain_seconds=_DRAIN_SECONDS,
        grace_seconds=_STOP_SECONDS,
        exceptions={"scaler": "it carries bytes, a core of it more than all sources give"},
    )
    EgressProxy(w.name, EgressProxyArgs(workload=w, replicas=s.replicas, paths=_paths(site, s)), opts)


ROOM: Final = Room(
    declared=(EGRESS_PROXY,),
    settings=EgressProxySettings,
    deploy=_deploy,
    optional=True,
    published=_published,
)
