"""Writes docs/reference from what the code declares: options, policy rules, routes, states, contracts of the bus.

python docs/generator            writes every page
python docs/generator --check    exits with 1 if a page would change
"""

import argparse
import sys
import tempfile
from pathlib import Path

import api
import configuration
import policies
import rooms
import rpc
import states

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
NOTICE = "<!-- Written by `python docs/generator`; change the code it describes instead. -->\n\n"


def pages() -> dict[str, str]:
    """Every page by its path below docs/reference."""
    with tempfile.TemporaryDirectory() as scratch:
        return {
            "configuration.md": configuration.page(),
            "states.md": states.page(),
            "rpc.md": rpc.page(),
            "rooms.md": rooms.page(),
            **{f"policies/{name}.md": text for name, text in policies.pages().items()},
            **{f"api/{name}.md": text for name, text in api.pages(Path(scratch)).items()},
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    wanted = {REFERENCE / name: NOTICE + text.rstrip() + "\n" for name, text in pages().items()}
    known = {path: path.read_text() for path in REFERENCE.rglob("*.md")}
    if given.check:
        old = sorted(
            str(path.relative_to(REFERENCE)) for path in {*wanted, *known} if wanted.get(path) != known.get(path)
        )
        print(
            f"docs/reference is old, run python docs/generator: {', '.join(old)}" if old else "docs/reference is true"
        )
        return 1 if old else 0
    for path in known.keys() - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
