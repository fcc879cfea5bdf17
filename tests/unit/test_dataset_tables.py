"""A table says what the files say, in every format, and nothing in it acts on who opens it."""

from __future__ import annotations

import csv
import io
import json
import sys

import pyarrow.parquet
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.dataset import tables
from tui.dataset.columns import DEFAULT, NAMES, UnknownColumnError, parse_columns
from tui.dataset.reply import Fate
from tui.dataset.results import Tokens
from tui.dataset.row_details import RowDetails
from tui.dataset.row_index import Row
from tui.dataset.tables import Format, ParquetMissingError, open_table, safe_cell

REQUEST = {"custom_id": "r-1", "body": {"messages": [{"content": "first"}, {"content": "last"}], "n": 2, "": 0}}
REPLY = {"custom_id": "r-1", "response": {"body": {"model": "doubao", "choices": [{"index": 0}]}}}
ROW = RowDetails(
    row=Row(0, Fate.OK | Fate.TRUNCATED, 0, 10, 1, 0, 10, 1),
    custom_id="r-1",
    verdict="ok",
    flags=("truncated",),
    code=None,
    message=None,
    answer="天空",
    reasoning="think",
    finish_reason="length",
    tokens=Tokens(5, 7, 2, 3),
    request=REQUEST,
    reply=REPLY,
)


def values(columns: str) -> list[object]:
    return [column.of(ROW) for column in parse_columns(columns)]


def written(format_: Format, columns: str, rows: list[list[object]], **options: bool) -> bytes:
    file = io.BytesIO()
    table = open_table(format_, file, parse_columns(columns), **options)
    for row in rows:
        table.write(row)
    table.finish()
    return file.getvalue()


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


# --- columns --------------------------------------------------------------------------------------------------------


def test_every_named_column_has_its_value():
    assert dict(zip(NAMES, values(",".join(NAMES)), strict=True)) == {
        "custom_id": "r-1",
        "verdict": "ok",
        "flags": "truncated",
        "answer": "天空",
        "reasoning": "think",
        "finish_reason": "length",
        "code": None,
        "message": None,
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "cached_tokens": 2,
        "reasoning_tokens": 3,
    }


def test_the_default_is_made_of_named_columns():
    assert all(column.name in NAMES for column in parse_columns(DEFAULT))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("body.messages.0.content", "first"),
        ("body.messages.-1.content", "last"),
        ("body.messages.-2.content", "first"),
        ("body.n", 2),
        ("body.messages", [{"content": "first"}, {"content": "last"}]),
        ("body.messages.2.content", None),
        ("body.messages.-3.content", None),
        ("body.messages.x.content", None),
        ("body.messages.²", None),
        ("body.n.deeper", None),
        ("body.absent", None),
    ],
)
def test_a_path_leads_to_a_field_of_the_request(path: str, value: object):
    assert values(f"input:{path}") == [value]


def test_a_path_may_lead_into_the_reply():
    assert values("reply:response.body.model,reply:response.body.choices.0.index") == ["doubao", 0]
    assert [column.reads_request for column in parse_columns("reply:response, input:body")] == [False, True]


@pytest.mark.parametrize("columns", ["", "id", "custom_id,", "input:", "input:a..b", "output:a", "answer,answer"])
def test_a_column_that_is_none_is_named(columns: str):
    with pytest.raises(UnknownColumnError):
        parse_columns(columns)


# --- CSV ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("http://evil")', "+1", "-2+3", "@SUM(1)", "\t=1", " =1", "＝1", "＋1", "－1", "＠x", "\n=1", "\ra",
     "\ta", "\u3000=1", "\u200b=1", "\ufeff=1", "\0=1", "\x1b=1"],
)  # fmt: skip
def test_a_text_that_a_spreadsheet_would_act_on_begins_with_an_apostrophe(text: str):
    assert safe_cell(text) == "'" + text
    assert read_csv(written(Format.CSV, "answer", [[text]]))[1] == ["'" + text]


@pytest.mark.parametrize(
    ("value", "cell"),
    [(-5, "-5"), (0, "0"), (1.5, "1.5"), (-1.5, "-1.5"), (None, ""), ("", ""), (True, "true"), ("a=b", "a=b"),
     ("1-2", "1-2"), ([-1], "[-1]"), ({"蓝": "="}, '{"蓝": "="}'), ("'tis", "'tis")],
)  # fmt: skip
def test_what_it_would_not_act_on_stays_as_it_is(value: object, cell: str):
    assert safe_cell(value) == cell


cells = st.text(st.characters(codec="utf-8")) | st.none() | st.integers() | st.text("=+-@\t\r\n\", '")


@given(st.lists(st.tuples(cells, cells), max_size=5))
@example([('a"b', "c,d\r\ne\nf"), ("\u2028", "\x85")])
def test_csv_that_is_read_back_is_what_was_written(rows: list[tuple[object, object]]):
    data = written(Format.CSV, "custom_id,answer", [list(row) for row in rows])
    expected = [["custom_id", "answer"], *([safe_cell(value) for value in row] for row in rows)]
    assert read_csv(data) == expected
    for row, cells_read in zip(rows, expected[1:], strict=True):
        for value, cell in zip(row, cells_read, strict=True):
            assert cell in (str(value if value is not None else ""), f"'{value}")
            assert isinstance(value, int) or not cell.lstrip().startswith(tuple("=+-@"))


def test_all_fields_are_quoted_and_lines_end_as_rfc_4180_has_it():
    assert written(Format.CSV, "custom_id,prompt_tokens", [['say "a"', 5], [None, None]]) == (
        b'"custom_id","prompt_tokens"\r\n"say ""a""","5"\r\n"",""\r\n'
    )


def test_a_byte_order_mark_comes_first_and_once():
    data = written(Format.CSV, "answer", [["蓝"], ["蓝"]], bom=True)
    assert data.startswith(b'\xef\xbb\xbf"answer"')
    assert data.count(b"\xef\xbb\xbf") == 1


def test_csv_on_a_terminal_does_not_act_on_it():
    data = written(Format.CSV, "answer", [["\x1b]52;c;ZQ==\x07 a\nb \x9b31m"]], shown=True)
    assert not {0x1B, 0x07, 0x9B} & set(data.decode().encode("latin-1", "replace"))


def test_half_a_surrogate_pair_becomes_a_replacement_character():
    assert read_csv(written(Format.CSV, "answer", [["a\ud800b"]]))[1] == ["a\ufffdb"]


# --- JSON lines -----------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=5))
@example(["\u2028\x85\u2029", "\ud800"])
def test_json_lines_say_every_value_on_one_line(found: list[object]):
    data = written(Format.JSONL, "input:body", [[value] for value in found])
    assert [json.loads(line) for line in data.decode().splitlines()] == [{"input:body": value} for value in found]


def test_what_is_nested_as_deep_as_a_request_may_be_is_written():
    value: object = 1
    for _level in range(900):
        value = [value]
    assert written(Format.JSONL, "input:body", [[value]]).count(b"[") == 900
    assert written(Format.CSV, "input:body", [[value]]).count(b"[") == 900


# --- Parquet --------------------------------------------------------------------------------------------------------


def test_parquet_holds_texts_and_numbers(monkeypatch):
    monkeypatch.setattr(tables, "_GROUP_ROWS", 2)
    rows = [["a", 1, {"x": [1]}], [None, None, "=text"], ["\ud800", -3, 5], ["蓝", 2**40, None]]
    data = written(Format.PARQUET, "custom_id,prompt_tokens,input:body", rows)
    file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups == 2
    assert file.read().to_pydict() == {
        "custom_id": ["a", None, "\ufffd", "蓝"],
        "prompt_tokens": [1, None, -3, 2**40],
        "input:body": ['{"x": [1]}', "=text", "5", None],
    }
    assert [str(field.type) for field in file.schema_arrow] == ["string", "int64", "string"]


def test_parquet_of_no_rows_still_has_its_columns():
    data = written(Format.PARQUET, "custom_id,prompt_tokens", [])
    assert pyarrow.parquet.read_table(io.BytesIO(data)).to_pydict() == {"custom_id": [], "prompt_tokens": []}


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParquetMissingError) as raised:
        written(Format.PARQUET, "custom_id", [])
    assert "arkdeck[parquet]" in raised.value.advice
