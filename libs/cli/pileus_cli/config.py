"""The cloud to use and the user to log in as: clouds.yaml, secure.yaml and OS_* variables, as OpenStack clients read
them.

The rules are openstacksdk's: options of the command line win over OS_* variables, these over the file; a cloud is named
by --os-cloud or OS_CLOUD, and is the file's only one without either.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pileus_cli.errors import Usage
from pileus_cli.json_types import JsonObject

ALL_IN_ONE = Path("/var/lib/pileus/clouds.yaml")
PLACES = (Path(), Path.home() / ".config" / "openstack", Path("/etc/openstack"))
AUTH = (
    "auth_url",
    "username",
    "user_id",
    "password",
    "passcode",
    "token",
    "project_name",
    "project_id",
    "tenant_name",
    "tenant_id",
    "domain_name",
    "domain_id",
    "user_domain_name",
    "user_domain_id",
    "project_domain_name",
    "project_domain_id",
    "system_scope",
    "trust_id",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "default_domain",
    "default_domain_id",
    "default_domain_name",
)
RENAMED = {"tenant_name": "project_name", "tenant_id": "project_id", "default_domain": "default_domain_id"}
GENERAL = ("auth_type", "region_name", "interface", "endpoint_type", "cacert", "cert", "key", "insecure", "verify")


@dataclass(frozen=True)
class Config:
    """How to log in, and which endpoints to use."""

    auth: dict[str, str]
    auth_type: str = "password"
    name: str = ""
    region: str = ""
    interface: str = "public"
    verify: bool = True
    cacert: str = ""
    cert: str = ""
    key: str = ""
    overrides: dict[str, str] = field(default_factory=dict)  # service type -> endpoint
    versions: dict[str, str] = field(default_factory=dict)  # service -> the newest microversion to use


def load(options: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Config:
    """Read everything. `options` are the command line's, without their `--os-`: {"cloud": …, "project_name": …}. Raises
    Usage."""
    wanted = options.get("cloud") or environment.get("OS_CLOUD", "")
    name, chosen = _from_file(wanted, environment, required=bool(wanted))
    if not wanted and environment.get("OS_AUTH_URL"):
        name, chosen = "", {}
    auth = {key: str(value) for key, value in (chosen.get("auth") or {}).items()}
    general = {key: chosen[key] for key in GENERAL if key in chosen}
    for key in AUTH:
        value = options.get(key) or environment.get(f"OS_{key.upper()}")
        if value:
            auth[key] = value
    for key in GENERAL:
        value = options.get(key) or environment.get(f"OS_{key.upper()}")
        if value:
            general[key] = value
    auth = {RENAMED.get(key, key): value for key, value in auth.items()}
    if not auth.get("auth_url") and not auth.get("endpoint"):
        raise Usage(
            "No cloud is configured.",
            "Set OS_CLOUD to a cloud of your clouds.yaml, or source an openrc; on a "
            f"Pileus host: export OS_CLIENT_CONFIG_FILE={ALL_IN_ONE} OS_CLOUD=pileus",
        )
    interface = str(general.get("interface") or general.get("endpoint_type") or "public").removesuffix("URL")
    everything = {
        **chosen,
        **{key[3:].lower(): value for key, value in environment.items() if key[:3] == "OS_"},
        **options,
    }
    overrides = {
        key.removesuffix("_endpoint_override").replace("_", "-"): str(value)
        for key, value in everything.items()
        if key.endswith("_endpoint_override")
    }
    versions = {
        service: str(everything[f"{service}_api_version"])
        for service in ("compute", "volume")
        if everything.get(f"{service}_api_version")
    }
    kind = str(general.get("auth_type") or _guess(auth))
    return Config(
        auth,
        kind,
        name,
        str(general.get("region_name") or ""),
        interface,
        _verifies(general),
        str(general.get("cacert") or ""),
        str(general.get("cert") or ""),
        str(general.get("key") or ""),
        overrides,
        versions,
    )


def _guess(auth: Mapping[str, str]) -> str:
    if "application_credential_secret" in auth:
        return "v3applicationcredential"
    return "token" if "token" in auth and "password" not in auth else "password"


def _verifies(general: Mapping[str, Any]) -> bool:
    if "insecure" in general:
        return str(general["insecure"]).lower() not in ("1", "true", "yes")
    return str(general.get("verify", True)).lower() not in ("0", "false", "no")


def clouds(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the clouds that --os-cloud may name. Raises Usage if the file can't be read."""
    return sorted(_clouds(environment)[1])


def _clouds(environment: Mapping[str, str]) -> tuple[Path | None, JsonObject]:
    """Return the user's clouds.yaml, else the all-in-one's, and its clouds by name."""
    file = _find("clouds.yaml", environment.get("OS_CLIENT_CONFIG_FILE"))
    if file is None and not environment.get("OS_AUTH_URL") and os.access(ALL_IN_ONE, os.R_OK):
        file = ALL_IN_ONE
    return file, _read(file).get("clouds") or {}


def _from_file(wanted: str, environment: Mapping[str, str], required: bool) -> tuple[str, JsonObject]:
    file, clouds = _clouds(environment)
    if not wanted and (len(clouds) == 1 or file == ALL_IN_ONE):
        wanted = next(iter(clouds), "")
    if required and wanted not in clouds:
        raise Usage(
            f"There is no cloud {wanted!r} in {file or 'any clouds.yaml'}.",
            f"It has: {', '.join(sorted(clouds))}"
            if clouds
            else "Looked for OS_CLIENT_CONFIG_FILE, ./clouds.yaml, ~/.config/openstack, /etc/openstack.",
        )
    chosen = clouds.get(wanted) or {}
    if chosen.get("profile"):
        public = _read(_find("clouds-public.yaml", environment.get("OS_CLIENT_VENDOR_FILE"))).get("public-clouds") or {}
        chosen = _merged(public.get(chosen["profile"]) or {}, chosen)
    secrets = _read(_find("secure.yaml", environment.get("OS_CLIENT_SECURE_FILE"))).get("clouds") or {}
    return wanted, _merged(chosen, secrets.get(wanted) or {})


def _find(name: str, given: str | None) -> Path | None:
    candidates = [Path(given)] if given else [place / name for place in PLACES]
    return next((file for file in candidates if file.is_file()), None)


def _read(file: Path | None) -> JsonObject:
    if file is None:
        return {}
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(file.read_text(), Loader=loader)  # noqa: S506 -- both are safe loaders
    except (OSError, yaml.YAMLError) as err:
        raise Usage(f"{file} can't be read: {err}") from None
    return found if isinstance(found, dict) else {}


def _merged(base: JsonObject, over: JsonObject) -> JsonObject:
    both = {
        key: _merged(base[key], over[key])
        for key in base.keys() & over.keys()
        if isinstance(base[key], dict) and isinstance(over[key], dict)
    }
    return {**base, **over, **both}
