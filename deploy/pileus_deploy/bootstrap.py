"""What a new cloud contains: users and catalogue before it starts; flavors, networks and the image once it runs."""

from pathlib import Path
from typing import Any

from pileus_deploy.plan import REGION, SERVICES, Plan, write_private

FLAVORS = (
    ("m1.nano", 128, 1, 1),
    ("m1.micro", 192, 1, 1),
    ("m1.tiny", 512, 1, 1),
    ("m1.small", 2048, 1, 20),
    ("m1.medium", 4096, 2, 40),
    ("m1.large", 8192, 4, 80),
)
IMAGE = "pileus-test"
PRIVATE_CIDR = "10.10.0.0/24"
CALL_TIMEOUT_S = 300.0
"""How long an API may be silent: the longest that a request may take on a busy machine."""
AGENTS = (("nova-compute", "compute", "/v2.1"), ("cinder-volume", "volume", "/v3/{project}"))
"""What has to report before servers and volumes can be made: its name, its service, and that API's path."""
OPEN_PORTS = (("icmp", None), ("tcp", 22))  # rules of the demo project's default group


def bootstrap_identity(plan: Plan) -> None:
    """Write domain, roles, users, projects and the catalogue into identity's database, in one transaction."""
    from pileus_identity.core.bootstrap import Grant, ServicePlan, UserPlan, bootstrap
    from pileus_identity.core.bootstrap import Plan as IdentityPlan
    from pileus_kit.db import Sessions

    wanted = IdentityPlan(
        region=REGION,
        projects=("admin", "service", "demo"),
        users=(
            UserPlan("admin", plan.secrets["admin"], "admin"),
            UserPlan("demo", plan.secrets["demo"], "demo"),
            *(UserPlan(name, plan.secrets[name], "service") for name in SERVICES),
        ),
        grants=(
            Grant("admin", "admin", project="admin"),
            Grant("admin", "admin", domain=True),
            Grant("admin", "admin", system=True),
            Grant("demo", "member", project="demo"),
            Grant("admin", "admin", project="demo"),
            *(Grant(name, "service", project="service") for name in SERVICES),
        ),
        confined=tuple(SERVICES),
        services=tuple(
            ServicePlan(entry.type, entry.name, f"{plan.url(service.name)}{entry.path}")
            for service in SERVICES.values()
            for entry in service.catalog
        ),
    )
    sessions = Sessions(plan.database_url("identity"))
    try:
        with sessions.begin() as session:
            bootstrap(session, wanted)
    finally:
        sessions.dispose()


def write_credentials(plan: Plan) -> None:
    """Write clouds.yaml with `pileus` (demo), `pileus-admin` and `pileus-system`, and an openrc of the demo user."""
    import yaml

    def cloud(user: str, **scope: str) -> dict[str, Any]:
        auth = {
            "auth_url": f"{plan.url('identity')}/v3",
            "username": user,
            "password": plan.secrets[user],
            "user_domain_id": "default",
            **scope,
        }
        verified = {"cacert": str(plan.tls_file("authorities.pem"))} if plan.tls else {}
        return {"auth": auth, "region_name": REGION, "identity_api_version": 3, **verified}

    clouds = {
        "pileus": cloud("demo", project_name="demo", project_domain_id="default"),
        "pileus-admin": cloud("admin", project_name="admin", project_domain_id="default"),
        "pileus-system": cloud("admin", system_scope="all"),
    }
    write_private(plan.state / "clouds.yaml", yaml.safe_dump({"clouds": clouds}, sort_keys=False))
    lines = [
        f"export OS_{key}={value}"
        for key, value in {
            "AUTH_URL": f"{plan.url('identity')}/v3",
            "USERNAME": "demo",
            "PASSWORD": plan.secrets["demo"],
            "PROJECT_NAME": "demo",
            "USER_DOMAIN_ID": "default",
            "PROJECT_DOMAIN_ID": "default",
            "REGION_NAME": REGION,
            "IDENTITY_API_VERSION": "3",
            **({"CACERT": plan.tls_file("authorities.pem")} if plan.tls else {}),
        }.items()
    ]
    write_private(plan.state / "openrc", "\n".join(lines) + "\n")


class Cloud:
    """The running cloud, as one user sees it through its public APIs."""

    def __init__(self, plan: Plan, user: str, project: str) -> None:
        from keystoneauth1.identity.v3 import Password
        from keystoneauth1.session import Session

        self.plan, self.project = plan, project
        auth = Password(
            auth_url=f"{plan.url('identity')}/v3",
            username=user,
            password=plan.secrets[user],
            user_domain_id="default",
            project_name=project,
            project_domain_id="default",
        )
        verify = str(plan.tls_file("authorities.pem")) if plan.tls else True
        self.session = Session(auth=auth, verify=verify, timeout=CALL_TIMEOUT_S)

    def call(self, method: str, service: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        """Send and receive JSON. `path` is below the service's root; {project} in it stands for the project's id."""
        path = path.format(project=self.session.get_project_id())
        answer = self.session.request(f"{self.plan.url(service)}{path}", method, json=body, **kwargs)
        return answer.json() if answer.content else None


def create_resources(plan: Plan, image: Path) -> None:
    """Make flavors, the external and the demo network, the test image and the demo project's rules, where missing."""
    admin, demo = Cloud(plan, "admin", "admin"), Cloud(plan, "demo", "demo")
    _create_flavors(admin)
    _create_image(admin, image)
    public = _create_public_network(admin, plan)
    _create_default_pool(admin)
    _create_demo_network(demo, public)
    _open_ports(demo)


def _create_flavors(cloud: Cloud) -> None:
    known = {flavor["name"] for flavor in cloud.call("GET", "compute", "/v2.1/flavors")["flavors"]}
    for number, (name, ram, vcpus, disk) in enumerate(FLAVORS, 1):
        if name not in known:
            cloud.call(
                "POST",
                "compute",
                "/v2.1/flavors",
                {"flavor": {"id": str(number), "name": name, "ram": ram, "vcpus": vcpus, "disk": disk}},
            )


def _create_image(cloud: Cloud, file: Path) -> None:
    found = cloud.call("GET", "image", f"/v2/images?name={IMAGE}")["images"]
    active = [image for image in found if image["status"] == "active"]
    if active:
        return
    for broken in found:  # a crash interrupted its upload
        cloud.call("DELETE", "image", f"/v2/images/{broken['id']}")
    image = cloud.call(
        "POST",
        "image",
        "/v2/images",
        {"name": IMAGE, "disk_format": "qcow2", "container_format": "bare", "visibility": "public", "min_ram": 96},
    )
    with file.open("rb") as data:
        cloud.session.put(
            f"{cloud.plan.url('image')}/v2/images/{image['id']}/file",
            data=data,
            headers={"Content-Type": "application/octet-stream"},
        )


def _find_or_create(cloud: Cloud, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the network, subnet or router called `name`; make it if it doesn't exist."""
    found = cloud.call("GET", "network", f"/v2.0/{kind}s?name={name}")[f"{kind}s"]
    if found:
        return found[0]
    return cloud.call("POST", "network", f"/v2.0/{kind}s", {kind: {"name": name, **body}})[kind]


def _create_public_network(cloud: Cloud, plan: Plan) -> dict[str, Any]:
    network = _find_or_create(
        cloud,
        "network",
        "public",
        {
            "router:external": True,
            "is_default": True,
            "provider:network_type": "flat",
            "provider:physical_network": "public",
        },
    )
    net = plan.public_net
    _find_or_create(
        cloud,
        "subnet",
        "public-subnet",
        {
            "network_id": network["id"],
            "ip_version": 4,
            "cidr": f"{net}.0/24",
            "gateway_ip": f"{net}.1",
            "enable_dhcp": False,
            "allocation_pools": [{"start": f"{net}.10", "end": f"{net}.250"}],
        },
    )
    return network


def _create_default_pool(cloud: Cloud) -> None:
    """Make the subnet pool from which servers that ask for any network (`auto`) get their subnet."""
    if not cloud.call("GET", "network", "/v2.0/subnetpools?name=default")["subnetpools"]:
        cloud.call(
            "POST",
            "network",
            "/v2.0/subnetpools",
            {
                "subnetpool": {
                    "name": "default",
                    "prefixes": ["10.128.0.0/12"],
                    "default_prefixlen": 24,
                    "is_default": True,
                    "shared": True,
                }
            },
        )


def _create_demo_network(cloud: Cloud, public: dict[str, Any]) -> None:
    network = _find_or_create(cloud, "network", "private", {})
    subnet = _find_or_create(
        cloud,
        "subnet",
        "private-subnet",
        {"network_id": network["id"], "ip_version": 4, "cidr": PRIVATE_CIDR, "dns_nameservers": _name_servers()},
    )
    router = _find_or_create(cloud, "router", "router1", {"external_gateway_info": {"network_id": public["id"]}})
    ports = cloud.call("GET", "network", f"/v2.0/ports?device_id={router['id']}&network_id={network['id']}")["ports"]
    if not ports:
        cloud.call("PUT", "network", f"/v2.0/routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})


def _name_servers() -> list[str]:
    """Return the host's resolvers, as far as guests can reach them."""
    lines = Path("/etc/resolv.conf").read_text().splitlines() if Path("/etc/resolv.conf").exists() else []
    found = [line.split()[1] for line in lines if line.startswith("nameserver") and len(line.split()) > 1]
    return [address for address in found if "." in address and not address.startswith("127.")][:3]


def _open_ports(cloud: Cloud) -> None:
    groups = cloud.call("GET", "network", "/v2.0/security-groups?name=default&project_id={project}")["security_groups"]
    group = groups[0]
    have = {(r["protocol"], r["port_range_min"]) for r in group["security_group_rules"] if r["direction"] == "ingress"}
    for protocol, port in OPEN_PORTS:
        if (protocol, port) not in have:
            cloud.call(
                "POST",
                "network",
                "/v2.0/security-group-rules",
                {
                    "security_group_rule": {
                        "security_group_id": group["id"],
                        "direction": "ingress",
                        "ethertype": "IPv4",
                        "protocol": protocol,
                        "port_range_min": port,
                        "port_range_max": port,
                    }
                },
            )


def unsettled(cloud: Cloud) -> str:
    """Return what a cloud lacks until its hosts accept servers and volumes and have the demo network wired, or ""."""
    for binary, service, path in AGENTS:
        listed = cloud.call("GET", service, f"{path}/os-services?binary={binary}")["services"]
        if not any(one["state"] == "up" for one in listed):
            return f"a {service} host that is up"
    networks = cloud.call("GET", "network", "/v2.0/networks?name=private&admin_state_up=True")["networks"]
    for network in networks[:1]:
        path = f"/v2.0/ports?network_id={network['id']}&status=DOWN&admin_state_up=True"
        for port in cloud.call("GET", "network", path)["ports"]:
            if port["device_owner"].startswith("network:"):
                return f"port {port['id']} ({port['device_owner']}) of network {network['name']}"
    return ""
