"""`GET /openapi.json` and `GET /docs`: the description is valid, complete and true; the page needs nobody else."""

import json
import re
from typing import Annotated, Any

import attrs
import pytest
from openapi_spec_validator import validate
from web_events import DATA
from web_schema import COMPONENTS, DOCUMENT, check
from web_support import config_of, site, spec

import dumb_actors
from dumb_web.app import ROUTES, create_app
from dumb_web.docstrings import Docstring
from dumb_web.errors import STATUS
from dumb_web.examples import EXAMPLES
from dumb_web.openapi import path_of
from dumb_web.schema import Schemas
from dumb_web.structure import OneOf, Range

OPERATIONS = [
    (path, method, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.json/", "/api/openapi.json"])
async def test_the_document_is_valid(path):
    async with site() as here:
        answer = await here.get(path)
    validate(answer)
    assert answer == json.loads(json.dumps(DOCUMENT))
    assert (answer["openapi"], answer["info"]["version"]) == ("3.1.0", dumb_actors.__version__)
    assert [server["url"] for server in answer["servers"]] == ["/", "/api"]


async def test_every_route_of_the_app_is_described_and_no_other():
    async with site([spec("web")]) as here:
        app = create_app(here.supervisor)
        routes = {(path_of(rule.rule), method) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    described = {(path, method.upper()) for path, method, _ in OPERATIONS}
    assert routes == described | {(f"/api{path}", method) for path, method in described}


def test_everything_is_told_in_words_and_by_an_example():
    assert set(EXAMPLES) == {(route.method, route.path) for route in ROUTES}
    for path, method, operation in OPERATIONS:
        where = f"{method} {path}"
        assert operation["summary"].endswith("."), where
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (where, parameter["name"])
            assert "example" in parameter, (where, parameter["name"])
        assert operation["responses"]["200"]["content"].values(), where
        for content in operation["responses"]["200"]["content"].values():
            assert content["examples"], where
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
    for name in ("ServiceState", "ServiceStatusWithHealth", "RestartFacts", "EventMessage", "StartRequest", "LogPiece"):
        for key, one in DOCUMENT["components"]["schemas"][name]["properties"].items():
            assert "description" in one, (name, key)


def _examples() -> list[Any]:
    found = []
    for path, method, operation in OPERATIONS:
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for status, body in [("body", one) for one in bodies] + list(operation["responses"].items()):
            for content in body["content"].values():
                shown = [one["value"] for one in content.get("examples", {}).values()]
                shown += [content["example"]] if "example" in content else []
                found += [pytest.param(content, one, id=f"{method} {path} {status}") for one in shown]
        for parameter in operation.get("parameters", ()):
            found.append(pytest.param(parameter, parameter["example"], id=f"{method} {path} {parameter['name']}"))
    return found


@pytest.mark.parametrize(("described", "example"), _examples())
def test_every_example_is_as_its_schema(described, example):
    check(described["schema"], example)
    for block in example.split("\n\n")[:-1] if "x-event-data" in described else ():
        check(DATA, json.loads(block.partition("data: ")[2]))


def test_every_status_of_an_error_has_its_place():
    """What a handler may raise, by its class, is what the document says; `web_schema` checks real answers."""
    for route in ROUTES:
        responses = DOCUMENT["paths"][path_of(route.path)][route.method.lower()]["responses"]
        assert {"200", "403", "500"} <= set(responses)
        for kind in route.errors:
            status = next(STATUS[one] for one in kind.__mro__ if one in STATUS)
            assert f"`{kind.code}`" in responses[str(status)]["description"]
    start = DOCUMENT["paths"]["/process/start-service"]["post"]["responses"]
    assert list(start) == ["200", "403", "404", "408", "409", "413", "422", "500", "503", "504"]


def test_no_schema_is_left_over_and_none_is_missing():
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert used == set(COMPONENTS["components"]["schemas"])


# --- the walk ---------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Inner:
    """An inner one."""

    more: "tuple[Inner, ...]" = ()


@attrs.frozen(kw_only=True)
class Sample(Inner):
    """
    A sample.

    It goes on
    here.

    Attributes:
        many, others: Of
            two lines.

        class: A keyword.
    """

    many: list[int | str] = attrs.field(factory=list)
    others: dict[str, Inner | None] = attrs.field(factory=dict)
    number: Annotated[int, Range(ge=1, le=9)] = 3
    word: Annotated[str, OneOf(("a", "b"))] | None = None
    class_: Any


def test_the_schema_of_a_class():
    schemas = Schemas()
    assert schemas.of(Sample, received=True) == {"$ref": "#/components/schemas/Sample"}
    inner = {"$ref": "#/components/schemas/Inner"}
    assert schemas.components == {
        "Inner": {
            "type": "object",
            "description": "An inner one.",
            "properties": {"more": {"type": "array", "items": inner}},
        },
        "Sample": {
            "type": "object",
            "description": "A sample.\n\nIt goes on here.",
            "properties": {
                "more": {"type": "array", "items": inner},
                "many": {
                    "type": "array",
                    "items": {"type": ["integer", "string"]},
                    "description": "Of two lines.",
                },
                "others": {
                    "type": "object",
                    "additionalProperties": {"anyOf": [inner, {"type": "null"}]},
                    "description": "Of two lines.",
                },
                "number": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
                "word": {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]},
                "class": {"description": "A keyword."},
            },
            "required": ["class"],
        },
    }
    with pytest.raises(TypeError, match="no schema"):
        Schemas().of(set[int])


def test_a_docstring_in_parts():
    def documented() -> None:
        """
        Do it. Really.

        With more
        to say.

        Args:
            one: First.

            two, three: Both
                of them.

        Raises:
            ValueError: Not this.
        """

    doc = Docstring.of(documented)
    assert (doc.summary, doc.rest) == ("Do it. Really.", "With more to say.")
    assert doc.items == {"one": "First.", "two": "Both of them.", "three": "Both of them."}
    assert Docstring.of(lambda: None) == Docstring("", "", {})


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "root"), [("/docs", "./"), ("/docs/", "../"), ("/api/docs", "./"), ("/api/docs/", "../")]
)
async def test_the_page_finds_its_parts_in_every_spelling(path, root):
    async with site() as here:
        page = await here.client.get(path)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert f'<base href="{root}">' in page.text
        base = page.url.join(root)
        references = set(re.findall(r'(?:src|href)="([^"#]+)"', page.text)) - {root, "docs"}
        assert {"docs/docs.css", "docs/docs.js", "docs/docs.svg", "openapi.json"} <= references
        for reference in references - {"docs#top"}:
            assert (await here.client.get(base.join(reference))).status_code == 200, reference


async def test_the_page_takes_nothing_from_anywhere_else():
    async with site() as here:
        found = {name: await here.client.get(f"/docs{name}") for name in ("", "/docs.css", "/docs.js", "/docs.svg")}
        assert (await here.client.get("/docs/docs.html")).status_code == 404
        assert (await here.client.get("/docs/..%2Fdocs.js")).status_code == 404
    kinds = ["text/html", "text/css", "text/javascript", "image/svg+xml"]
    assert [one.headers["content-type"].partition(";")[0] for one in found.values()] == kinds
    for one in found.values():
        assert one.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in one.headers["content-security-policy"]
        assert one.headers["x-content-type-options"] == "nosniff"
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", one.text) == []
    assert not re.search(r"<style|<script>|\son\w+=|style=", found[""].text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", found["/docs.js"].text)


async def test_real_answers_are_as_described():
    """A walk through the API; that each answer is as described is checked by the client of `site` itself."""
    document = {"web": {"process_name": "web", "command": "x", "depends_on": ["db"], "readiness": {"settle": 0}}}
    document["db"] = {"process_name": "db", "command": "x", "readiness": {"settle": 0}}
    async with site(config_of(document)) as here:
        assert (await here.post("/process/start-service", process_name="web")).status_code == 200
        for name in ("web", "DUMB API", "DUMB Frontend"):
            await here.get("/process", process_name=name)
            await here.get("/process/service-status", process_name=name, include_health=True)
        for path in ("/process/processes", "/process/capabilities", "/health", "/status"):
            await here.get(path)
        for path in ("/process", "/process/service-status", "/logs", "/events?kind=x", "/logs/web?tail=x"):
            assert (await here.client.get(path)).status_code == 422
        for action, name in [
            ("restart", "db"),
            ("stop", "db"),
            ("start", "nobody"),
            ("stop", "DUMB API"),
            ("start", 7),
        ]:
            await here.post(f"/process/{action}-service", process_name=name)
        assert (await here.client.get("/status", headers={"host": "evil.example"})).status_code == 403
        assert (await here.client.post("/shutdown", content=b"x" * (1024 * 1024 + 1))).status_code == 413
