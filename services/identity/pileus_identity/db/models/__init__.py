"""The tables of identity, one module for each group of nouns."""

from pileus_identity.db.models.base import Model
from pileus_identity.db.models.delegations import (
    AccessRule,
    ApplicationCredential,
    ApplicationCredentialAccessRule,
    ApplicationCredentialRole,
    Trust,
    TrustRole,
)
from pileus_identity.db.models.limits import Limit, RegisteredLimit
from pileus_identity.db.models.oauth1 import AccessToken, Consumer, RequestToken, SeenNonce
from pileus_identity.db.models.projects import DeletedProject, DomainOption, Project, ProjectLineage, ProjectTag
from pileus_identity.db.models.revocations import Revocation, RevocationSerial
from pileus_identity.db.models.roles import Assignment, ImpliedRole, Role
from pileus_identity.db.models.service_catalog import (
    Endpoint,
    EndpointGroup,
    Policy,
    ProjectEndpoint,
    ProjectEndpointGroup,
    Region,
    Service,
)
from pileus_identity.db.models.users import Credential, Group, Membership, OldPassword, User

__all__ = [
    "AccessRule",
    "AccessToken",
    "ApplicationCredential",
    "ApplicationCredentialAccessRule",
    "ApplicationCredentialRole",
    "Assignment",
    "Consumer",
    "Credential",
    "DeletedProject",
    "DomainOption",
    "Endpoint",
    "EndpointGroup",
    "Group",
    "ImpliedRole",
    "Limit",
    "Membership",
    "Model",
    "OldPassword",
    "Policy",
    "Project",
    "ProjectEndpoint",
    "ProjectEndpointGroup",
    "ProjectLineage",
    "ProjectTag",
    "Region",
    "RegisteredLimit",
    "RequestToken",
    "Revocation",
    "RevocationSerial",
    "Role",
    "SeenNonce",
    "Service",
    "Trust",
    "TrustRole",
    "User",
]
