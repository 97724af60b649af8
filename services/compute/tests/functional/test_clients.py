"""What the clients of other services make of their answers, among them those that mean that it is done already."""

from typing import Any

import pytest
from flask import Flask

from pileus_compute.clients import image, network, volume
from pileus_compute.clients.volume import Snapshot
from pileus_kit.peers import PeerRefused, Peers
from pileus_kit.testing import routed_peers


def answering(service: str, status: int, body: Any = None) -> Peers:
    """The other services, of which this one answers every call so."""
    app = Flask(service)

    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def answer(path: str) -> Any:
        return ("" if body is None else body), status

    return routed_peers({service: app})


@pytest.mark.parametrize(("status", "begun"), [(202, True), (404, True), (410, True), (400, False), (409, False)])
def test_a_volume_in_use_is_to_be_deleted_later(status: int, begun: bool) -> None:
    assert volume.ensure_volume_deleted(answering("volume", status), "p1", "v1") is begun


def test_a_refusal_to_delete_a_volume_is_raised() -> None:
    with pytest.raises(PeerRefused):
        volume.ensure_volume_deleted(answering("volume", 403), "p1", "v1")


def test_a_snapshot_that_is_being_deleted_is_not_deleted_again() -> None:
    snapshot = Snapshot("s1", "deleting", 1, "v1")
    assert volume.ensure_snapshot_deleted(answering("volume", 403), "p1", snapshot)


@pytest.mark.parametrize("status", [204, 404])
def test_ports_and_images_that_are_gone_are_deleted(status: int) -> None:
    network.delete_port(answering("network", status), "p1")
    image.ensure_image_deleted(answering("image", status), "i1")


def test_only_the_volume_of_this_row_counts_as_made_for_it() -> None:
    view = {"id": "v1", "status": "available", "size": 1, "metadata": {volume.SERVER_VOLUME: "another row"}}
    peers = answering("volume", 200, {"volumes": [view]})
    assert volume.find_volume_for(peers, "p1", "row") is None
    view["metadata"] = {volume.SERVER_VOLUME: "row"}
    found = volume.find_volume_for(answering("volume", 200, {"volumes": [view]}), "p1", "row")
    assert found is not None and found.id == "v1"


def test_snapshots_that_are_being_deleted_do_not_hold_a_volume() -> None:
    assert volume.has_snapshots(answering("volume", 200, {"snapshots": [{"status": "available"}]}), "p1", "v1")
    assert not volume.has_snapshots(answering("volume", 200, {"snapshots": [{"status": "deleting"}]}), "p1", "v1")


@pytest.mark.parametrize(("status", "done"), [(204, True), (409, False)])
def test_an_image_that_an_upload_holds_is_filled_later(status: int, done: bool) -> None:
    assert image.upload_nothing(answering("image", status), "i1") is done


def test_a_network_without_subnets_is_told_from_one_that_does_not_say() -> None:
    plain = {"id": "n1", "name": "private"}
    assert network.show_network(answering("network", 200, {"network": plain}), "n1").has_subnets
    assert not network.show_network(answering("network", 200, {"network": plain | {"subnets": []}}), "n1").has_subnets


def test_a_ports_nulls_are_empty() -> None:
    view = {"id": "p1", "network_id": "n1", "device_id": None, "binding:host_id": None, "dns_name": None}
    port = network.show_port(answering("network", 200, {"port": view}), "p1")
    assert (port.device_id, port.host, port.dns_name, port.fixed_ips) == ("", "", "", ())


def test_nothing_is_asked_about_no_ids() -> None:
    refusing = answering("network", 500)
    assert network.list_subnets(refusing, []) == [] and network.floating_addresses(refusing, []) == {}
    assert network.serves_dhcp(refusing, "host1", []) is False
