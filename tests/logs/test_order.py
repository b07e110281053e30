"""Orders as JSON."""

import json

import pytest

from dumb_actors.logs.order import FlowOrder

WHOLE = FlowOrder("/run/f", "/log/x.log", 1000, 3, 17, 1000, 1001)


@pytest.mark.parametrize("order", [WHOLE, FlowOrder("f", None, 0, 0)])
def test_what_is_written_is_read(order: FlowOrder) -> None:
    assert FlowOrder.from_json(json.loads(json.dumps(order.to_json()))) == order


def test_what_has_a_default_may_be_missing() -> None:
    assert FlowOrder.from_json({"fifo": "f", "log_path": None, "log_size": 1, "log_count": 2}) == FlowOrder(
        "f", None, 1, 2
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fifo": None}, "fifo"),
        ({"fifo": ""}, "fifo"),
        ({"fifo": "a\0b"}, "fifo"),
        ({"log_path": 7}, "log_path"),
        ({"log_path": ""}, "log_path"),
        ({"log_size": "7"}, "log_size"),
        ({"log_size": 7.0}, "log_size"),
        ({"log_count": True}, "log_count"),
        ({"log_count": None}, "log_count"),
        ({"generation": -1}, "generation"),
        ({"uid": -2}, "user"),
        ({"gid": -2}, "group"),
        ({"color": 1}, "color"),
    ],
)
def test_anything_else_is_refused_by_name(change: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        FlowOrder.from_json({**WHOLE.to_json(), **change})


@pytest.mark.parametrize("field", ["fifo", "log_path", "log_size", "log_count"])
def test_what_has_no_default_must_be_there(field: str) -> None:
    fields = WHOLE.to_json()
    del fields[field]
    with pytest.raises(ValueError, match=field):
        FlowOrder.from_json(fields)


@pytest.mark.parametrize("value", [None, [], "fifo", 7, [["fifo", "f"]]])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="object"):
        FlowOrder.from_json(value)
