"""A job as the cells of a row: what an operator reads of it at a glance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from tests import hostile
from tui.ark.models import Counts, CustomModelRef, FoundationModelRef, Job, Phase
from tui.dataset.results import Account, Tokens
from tui.runs.board import JobView
from tui.runs.forecast import Forecast
from tui.widgets.glyphs import ASCII, UNICODE
from tui.widgets.job_cells import (
    COLUMNS,
    Look,
    job_cells,
    percent_done,
    progress_bar,
    short_count,
    shortened_model,
)

NOW = datetime(2026, 11, 22, 6, 2, 3, tzinfo=UTC)
LOOK = Look(NOW)


def job(**fields) -> Job:
    """A running job that has nothing special about it."""
    usual = {
        "id": "bi-20261122100000-abcde",
        "name": "nightly-eval",
        "phase": Phase.RUNNING,
        "counts": Counts(1000, 710, 12),
        "model": FoundationModelRef("doubao-pro-32k", "240615"),
        "created": NOW - timedelta(hours=2, minutes=5),
        "phase_time": NOW - timedelta(minutes=18),
        "expires": NOW + timedelta(days=3),
    }
    return Job(**usual | fields)


def view(forecast=None, *, account: Account | None = None, seen: datetime = NOW, **fields) -> JobView:
    return JobView(job(**fields), forecast or Forecast(), seen, account)


def cell(column: str, seen: JobView, width: int = 20, look: Look = LOOK):
    """One cell of a job."""
    (content,) = job_cells(seen, {column: width}, look)
    return content


@pytest.mark.parametrize(
    ("phase", "shown"),
    [
        (Phase.QUEUED, "◌ Queued"),
        (Phase.INITIALIZING, "◔ Initializing"),
        (Phase.RUNNING, "● Running"),
        (Phase.COMPLETED, "✓ Completed"),
        (Phase.TERMINATING, "◍ Terminating"),
        (Phase.TERMINATED, "■ Terminated"),
        (Phase.FAILED, "✗ Failed"),
        (Phase("Paused?"), "? Paused?"),
        (Phase(""), "? unknown"),
    ],
)
def test_a_phase_is_a_sign_and_a_word(phase: Phase, shown: str):
    assert cell("phase", view(phase=phase)).plain == shown


def test_a_phase_needs_no_more_than_ascii():
    assert cell("phase", view(phase=Phase.FAILED), look=Look(NOW, ASCII)).plain == "x Failed"


@pytest.mark.parametrize(
    ("counts", "percent"),
    [
        (Counts(), None),
        (Counts(1000, 0), 0),
        (Counts(1000, 999), 99),
        (Counts(3, 2), 66),
        (Counts(1000, 1000), 100),
        (Counts(1000, 1200), 100),
        (Counts(1000, -5), 0),
        (Counts(-1, 3), None),
    ],
)
def test_progress_is_rounded_down_and_never_over_100(counts: Counts, percent: int | None):
    assert percent_done(counts) == percent


@pytest.mark.parametrize(
    ("counts", "width", "shown"),
    [
        (Counts(1000, 710), 15, "━━━━━━━───  71%"),
        (Counts(1000, 999), 15, "━━━━━━━━━─  99%"),
        (Counts(1000, 1000), 15, "━━━━━━━━━━ 100%"),
        (Counts(1000, 1200), 15, "━━━━━━━━━━ 100%"),
        (Counts(1000, 710), 10, " 71%"),
        (Counts(), 15, "–"),
    ],
)
def test_progress_is_a_bar_and_a_percentage(counts: Counts, width: int, shown: str):
    assert progress_bar(job(counts=counts), width, UNICODE).plain == shown


@pytest.mark.parametrize(
    ("column", "fields", "shown"),
    [
        ("name", {}, "  nightly-eval"),
        ("name", {"name": "  \t "}, "  bi-20261122100000-abcde"),
        ("failed", {}, "12"),
        ("failed", {"counts": Counts(1000, 1000, 0)}, "0"),
        ("failed", {"counts": Counts()}, "–"),
        ("failed", {"counts": Counts(90_000, 90_000, 45_678)}, "45k"),
        ("model", {}, "doubao-pro-32k"),
        ("model", {"model": FoundationModelRef()}, "–"),
        ("age", {}, "2h05m"),
        ("age", {"created": None}, "–"),
        ("expiry", {}, "3d00h"),
        ("expiry", {"expires": NOW - timedelta(seconds=1)}, "now"),
        ("expiry", {"phase": Phase.COMPLETED}, "–"),
        ("created", {}, "2026-11-22 11:57"),
        ("window", {"window_days": 28}, "28d"),
        ("window", {}, "–"),
        ("project", {"project": "推荐评测"}, "推荐评测"),
        ("message", {"message": "line one\nline two"}, "line one⏎line two"),
        ("id", {}, "bi-20261122100000-abcde"),
    ],
)
def test_a_property_is_shown_as_operators_read_it(column: str, fields: dict[str, object], shown: str):
    assert cell(column, view(**fields)).plain == shown


def test_the_time_left_runs_on_between_two_polls():
    seen = view(Forecast(rate=2.0, seconds_left=600), seen=NOW - timedelta(seconds=60))
    assert cell("eta", seen).plain == "9m"


def test_a_finished_job_has_no_time_left():
    assert cell("eta", view(Forecast(rate=2.0, seconds_left=600), phase=Phase.COMPLETED)).plain == "–"


def test_tokens_are_known_of_collected_jobs_alone():
    account = Account(9, 9, 0, 0, 0, 0, 0, 0, 0, Tokens(prompt=1_200_000, completion=34_567), ())
    assert cell("tokens", view(account=account)).plain == "1.2M"
    assert cell("tokens", view()).plain == "–"


def test_a_job_that_expires_soon_says_so_before_its_name_and_in_its_note():
    seen = view(expires=NOW + timedelta(minutes=40))
    assert cell("name", seen).plain == "! nightly-eval"
    assert cell("note", seen).plain == "expires in 40m"


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (view(Forecast(rate=1.0, seconds_left=2900)), "48m left"),
        (view(phase=Phase.QUEUED, counts=Counts()), "for 18m"),
        (view(phase=Phase.COMPLETED, counts=Counts(9, 9)), "18m ago"),
        (view(phase_time=None), ""),
    ],
)
def test_where_no_column_tells_times_the_note_tells_the_one_that_matters(seen: JobView, shown: str):
    assert cell("note", seen).plain == shown


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=20)])
def test_the_note_of_a_failed_job_says_why_in_the_words_of_the_service(age: timedelta):
    failed = view(phase=Phase.FAILED, phase_time=NOW - age, message="第154行非json数据\n(line 154)")
    assert cell("note", failed).plain == "第154行非json数据⏎(line 154)"
    prefixed = view(phase=Phase.FAILED, phase_time=NOW - age, message="批量推理任务失败,custom_id=a存在重复")
    assert cell("note", prefixed).plain == "custom_id=a存在重复"
    assert cell("note", view(phase=Phase.FAILED, phase_time=NOW - timedelta(hours=3))).plain == "failed 3h ago"


@pytest.mark.parametrize(
    ("expires", "width", "shown"),
    [
        (NOW + timedelta(days=1), 20, "stopped 5h00m ago"),
        (NOW + timedelta(days=1), 14, "stopped"),
        (NOW - timedelta(hours=5), 20, "expired 5h00m ago"),
        (NOW - timedelta(hours=5), 14, "expired"),
        (None, 20, "stopped 5h00m ago"),
    ],
)
def test_the_note_of_a_terminated_job_says_who_ended_it(expires: datetime | None, width: int, shown: str):
    ended = view(phase=Phase.TERMINATED, phase_time=NOW - timedelta(hours=5), expires=expires)
    note, _age = job_cells(ended, {"note": width, "age": 6}, LOOK)
    assert note.plain == shown


def test_beside_the_columns_of_times_the_note_tells_of_trouble_alone():
    seen = view(Forecast(rate=1.0, seconds_left=2900))
    note, _eta = job_cells(seen, {"note": 20, "eta": 6}, LOOK)
    assert note.plain == ""


def test_a_job_without_trouble_has_no_sign():
    assert cell("name", view()).plain.startswith("  ")


@pytest.mark.parametrize(
    ("model", "width", "shown"),
    [
        ("doubao-pro-32k@240615", 24, "doubao-pro-32k@240615"),
        ("doubao-pro-32k@240615", 16, "doubao-pro-32k"),
        ("doubao-seed-2-1-pro@260628", 15, "…seed-2-1-pro"),
        ("doubao-seed-2-1-pro@260628", 11, "…2-1-pro"),
        ("deepseek-r1@250528", 11, "deepseek-r1"),
        ("cm-20240401114541-5gzd8", 11, "…5gzd8"),
        ("混元大模型第三版本", 9, "…第三版本"),
    ],
)
def test_a_model_keeps_the_end_of_its_name_by_which_models_differ(model: str, width: int, shown: str):
    assert shortened_model(model, width, UNICODE) == shown
    assert cell_len(shown) <= width


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (9999, "9999"), (10_000, "10k"), (99_999, "99k"), (1_234_567, "1.2M"), (3_400_000_000, "3.4G")],
)
def test_a_large_count_takes_four_cells_at_most(count: int, shown: str):
    assert short_count(count) == shown


def test_cells_come_in_the_order_of_the_widths():
    cells = job_cells(view(), {"id": 23, "name": 20}, LOOK)
    assert [content.plain for content in cells] == ["bi-20261122100000-abcde", "  nightly-eval"]


@pytest.mark.parametrize("attack", hostile.ALL, ids=hostile.named)
def test_text_from_outside_changes_nothing_but_its_own_words(attack: str):
    """No control character, no style and no action comes with a name, a model, a project, a message or an id."""
    seen = view(
        name=attack, project=attack, message=attack, id=attack, phase=Phase(attack), model=CustomModelRef(attack)
    )
    for content in job_cells(seen, dict.fromkeys(COLUMNS, 30), LOOK):
        assert not hostile.HARMFUL & set(content.plain)
        assert all(str(span.style).removeprefix("bold ").startswith("$") for span in content.spans)
