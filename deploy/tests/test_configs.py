"""What a host's configuration gives away to whoever takes the host over: that host's part."""

import hashlib
import hmac
from configparser import RawConfigParser
from pathlib import Path

import pytest

from pileus_deploy import arguments, configs
from pileus_deploy.plan import PORTS, Plan


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    plan = Plan(tmp_path, hypervisor="fake")
    configs.write(plan)
    return plan


def read(file: Path) -> dict[str, str]:
    parser = RawConfigParser()
    parser.read(file)
    return dict(parser["DEFAULT"])


def test_an_agent_knows_one_secret_of_its_own_for_each_purpose(plan: Plan) -> None:
    for file in sorted((plan.state / "etc").glob("*-agent.conf")):
        known = file.read_text()
        service = file.stem.removesuffix("-agent")
        theirs = [name for name, secret in plan.secrets.items() if secret in known]
        assert theirs in ([], [f"bus {service}@{plan.host}"]), file.name
        assert not {"database", "service_password", "identity_url", "service_user"} & read(file).keys()


def test_a_service_knows_its_own_secrets_only(plan: Plan) -> None:
    for service in PORTS:
        known = plan.config_file(service).read_text()
        theirs = {name for name, secret in plan.secrets.items() if secret in known}
        of_compute = {"metadata"} if service == "compute" else set()
        assert theirs <= {service, f"bus {service}", f"{service} seal"} | of_compute


def test_a_host_signs_with_its_share_of_the_metadata_secret(plan: Plan) -> None:
    share = hmac.new(plan.secrets["metadata"].encode(), plan.host.encode(), hashlib.sha256).hexdigest()
    assert read(plan.agent_config_file("network"))["metadata_secret"] == share
    assert read(plan.config_file("network"))["metadata_secret"] == ""


def test_agents_exchange_data_with_our_services_only(plan: Plan) -> None:
    assert read(plan.agent_config_file("compute"))["data_services"] == plan.url("image")
    assert read(plan.agent_config_file("volume"))["data_services"] == f"{plan.url('image')},{plan.url('objectstore')}"


def test_further_backends_of_volumes(tmp_path: Path) -> None:
    given = arguments.parser().parse_args(["up", "--volume-backends", "ssd:file:/mnt/ssd,archive:file"])
    plan = Plan(tmp_path, hypervisor="fake", volume_backends=given.volume_backends)
    configs.write(plan)
    assert read(plan.agent_config_file("volume"))["further_backends"] == "ssd:file:/mnt/ssd,archive:file"
    assert "further_backends" not in read(plan.agent_config_file("compute"))
    assert plan.settings()["volume_backends"] == given.volume_backends
    for refused in ("ssd", "ssd:lvm", "ssd:file:relative", "a/b:file", "ssd:file:/x:/y"):
        with pytest.raises(SystemExit):
            arguments.parser().parse_args(["up", "--volume-backends", refused])


def test_configuration_is_for_its_owner(plan: Plan) -> None:
    assert {file.stat().st_mode & 0o777 for file in (plan.state / "etc").iterdir()} == {0o600}


def test_only_hosts_with_an_agent_have_accounts_on_the_bus(plan: Plan) -> None:
    """Image has a worker that its API notifies, but nothing on the hosts."""
    names = {account.name for account in plan.accounts}
    assert "image" in names and f"image@{plan.host}" not in names
    assert {"network", f"network@{plan.host}"} <= names
    assert read(plan.config_file("image"))["bus"].startswith("rabbit://image:")
