"""`POST …/action` in block storage: how handlers of actions are called, and how they are run."""

from collections.abc import Callable
from typing import Any

from pileus_kit.actions import ONE_ACTION, ActionTable
from pileus_kit.json_types import Answer, JsonObject
from pileus_volume.errors import Invalid

Handler = Callable[[str, Any], Answer]
"""Called with the resource's id and the checked value under the action's name."""
Actions = ActionTable[Handler, None]
BODY = {(3, 0): ONE_ACTION}
NO_ARGUMENTS: JsonObject = {"anyOf": [{"type": "null"}, {"type": "object"}, {"type": "string", "maxLength": 255}]}
"""The schema of an action that needs no arguments: clients write null, {} or a word."""


def new_table() -> Actions:
    """The actions of one noun; unknown ones are refused with 400."""
    return ActionTable(None, error=Invalid)


def run(actions: Actions, resource_id: str, body: JsonObject) -> Answer:
    """Do what the body asks for, if the caller may and the body fits."""
    asked = actions.resolve(body)
    return asked.action.handler(resource_id, asked.value)
