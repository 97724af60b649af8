"""The configuration files: one for the APIs and workers of a service, another for its agent on this host.

An agent's file has what the host needs and nothing that would help an attacker who takes the host over: no service
password, no database, no secret of another host.
"""

import hashlib
import hmac
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path

from pileus_deploy import libvirtd
from pileus_deploy.plan import NBD_PORT, ON_THE_BUS, PORTS, REGION, STORAGE_PORT, Plan, open_private
from pileus_kit.accounts import Account

Values = Mapping[str, object]


def write(plan: Plan) -> None:
    """Write all configuration files."""
    services, hosts = _services(plan), _hosts(plan)
    for service in PORTS:
        _write(plan.config_file(service), _common(plan, service) | hosts.get(service, {}) | services.get(service, {}))
    for service, values in hosts.items():
        _write(plan.agent_config_file(service), _of_host(plan, service) | values)


def metadata_secret(plan: Plan) -> str:
    """This host's share of compute's secret: its signatures are accepted for its own guests only."""
    return hmac.new(plan.secrets["metadata"].encode(), plan.host.encode(), hashlib.sha256).hexdigest()


def _common(plan: Plan, service: str) -> dict[str, object]:
    bus = {"bus": plan.bus_url(Account(service))} if service in ON_THE_BUS else {}
    return {
        "state": plan.state,
        "database": plan.database_url(service),
        "identity_url": f"{plan.url('identity')}/v3",
        "service_user": service,
        "service_password": plan.secrets[service],
        "host": plan.host,
        "bind": f"{plan.address}:{plan.port(service)}",
        "region": REGION,
        "audit_log": plan.state / "audit" / service / "audit.log",
        **bus,
    }


def _of_host(plan: Plan, service: str) -> dict[str, object]:
    bus = {"bus": plan.bus_url(Account(service, plan.host))} if service in ON_THE_BUS else {}
    return {"state": plan.state, "host": plan.host, **bus}


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
    }


def _hosts(plan: Plan) -> dict[str, dict[str, object]]:
    """The options of the agents on this host; the only secret is the host's own share of the metadata secret."""
    fake = plan.hypervisor == "fake"
    return {
        "compute": {
            "prefix": plan.prefix,
            "hypervisor": plan.hypervisor,
            "libvirt_uri": libvirtd.uri(plan.state),
            "data_services": (plan.url("image"),),
        },
        "network": {
            "prefix": plan.prefix,
            "metadata_secret": metadata_secret(plan),
            "metadata_url": f"{plan.url('compute')}/metadata",
            "bridge_mappings": (f"public:{plan.public_bridge}",),
            "driver": "fake" if fake else "linux",
        },
        "volume": {
            "nbd": f"127.0.0.1:{NBD_PORT + plan.offset}",
            "backend": "fake" if fake else "file",
            "data_services": (plan.url("image"), plan.url("objectstore")),
        },
        "objectstore": {"storage_bind": f"127.0.0.1:{STORAGE_PORT + plan.offset}"},
    }


def _write(file: Path, values: Values) -> None:
    parser = RawConfigParser()
    for key, value in values.items():
        parser.set("DEFAULT", key, ",".join(value) if isinstance(value, tuple) else str(value))
    with open_private(file) as opened:
        parser.write(opened)
