"""Tempest's tests against a cloud of ours, unmodified: those in the lists beside this file, or others.

    deploy/install test                                   what it needs: Tempest, openstacksdk, ping
    .venv/bin/python tests/interop/run.py                 the cloud in /var/lib/pileus, both lists
    .venv/bin/python tests/interop/run.py --regex 'tempest.api.network'
    .venv/bin/python tests/interop/run.py --state DIR --list FILE --concurrency 2
    .venv/bin/python tests/interop/run.py --regex tempest.scenario --json FILE   keep how each test ended

`required.txt` holds the required tests of the last OpenStack guidelines, `scenarios.txt` scenarios with logins to
guests, `cloud.conf` what Tempest can't find out. Exit status 0 only if every chosen test ran and passed.
"""

import argparse
import configparser
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import openstack
except ImportError:
    sys.exit(
        "This needs Tempest, openstacksdk and ping: `deploy/install test` installs them into .venv; run it with "
        ".venv/bin/python."
    )

HERE = Path(__file__).parent
LISTS = (HERE / "required.txt", HERE / "scenarios.txt")
USER, PASSWORD = "cirros", "gocubsgo"  # of the test image (deploy/guest-image)
ALTERNATIVE = "pileus-test-again"
PROGRAMS = Path(sys.executable).parent


def main() -> int:
    options = _arguments()
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(options.state / "clouds.yaml")
    cloud = openstack.connect(cloud="pileus-admin")
    with (
        tempfile.TemporaryDirectory(prefix="interop-") as made,
        second_image(cloud, options.state),
        realm(cloud, options.state),
    ):
        place = options.workspace or Path(made)
        claims = configuration(cloud, options.state, place, not options.without_logins)
        prepare(place, claims)
        chosen = choose(place, options)
        found = run(place, claims, chosen, options.concurrency)
    ends = {name: found.get(name, _of_its_class(name, found)) for name in chosen}
    if options.json:
        keep(options.json, ends)
    return report(ends)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, default=Path("/var/lib/pileus"), help="the cloud's state directory")
    parser.add_argument("--list", type=Path, action="append", help="names of tests, one a line")
    parser.add_argument("--regex", help="instead of lists: every test of Tempest that matches")
    parser.add_argument("--without-logins", action="store_true", help="for the fake hypervisor: no guest answers there")
    parser.add_argument("--concurrency", type=int, default=3)
    parser.add_argument("--workspace", type=Path, help="keep Tempest's files there")
    parser.add_argument("--json", type=Path, help="write how each test ended into this file")
    return parser.parse_args()


# -- the cloud, as Tempest wants to be told ------------------------------------------------------------------------


@contextmanager
def second_image(cloud: Any, state: Path) -> Iterator[None]:
    """Some tests need two different images."""
    source = state / "cache" / "pileus-test.qcow2"
    image = cloud.image.find_image(ALTERNATIVE) or cloud.image.create_image(
        name=ALTERNATIVE, disk_format="qcow2", container_format="bare", visibility="public", filename=str(source)
    )
    try:
        yield
    finally:
        cloud.image.delete_image(image)


@contextmanager
def realm(cloud: Any, state: Path) -> Iterator[None]:
    """A realm of container sync with one cluster, by the names that Tempest takes where it isn't told others."""
    file = state / "objectstore" / "container-sync-realms.conf"
    if file.exists():
        yield
        return
    file.touch(0o600)
    shutil.chown(file, file.parent.owner(), file.parent.group())
    url = f"{_store_url(cloud)}/v1"
    file.write_text(f"[realm1]\nkey = {secrets.token_hex(16)}\ncluster_name1 = {url}\n")
    try:
        yield
    finally:
        file.unlink()


def _store_url(cloud: Any) -> str:
    return str(cloud.object_store.get_endpoint().partition("/v1/")[0])


def configuration(cloud: Any, state: Path, place: Path, logins: bool) -> configparser.RawConfigParser:
    auth = cloud.config.config["auth"]
    network = next(n for n in cloud.network.networks(is_router_external=True) if n.name == "public")
    microversions = {
        name: proxy.get_endpoint_data().max_microversion
        for name, proxy in (("compute", cloud.compute), ("volume", cloud.block_storage))
    }
    pools = [pool.capabilities for pool in cloud.block_storage.backend_pools()]
    backends = sorted({pool["volume_backend_name"] for pool in pools})
    store = cloud.session.get(f"{_store_url(cloud)}/info", authenticated=False)
    found: dict[str, dict[str, Any]] = {
        "DEFAULT": {"log_dir": place, "log_file": "tempest.log", "use_stderr": False},
        "oslo_concurrency": {"lock_path": place / "lock"},
        "auth": {
            "use_dynamic_credentials": True,
            "admin_username": auth["username"],
            "admin_password": auth["password"],
            "admin_project_name": auth["project_name"],
            "admin_domain_name": "Default",
        },
        "identity": {"uri_v3": auth["auth_url"], "auth_version": "v3", "region": cloud.config.get_region_name()},
        "identity-feature-enabled": {"api_v2": False, "api_v2_admin": False},
        "service_available": {
            "cinder": True,
            "glance": True,
            "neutron": True,
            "nova": True,
            "swift": True,
            "horizon": False,
        },
        "compute": {
            "image_ref": cloud.image.find_image("pileus-test").id,
            "image_ref_alt": cloud.image.find_image(ALTERNATIVE).id,
            "flavor_ref": cloud.compute.find_flavor("m1.nano").id,
            "flavor_ref_alt": cloud.compute.find_flavor("m1.micro").id,
            "min_compute_nodes": len([s for s in cloud.compute.services() if s.binary == "nova-compute"]),
            "min_microversion": "2.1",
            "max_microversion": _text(microversions["compute"]),
        },
        "network": {"public_network_id": network.id, "floating_network_name": network.name},
        "network-feature-enabled": {"api_extensions": _aliases(cloud.network.extensions()), "port_security": True},
        "volume": {
            "catalog_type": "block-storage",
            "min_microversion": "3.0",
            "max_microversion": _text(microversions["volume"]),
            "storage_protocol": pools[0]["storage_protocol"],
            "vendor_name": pools[0]["vendor_name"],
            "backend_names": ",".join(backends),
        },
        "volume-feature-enabled": {
            "api_extensions": _aliases(cloud.block_storage.extensions()),
            "multi_backend": len(backends) > 1,
        },
        "object-storage-feature-enabled": {
            "container_sync": False,  # by full URLs, which Tempest itself doesn't test any more
            "discoverable_apis": ",".join(sorted(store.json())),
        },
        "validation": {
            "run_validation": logins,
            "connect_method": "floating",
            "image_ssh_user": USER,
            "image_ssh_password": PASSWORD,
            "image_alt_ssh_user": USER,
            "image_alt_ssh_password": PASSWORD,
        },
        "scenario": {"img_file": state / "cache" / "pileus-test.qcow2", "dhcp_client": "udhcpc"},
    }
    claims = configparser.RawConfigParser()
    claims.read_dict(
        {
            section: {key: str(value).replace("$", "$$") for key, value in values.items()}
            for section, values in found.items()
        }
    )
    claims.read(HERE / "cloud.conf")
    return claims


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _aliases(extensions: Iterable[Any]) -> str:
    return ",".join(sorted(extension.alias for extension in extensions))


# -- Tempest -------------------------------------------------------------------------------------------------------


def prepare(place: Path, claims: configparser.RawConfigParser) -> None:
    """A workspace as `tempest init` makes it, but without the samples."""
    import tempest

    package = Path(str(tempest.__file__)).parent
    (place / "lock").mkdir(parents=True, exist_ok=True)
    (place / ".stestr.conf").write_text(f"[DEFAULT]\ntest_path={package / 'test_discover'}\ntop_dir={package}\n")
    with os.fdopen(os.open(place / "tempest.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        claims.write(file)
    if not (place / ".stestr").exists():
        subprocess.run([PROGRAMS / "stestr", "init"], cwd=place, check=True)


def choose(place: Path, options: argparse.Namespace) -> dict[str, str]:
    """Name -> Tempest's id of each test; a name that Tempest doesn't know is an error, not a pass."""
    listed = subprocess.run(
        [
            PROGRAMS / "tempest",
            "run",
            "--config-file",
            place / "tempest.conf",
            "--list-tests",
            *(["--regex", options.regex] if options.regex else []),
        ],
        cwd=place,
        check=False,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        sys.exit(f"Tempest can't list its tests:\n{listed.stdout}{listed.stderr}")
    known = {line.partition("[")[0]: line for line in listed.stdout.splitlines() if line.startswith("tempest.")}
    wanted = (
        set(known) if options.regex else {name for file in options.list or LISTS for name in file.read_text().split()}
    )
    if wanted - set(known):
        sys.exit(f"Tempest has no such tests: {', '.join(sorted(wanted - set(known)))}")
    return {name: known[name] for name in sorted(wanted)}


def shares(chosen: Iterable[str], workers: int) -> list[list[str]]:
    """The tests dealt to workers, a class to one of them, so that all end at about the same time."""
    classes: dict[str, list[str]] = {}
    for name in chosen:
        classes.setdefault(name.rpartition(".")[0], []).append(name)
    dealt: list[list[str]] = [[] for _ in range(workers)]
    loads = [0.0] * workers
    for names in sorted(classes.values(), key=lambda names: -sum(map(weight, names))):
        least = loads.index(min(loads))
        dealt[least] += names
        loads[least] += sum(map(weight, names))
    return [share for share in dealt if share]


def weight(name: str) -> float:
    """About how many seconds a test takes: it boots guests and logs in, it boots guests, or it just asks."""
    if "scenario" in name or "server_actions" in name or "attach_volume" in name:
        return 20.0
    return 4.0 if "compute.servers" in name or "test_users" in name or "test_volumes_" in name else 0.3


def run(
    place: Path, claims: configparser.RawConfigParser, chosen: dict[str, str], workers: int
) -> dict[str, tuple[str, str]]:
    """Test (or a class's fixture) -> its end and the last line that says why."""
    dealt = shares(chosen, workers)
    print(f"{len(chosen)} tests, {len(dealt)} at a time", flush=True)
    running = []
    for number, share in enumerate(dealt):
        own = place / f"worker-{number}"
        prepare(own, claims)
        (own / "selected.txt").write_text("".join(f"{chosen[name]}\n" for name in share))
        running.append(
            subprocess.Popen(
                [
                    PROGRAMS / "tempest",
                    "run",
                    "--config-file",
                    own / "tempest.conf",
                    "--serial",
                    "--load-list",
                    own / "selected.txt",
                ],
                cwd=own,
            )
        )
    for process in running:
        process.wait()
    return {test: end for number in range(len(dealt)) for test, end in results(place / f"worker-{number}").items()}


def results(place: Path) -> dict[str, tuple[str, str]]:
    """Of the last run in a workspace."""
    import io

    import subunit
    from testtools import StreamToDict

    stream = subprocess.run([PROGRAMS / "stestr", "last", "--subunit"], cwd=place, check=False, capture_output=True)
    ended: list[dict[str, Any]] = []
    collect = StreamToDict(ended.append)
    collect.startTestRun()
    subunit.ByteStreamToStreamResult(io.BytesIO(stream.stdout)).run(collect)
    collect.stopTestRun()
    return {test["id"].partition("[")[0]: (test["status"], _why(test["details"])) for test in ended}


def _why(details: dict[str, Any]) -> str:
    lines = [
        line
        for name in ("reason", "traceback")
        if name in details
        for line in details[name].as_text().splitlines()
        if line.strip()
    ]
    named = [line for line in lines if "Error" in line or "Exception" in line or "Fail" in line]
    return (named or lines or [""])[-1].strip()[:500]


ENDS = {"success": "passed", "skip": "skipped"}


def keep(file: Path, ends: dict[str, tuple[str, str]]) -> None:
    """As tests/compatibility/report.py reads it."""
    file.write_text(
        json.dumps(
            {
                "tests": [
                    {"name": name, "status": ENDS.get(end, "failed"), "detail": why}
                    for name, (end, why) in ends.items()
                ]
            },
            indent=1,
        )
    )


def report(ends: dict[str, tuple[str, str]]) -> int:
    for name, (end, why) in ends.items():
        if end != "success":
            print(f"{end}: {name}\n    {why}")
    counts = Counter(ENDS.get(end, "failed") for end, _ in ends.values())
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["passed"] == len(ends) > 0 else 1


def _of_its_class(name: str, found: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """A class whose fixture failed or was skipped reports that, and none of its tests."""
    return found.get(f"setUpClass ({name.rpartition('.')[0]})", ("missing", "it has no result"))


if __name__ == "__main__":
    sys.exit(main())
