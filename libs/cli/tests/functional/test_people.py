"""What the commands for people promise: launch, ssh, top, completion; and what a deletion says of what stays."""

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    "words",
    ["first -l debian -- uptime -p", "-l debian first -- uptime -p", "first --user debian --print -- uptime -p"],
)
def test_ssh_takes_options_before_and_after_the_server(world: None, pileus: Any, words: str) -> None:
    line = pileus.ok(f"ssh --print {words.replace('--print ', '')}").out
    assert shlex.split(line)[-3:] == [f"debian@{shlex.split(line)[-3].partition('@')[2]}", "uptime", "-p"]


def test_launch_can_be_tried(world: None, pileus: Any) -> None:
    before = pileus.json("server list")
    done = pileus.ok("launch not-yet --flavor m1.nano --dry-run")
    assert "would be accepted" in done.out and "image: pileus-test" in done.err
    assert pileus.json("server list") == before


def test_deleting_a_server_says_what_stays_of_it(world: None, pileus: Any) -> None:
    pileus.ok("server create leaving --image pileus-test --flavor m1.nano --network private")
    row = pileus.json("floating ip create public")
    pileus.ok(f"server add floating ip leaving {row['floating_ip_address']}")
    done = pileus.ok("server delete leaving")
    assert f"floating IP {row['floating_ip_address']} stays: pileus floating ip delete" in done.err
    pileus.ok(f"floating ip delete {row['id']}")


def test_the_floating_ip_that_launch_made_goes_with_its_server(world: None, pileus: Any) -> None:
    before = {row["ID"] for row in pileus.json("floating ip list")}
    pileus.ok("--no-wait launch leaving-too --flavor m1.nano --image pileus-test --network private --key-name demo")
    made = [row for row in pileus.json("floating ip list") if row["ID"] not in before]
    assert len(made) == 1
    done = pileus.ok("server delete leaving-too")
    assert "released" in done.err
    assert {row["ID"] for row in pileus.json("floating ip list")} == before


def test_clouds_are_completed(pileus: Any, home: Path) -> None:
    assert {"admin", "demo"} <= set(pileus.ok("complete -- --os-cloud ''").out.split())
    assert {"admin", "demo"} <= set(pileus.ok("complete -- --os-cloud ''").out.split())


def test_top_tells_a_user_who_sees_hosts(world: None, pileus: Any) -> None:
    assert "administrators see them" in pileus.ok("top --once").out
    assert json.loads(pileus.ok("top --json").out)["hosts"] is None
    host, keeper = json.loads(pileus.ok("top --json", "admin").out)["hosts"]
    assert keeper["agents"] == "object up", "the storage server has this machine's name, the agents one of the test's"
    assert host["vCPUs"].endswith(" CPUs") and host["agents"] == "compute up, network up, volume up"


def test_q_leaves_top(world: None, pileus: Any) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pileus_cli", "top", "--every", "0.2"],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ, OS_CLOUD="demo", TERM="xterm"),
    )
    os.close(theirs)
    shown = b""
    while b"leaves" not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, b"q")
    try:
        while os.read(ours, 4096):
            pass
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == 0
    os.close(ours)


def test_roles_in_other_domains(pileus: Any) -> None:
    """The same names stand in two domains: each option says which is meant."""
    pileus.ok("domain create elsewhere", "system")
    for noun in ("project", "user", "group"):
        for domain in ("default", "elsewhere"):
            pileus.ok(f"{noun} create twin --domain {domain}", "system")
    try:
        assert pileus("role add member --user twin --project twin", "system").code != 0, "which of two?"
        for options in (
            "--user twin --user-domain elsewhere --project twin --project-domain default",
            "--group twin --group-domain elsewhere --project twin --project-domain elsewhere",
        ):
            pileus.ok(f"role add member {options}", "system")
            pileus.ok(f"role remove member {options}", "system")
    finally:
        for noun in ("project", "user", "group"):
            rows = pileus.json(f"{noun} list", "system")
            pileus.ok(f"{noun} delete {' '.join(row['ID'] for row in rows if row['Name'] == 'twin')}", "system")
        pileus.ok("domain set elsewhere --disable", "system")
        pileus.ok("domain delete elsewhere", "system")


def test_services_are_found_by_their_type(pileus: Any) -> None:
    pileus.ok("service create orchestration --name heat", "system")
    made = pileus.json("endpoint create orchestration public http://192.0.2.1:8004", "system")
    assert made["url"] == "http://192.0.2.1:8004"
    assert pileus.json("service show heat", "system")["type"] == "orchestration"
    pileus.ok("service delete orchestration", "system")
