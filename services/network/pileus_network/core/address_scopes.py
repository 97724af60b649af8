"""Address scopes: sets of subnet pools whose prefixes don't overlap."""

from dataclasses import asdict, dataclass
from typing import TypedDict

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_network.core import standard_attributes, visibility
from pileus_network.core.listing import Listing
from pileus_network.core.standard_attributes import apply_attributes
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import AddressScope, SubnetPool
from pileus_network.errors import InvalidInput
from pileus_network.errors.networks import AddressScopeInUse, AddressScopeNotFound


@dataclass(frozen=True, kw_only=True)
class NewAddressScope:
    """A request to create an address scope."""

    project_id: str
    name: str
    ip_version: int
    shared: bool = False


class AddressScopeUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    name: str
    shared: bool


LISTING = Listing(
    AddressScope,
    visibility.address_scopes,
    columns={
        "id": AddressScope.id,
        "name": AddressScope.name,
        "project_id": AddressScope.project_id,
        "tenant_id": AddressScope.project_id,
        "ip_version": AddressScope.ip_version,
        "shared": AddressScope.shared,
    },
)


def create(session: Session, requested: NewAddressScope) -> AddressScope:
    """Create an address scope."""
    found = AddressScope(**asdict(requested))
    session.add(found)
    session.flush()
    return found


def find(session: Session, scope_id: str, viewer: Viewer) -> AddressScope:
    """Return the address scope. Raises AddressScopeNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session,
        AddressScope,
        scope_id,
        visibility.address_scopes(viewer),
        lambda: AddressScopeNotFound(address_scope_id=scope_id),
    )


def delete(session: Session, found: AddressScope) -> None:
    """Delete an address scope. Raises AddressScopeInUse if a subnet pool is in it."""
    if session.scalar(select(exists(select(SubnetPool.id).where(SubnetPool.address_scope_id == found.id)))):
        raise AddressScopeInUse(address_scope_id=found.id)
    session.delete(found)


def update(found: AddressScope, requested: AddressScopeUpdate) -> None:
    """Update an address scope. A shared one can't be unshared, as other projects may use it."""
    if found.shared and requested.get("shared") is False:
        raise InvalidInput(error_message=f"Shared address scope {found.id} can't be unshared")
    apply_attributes(found, requested, ("name", "shared"))
    standard_attributes.bump_revision(found)
