import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from cqtnet.schema import DEEPEST, checked, parse_json, read_json


@dataclass(frozen=True)
class Part:
    name: str
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Whole:
    size: float
    count: int
    on: bool
    parts: dict[str, Part]
    pair: tuple[int, str] | None = None
    rows: list[tuple[float, ...]] = field(default_factory=list)
    rest: Any = None


GOOD = {
    "size": 3, "count": 4, "on": False, "parts": {"x": {"name": "y", "kind": "b"}},
    "pair": [1, "z"], "rows": [[1, 2.5], []], "rest": {"any": [None]},
}  # fmt: skip


def test_plain_data_becomes_the_dataclass_that_it_was_made_of():
    assert checked(Whole, GOOD) == Whole(
        3.0, 4, False, {"x": Part("y", "b")}, (1, "z"), [(1.0, 2.5), ()], {"any": [None]}
    )
    assert checked(Whole, GOOD | {"pair": None}).pair is None
    assert checked(Whole, {key: GOOD[key] for key in ("size", "count", "on", "parts")}).rows == []


@pytest.mark.parametrize(("change", "message"), [
    ({"size": "3"}, "size is '3', and not a number"),
    ({"count": 4.0}, "count is 4.0, and not a whole number"),
    ({"count": True}, "count is True"),
    ({"on": 0}, "on is 0, and not true or false"),
    ({"parts": []}, r"parts is \[\]"),
    ({"parts": {"x": {"name": 5}}}, "name is 5, and not text"),
    ({"parts": {"x": {"name": "y", "kind": "c"}}}, "kind is 'c', and not one of a, b"),
    ({"parts": {"x": {}}}, r"parts\.x lacks name"),
    ({"parts": {"x": None}}, r"parts\.x is None, and no object"),
    ({"pair": [1]}, r"pair is \[1\]"),
    ({"rows": [[1, None]]}, r"rows\[0\]\[1\] is None"),
    ({"\x1b[2J" + "w" * 9999: 1}, r"it has the unknown \\x1b\[2Jw+ … w+; known are"),
])  # fmt: skip
def test_what_is_of_another_type_is_named(change, message):
    with pytest.raises(ValueError, match=message) as caught:
        checked(Whole, GOOD | change)
    assert len(str(caught.value)) < 300 and str(caught.value).isprintable()


@pytest.mark.parametrize(("text", "message"), [
    ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), "nested deeper"),
    ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested deeper"),
    ("[NaN]", "holds nan"),
    ("1e999", "holds inf"),
    ("1" + 30 * "0", "more than 63 bits"),
    ("1" + 9999 * "0", "digits"),
    (r'"\ud800"', "surrogates not allowed"),
    ("{", "Expecting"),
    (b"\xff\xfe\xff", "decode"),
    (b" " * ((64 << 20) + 1), "larger than 64 MB"),
])  # fmt: skip
def test_json_beyond_the_limits_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)


def test_a_file_is_read_unless_it_is_none(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert read_json(tmp_path / "a.json") == GOOD
    with pytest.raises(ValueError, match="not a regular file"):
        read_json(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        read_json(tmp_path / "b.json")
