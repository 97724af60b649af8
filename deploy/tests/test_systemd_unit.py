"""Start with the machine, and removal: the unit's text, and what is done with it under another root."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pileus_deploy import lifecycle, plan_files, systemd_unit, uninstall
from pileus_deploy.plan import Plan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with systemd."""
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


def test_without_systemd_nothing_is_written(tmp_path: Path) -> None:
    assert not systemd_unit.install(Plan(Path("/var/lib/pileus")), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_each_cloud_has_a_unit_and_takes_its_own_away(root: Path) -> None:
    first, second = Plan(Path("/var/lib/pileus")), Plan(Path("/srv/cloud"), offset=450)
    for plan in (first, second, first):
        assert systemd_unit.install(plan, root)
    units = root / systemd_unit.UNITS
    assert {unit.name for unit in units.iterdir()} == {"pileus-pl.service", "pileus-pci.service"}
    assert "up --no-demo --state /srv/cloud\n" in (units / "pileus-pci.service").read_text()
    assert systemd_unit.remove(second, root)
    assert not systemd_unit.remove(second, root)
    assert {unit.name for unit in units.iterdir()} == {"pileus-pl.service"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_understands_the_unit(root: Path) -> None:
    plan = Plan(Path("/var/lib"))  # must be there
    systemd_unit.install(plan, root)
    done = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            "--recursive-errors=no",
            root / systemd_unit.UNITS / systemd_unit.unit_name(plan),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert systemd_unit.unit_name(plan) not in done.stderr, done.stderr


def test_uninstall_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(tmp_path / "state", hypervisor="fake")
    plan_files.save(plan)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert uninstall.uninstall(plan, yes=False) == 1
    assert plan_files.load(plan.state) == plan


def test_packages_are_named() -> None:
    assert {"rabbitmq-server", "libvirt-daemon", "genisoimage"} <= set(uninstall.installed_packages())
    assert "#" not in "".join(uninstall.installed_packages())


@pytest.mark.parametrize(("address", "warned"), [("127.0.0.1", False), ("192.0.2.1", True), ("0.0.0.0", True)])
def test_plain_text_beyond_the_machine_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str, warned: bool
) -> None:
    lifecycle.warn_of_plain_text(Plan(tmp_path, address=address))
    assert ("without TLS" in capsys.readouterr().err) is warned
