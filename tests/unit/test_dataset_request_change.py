"""A change touches the value that it names and not a byte beside it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.dataset.request_change import UnchangeableError, changed, parse_change
from tui.errors import UsageError

MESSAGES = '[{"role":"user","content":"}\\"{ 天\\u5929 \u2028"}]'
LINE = (
    '{"body" : {"messages":' + MESSAGES + ', "max_tokens": 16,  "top_p":0.70 , '
    '"seed":12345678901234567890123, "thinking":{"type":"auto"}}\t, "custom_id":"r-\\u0031"}\r'
).encode()


def after(*texts: str, line: bytes = LINE) -> str:
    return changed(line, [parse_change(text) for text in texts]).decode()


def test_the_value_alone_is_replaced() -> None:
    assert after("max_tokens=4096") == LINE.decode().replace("16", "4096")
    assert after("thinking.type=disabled") == LINE.decode().replace('"auto"', '"disabled"')
    assert after("messages=[]") == LINE.decode().replace(MESSAGES, "[]")


def test_what_is_absent_comes_last_in_its_object() -> None:
    text = LINE.decode()
    assert after("n=2") == text.replace('"auto"}}', '"auto"},"n":2}')
    assert after("thinking.budget.tokens=7") == text.replace('"auto"}', '"auto","budget":{"tokens":7}}')
    assert (
        after("a.b=1", "a.c=2", line=b'{"custom_id":"x","body":{ }}') == '{"custom_id":"x","body":{"a":{"b":1,"c":2} }}'
    )


@pytest.mark.parametrize(
    ("typed", "written"),
    [("4096", "4096"), ("1.50e3", "1.50e3"), ("disabled", '"disabled"'), ('"7"', '"7"'), ("true", "true"),
     ("null", "null"), ("天", '"天"'), ("", '""'), (' {"a":\n [1]} ', '{"a":  [1]}'),
     ("NaN", '"NaN"'), ("a=b", '"a=b"'), ("[1", '"[1"')],
)  # fmt: skip
def test_a_value_is_json_where_it_is_and_text_otherwise(typed: str, written: str) -> None:
    assert parse_change(f"x={typed}") == (("x",), written.encode())


def test_a_key_that_stands_twice_is_changed_twice() -> None:
    line = b'{"custom_id":"x","body":{"n":1,"n":2}}'
    assert json.loads(after("n=3", line=line), object_pairs_hook=list)[1][1] == [("n", 3), ("n", 3)]


def test_a_key_is_found_however_it_is_written() -> None:
    assert after("max_tokens=2", line=b'{"custom_id":"x","body":{"max\\u005ftokens":1}}').endswith(
        '"max\\u005ftokens":2}}'
    )


@pytest.mark.parametrize("text", ["max_tokens", "=1", "a..b=1", ".a=1", "body.max_tokens=1", "a=\udcff"])
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_change(text)


@pytest.mark.parametrize("path", ["messages.role=user", "max_tokens.x=1", "thinking.type.x.y=1"])
def test_a_path_leads_through_objects_alone(path: str) -> None:
    with pytest.raises(UnchangeableError, match=path.rsplit(".", 1)[0].split(".x")[0]):
        after(path)


def test_depth_and_long_numbers_are_nothing_to_it() -> None:
    line = b'{"custom_id":"x","body":{"deep":' + b'{"a":[' * 3000 + b"]}" * 3000 + b',"n":' + b"9" * 9999 + b',"k":1}}'
    assert changed(line, [parse_change("k=2")]) == line[:-3] + b"2}}"


KEYS = st.sampled_from(["a", "b", "max_tokens", "天", 'q"\\', "}"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def put(value: dict, path: list[str], new: object) -> None:
    for key in path[:-1]:
        value = value.setdefault(key, {})
    value[path[-1]] = new


@given(
    body=st.dictionaries(KEYS, VALUES, max_size=5),
    path=st.lists(KEYS, min_size=1, max_size=3),
    value=VALUES,
    style=st.sampled_from([{"separators": (",", ":")}, {"separators": (" , ", " :\t")}, {"ensure_ascii": False}]),
)
def test_the_line_then_says_what_it_said_and_the_new_value(body, path, value, style) -> None:
    request = {"custom_id": "x", "body": body, "extra": [body]}
    line = json.dumps(request, **style).encode("utf-8", "surrogatepass")
    expected = json.loads(line)
    change = (tuple(path), json.dumps(value).encode())
    try:
        put(expected["body"], path, value)
    except (AttributeError, TypeError):
        with pytest.raises(UnchangeableError):
            changed(line, [parse_change("x=1")._replace(path=change[0], value=change[1])])
        return
    got = changed(line, [parse_change("x=1")._replace(path=change[0], value=change[1])])
    assert json.loads(got) == expected
    assert [key for key, _ in json.loads(got, object_pairs_hook=list)] == ["custom_id", "body", "extra"]
