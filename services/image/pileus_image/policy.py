"""OpenStack's policy rules for images, with their defaults; `pileus:*` are ours."""

from pileus_kit import operations
from pileus_kit.policy import ADMIN, ADMIN_OR_SERVICE, PROJECT_MEMBER_OR_ADMIN, PROJECT_READER_OR_ADMIN, Rule

OPEN = "'community':%(visibility)s or 'public':%(visibility)s"
VISIBLE = f"project_id:%(project_id)s or project_id:%(member_id)s or {OPEN}"
READ_VISIBLE = f"{ADMIN} or (role:reader and ({VISIBLE} or 'shared':%(visibility)s))"
LOAD_VISIBLE = f"{ADMIN} or (role:member and ({VISIBLE} or 'shared':%(visibility)s))"
READER_OR_MEMBER = f"{ADMIN} or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)"
ACCEPTING = f"{ADMIN} or (role:member and project_id:%(member_id)s)"

READ_SPACE = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
SPACES = [
    Rule("get_metadef_namespaces", PROJECT_READER_OR_ADMIN, "List namespaces"),
    Rule("list_metadef_resource_types", PROJECT_READER_OR_ADMIN, "List what definitions can be about"),
    *(Rule(name, READ_SPACE, "Read a namespace and what it defines") for name in (
        "get_metadef_namespace", "get_metadef_properties", "get_metadef_property", "get_metadef_objects",
        "get_metadef_object", "get_metadef_tags", "get_metadef_tag", "get_metadef_resource_type")),
    *(Rule(name, ADMIN, "Change namespaces and what they define") for name in (
        "add_metadef_namespace", "modify_metadef_namespace", "delete_metadef_namespace",
        "add_metadef_property", "modify_metadef_property", "remove_metadef_property",
        "add_metadef_object", "modify_metadef_object", "delete_metadef_object",
        "add_metadef_tag", "add_metadef_tags", "modify_metadef_tag", "delete_metadef_tag", "delete_metadef_tags",
        "add_metadef_resource_type_association", "remove_metadef_resource_type_association")),
]

RULES = [
    *operations.RULES,
    *SPACES,
    Rule("add_image", f"{ADMIN} or (role:member and project_id:%(project_id)s)", "Create an image"),
    Rule("delete_image", PROJECT_MEMBER_OR_ADMIN, "Delete an image"),
    Rule("get_image", READ_VISIBLE, "Show an image"),
    Rule("get_images", PROJECT_READER_OR_ADMIN, "List images"),
    Rule("modify_image", PROJECT_MEMBER_OR_ADMIN, "Change an image, its tags included"),
    Rule("publicize_image", ADMIN, "Make an image public"),
    Rule("communitize_image", PROJECT_MEMBER_OR_ADMIN, "Make an image a community image"),
    Rule("download_image", LOAD_VISIBLE, "Download an image's data"),
    Rule("upload_image", PROJECT_MEMBER_OR_ADMIN, "Upload, stage or import an image's data"),
    Rule("add_member", PROJECT_MEMBER_OR_ADMIN, "Share an image with a project"),
    Rule("delete_member", PROJECT_MEMBER_OR_ADMIN, "Stop sharing an image with a project"),
    Rule("get_member", READER_OR_MEMBER, "Show a member"),
    Rule("get_members", READER_OR_MEMBER, "List members"),
    Rule("modify_member", ACCEPTING, "Accept or reject a shared image"),
    Rule("deactivate", PROJECT_MEMBER_OR_ADMIN, "Forbid the use of an image's data for now"),
    Rule("reactivate", PROJECT_MEMBER_OR_ADMIN, "Allow it again"),
    Rule("tasks_api_access", ADMIN, "See all tasks"),
    Rule("stores_info_detail", ADMIN, "See how stores are configured"),
    Rule("pileus:get_schemas", "@", "Read the schemas and what imports this cloud offers"),
    Rule("pileus:create_ticket", ADMIN_OR_SERVICE, "Let a host read or write one image's data"),
]
