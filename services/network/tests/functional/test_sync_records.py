"""What hosts did for a request is shown to its project, like the steps of any other job."""

from typing import Any

import pytest
from sqlalchemy import update

from pileus_kit.auth import Caller
from pileus_kit.db import count_statements, now
from pileus_network import rpc
from pileus_network.core import scheduler, sync_records
from pileus_network.db.models import Event, Host, Job, SyncRequest
from pileus_network.testing import NetworkFixture

SPANS: Any = (
    {
        "name": "links",
        "where": "",
        "started_at": 1.0,
        "seconds": 0.01,
        "spans": [{"name": "nft", "where": "", "started_at": 1.0, "seconds": 0.005}],
    },
)
REQUEST = "req-00000000-0000-4000-8000-00000000000"


@pytest.fixture
def net(network: NetworkFixture) -> str:
    made = network.made("network", {})["id"]
    network.made("subnet", {"network_id": made, "ip_version": 4, "cidr": "10.0.0.0/24"})
    network.drain()
    return str(made)


def make_port(network: NetworkFixture, net: str, request_id: str, as_: Caller | None = None, **requested: Any) -> str:
    requested = {"network_id": net, "binding:host_id": "host1", "device_owner": "compute:nova", **requested}
    answer = network.client.post(
        "/v2.0/ports",
        json={"port": requested},
        as_=as_ or network.book.admin,
        headers={"X-OpenStack-Request-ID": request_id},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json["port"]["id"])


def report(network: NetworkFixture, *failures: rpc.Failure) -> None:
    state = network.control.get_host_state("host1", -1)
    assert state is not None
    network.control.report_state("host1", state.generation, rpc.Report(failures=failures), rpc.SyncTiming(0.02, SPANS))


def told(network: NetworkFixture, request_id: str, as_: Caller) -> tuple[list[Any], list[Any]]:
    everywhere = "&all_projects=true" if as_ is network.book.admin else ""
    jobs, events = (
        network.client.get(f"/operations/{what}?request_id={request_id}{everywhere}", as_=as_).json[what]
        for what in ("jobs", "events")
    )
    return jobs, events


def test_one_sync_answers_all_earlier_requests(network: NetworkFixture, net: str) -> None:
    book, ids = network.book, [REQUEST + str(n) for n in range(3)]
    make_port(network, net, ids[0], as_=book.service, project_id="p1")  # as compute does for a user's server
    make_port(network, net, ids[1], as_=book.service, project_id="p2")
    report(network)
    make_port(network, net, ids[2])
    assert [len(told(network, request_id, book.admin)[0]) for request_id in ids] == [1, 1, 0], "the third is under way"
    jobs, events = told(network, ids[0], book.member)
    assert [(j["flow"], j["subject"], j["state"], j["project_id"]) for j in jobs] == [
        ("host.sync", "host1", "done", "p1")
    ]
    assert [(e["job_id"], e["step"], e["outcome"], e["worker"], e["spans"]) for e in events] == [
        (jobs[0]["id"], "sync", "done", "host1", list(SPANS))
    ]
    assert jobs[0]["arrived_at"] <= jobs[0]["created_at"] <= events[0]["started_at"] <= events[0]["finished_at"]
    assert told(network, ids[1], book.member) == ([], []), "another project's"
    report(network)
    report(network)
    assert len(told(network, ids[2], book.admin)[0]) == 1


def test_a_sync_with_failures_counts_them_without_their_causes(network: NetworkFixture, net: str) -> None:
    make_port(network, net, REQUEST + "4", as_=network.book.service, project_id="p1")
    report(network, rpc.Failure("port", "somebody's", "the secret cause"))
    (event,) = told(network, REQUEST + "4", network.book.member)[1]
    assert event["outcome"] == "failed" and "(1 failures)" in event["cause"] and "secret" not in event["cause"]


def test_a_deleted_host_leaves_no_sync_requests(network: NetworkFixture, net: str) -> None:
    make_port(network, net, REQUEST + "5")
    with network.sessions.begin() as session:
        session.execute(update(Host).values(seen_at=now() - scheduler.AGENT_DOWN_TIME))
        scheduler.record_heartbeat(session)
    agent = network.client.get("/v2.0/agents", as_=network.book.admin).json["agents"][0]["id"]
    assert network.client.delete(f"/v2.0/agents/{agent}", as_=network.book.admin).status_code == 204
    network.hello("host1")
    make_port(network, net, REQUEST + "6")
    report(network)
    assert told(network, REQUEST + "5", network.book.admin) == ([], [])
    assert len(told(network, REQUEST + "6", network.book.admin)[0]) == 1


def test_a_report_costs_the_same_for_many_requests(network: NetworkFixture, net: str) -> None:
    costs = []
    for many in (2, 20):
        for _ in range(many):
            make_port(network, net, REQUEST + "7")
        state = network.control.get_host_state("host1", -1)
        assert state is not None
        with count_statements(network.sessions) as statements:
            wired = rpc.Report(tuple(port.id for port in state.ports))
            network.control.report_state("host1", state.generation, wired, rpc.SyncTiming(0.02, SPANS))
        costs.append(len(statements))
    assert costs[0] == costs[1]


def test_sync_records_are_kept_for_a_day(network: NetworkFixture, net: str) -> None:
    make_port(network, net, REQUEST + "8")
    report(network)
    make_port(network, net, REQUEST + "9")
    network.control.clean_up()
    assert len(told(network, REQUEST + "8", network.book.admin)[1]) == 1
    long_ago = now() - sync_records.RETENTION
    with network.sessions.begin() as session:
        session.execute(update(Job).values(updated_at=long_ago))
        session.execute(update(Event).values(finished_at=long_ago))
        session.execute(update(SyncRequest).values(requested_at=long_ago))
    network.control.clean_up()
    report(network)
    assert [told(network, REQUEST + number, network.book.admin) for number in "89"] == [([], []), ([], [])]
