"""Import every module of one installed package, with third-party libraries from PILEUS_THIRD_PARTY but none of ours.

A module that needs another of our distributions (beyond the kit) fails here; `testing` modules may (tests only).
"""

import importlib
import importlib.metadata
import os
import pkgutil
import sys

SERVICES = "pileus.services"  # whose packages are known to the third-party environment, but can't be imported here


def main(name: str) -> None:
    sys.path.append(os.environ["PILEUS_THIRD_PARTY"])
    known = importlib.metadata.entry_points
    importlib.metadata.entry_points = lambda **wanted: () if wanted.get("group") == SERVICES else known(**wanted)
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in repr(finder)]
    package = importlib.import_module(name)
    modules = [
        m.name
        for m in pkgutil.walk_packages(package.__path__, f"{name}.")
        if not m.name.endswith((".testing", "__main__", ".env")) and ".migrations" not in m.name
    ]
    for module in modules:
        importlib.import_module(module)
    print(f"{name}: {len(modules)} modules import alone")


main(sys.argv[1])
