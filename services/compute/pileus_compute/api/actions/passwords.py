"""Change the administrator's password inside a guest."""

from pileus_compute.api.schemas.types import PASSWORD, body, obj
from pileus_compute.api.server_actions import AfterCommit, action, start
from pileus_compute.db.models import Server
from pileus_kit.db import Session
from pileus_kit.json_types import JsonObject

CHANGE = {(2, 1): body("changePassword", obj({"adminPass": PASSWORD}, ("adminPass",)))}


@action("changePassword", policy="os_compute_api:os-admin-password", schemas=CHANGE)
def change_password(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    answer = start(session, server, "changePassword", "server.change_password")
    server.admin_password = value["adminPass"]
    return answer
