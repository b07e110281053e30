"""Whatever is edited, in whatever order and layer: what counts, what is written, and where each value comes from."""

import copy
import json
import tempfile
from pathlib import Path

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from store_support import Home

from dumb_actors.config.layers import (
    REMOVED,
    Edit,
    Origin,
    Overlay,
    apply_edits,
    difference,
    edits_of,
    merge,
    same,
    with_defaults,
)
from dumb_actors.errors import StaleRevision

keys = st.sampled_from("abcd")
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("xyä", max_size=2)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(keys, v, max_size=3), max_leaves=8)
documents = st.dictionaries(keys, values, max_size=4)
paths = st.lists(keys, min_size=1, max_size=3).map(tuple)
edits = st.builds(Edit, paths, values | st.just(REMOVED))


def plain(document, path, value):
    """Set or remove a value as simply as can be: what `apply_edits` is compared with."""
    inner = document
    for key in path[:-1]:
        if not isinstance(inner.get(key), dict):
            if value is REMOVED:
                return
            inner[key] = {}
        inner = inner[key]
    if value is REMOVED:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = copy.deepcopy(value)


@given(documents, st.lists(edits, max_size=5))
def test_edits_do_what_they_say_to_a_copy(document, chosen):
    before = json.dumps(document)
    result = apply_edits(document, chosen)
    expected = copy.deepcopy(document)
    for edit in chosen:
        plain(expected, edit.path, edit.value)
    assert result == expected
    assert json.dumps(document) == before


@given(documents, documents)
def test_the_difference_makes_one_of_the_other_and_is_as_small_as_can_be(old, new):
    found = list(difference(old, new))
    assert same(apply_edits(old, found), new)
    assert (found == []) == same(old, new)
    for edit in found:
        assert not same(apply_edits(old, [each for each in found if each is not edit]), new)


@given(documents, documents)
def test_updates_are_laid_over(document, updates):
    result = apply_edits(document, edits_of(updates, document))

    def check(laid, base, over):
        for key in {*base, *over}:
            if key not in over:
                assert same(laid[key], base[key])
            elif isinstance(over[key], dict) and isinstance(base.get(key), dict):
                check(laid[key], base[key], over[key])
            else:
                assert same(laid[key], over[key])

    check(result, document, updates)


blocks = st.dictionaries(st.sampled_from(["db", "web", "other"]), documents, max_size=3)


@given(blocks, blocks, st.lists(st.tuples(paths, values | st.just(REMOVED)), max_size=4))
def test_every_value_is_known_with_where_it_comes_from(user, defaults, above):
    overlays = [Overlay(("db", *path), value, Origin("memory", str(n))) for n, (path, value) in enumerate(above)]
    before = json.dumps([user, defaults])
    merged = merge(user, overlays, defaults=defaults, source="file")
    assert json.dumps([user, defaults]) == before
    seen = dict(merged.origins())
    for path, origin in seen.items():
        found = merged.document
        for key in path:
            found = found[key]
        assert not isinstance(found, dict) or found == {}
        if origin.layer == "memory":
            by = overlays[int(origin.source)].path
            assert path[: len(by)] == by or (found == {} and by[: len(path)] == path)
        elif origin.layer == "file":
            assert json.dumps(at(user, path)) == json.dumps(found) or any(o.path[: len(path)] == path for o in overlays)
        else:
            assert at(defaults, path) == found or any(o.path[: len(path)] == path for o in overlays)
    # Nothing of the user's is lost but for what lies above it, and every block keeps its order.
    if not overlays:
        for path, _ in merge(user).origins():
            assert at(merged.document, path) == at(user, path) or isinstance(at(user, path), dict)
        assert list(merged.document) == list(user)
    assert merged.origin(("nowhere", "at", "all")) is None


def at(document, path):
    for key in path:
        document = document[key]
    return document


@given(blocks)
def test_defaults_of_a_template_reach_every_instance_and_name_none(user):
    template = {"process_name": "X", "host": "h", "env": {"A": "1"}}
    instances = {name: {"process_name": name, **block} for name, block in user.items()}
    document = {"zurg": {"instances": instances, "note": 1}}
    laid = with_defaults(document, {"zurg": {"instances": {"Default": template}}})
    assert list(laid["zurg"]["instances"]) == list(instances)
    for name, block in instances.items():
        found = laid["zurg"]["instances"][name]
        assert found == {"host": "h", "env": {"A": "1"}, **block}
        assert list(found)[: len(block)] == list(block)


# --- the whole store against a model ----------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["persist", "memory"]), edits),
        st.tuples(st.just("outside"), documents),
        st.tuples(st.sampled_from(["reload", "restart", "break", "first"]), st.none()),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(documents, steps)
def test_a_store_is_what_its_file_and_its_changes_make_it(document, chosen):
    with tempfile.TemporaryDirectory() as directory:
        trio.run(play, Path(directory), document, chosen)


async def play(directory, document, chosen):
    home = Home(directory)
    first = home.write(document, indent=2)
    store = await home.open(keep=100)
    for step, argument in chosen:
        before, on_disk, revision = store.read(), home.path.read_bytes(), store.revision
        is_known = same(home.document(), before.user)
        match step:
            case "persist" | "memory":
                await change(store, argument, persist=step == "persist", home=home, is_known=is_known)
            case "outside":
                home.write(argument)
                assert store.read() == before
                continue
            case "break":
                home.path.write_bytes(b"{")
                assert (await store.reload()).broken is store.broken
                assert store.read().merged is before.merged
                home.path.write_bytes(on_disk)
                await store.reload()
            case "first" if is_known:
                await store.restore(1)
                assert home.path.read_bytes() == first
            case "restart":
                store = await home.open(keep=100)
                assert store.read().unsaved == ()
                assert same(store.config.document, home.document())
            case "reload":
                await store.reload()
                assert home.path.read_bytes() == on_disk
        view = store.read()
        assert view.broken is None
        assert same(apply_edits(view.user, [one.as_edit() for one in view.merged.overlays]), view.merged.document)
        assert store.config.document is view.merged.document
        assert store.revision > revision or same(view.merged.document, before.merged.document)
        assert store.revision >= revision
        if step in {"break", "restart", "reload"} or (step in {"first", "persist"} and is_known):
            assert same(home.document(), view.user)
    assert home.left() == set()


async def change(store, edit, *, persist, home, is_known):
    before, on_disk = store.read(), home.path.read_bytes()
    wanted = apply_edits(before.merged.document, [edit])
    try:
        found = await store.change([edit], persist=persist)
    except StaleRevision:
        # An edit of somebody else is neither lost nor mixed with ours.
        assert persist
        assert not is_known
        assert home.path.read_bytes() == on_disk
        assert same(store.read().user, home.document())
        return
    view = store.read()
    assert same(view.merged.document, wanted)
    if persist:
        assert is_known or found.paths == ()
        assert is_known is False or same(at_or(view.user, edit.path), at_or(wanted, edit.path))
        assert not any(path == edit.path for path in view.unsaved) or found.paths == ()
    else:
        assert home.path.read_bytes() == on_disk
        assert same(view.user, before.user)


def at_or(document, path):
    try:
        return at(document, path)
    except (KeyError, TypeError):
        return None
