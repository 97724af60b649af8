"""Action tables: each action has its own policy rule, schema and microversions, and unknown ones are refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from pileus_kit.actions import ONE_ACTION, ActionTable
from pileus_kit.auth import Caller
from pileus_kit.errors import Conflict
from pileus_kit.microversions import Microversions
from pileus_kit.policy import ANYONE, Enforcer, Rule
from pileus_kit.web import Resource, create_app, named_error


@dataclass(frozen=True)
class Options:
    locks: bool = True


def build(actions: ActionTable[Callable[..., Any], Options]) -> FlaskClient:
    resource = Resource("things", __name__)

    @resource.endpoint("POST", "/things/<thing_id>/action", policy="thing:act", body=ONE_ACTION, actions=actions)
    def act(thing_id: str, body: dict[str, Any]) -> Any:
        asked = actions.resolve(body, {"project_id": thing_id})
        return {"did": asked.action.handler(thing_id, asked.value), "locks": asked.action.options.locks}

    rules = [
        Rule("thing:act", ANYONE),
        Rule("thing:open", ANYONE),
        Rule("thing:own", "project_id:%(project_id)s"),
    ]
    app = create_app(
        "things",
        tools=None,
        resources=[resource],
        authenticate=lambda _: Caller(user_id="u", project_id="p", roles=frozenset({"member"})),
        enforcer=Enforcer(rules),
        error_view=named_error,
        microversions=Microversions("thing", None, (2, 1), (2, 9)),
    )
    return app.test_client()


@pytest.fixture
def client() -> FlaskClient:
    actions: ActionTable[Callable[..., Any], Options] = ActionTable(Options(), error=Conflict)

    @actions.action("open", policy="thing:open", options=Options(locks=False), until=(2, 4))
    def open_it(thing_id: str, value: Any) -> str:
        return f"opened {thing_id}"

    @actions.action("open", policy="thing:open", since=(2, 5), schema={"type": "integer"})
    def open_wider(thing_id: str, value: int) -> str:
        return f"opened {thing_id} by {value}"

    @actions.action(
        "close",
        policy="thing:own",
        schemas={
            (2, 1): {"type": "object", "properties": {"close": {"type": "null"}}},
            (2, 7): {"type": "object", "properties": {"close": {"type": "string"}}},
        },
    )
    def close(thing_id: str, value: Any) -> str:
        return f"closed {thing_id} with {value}"

    return build(actions)


def post(client: FlaskClient, body: object, at: str = "2.1", thing: str = "p") -> tuple[int, Any]:
    answer = client.post(f"/things/{thing}/action", json=body, headers={"OpenStack-API-Version": f"thing {at}"})
    return answer.status_code, answer.json


def test_an_action_runs_with_its_value_and_options(client: FlaskClient) -> None:
    assert post(client, {"open": None}) == (200, {"did": "opened p", "locks": False})
    assert post(client, {"close": None}) == (200, {"did": "closed p with None", "locks": True})


def test_a_name_may_mean_another_action_in_a_later_microversion(client: FlaskClient) -> None:
    assert post(client, {"open": None}, "2.4")[1]["did"] == "opened p"
    assert post(client, {"open": 3}, "2.5")[1]["did"] == "opened p by 3"


@pytest.mark.parametrize(("body", "at"), [({"open": None}, "2.5"), ({"close": 1}, "2.1"), ({"close": None}, "2.7")])
def test_each_microversion_has_its_schema(client: FlaskClient, body: object, at: str) -> None:
    status, answer = post(client, body, at)
    assert status == 400
    assert "Invalid input for field/attribute" in str(answer)


@pytest.mark.parametrize("name", ["burn", "x" * 5000])
def test_an_unknown_action_is_refused_with_the_error_of_the_table(client: FlaskClient, name: str) -> None:
    status, answer = post(client, {name: None})
    assert status == 409
    assert answer["conflictingRequest"]["message"].startswith("There is no such action: ")
    assert len(answer["conflictingRequest"]["message"]) < 120


@pytest.mark.parametrize("body", [{}, {"open": None, "close": None}, []])
def test_a_body_has_exactly_one_key(client: FlaskClient, body: object) -> None:
    assert post(client, body)[0] == 400


def test_each_action_has_its_policy_rule(client: FlaskClient) -> None:
    status, answer = post(client, {"close": None}, thing="other")
    assert status == 403
    assert "thing:own" in str(answer)
    assert post(client, {"open": None}, thing="other")[0] == 200


def test_the_policy_comes_before_the_schema(client: FlaskClient) -> None:
    assert post(client, {"close": 1}, thing="other")[0] == 403


def test_an_action_without_a_policy_rule_keeps_the_application_from_starting() -> None:
    actions: ActionTable[Callable[..., Any], Options] = ActionTable(Options())
    actions.action("open", policy="thing:nothing")(lambda *_: None)
    with pytest.raises(LookupError, match="thing:nothing"):
        build(actions)


def test_two_actions_of_one_name_may_not_overlap() -> None:
    actions: ActionTable[Callable[..., Any], None] = ActionTable(None)
    actions.action("open", policy="a", until=(2, 4))(lambda *_: None)
    actions.action("open", policy="a", since=(2, 5), until=(2, 6))(lambda *_: None)
    for since, until in (((2, 3), None), (None, (2, 1)), (None, None), ((2, 6), (2, 7))):
        with pytest.raises(ValueError, match="twice"):
            actions.action("open", policy="a", since=since, until=until)(lambda *_: None)
    assert [action.since for action in actions] == [None, (2, 5)]
