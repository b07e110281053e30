"""
The JSON Schema of a configuration, and of the block of one service: for editors, for clients, for our own checks.

It is generated from the classes that the loader structures with, so that what the loader refuses by type or range is
refused here too. Beyond a schema are what services say of each other, and whether a text can be split, resolved or
compiled. Keys that nobody knows are allowed, as they are in the file.
"""

import signal
from collections.abc import Callable, Mapping
from types import MappingProxyType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

from dumb_actors.config import autorestart, block, settings
from dumb_actors.config.layers import as_template
from dumb_actors.config.probing import CHECKS, DIRECTORY_KEYS, PROBES, LivenessTimes
from dumb_actors.model.fields import LAST_LIMIT, LIMITS, MEMORY, at_least_one, not_empty, not_negative, positive
from dumb_actors.model.probe import BasicAuth
from dumb_actors.model.restart import Policy, RestartPolicy

__all__ = ["DIALECT", "block_schema", "document_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema: TypeAlias = dict[str, Any]
Defaults: TypeAlias = Mapping[str, Mapping[str, Any]]

_NO_DEFAULTS: Defaults = MappingProxyType({})
_NAME: Schema = {"type": "string", "pattern": r"\S"}
# JSON Schema's patterns are searched for, and `$` is the end.
_CLOCK = r"^(|([01]?\d|2[0-3]):[0-5]?\d)$"
_SIZE = r"^\s*[0-9]{1,15}\s*[KkMmGg]?[Bb]?\s*$"
_COMMAND: Schema = {"type": ["string", "array"], "items": {"type": "string"}}
_LAST_ID = 2**32 - 2


def block_schema(
    key: str = "", defaults: Defaults = _NO_DEFAULTS, descriptions: Mapping[str, str] = MappingProxyType({})
) -> Schema:
    """
    Give the schema of the block of one service.

    Args:
        key: Its service key; empty: any.

        defaults: Default block by service key, from the catalogue. What it has is shown as default.

        descriptions: What a field means, by its name.
    """
    return {"$schema": DIALECT, **_block(as_template(defaults.get(key, {})), descriptions), "$defs": _definitions()}


def document_schema(
    defaults: Defaults = _NO_DEFAULTS, descriptions: Mapping[str, str] = MappingProxyType({})
) -> Schema:
    """
    Give the schema of a whole document; the arguments are those of `block_schema`.

    What stands under a key without a default is taken for a service when it has a `process_name`, and for a map of them
    when it has `instances`; anything else is nobody's business.
    """
    places = {
        key: _place(key, default, descriptions) for key, default in defaults.items() if not key.startswith("dumb_")
    }
    return {
        "$schema": DIALECT,
        "title": "dumb_config.json",
        "type": "object",
        "properties": {**_properties(settings._Top), "dumb": _dumb(defaults, descriptions), **places},  # noqa: SLF001
        "additionalProperties": {"$ref": "#/$defs/place"},
        "$defs": {**_definitions(), "block": _block({}, descriptions), "place": _any_place()},
    }


# --- places -----------------------------------------------------------------------------------------------------------


def _any_place(inner: Schema | None = None) -> Schema:
    """Give the schema of what is a service, a map of instances, or neither."""
    one = inner or {"$ref": "#/$defs/block"}
    return {
        "if": {"type": "object", "required": ["process_name"]},
        "then": one,
        "else": {
            "if": {"type": "object", "required": ["instances"]},
            "then": {
                "properties": {
                    "instances": {
                        "type": "object",
                        "additionalProperties": {"allOf": [{"type": "object", "required": ["process_name"]}, one]},
                    }
                }
            },
        },
    }


def _place(key: str, default: Mapping[str, Any], descriptions: Mapping[str, str]) -> Schema:
    one = _block(as_template(default), descriptions)
    if "instances" in default:
        return {"title": key, **_any_place(one)}
    # Its name comes from the default where the file gives none.
    return {"title": key, "if": {"type": "object", "required": ["instances"]}, "then": _any_place(one), "else": one}


def _dumb(defaults: Defaults, descriptions: Mapping[str, str]) -> Schema:
    frontend = _block(defaults.get("dumb_frontend", {}), descriptions)
    frontend["properties"] |= _properties(settings._Frontend)  # noqa: SLF001
    api = _block(defaults.get("dumb_api_service", {}), descriptions)
    return {
        "type": ["object", "null"],
        "properties": {
            **_properties(settings._Dumb),  # noqa: SLF001
            "api_service": _or_null(api),
            "frontend": _or_null(frontend),
            "auto_restart": _or_null(_auto_restart()),
        },
    }


def _auto_restart() -> Schema:
    # Null is the same as leaving it out, but for what is true or false.
    values = {
        name: inner if inner == {"type": "boolean"} else _or_null(inner)
        for name, inner in _properties(autorestart.AutoRestartValues).items()
    }
    entry: Schema = {
        "type": "object",
        "required": ["process_name"],
        "properties": {**values, "process_name": _NAME},
    }
    return {"type": "object", "properties": {**values, "services": {"type": ["array", "null"], "items": entry}}}


# --- blocks -----------------------------------------------------------------------------------------------------------


def _block(default: Mapping[str, Any], descriptions: Mapping[str, str]) -> Schema:
    properties: dict[str, Schema] = {}
    known = _properties(block.Block)
    for name in [*known, *(name for name in default if name not in known)]:
        inner = dict(known.get(name, {}))
        if name in default:
            inner["default"] = _thaw(default[name])
        if name in descriptions:
            inner["description"] = descriptions[name]
        properties[name] = inner
    return {"type": "object", "properties": properties}


def _thaw(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thaw(item) for key, item in value.items()}
    return [_thaw(item) for item in value] if isinstance(value, list | tuple) else value


def _properties(cls: type) -> dict[str, Schema]:
    """Give the schema of each field of *cls*."""
    hints = get_type_hints(cls)
    return {field.name: _narrow(_of(hints[field.name]), field) for field in attrs.fields(cls)}


def _narrow(inner: Schema, field: "attrs.Attribute[Any]") -> Schema:
    """Add what the validator of *field* asks beyond the type."""
    more = next((more for known, more in _VALIDATORS if _has(field.validator, known)), {})
    return {**inner, **more} if more else inner


def _has(validator: Any, known: Callable[..., None]) -> bool:
    inner = getattr(validator, "validator", None)  # of `optional`
    return known in {validator, inner} if not isinstance(validator, list) else known in validator


_VALIDATORS: tuple[tuple[Callable[..., None], Schema], ...] = (
    (positive, {"exclusiveMinimum": 0}),
    (not_negative, {"minimum": 0}),
    (at_least_one, {"minimum": 1}),
    (autorestart.zero_or_more, {"minimum": 0}),
    (not_empty, {"pattern": r"\S"}),
)


def _of(kind: Any) -> Schema:
    """Give the schema of what a field of type *kind* takes."""
    if get_origin(kind) in {Union, UnionType} and type(None) in get_args(kind):
        others = [each for each in get_args(kind) if each is not type(None)]
        # Of several there is only `Readiness`, an alias, which has no name of its own.
        return _or_null(_of(others[0]) if len(others) == 1 else {"$ref": "#/$defs/Readiness"})
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _of(get_args(kind)[0])}
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    return _object(kind) if attrs.has(kind) else _NAMED[kind.__name__]()


_PLAIN: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}


def _object(cls: type) -> Schema:
    required = [field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING]
    schema: Schema = {"type": "object", "properties": _properties(cls)}
    return {**schema, "required": required} if required else schema


def _or_null(inner: Schema) -> Schema:
    if isinstance(inner.get("type"), str) and set(inner) <= {"type", "minimum", "maximum", "pattern", "items"}:
        return {**inner, "type": [inner["type"], "null"]}
    if "enum" in inner:
        return {"enum": [*inner["enum"], None]}
    return {"anyOf": [inner, {"type": "null"}]}


# --- types that are written in their own way --------------------------------------------------------------------------


def _definitions() -> dict[str, Schema]:
    return {"Readiness": _readiness()}


def _probe(cls: type, kind: str, times: Mapping[str, Schema] = MappingProxyType({})) -> Schema:
    """Give the schema of a probe: a port may be written as a placeholder, and a command as one text."""
    properties: dict[str, Any] = {**_properties(cls), **times}
    own: dict[str, Schema] = {
        "tcp": {
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string", "pattern": r"\{\w+\}"}]
        },
        "exec": _COMMAND,
        "notify": {"const": True},
    }
    if kind in own:
        properties[kind] = own[kind]
    others = {other: False for other in PROBES if other != kind}
    return {"required": [kind], "properties": {**properties, **others}}


def _readiness() -> Schema:
    return {"type": "object", "oneOf": [_probe(cls, kind) for kind, cls in PROBES.items()]}


def _liveness() -> Schema:
    times = _properties(LivenessTimes)
    return {"type": "object", "oneOf": [_probe(cls, kind, times) for kind, cls in CHECKS.items()]}


def _limits() -> Schema:
    def limit(name: str, least: int) -> Schema:
        number: Schema = {"type": ["integer", "null"], "minimum": least, "maximum": LAST_LIMIT}
        return number if name == MEMORY else {"anyOf": [number, {"const": "unlimited"}]}

    known = {name: limit(name, least) for name, least in LIMITS.items()}
    return {"type": "object", "properties": known, "additionalProperties": False}


def _restart() -> Schema:
    whole = _object(RestartPolicy)
    whole["properties"] |= {
        "policy": {"enum": list(get_args(Policy))},
        "delays": {"type": "array", "minItems": 1, "items": {"type": "number", "minimum": 0}},
    }
    return {"anyOf": [{"enum": list(get_args(Policy))}, whole]}


def _directories() -> Schema:
    path: Schema = {"type": "string", "pattern": r"\S"}
    named: Schema = {"type": "object", "anyOf": [{"required": [key]} for key in DIRECTORY_KEYS]}
    one: Schema = {"anyOf": [path, named]}
    return {"anyOf": [{"const": ""}, path, named, {"type": "array", "items": one}]}


def _dependencies() -> Schema:
    options = _object(block.DependencyOptions)
    named = {"type": "object", "propertyNames": {"pattern": r"\S"}, "additionalProperties": options}
    return {"anyOf": [{"type": "array", "items": _NAME}, named]}


def _url_wait() -> Schema:
    auth = _or_null(_object(BasicAuth))
    return {
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": {"type": "string"},
            "auth": auth,
            "core_service": {"type": ["string", "null"]},
            "timeout": {"type": "number", "exclusiveMinimum": 0},
        },
    }


_CODE: Schema = {"type": "integer", "minimum": 0, "maximum": 255}
_NAMED: Mapping[str, Callable[[], Schema]] = {
    "Name": lambda: dict(_NAME),
    "PathText": lambda: {"type": "string"},
    "Port": lambda: {"type": "integer", "minimum": 1, "maximum": 65535},
    "Clock": lambda: {"type": "string", "pattern": _CLOCK},
    "Labels": lambda: {"type": ["string", "array"], "items": {"type": "string"}},
    "Command": lambda: dict(_COMMAND),
    "Env": lambda: {
        "type": "object",
        "propertyNames": {"pattern": "^[^=]+$"},
        "additionalProperties": {"type": "string"},
    },
    "RunAs": lambda: {"type": ["string", "integer"], "minLength": 1, "minimum": 0, "maximum": _LAST_ID},
    "Umask": lambda: {"type": "string", "pattern": "^0?[0-7]{1,3}$"},
    "Limits": _limits,
    "Variables": lambda: {"type": "array", "items": {"type": "string", "pattern": "^[^=]+$"}},
    "Directories": _directories,
    "Mounts": lambda: {"anyOf": [{"const": ""}, {"type": "array", "items": {"type": "string", "pattern": r"\S"}}]},
    "UrlWaits": lambda: {"anyOf": [{"const": ""}, {"type": "array", "items": _url_wait()}]},
    "Dependencies": _dependencies,
    "StopSteps": lambda: {"type": "array", "items": _object(block.StopItem)},
    "OwnLiveness": _liveness,
    "OwnRestart": _restart,
    "ExitCodes": lambda: {"type": "array", "minItems": 1, "items": _CODE},
    "Signal": lambda: {"enum": [*signal.Signals.__members__]},
    "UserId": lambda: {"type": "integer", "minimum": 0, "maximum": _LAST_ID},
    "Count": lambda: {"type": "integer", "minimum": 0, "maximum": 1000},
    "Size": lambda: {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, {"type": "string", "pattern": _SIZE}]
    },
}
"""The schemas of types that have hooks of their own, by their names."""
