"""OpenStack's policy rules for images, with their defaults; `pileus:*` are ours."""

from pileus_kit import operations
from pileus_kit.policy import (
    ADMIN,
    ADMIN_OR_SERVICE,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER_OR_ADMIN,
    SERVICE,
    Rule,
)

PROJECT = ("project",)
CREATING_SERVICE = (
    "(role:service and user_id:%(made_by_user)s)"  # the service that created it for a user, and uploads its data
)
VISIBLE_TO_ALL = "'community':%(visibility)s or 'public':%(visibility)s"
VISIBLE = f"project_id:%(project_id)s or project_id:%(member_id)s or {VISIBLE_TO_ALL}"
READ_VISIBLE = f"{ADMIN} or (role:reader and ({VISIBLE} or 'shared':%(visibility)s))"
DOWNLOAD_VISIBLE = f"{ADMIN} or (role:member and ({VISIBLE} or 'shared':%(visibility)s))"
READER_OR_MEMBER = f"{ADMIN} or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)"
ACCEPTING = f"{ADMIN} or (role:member and project_id:%(member_id)s)"


READ_NAMESPACE = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
CHANGING_RULES = (
    "add_metadef_namespace",
    "modify_metadef_namespace",
    "delete_metadef_namespace",
    "add_metadef_property",
    "modify_metadef_property",
    "remove_metadef_property",
    "add_metadef_object",
    "modify_metadef_object",
    "delete_metadef_object",
    "add_metadef_tag",
    "add_metadef_tags",
    "modify_metadef_tag",
    "delete_metadef_tag",
    "delete_metadef_tags",
    "add_metadef_resource_type_association",
    "remove_metadef_resource_type_association",
)
READING_RULES = (
    "get_metadef_namespace",
    "get_metadef_properties",
    "get_metadef_property",
    "get_metadef_objects",
    "get_metadef_object",
    "get_metadef_tags",
    "get_metadef_tag",
    "get_metadef_resource_type",
    "list_metadef_resource_types",
)
CREATOR = "(role:member and project_id:%(project_id)s and project_id:%(owner)s)"


def _rule(name: str, check: str, description: str) -> Rule:
    """Return a rule for tokens of projects only, as OpenStack's image service has them."""
    return Rule(name, check, description, scopes=PROJECT)


METADEF_RULES = [
    _rule("get_metadef_namespaces", PROJECT_READER_OR_ADMIN, "List namespaces"),
    *(_rule(name, READ_NAMESPACE, "Read a namespace and what it defines") for name in READING_RULES),
    *(_rule(name, ADMIN, "Change namespaces and what they define") for name in CHANGING_RULES),
]
IMAGE_RULES = [
    _rule("add_image", f"{ADMIN} or {CREATOR}", "Create an image"),
    _rule("delete_image", f"{PROJECT_MEMBER_OR_ADMIN} or {CREATING_SERVICE}", "Delete an image"),
    _rule("get_image", f"{READ_VISIBLE} or {CREATING_SERVICE}", "Show an image"),
    _rule("get_images", f"{PROJECT_READER_OR_ADMIN} or {SERVICE}", "List images; a service lists those it made"),
    _rule("modify_image", f"{PROJECT_MEMBER_OR_ADMIN} or {CREATING_SERVICE}", "Change an image, its tags included"),
    _rule("publicize_image", ADMIN, "Make an image public"),
    _rule("communitize_image", PROJECT_MEMBER_OR_ADMIN, "Make an image a community image"),
    _rule("download_image", DOWNLOAD_VISIBLE, "Download an image's data, or boot from it"),
    _rule(
        "upload_image", f"{PROJECT_MEMBER_OR_ADMIN} or {CREATING_SERVICE}", "Upload, stage or import an image's data"
    ),
    _rule("add_member", PROJECT_MEMBER_OR_ADMIN, "Share an image with a project"),
    _rule("delete_member", PROJECT_MEMBER_OR_ADMIN, "Stop sharing an image with a project"),
    _rule("get_member", READER_OR_MEMBER, "Show a member"),
    _rule("get_members", READER_OR_MEMBER, "List members"),
    _rule("modify_member", ACCEPTING, "Accept or reject a shared image"),
    _rule("deactivate", PROJECT_MEMBER_OR_ADMIN, "Forbid the use of an image's data for now"),
    _rule("reactivate", PROJECT_MEMBER_OR_ADMIN, "Allow it again"),
    _rule("tasks_api_access", ADMIN, "See all tasks"),
    _rule("copy_image", ADMIN, "Copy an image to further stores"),
    _rule("delete_image_location", ADMIN, "Delete an image's data from one of several stores"),
    _rule("stores_info_detail", ADMIN_OR_SERVICE, "See how stores are configured"),
]
PILEUS_RULES = [
    _rule("pileus:get_schemas", "@", "Read the schemas and what imports this cloud offers"),
    _rule("pileus:create_ticket", ADMIN_OR_SERVICE, "Let a host read or write one image's data"),
]
RULES = [*operations.RULES, *METADEF_RULES, *IMAGE_RULES, *PILEUS_RULES]
