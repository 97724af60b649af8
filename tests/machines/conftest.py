"""Three machines: a controller with a running cloud, and two that join it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import Network, eventually
from three_machines import OFFSET, Machines

from pileus_deploy.bootstrap import Cloud

FOLDER = Path("/var/tmp/pileus-machines")
REPLICATE_S = "3"


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    os.environ["PILEUS_REPLICATE_S"] = REPLICATE_S  # machines get this process's environment
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o755)
    network = Network(FOLDER)
    try:
        made = Machines(*(network.machine(name) for name in ("m1", "m2", "m3")))
        drivers = ("--hypervisor", "fake", "--network-driver", "linux", "--volume-driver", "file")
        made.controller.deploy("up", "--offset", str(OFFSET), "--no-demo", *drivers)
        assert "machines join a cloud with TLS" in made.controller.pileus("cloud", "invite", check=False)
        made.controller.deploy("down")  # a cloud that began without TLS goes on with it
        made.controller.deploy("up", "--tls", "--address", made.controller.address, "--no-demo")
        made.network = network
        yield made
    finally:
        network.close()
        shutil.rmtree(FOLDER)


@pytest.fixture(scope="session")
def demo(machines: Machines) -> Cloud:
    return machines.cloud("demo", "demo")


@pytest.fixture(scope="session")
def admin(machines: Machines) -> Cloud:
    return machines.cloud("admin", "admin")


@pytest.fixture(scope="session")
def joined(machines: Machines, admin: Cloud) -> Machines:
    """All three in the cloud, whichever test joined them."""
    for machine in (machines.second, machines.third):
        if not (machine.state / "plan.json").exists():
            machines.join(machine)

    def hosts() -> set[str]:
        services = admin.call("GET", "compute", "/v2.1/os-services?binary=nova-compute")["services"]
        return {row["host"] for row in services if row["state"] == "up"}

    eventually("all hosts report", lambda: {"m1", "m2", "m3"} <= hosts())
    return machines
