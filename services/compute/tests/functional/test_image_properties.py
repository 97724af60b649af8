"""Servers of images that ask for hardware: bad wishes are refused, good ones that nobody grants find no host."""

from typing import Any

import pytest

from pileus_compute.db.models import Flavor
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
ANOTHER = "55555555-5555-4555-8555-555555555555"


def asked(compute: ComputeFixture, image: Any, **properties: Any) -> Any:
    body = {"name": "s", "flavorRef": "1", "imageRef": image.add(ANOTHER, **properties), "networks": "none"}
    return compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")


@pytest.mark.parametrize(
    "properties",
    [
        {"hw_disk_bus": "floppy"},
        {"hw_vif_model": "nosuchnic"},
        {"hw_firmware_type": "coreboot"},
        {"img_config_drive": "always"},
    ],
)
def test_bad_values_are_refused_by_name(compute: ComputeFixture, image: Any, properties: dict[str, str]) -> None:
    refused = asked(compute, image, **properties)
    (value,) = properties.values()
    assert refused.status_code == 400 and value in refused.json["badRequest"]["message"]
    server = compute.server(imageRef=IMAGE_ID)["id"]
    rebuilt = compute.client.post(f"/v2.1/servers/{server}/action", json={"rebuild": {"imageRef": ANOTHER}})
    assert rebuilt.status_code == 400 and value in rebuilt.text
    rescued = compute.client.post(f"/v2.1/servers/{server}/action", json={"rescue": {"rescue_image_ref": ANOTHER}})
    assert rescued.status_code == 400 and value in rescued.text


@pytest.mark.parametrize(
    "properties",
    [
        {"hw_tpm_version": "2.0"},
        {"os_secure_boot": "required"},
        {"hw_mem_encryption": "true"},
        {"architecture": "aarch64"},
        {"hypervisor_type": "vmware"},
        {"trait:HW_CPU_X86_SGX": "required"},
    ],
)
def test_nobody_gets_less_than_was_asked_for(compute: ComputeFixture, image: Any, properties: dict[str, str]) -> None:
    made = asked(compute, image, **properties)
    assert made.status_code == 202, made.text
    compute.drain()
    server = compute.show(made.json["server"]["id"])
    said = server["fault"]["message"]
    (value,) = properties.values()
    assert server["status"] == "ERROR" and said.startswith("No valid host was found.") and value in said
    running = compute.server(imageRef=IMAGE_ID)["id"]
    rebuilt = compute.client.post(f"/v2.1/servers/{running}/action", json={"rebuild": {"imageRef": ANOTHER}})
    assert rebuilt.status_code == 400 and value in rebuilt.text


@pytest.mark.parametrize(
    "spec",
    [
        ("hw:tpm_version", "2.0"),
        ("os:secure_boot", "required"),
        ("trait:HW_CPU_X86_SGX", "required"),
        ("hw:cpu_policy", "dedicated"),
    ],
)
def test_nor_than_the_flavor_says(compute: ComputeFixture, spec: tuple[str, str]) -> None:
    with compute.sessions.begin() as session:
        session.get_one(Flavor, "1").extra_specs = dict([spec])
    server = compute.server(imageRef=IMAGE_ID)
    assert server["status"] == "ERROR" and spec[1] in server["fault"]["message"]


def test_an_image_that_needs_a_config_drive_gets_one(compute: ComputeFixture, image: Any) -> None:
    made = asked(compute, image, img_config_drive="mandatory").json["server"]["id"]
    compute.drain()
    assert compute.show(made)["config_drive"] == "True"
    server = compute.server(imageRef=IMAGE_ID)
    assert server["config_drive"] == ""
    compute.act(server["id"], "rebuild", {"imageRef": ANOTHER})
    assert compute.show(server["id"])["config_drive"] == "True"
