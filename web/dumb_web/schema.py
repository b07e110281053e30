"""JSON Schema (2020-12) of types: of models that check requests, and of models that answers are made of."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

from dumb_web.docstrings import Docstring
from dumb_web.structure import OneOf, Range
from dumb_web.wire import is_left_out, key_of

__all__ = ["Schema", "Schemas", "resolved"]

Schema: TypeAlias = dict[str, Any]

PLAIN: Mapping[Any, Schema] = {
    Any: {},
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    int: {"type": "integer"},
    str: {"type": "string"},
}


def resolved(model: type[Any]) -> list[tuple["attrs.Attribute[Any]", Any]]:
    """Give the fields of *model* with their types."""
    hints = get_type_hints(model, include_extras=True)
    return [(field, hints[field.name]) for field in attrs.fields(model)]


@attrs.frozen
class Schemas:
    """
    Writes schemas, and collects those of classes under their names.

    Attributes:
        components: By name, what the schemas refer to as `#/components/schemas/<name>`.
    """

    components: dict[str, Schema] = attrs.field(factory=dict)

    def of(self, kind: Any, *, received: bool = False) -> Schema:
        """
        Write the schema of a type.

        Args:
            kind: Anything that a model's field may be.

            received: It is received, so that fields with a default may be left out; what we send has all of them.

        Raises:
            TypeError: A type that has none.
        """
        origin, args = get_origin(kind), get_args(kind)
        if kind in PLAIN:
            return dict(PLAIN[kind])
        if attrs.has(kind):
            return self._named(kind, received=received)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"type": "string", "enum": [str(one.value) for one in kind]}
        if origin is Literal:
            return {"type": "string", "enum": list(args)}
        return self._composed(origin, args, received=received)

    def _composed(self, origin: Any, args: tuple[Any, ...], *, received: bool) -> Schema:
        if origin is Annotated:
            return {**self.of(args[0], received=received), **_limits(args[1])}
        if origin in {Union, UnionType}:
            return _either([self.of(one, received=received) for one in args])
        if origin in {list, tuple, Sequence}:
            return {"type": "array", "items": self.of(args[0], received=received)}
        if origin in {dict, Mapping}:
            return {"type": "object", "additionalProperties": self.of(args[1], received=received)}
        raise TypeError(f"no schema for {origin!r} of {args!r}")

    def field(self, field: "attrs.Attribute[Any]", kind: Any, told: str, *, received: bool) -> Schema:
        """Write the schema of a model's field, with its default where it is received, and what is *told* of it."""
        schema = self.of(kind, received=received)
        if told:
            schema["description"] = told
        if received and isinstance(field.default, bool | int | float | str):
            schema["default"] = field.default
        return schema

    def _named(self, model: type[Any], *, received: bool) -> Schema:
        name = model.__name__
        if name not in self.components:
            self.components[name] = {}  # it may contain itself
            self.components[name] = self._object(model, received=received)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, model: type[Any], *, received: bool) -> Schema:
        doc = Docstring.of(model)
        properties, required = {}, []
        for field, kind in resolved(model):
            key = key_of(field)
            properties[key] = self.field(field, kind, doc.items.get(key, ""), received=received)
            if field.default is attrs.NOTHING if received else not is_left_out(field):
                required.append(key)
        schema: Schema = {"type": "object", "description": "\n\n".join(filter(None, (doc.summary, doc.rest)))}
        return {**schema, "properties": properties, **({"required": required} if required else {})}


def _limits(limit: object) -> Schema:
    match limit:
        case Range():
            limits = {"minimum": limit.ge, "maximum": limit.le}
            return {name: value for name, value in limits.items() if value is not None}
        case OneOf():
            return {"enum": list(limit.words)}
        case _:
            raise TypeError(f"no schema for {limit!r}")


def _either(choices: list[Schema]) -> Schema:
    """Join the schemas of a union: short where the members are plain."""
    null: Schema = {"type": "null"}
    others = [one for one in choices if one != null]
    if len(others) == len(choices) - 1 and len(others) == 1 and "type" in others[0] and "enum" not in others[0]:
        return {**others[0], "type": [others[0]["type"], "null"]}
    if all(one.keys() == {"type"} for one in choices):
        return {"type": [one["type"] for one in choices]}
    return {"anyOf": choices}
