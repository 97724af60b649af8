"""The configuration files: one for the APIs and workers of a service, another for its agent on this host.

An agent's file has what the host needs and nothing that would help an attacker who takes the host over: no service
password, no database, no secret of another host.
"""

import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path

from pileus_deploy import balancing, disk_certificates, libvirtd, users
from pileus_deploy.plan import (
    BROKER_PORT,
    ON_THE_BUS,
    PORTS,
    REGION,
    SERVICES,
    STORAGE_PORT,
    Plan,
    open_private,
    write_private,
)
from pileus_kit.accounts import Account

CLUSTER_KEY = "objectstore cluster"
"""The name of the object store's key among the secrets of a machine that joined."""
Values = Mapping[str, object]
SHARED = ("offset", "hypervisor", "network_driver", "volume_driver", "virtual_address")
"""What of the controller's plan holds for the machines that join it."""
DRAIN_S = 5.0
"""For how long an API behind a balancer says that it ends: HAProxy finds that out in four seconds."""


def write(plan: Plan) -> None:
    """Write all configuration files."""
    services, hosts = _services(plan) if plan.is_control else {}, _hosts(plan)
    for service in PORTS if plan.is_control else ():
        _write(plan.config_file(service), _common(plan, service) | hosts.get(service, {}) | services.get(service, {}))
    for service, values in hosts.items():
        if plan.runs_agent(service):
            _write(plan.agent_config_file(service), _of_host(plan, service) | values)
    if plan.tls and not plan.controller:
        _write(plan.config_file("registrar"), _registrar(plan))


def metadata_share(secret: str, host: str) -> str:
    """Return a host's share of compute's secret: its signatures are accepted for its own guests only."""
    return hmac.new(secret.encode(), host.encode(), hashlib.sha256).hexdigest()


def metadata_secret(plan: Plan) -> str:
    """Return this host's share of compute's secret."""
    return plan.secrets["metadata share"] if plan.controller else metadata_share(plan.secrets["metadata"], plan.host)


def _common(plan: Plan, service: str) -> dict[str, object]:
    bus = {"bus": plan.bus_url(Account(service))} if service in ON_THE_BUS else {}
    return {
        "state": plan.state,
        **({"database": plan.database_url(service)} if SERVICES[service].has_database else {}),
        "identity_url": f"{plan.url('identity')}/v3",
        "service_user": service,
        "service_password": plan.secrets[service],
        "host": plan.host,
        "bind": plan.bind(service),
        "region": REGION,
        "audit_log": plan.state / "audit" / service / "audit.log",
        **({"ca_file": plan.tls_file("authorities.pem")} if plan.tls else {}),
        **({"drain_s": DRAIN_S} if plan.virtual_address else {}),
        **bus,
    }


def _of_host(plan: Plan, service: str) -> dict[str, object]:
    bus = {"bus": plan.bus_url(Account(service, plan.host))} if service in ON_THE_BUS else {}
    return {"state": plan.state, "host": plan.host, **_certificates(plan), **bus}


def _certificates(plan: Plan) -> dict[str, object]:
    """The files by which an agent verifies others and proves which machine it runs on."""
    files = {"ca_file": "authorities.pem", "certificate_file": "machine.pem", "key_file": "machine.key"}
    return {option: plan.tls_file(name) for option, name in files.items()} if plan.tls else {}


def _registrar(plan: Plan) -> dict[str, object]:
    """The options of the registrar: what joining takes, and nothing of the services."""
    return {
        "state": plan.state,
        "host": plan.host,
        "bind": plan.bind("registrar"),
        "folder": plan.state / "registrar",
        "authorities": plan.tls_file("authorities.pem"),
        "broker_port": BROKER_PORT + plan.offset,
        "broker_address": plan.address if plan.bus_nodes else "",
        "virtual_address": plan.virtual_address,
        "plan": json.dumps({"controller": plan.address, **{name: getattr(plan, name) for name in SHARED}}),
        "metadata_secret": plan.secrets["metadata"],
        "cluster_key": _cluster_key(plan),
    }


def _cluster_key(plan: Plan) -> str:
    """Return the key of the object store, from the file that its processes read; make it if there is none."""
    file = plan.state / "objectstore" / "cluster.key"
    if not file.exists():
        write_private(file, secrets.token_hex(32))
        users.give_to_service(file, "objectstore")
    return file.read_text()


def _object_store(plan: Plan) -> dict[str, object]:
    """Where the storage server of this machine listens: for other machines by TLS, where there may be some."""
    port = STORAGE_PORT + plan.offset
    realms = {"container_sync_realms": plan.state / "objectstore" / "container-sync-realms.conf"}
    if not plan.tls or ipaddress.ip_address(plan.address).is_loopback:
        return {"storage_bind": f"127.0.0.1:{port}", **realms}
    joined = plan.controller and plan.runs_agent("objectstore")
    return {
        "storage_bind": f"{plan.address}:{port}",
        "storage_local": f"127.0.0.1:{port}",
        "storage_tls": disk_certificates.folder(plan, "objects"),
        **realms,
        **({"cluster_key": plan.secrets[CLUSTER_KEY], "ring_hosts": f"{plan.controller}:{port}"} if joined else {}),
    }


def _services(plan: Plan) -> dict[str, dict[str, object]]:
    """The options of each service's APIs and workers beyond the common ones and those of its agents."""
    return {
        "identity": {
            "public_url": f"{plan.url('identity')}",
            "lockout_duration_s": 10,
            "unique_last_password_count": 2,
        },
        "compute": {"metadata_secret": plan.secrets["metadata"], "sealing_keys": plan.secrets["compute seal"]},
        "volume": {"sealing_keys": plan.secrets["volume seal"]},
        "network": {"metadata_secret": ""},
        "image": {
            "data_url": plan.host_url if plan.tls else "",
            **({"enabled_backends": plan.image_stores} if plan.image_stores else {}),
            **({"output_format": plan.image_output_format} if plan.image_output_format not in ("", "none") else {}),
            **({"peers": balancing.peers_folder(plan)} if plan.virtual_address else {}),
        },
    }


def _hosts(plan: Plan) -> dict[str, dict[str, object]]:
    """The options of the agents on this host; the only secret is the host's own share of the metadata secret."""
    images = plan.host_url if plan.tls else plan.url("image")
    compute = plan.host_url if plan.tls else plan.url("compute")
    return {
        "compute": {
            "prefix": plan.prefix,
            "hypervisor": plan.hypervisor,
            "libvirt_uri": libvirtd.uri(plan.state),
            "data_services": (images,),
        },
        "network": {
            "prefix": plan.prefix,
            "metadata_secret": metadata_secret(plan),
            "metadata_url": f"{compute}/metadata",
            "bridge_mappings": () if plan.controller else (f"public:{plan.public_bridge}",),
            "tunnel_address": plan.address if plan.tls else "",
            "driver": plan.driver_of_network,
            **({"heartbeat_s": 5.0} if plan.tls else {}),
        },
        "volume": {
            "nbd": plan.nbd_address,
            "nbd_tls": disk_certificates.folder(plan, "exports") if plan.tls else "",
            "backend": plan.driver_of_volume,
            **({"further_backends": plan.volume_backends} if plan.volume_backends else {}),
            "data_services": (images, plan.url("objectstore")),
        },
        "objectstore": _object_store(plan) if plan.runs_agent("objectstore") else {},
    }


def _write(file: Path, values: Values) -> None:
    parser = RawConfigParser()
    for key, value in values.items():
        parser.set("DEFAULT", key, ",".join(value) if isinstance(value, tuple) else str(value))
    with open_private(file) as opened:
        parser.write(opened)
