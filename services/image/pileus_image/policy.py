"""OpenStack's policy rules for images, with their defaults; `pileus:*` are ours."""

from pileus_kit.policy import ADMIN, ADMIN_OR_SERVICE, PROJECT_MEMBER_OR_ADMIN, PROJECT_READER_OR_ADMIN, Rule

OPEN = "'community':%(visibility)s or 'public':%(visibility)s"
VISIBLE = f"project_id:%(project_id)s or project_id:%(member_id)s or {OPEN}"
READ_VISIBLE = f"{ADMIN} or (role:reader and ({VISIBLE} or 'shared':%(visibility)s))"
LOAD_VISIBLE = f"{ADMIN} or (role:member and ({VISIBLE} or 'shared':%(visibility)s))"
READER_OR_MEMBER = f"{ADMIN} or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)"
ACCEPTING = f"{ADMIN} or (role:member and project_id:%(member_id)s)"

RULES = [
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
