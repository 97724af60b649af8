"""Key pairs for logging in to servers."""

import os
import sys
from argparse import Namespace
from pathlib import Path
from urllib.parse import quote

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import each
from pileus_cli.errors import Usage
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind

KEYPAIR = Kind(
    "keypair",
    "compute",
    "/os-keypairs",
    "keypair",
    "keypairs",
    {"Name": "name", "Fingerprint": "fingerprint", "Type": "type"},
    id_field="name",
)


def listed(context: Context, given: Namespace) -> None:
    rows = [row["keypair"] for row in context.cloud.pages("compute", "/os-keypairs", "keypairs")]
    context.show_rows(
        list(KEYPAIR.columns), [[row.get(str(name)) for name in KEYPAIR.columns.values()] for row in rows], given
    )


def show(context: Context, given: Namespace) -> None:
    row = context.cloud.call("compute", "GET", path(given.thing))["keypair"]
    if given.public_key:
        print(row["public_key"])
    else:
        context.show_thing({key: value for key, value in sorted(row.items()) if key != "public_key"}, given)


def create(context: Context, given: Namespace) -> None:
    """Create a key pair. Without a public key of the user's, one is made here: since 2.92 the cloud makes none."""
    if given.public_key:
        made = add(context, given.name, Path(given.public_key).expanduser().read_text())
    else:
        private, public = generate(given.name)
        if not given.private_key:
            add(context, given.name, public)
            sys.stdout.write(private)
            return
        file = Path(given.private_key).expanduser()
        keep(file, private)
        try:
            made = add(context, given.name, public)
        except BaseException:
            file.unlink()  # the option is unknown there
            raise
        context.say(f"The private key is in {file}")
    context.show_thing({key: made[key] for key in ("fingerprint", "name", "type", "user_id") if key in made}, given)


def add(context: Context, name: str, public: str) -> JsonObject:
    body = {"name": name, "public_key": public.strip(), "type": "ssh"}
    return dict(context.cloud.call("compute", "POST", "/os-keypairs", {"keypair": body})["keypair"])


def keep(file: Path, private: str) -> None:
    """Write the key so that only its owner can read it from the first moment on. An existing file is never replaced."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(private)
    except FileExistsError:
        raise Usage(f"{file} is there already.", "Choose another --private-key, or remove it") from None


def path(name: str) -> str:
    return f"/os-keypairs/{quote(name, safe='')}"


def generate(comment: str) -> tuple[str, str]:
    """Make a key pair with ssh-keygen, and return (private key, public key)."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "key"
        try:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file], check=True)
        except FileNotFoundError:
            raise Usage("ssh-keygen isn't installed.", "Install openssh-client, or give --public-key") from None
        return file.read_text(), file.with_suffix(".pub").read_text()


def delete(context: Context, given: Namespace) -> None:
    each(context, given.thing, lambda name: context.cloud.call("compute", "DELETE", path(name)))


NAME = arg("thing", "name of the key pair", kind="keypair", metavar="NAME")
COMMANDS = [
    Command("keypair list", "List key pairs", (), listed, ("pileus keypair list",), "compute", "rows"),
    Command(
        "keypair show",
        "Show a key pair",
        (NAME, arg("--public-key", "only that", action="store_true")),
        show,
        (),
        "compute",
        "thing",
    ),
    Command(
        "keypair create",
        "Make a key pair, or give the cloud a public key",
        (
            arg("name"),
            arg("--public-key", "file of the public key that you have", metavar="FILE"),
            arg("--private-key", "where the new private key goes (standard output)", metavar="FILE"),
        ),
        create,
        ("pileus keypair create example-key --private-key example-key", "pileus keypair delete example-key"),
        "compute",
        "thing",
    ),
    Command(
        "keypair delete",
        "Delete key pairs",
        (arg("thing", kind="keypair", metavar="NAME", nargs="+"),),
        delete,
        (),
        "compute",
    ),
]
