"""Access control lists of containers."""

import pytest

from pileus_kit.errors import BadRequest
from pileus_objectstore.core import acls


def test_acls_are_cleaned() -> None:
    assert (
        acls.clean("X-Container-Read", " .ref : * , .referrer:-*.evil.com ,, p : u ,.rlistings")
        == ".r:*,.r:-.evil.com,p:u,.rlistings"
    )
    for wrong in (".r:", ".r:-", ".unknown", ".r:.", ".rlistings:x"):
        with pytest.raises(BadRequest):
            acls.clean("X-Container-Read", wrong)
    with pytest.raises(BadRequest):
        acls.clean("X-Container-Write", ".r:*")
