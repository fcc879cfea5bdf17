"""What may be asked for, field by field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tui.runs.submission import Field, FieldError, Submission, faults, plan_for, require_file, require_valid
from tui.settings.profiles import Profile

ASKED = Submission(file=Path("questions.jsonl"), model="doubao-pro-32k")
PROFILE = Profile(
    name="prod", ark_endpoint="https://ark.example", tos_endpoint="https://tos.example", region="cn-beijing",
    bucket="answers", project="default", input_prefix="in/", output_prefix="out/", account_id="", read_only=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": ""}, Field.MODEL),
        ({"custom_model": "cm-1"}, Field.MODEL),
        ({"model": "name@"}, Field.MODEL),
        ({"name": "a\x1bb"}, Field.NAME),
        ({"description": "two\nlines"}, Field.DESCRIPTION),
        ({"project": "a\u202eb"}, Field.PROJECT),
        *(({"window": window}, Field.WINDOW) for window in ("", "0d", "29d", "3", "3h", " 3d")),
        *(({"tags": tags}, Field.TAGS) for tags in (("team",), ("=x",), ("a=1", "a=2"), ("a=\x07",))),
        ({"input_prefix": "/in"}, Field.INPUT_PREFIX),
        ({"output_prefix": "a/../b"}, Field.OUTPUT_PREFIX),
    ],
)
def test_a_fault_names_its_field(changes: dict[str, object], field: Field) -> None:
    asked = replace(ASKED, **changes)
    assert [fault.field for fault in faults(asked)] == [field]
    with pytest.raises(FieldError):
        require_valid(asked)


def test_every_wrong_field_is_told() -> None:
    asked = replace(ASKED, model="", window="never", tags=("x",))
    assert [fault.field for fault in faults(asked)] == [Field.MODEL, Field.WINDOW, Field.TAGS]


def planned(asked: Submission, profile: Profile = PROFILE, *, named: bool = True):
    return plan_for("submit", asked, profile, "loopback", named=named, folder=Path("/data"))


def test_what_is_left_open_is_the_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    plan = planned(ASKED)
    assert (plan.input, plan.profile, plan.bucket, plan.project) == (
        str(tmp_path / "questions.jsonl"), "prod", "answers", "default",
    )  # fmt: skip
    assert (plan.input_prefix, plan.output_prefix, plan.window_days, plan.nonce) == ("in/", "out/", 28, "")
    assert (plan.model, plan.version, plan.custom_model) == ("doubao-pro-32k", "", "")


def test_what_is_asked_for_wins() -> None:
    asked = replace(
        ASKED, model="", custom_model="cm-1", bucket="mine", project="p", window="3d", tags=("团队=评测",),
        input_prefix="x", output_prefix="", again=True, out=Path("/data/answers"),
    )  # fmt: skip
    plan = planned(asked, named=False)
    assert (plan.profile, plan.bucket, plan.project, plan.window_days) == ("", "mine", "p", 3)
    assert (plan.input_prefix, plan.output_prefix, plan.out) == ("x/", "", "/data/answers")
    assert (plan.model, plan.custom_model, plan.tags) == ("", "cm-1", {"团队": "评测"})
    assert plan.nonce


def test_a_bucket_has_to_be_known() -> None:
    without = Profile(**{name: getattr(PROFILE, name) for name in PROFILE.__struct_fields__} | {"bucket": ""})
    with pytest.raises(FieldError, match="bucket") as caught:
        planned(ASKED, without)
    assert caught.value.field is Field.BUCKET


@pytest.mark.parametrize("name", ["nowhere.jsonl", ""])
def test_a_file_has_to_be_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(FieldError) as caught:
        require_file(tmp_path / name)
    assert caught.value.field is Field.FILE
