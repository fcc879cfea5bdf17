"""How a transfer reads in the list, below it, in the top bar and in a toast."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import hostile
from tui.dataset.results import Account, Tokens
from tui.errors import WorkError
from tui.runs.transfers import Step, Transfer, TransferState, Way
from tui.widgets.glyphs import ASCII, UNICODE
from tui.widgets.table_layout import arrange
from tui.widgets.transfer_cells import COLUMNS, bytes_of, percent_of, summary, transfer_cells, transfer_facts
from tui.widgets.transfer_news import EndNews

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GIB = 1024**3
NOTHING_LEFT = Account(
    requests=2000, ok=2000, failed=0, missing=0, unexpected=0, duplicate=0, unreadable=0, truncated=0, refused=0,
    tokens=Tokens(), errors=(),
)  # fmt: skip


def transfer(way: Way = Way.DOWN, state: TransferState = TransferState.RUNNING, **fields) -> Transfer:
    step = Step.DOWNLOADING if way is Way.DOWN else Step.UPLOADING
    known = {"id": "r-1", "step": step, "name": "nightly", "path": Path("/data/nightly"), "began": NOW}
    return Transfer(way=way, state=state, **(known | fields))


def cells(shown: Transfer, width: int = 200) -> dict[str, str]:
    widths = arrange(COLUMNS, width).widths
    return dict(zip(widths, (cell.plain for cell in transfer_cells(shown, widths, UNICODE)), strict=True))


def facts(shown: Transfer, width: int = 70) -> str:
    return "\n".join(text.plain for text in transfer_facts(shown, width, UNICODE))


FAILED = transfer(state=TransferState.FAILED, error=WorkError("the disk is full", advice="Make room."))


# A row


@pytest.mark.parametrize("state", TransferState)
def test_every_state_is_a_sign_and_a_word_in_both_sets_of_signs(state: TransferState):
    shown = transfer(state=state)
    for signs in (UNICODE, ASCII):
        (label,) = transfer_cells(shown, {"state": 11}, signs)
        sign, word = label.plain.split(" ")
        assert len(sign) == 1
        assert label.cell_length <= 11
        assert word.isalpha()


def test_a_running_transfer_tells_how_far_and_how_fast_it_goes():
    shown = cells(transfer(done=GIB // 2, total=2 * GIB, rate=100 * 1024**2, eta=15.4))
    assert shown["way"] == "↓ down"
    assert shown["progress"].endswith(" 25%")
    assert shown["bytes"] == "0.5 of 2.0 GiB"
    assert (shown["rate"], shown["eta"]) == ("100.0 MiB/s", "15s")
    assert shown["outcome"] == "downloading"


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_what_fits_is_as_wide_as_its_column(width: int):
    shown = transfer(done=1023 * 1024**2, total=1023 * 1024**2 + 1, rate=1e9, eta=86399)
    widths = arrange(COLUMNS, width).widths
    for cell, (column, cells_wide) in zip(transfer_cells(shown, widths, UNICODE), widths.items(), strict=True):
        if column not in ("name", "outcome"):
            assert cell.cell_length <= cells_wide, column


@pytest.mark.parametrize(("done", "total", "percent"), [(0, 0, None), (0, 3, 0), (2, 3, 66), (3, 3, 100), (4, 3, 100)])
def test_progress_is_rounded_down_and_never_passes_a_hundred(done: int, total: int, percent: int | None):
    assert percent_of(done, total) == percent


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [
        (0, 999, "0 of 999 B"),
        (999, 999, "999 B"),
        (512 * 1024, 1024**2, "0.5 of 1.0 MiB"),
        (0, 5 * GIB, "0.0 of 5.0 GiB"),
    ],
)
def test_bytes_of_bytes_have_one_unit(done: int, total: int, said: str):
    assert bytes_of(done, total) == said


def test_what_is_done_tells_what_became_of_the_requests_and_how_the_files_were_compared():
    account = Account(**{name: getattr(NOTHING_LEFT, name) for name in NOTHING_LEFT.__struct_fields__}
                      | {"ok": 1993, "failed": 5, "missing": 2})  # fmt: skip
    shown = transfer(state=TransferState.DONE, verified="crc64", account=account)
    assert cells(shown)["outcome"] == "1,993 answered, 5 failed, 2 missing · CRC-64 verified"
    assert cells(replace(shown, account=NOTHING_LEFT, verified="size"))["outcome"] == "2,000 answered · size verified"


# The facts


def test_an_error_is_told_in_full_with_what_helps_before_everything_else():
    error = WorkError(
        "no room in /data for results.jsonl, which needs 5.0 GiB", advice="Make room,\nor choose another."
    )
    told = facts(transfer(state=TransferState.FAILED, error=error), width=40)
    assert told.index("5.0 GiB") < told.index("Make room,\nor choose another.") < told.index("folder")


def test_a_step_that_moves_no_bytes_has_a_bar_of_its_own():
    told = facts(transfer(done=10, total=10, step=Step.ACCOUNTING, step_share=0.374))
    assert "accounting for every request, 37%" in told
    assert told.splitlines()[1].endswith(" 37%")


def test_who_works_on_it_elsewhere_is_named():
    assert "by bastion pid 7" in facts(transfer(state=TransferState.HELD, holder="bastion pid 7"))


@pytest.mark.parametrize("text", hostile.ALL)
def test_text_from_outside_does_no_harm_and_keeps_to_its_line(text: str):
    error = WorkError(text, advice=text)
    shown = transfer(state=TransferState.FAILED, name=text, path=Path("/data") / text.replace("\0", ""), error=error)
    for told in (*transfer_facts(shown, 60, UNICODE), *transfer_cells(shown, arrange(COLUMNS, 160).widths, UNICODE)):
        assert not hostile.HARMFUL & set(told.plain)


# The top bar and toasts


def told_by(*transfers: Transfer) -> str:
    return summary(list(transfers), UNICODE).plain.strip()


def test_the_summary_tells_what_goes_each_way_and_how_far_all_of_it_is():
    going = [transfer(Way.UP, done=50, total=100), transfer(done=0, total=50), transfer(state=TransferState.WAITING)]
    assert told_by(*going) == "↑1 ↓2  33%"
    assert summary(going, ASCII).plain.strip() == "^1 v2  33%"


def test_the_summary_tells_of_what_stands_still_and_of_nothing_else():
    assert told_by(transfer(state=TransferState.PAUSED), transfer(state=TransferState.FAILED)) == "‖1 ✗1"
    assert told_by(transfer(state=TransferState.DONE), transfer(state=TransferState.CANCELLED)) == ""
    assert told_by() == ""


def told_of(shown: Transfer, news: EndNews, *, others: bool = False) -> str | None:
    told = news.of(shown, others=others)
    return told and told.words


def test_a_toast_tells_what_was_made_or_brought_or_why_not():
    sent = transfer(Way.UP, TransferState.DONE, job_id="bi-1", name="a.jsonl")
    assert told_of(sent, EndNews()) == "a.jsonl is sent: job bi-1"
    brought = transfer(state=TransferState.DONE, account=NOTHING_LEFT, ended=NOW + timedelta(seconds=9))
    assert told_of(brought, EndNews()) == "downloaded nightly\n2,000 answered\n/data/nightly"
    assert told_of(FAILED, EndNews()) == "download of nightly failed\nthe disk is full\nt shows it, and what helps"


def test_of_many_that_go_together_the_first_failure_is_told_at_once_and_the_rest_at_the_end():
    news, done = EndNews(), transfer(state=TransferState.DONE)
    assert told_of(done, news, others=True) is None
    assert told_of(FAILED, news, others=True).startswith("download of nightly failed")
    assert told_of(FAILED, news, others=True) is None
    assert told_of(done, news) == "2 transfers are done, 2 failed: t shows them"
    assert told_of(done, news) == "downloaded nightly\n/data/nightly"
