"""The next release, made from this checkout: a higher version, a migration that expands, an RPC contract that grew."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MIGRATION = '''"""Made by a test: what the next release adds."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{former}"


def upgrade() -> None:
    op.create_table("made_by_a_test", sa.Column("id", sa.String(36), primary_key=True))
    op.add_column("{table}", sa.Column("added_by_a_test", sa.String(36), nullable={nullable}))
'''
EXPANDED = {"compute": "servers", "network": "ports", "volume": "volumes"}


def make(place: Path) -> Path:
    """Copy what belongs to the release into `place`, make it the next one, and return its path."""
    files = subprocess.run(
        [
            "git",
            "-C",
            str(ROOT),
            "ls-files",
            "-z",
            "VERSION",
            "constraints.txt",
            "README.md",
            "deploy",
            "libs",
            "services",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, files):
        source, target = ROOT / name, place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(source.readlink())
        else:
            shutil.copy2(source, target)
    set_version(place, next_version())
    for service, table in EXPANDED.items():
        expand(place, service, table)
    grow_contract(place)
    make_environment(place)
    return place


def next_version() -> str:
    """The minor version after this one."""
    major, minor = re.findall(r"\d+", (ROOT / "VERSION").read_text())[:2]
    return f"{major}.{int(minor) + 1}.0"


def set_version(place: Path, version: str) -> None:
    for file in (place / "VERSION", *place.glob("*/VERSION"), *place.glob("*/*/VERSION")):
        if not file.is_symlink():
            file.write_text(f"{version}\n")


def expand(place: Path, service: str, table: str, nullable: bool = True) -> Path:
    """Add a migration to a service, and return its file."""
    versions = place / "services" / service / f"pileus_{service}" / "db" / "migrations" / "versions"
    former = max(file.name[:4] for file in versions.glob("[0-9]*.py"))
    revision = f"{int(former) + 1:04}"
    file = versions / f"{revision}_made_by_a_test.py"
    file.write_text(MIGRATION.format(revision=revision, former=former, table=table, nullable=nullable))
    return file


def grow_contract(place: Path) -> None:
    """Give hosts a call that only the next release has, and let each of their reports carry one more field."""
    file = place / "services" / "compute" / "pileus_compute" / "rpc.py"
    text = file.read_text()
    grown = text.replace(
        "class Wanted:\n", 'class Wanted:\n    made_by_a_test: str = field(default="", kw_only=True)\n'
    )
    assert grown != text
    file.write_text(grown)


def make_environment(place: Path) -> None:
    """Make a virtual environment like this one, in which our packages are those of `place`.

    Libraries are linked, not installed: a path file puts our source directories before them.
    """
    here, there = Path(sys.prefix), place / ".venv"
    (there / "bin").mkdir(parents=True)
    shutil.copy2(here / "pyvenv.cfg", there)
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        (there / "bin" / name).symlink_to((here / "bin" / name).resolve())
    script = (here / "bin" / "pileus").read_text().splitlines(keepends=True)
    (there / "bin" / "pileus").write_text(f"#!{there}/bin/python\n" + "".join(script[1:]))
    (there / "bin" / "pileus").chmod(0o755)
    packages = Path("lib", f"python3.{sys.version_info.minor}", "site-packages")
    subprocess.run(["cp", "-al", f"{here / packages}/.", str(_made(there / packages))], check=True)
    for file in (there / packages).glob("__editable__*"):
        file.unlink()
    sources = [str(one) for one in (*place.glob("libs/*"), place / "deploy", *place.glob("services/*"))]
    (there / packages / "pileus.pth").write_text("\n".join(sources) + "\n")


def _made(place: Path) -> Path:
    place.mkdir(parents=True)
    return place


if __name__ == "__main__":
    os.umask(0o022)
    print(make(Path(sys.argv[1])))
