"""A changed document is written into the text that was there, and what did not change stays as it was written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.config.layers import same
from dumb_actors.config.read import parse_document
from dumb_actors.config.splice import splice

keys = st.text(max_size=4) | st.sampled_from(["a", "b", "c", "port", "ä", '"', "\\", "\n", "{", "],"])
scalars = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | keys
)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(keys, v, max_size=4), max_leaves=12)
documents = st.dictionaries(keys, values, max_size=5)
styles = st.sampled_from(
    [
        {},
        {"indent": 4},
        {"indent": 2},
        {"indent": "\t"},
        {"separators": (",", ":")},
        {"indent": 3, "separators": (" ,", " : ")},
        {"indent": 1, "ensure_ascii": False},
    ]
)


@st.composite
def edited(draw: st.DrawFn, document: Any) -> Any:
    """Draw something like *document*: members taken away, changed, put there."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if isinstance(document, dict):
        kept = {key: draw(edited(value)) for key, value in document.items() if draw(st.integers(0, 5))}
        return kept | draw(st.dictionaries(keys, values, max_size=1))
    if isinstance(document, list):
        kept_items = [draw(edited(item)) for item in document if draw(st.integers(0, 5))]
        return kept_items + draw(st.lists(values, max_size=1))
    return document


@given(st.data(), documents, styles, st.sampled_from(["", "\n", " \r\n\t"]), st.booleans())
def test_the_text_then_writes_the_new_document(data, document, style, around, bom):
    new = data.draw(edited(document).filter(lambda v: isinstance(v, dict)))
    text = ("\ufeff" if bom else "") + around + json.dumps(document, **style) + around
    result = splice(text, new)
    assert same(parse_document(result.encode(), "it"), new)
    assert splice(result, new) == result
    if same(document, new):
        assert result == text
    # What stays stands in its order, what is new behind it.
    found = list(json.loads(result.removeprefix("\ufeff")))
    assert found == [key for key in document if key in new] + [key for key in new if key not in document]


@given(documents, styles, keys, values)
def test_what_does_not_change_keeps_every_byte(document, style, key, value):
    """A document inside another one, beside what is changed, is found again as it was."""
    inner = json.dumps(document, **style)
    text = f'{{"kept":{inner}, "changed": 1,\n"also" : {inner}}}'
    new = {"kept": document, "changed": value, "also": document, f"new {key}": value}
    result = splice(text, new)
    assert result.startswith(f'{{"kept":{inner}, "changed": ')
    assert f'"also" : {inner}' in result


WRITTEN = """\
{
  // "a": 0
  "a": 1.0e3, "big": 123456789012345678901234567890, "f": 0.10000000000000000555,
  "text": "\\u00e4\\/",
  "list": [1.50,
           2.50],
  "inner": {"x": 1, "y": 2},
  "empty": {},
  "none": []
}
""".replace('  // "a": 0\n', "")


def change(**changes: Any) -> str:
    return splice(WRITTEN, {**json.loads(WRITTEN), **changes})


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"a": 2}, "1.0e3", "2"),
        ({"inner": {"x": 1, "y": 3}}, '"y": 2', '"y": 3'),
        ({"inner": {"y": 2}}, '{"x": 1, "y": 2}', '{"y": 2}'),
        ({"inner": {"x": 1}}, '{"x": 1, "y": 2}', '{"x": 1}'),
        ({"inner": {}}, '{"x": 1, "y": 2}', "{}"),
        ({"inner": {"x": 1, "y": 2, "z": [True]}}, '"y": 2}', '"y": 2, "z": [true]}'),
        ({"list": [1.5, 7]}, "2.50", "7"),
        ({"list": [1.5]}, "[1.50,\n           2.50]", "[1.50]"),
        ({"list": [2.5]}, "[1.50,\n           2.50]", "[2.50]"),
        ({"list": [0, 1.5, 2.5]}, "[1.50,", "[0,\n           1.50,"),
        ({"empty": {"k": "ä"}}, '"empty": {}', '"empty": {\n    "k": "ä"\n  }'),
        ({"none": [1]}, '"none": []', '"none": [\n    1\n  ]'),
        ({"none": [1.5e300]}, '"none": []', '"none": [\n    1.5e+300\n  ]'),
        ({"new": {"k": 1}}, '"none": []', '"none": [],\n  "new": {\n    "k": 1\n  }'),
        ({"a": 1000}, "", ""),
    ],
)
def test_only_what_differs_is_touched(changes, old, new):
    assert change(**changes) == WRITTEN.replace(old, new, 1)


@pytest.mark.parametrize(("text", "new"), [("{}", '{\n    "a": 1\n}'), ("{ }\n", '{\n    "a": 1\n}\n')])
def test_four_spaces_where_the_file_does_not_tell(text, new):
    assert splice(text, {"a": 1}) == new


def test_line_ends_of_another_system_stay():
    text = '{\r\n\t"a": 1\r\n}\r\n'
    assert splice(text, {"a": 1, "b": {"c": 2}}) == '{\r\n\t"a": 1,\r\n\t"b": {\r\n\t\t"c": 2\r\n\t}\r\n}\r\n'


def test_a_key_that_is_taken_away_takes_its_line_along():
    text = '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}'
    for key, left in (("a", "bc"), ("b", "ac"), ("c", "ab")):
        new = {k: v for k, v in json.loads(text).items() if k != key}
        assert splice(text, new) == "{\n" + ",\n".join(f'  "{k}": {new[k]}' for k in left) + "\n}"
