"""Validation: every fault at once, in the shape that clients know."""

import pytest
from web_support import site, spec

START = "/process/start-service"


async def ask(content: bytes | str, kind: str | None = "application/json", path: str = START):
    headers = {} if kind is None else {"content-type": kind}
    async with site([spec("web")]) as here:
        response = await here.client.post(path, content=content, headers=headers)
        assert here.host.live == {}
    return response


async def faults(content: bytes | str, kind: str | None = "application/json"):
    response = await ask(content, kind)
    assert response.status_code == 422, response.text
    return response.json()["detail"]


async def test_every_fault_of_a_body_at_once():
    got = await faults('{"process_name": 7, "dependencies": "all", "timeout": -1}')
    assert got == [
        {"type": "string_type", "loc": ["body", "process_name"], "msg": "Input should be a valid string", "input": 7},
        {
            "type": "literal_error",
            "loc": ["body", "dependencies"],
            "msg": "Input should be 'start', 'wait' or 'ignore'",
            "input": "all",
            "ctx": {"expected": "'start', 'wait' or 'ignore'"},
        },
        {
            "type": "greater_than_equal",
            "loc": ["body", "timeout"],
            "msg": "Input should be greater than or equal to 0",
            "input": -1,
            "ctx": {"ge": 0},
        },
    ]


async def test_a_missing_field_shows_what_was_received():
    body = {"processname": "web", "timeout": "x"}
    got = await faults('{"processname": "web", "timeout": "x"}')
    assert got[0] == {"type": "missing", "loc": ["body", "process_name"], "msg": "Field required", "input": body}
    assert (got[1]["type"], got[1]["loc"]) == ("float_type", ["body", "timeout"])


@pytest.mark.parametrize("kind", ["application/json", None])
async def test_no_body(kind):
    assert await faults("", kind) == [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]


@pytest.mark.parametrize(
    ("content", "offset"),
    [
        ('{"process_name": }', 17),
        ("{", 1),
        (b"\xff\xfe\xfd", 0),
        ('{"process_name": NaN}', 0),
        ('{"process_name": "web"} x', 24),
        ("[" * 100_000, 0),
        ("9" * 5000, 0),
    ],
)
async def test_broken_json_with_its_place(content, offset):
    [got] = await faults(content)
    assert (got["type"], got["loc"], got["msg"]) == ("json_invalid", ["body", offset], "JSON decode error")
    assert got["ctx"]["error"]


@pytest.mark.parametrize("content", ["[]", "null", '"web"', "7", "true"])
async def test_a_body_that_is_no_object(content):
    [got] = await faults(content)
    assert (got["type"], got["loc"]) == ("model_attributes_type", ["body"])


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"]
)
async def test_a_body_that_is_not_declared_json_does_nothing(kind):
    [got] = await faults('{"process_name": "web"}', kind)
    assert (got["type"], got["loc"]) == ("model_attributes_type", ["body"])
    assert "Content-Type" in got["msg"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"])
async def test_ways_to_declare_json(kind):
    async with site([spec("web")]) as here:
        response = await here.client.post(START, content='{"process_name": "web"}', headers={"content-type": kind})
    assert response.status_code == 200


async def test_null_for_an_optional_field_is_not_given_and_for_a_required_one_is_wrong():
    async with site([spec("web")]) as here:
        assert (await here.post(START, process_name="web", timeout=None, dependencies=None)).status_code == 200
        response = await here.post(START, process_name=None)
    assert response.json()["detail"][0]["type"] == "string_type"


@pytest.mark.parametrize("timeout", [True, "5", [], {}])
async def test_wrong_numbers(timeout):
    async with site([spec("web")]) as here:
        response = await here.post(START, process_name="web", timeout=timeout)
    assert response.json()["detail"][0]["type"] == "float_type"


@pytest.mark.parametrize("timeout", ["86401", "1e999", "9" * 400])
async def test_too_large_numbers(timeout):
    [got] = await faults(f'{{"process_name": "web", "timeout": {timeout}}}')
    assert (got["type"], got["ctx"]) == ("less_than_equal", {"le": 86400})


async def test_a_body_over_the_limit_is_413_and_the_connection_lives():
    async with site([spec("web")]) as here:
        response = await here.client.post(START, content=b" " * 3_000_000, headers={"content-type": "application/json"})
        assert (response.status_code, "detail" in response.json()) == (413, True)
        assert (await here.client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/process", {}, [("missing", "process_name")]),
        (
            "/process/service-status",
            {"include_health": "maybe"},
            [("missing", "process_name"), ("bool_parsing", "include_health")],
        ),
        (
            "/logs",
            {"process_name": "x", "cursor": "1.5", "tail_bytes": "1"},
            [("int_parsing", "cursor"), ("greater_than_equal", "tail_bytes")],
        ),
        (
            "/logs",
            {"process_name": "x", "cursor": "-1", "tail_bytes": "8388609"},
            [("greater_than_equal", "cursor"), ("less_than_equal", "tail_bytes")],
        ),
        ("/logs/web", {"tail": "x", "follow": ""}, [("int_parsing", "tail"), ("bool_parsing", "follow")]),
    ],
)
async def test_every_fault_of_a_query_at_once(path, query, expected):
    async with site([spec("web")]) as here:
        response = await here.client.get(path, params=query)
    assert response.status_code == 422
    got = response.json()["detail"]
    assert [(one["type"], one["loc"]) for one in got] == [(kind, ["query", name]) for kind, name in expected]
    assert [one["input"] for one in got if one["type"] == "missing"] == [None] * (expected[0][0] == "missing")


async def test_of_a_parameter_given_twice_the_last_counts():
    async with site([spec("web")]) as here:
        response = await here.client.get("/process?process_name=nobody&process_name=web")
    assert response.json()["process_name"] == "web"


async def test_a_name_that_is_no_unicode_text_is_just_unknown():
    response = await ask('{"process_name": "\\ud800"}')
    assert response.status_code == 404
