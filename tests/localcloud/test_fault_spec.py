"""Faults and assumptions as words on a command line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.localcloud import ALWAYS, Assumptions, Fault, LocalCloud
from tui.localcloud.assumptions import format_assumptions, parse_assumptions
from tui.localcloud.failures import OptionError
from tui.localcloud.fault_spec import format_fault, parse_fault
from tui.localcloud.faults import Event, FaultPlan

PATTERNS = st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1)
SECONDS = st.floats(0, 86_400, allow_nan=False)
WIRE_FAULTS = st.builds(
    Fault,
    st.sampled_from(["tos:UploadPart", "tos:*", "*:*", "tos:UploadPart*"]),
    key=PATTERNS,
    part=st.none() | st.integers(1, 10_000),
    job=PATTERNS,
    nth=st.integers(1, 1000),
    times=st.none() | st.integers(1, 1000) | st.just(ALWAYS),
    chance=st.floats(0, 1, exclude_min=True),
    seed=st.integers(-(2**31), 2**31),
    delay=SECONDS,
    status=st.sampled_from([403, 429, 500, 503]),
    code=st.sampled_from(["", "InternalError"]),
    retry_after=st.none() | st.integers(0, 600),
    skew=st.floats(-1e6, 1e6),
    reset=st.sampled_from([None, "before", "after"]),
    truncate=st.none() | st.integers(0, 2**40),
    stall=st.none() | st.integers(0, 2**40),
    crc=st.sampled_from([None, "wrong"]),
    upload=st.sampled_from([None, "forgotten"]),
)


@given(WIRE_FAULTS)
def test_a_fault_is_the_same_after_it_was_written_and_read(fault):
    assert parse_fault(format_fault(fault)) == fault


def test_a_fault_reads_as_it_is_spoken():
    assert parse_fault("tos:UploadPart:nth=3:reset=after") == Fault("tos:UploadPart", nth=3, reset="after")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tos:UploadPrt:reset=after", "nothing is called 'tos:UploadPrt'; did you mean tos:UploadPart?"),
        ("UploadPart", "nothing is called 'UploadPart:'"),
        ("s3:*:reset=after", "nothing is called 's3:.*'; did you mean|there are"),
        ("tos:*:rest=after", "there is no word 'rest'; did you mean reset?"),
        ("tos:*:reset", "reset needs a value, reset=…: before or after"),
        ("tos:*:reset=later", "reset cannot be 'later': it takes before or after"),
        ("tos:*:nth=0:reset=after", "nth cannot be '0': it takes a number from 1 on"),
        ("tos:*:chance=2:reset=after", "chance cannot be '2': it takes a probability above 0, up to 1"),
        ("tos:*:delay=soon", "delay cannot be 'soon': it takes seconds"),
        ("tos:*:delay=86401", "delay cannot be '86401': it takes seconds from 0 to 86400"),
        ("tos:*:delay=nan", "delay cannot be 'nan': it takes seconds from 0 to 86400"),
        ("tos:*:skew=nan", "skew cannot be 'nan': it takes seconds from -1e9 to 1e9"),
        ("tos:*:skew=-inf", "skew cannot be '-inf': it takes seconds from -1e9 to 1e9"),
        ("tos:*:skew=1e10", "skew cannot be '1e10': it takes seconds from -1e9 to 1e9"),
        ("ark:*:status=999", "status cannot be '999'"),
        ("tos:*:status=200:code=InternalError", "status cannot be 200"),
        ("ark:*:status=200", "status cannot be 200"),
        ("tos:UploadPart:nth=3", "it does nothing; add one of delay"),
        ("ark:*:retry-after=3", "it does nothing"),
        ("ark:*:delay=1:retry-after=3", "retry-after goes with status or code"),
        ("ark:*:crc=wrong", "crc is for tos:.*, not for ark"),
        ("tos:PutObject:part=2:reset=after", "part is for tos:UploadPart.*, not for tos:PutObject"),
        ("tos:*:counts=wrong", "counts is for engine:Publish, not for tos"),
        ("engine:Publish:reset=after", "engine:Publish is not a request; it knows error-file, counts, row"),
    ],
)
def test_a_word_that_is_wrong_is_named_with_what_fits(text, complaint):
    with pytest.raises(OptionError, match=complaint.replace("?", r"\?")):
        parse_fault(text)


def test_a_fault_in_python_is_held_to_the_same_rules(cloud):
    with pytest.raises(OptionError, match="reset cannot be 'later'"):
        cloud.fault("tos:*", reset="later")
    with pytest.raises(OptionError, match="did you mean tos:UploadPart"):
        LocalCloud(faults=(Fault("tos:UploadPrt", reset="after"),))


# when a fault is due

EVENT = Event("tos:UploadPart", bucket="b", key="in/data.jsonl", part=2, job="bi-1", name="夜间评测")


def fired(fault, calls=10, event=EVENT):
    """The numbers of the calls that the fault meets."""
    plan = FaultPlan([fault])
    return [number for number in range(1, calls + 1) if plan.due(event)]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ({}, [1]),
        ({"nth": 3}, [3]),
        ({"nth": 3, "times": 2}, [3, 4]),
        ({"nth": 8, "times": ALWAYS}, [8, 9, 10]),
        ({"times": ALWAYS}, list(range(1, 11))),
        ({"key": "in/*"}, [1]),
        ({"key": "out/*"}, []),
        ({"part": 2}, [1]),
        ({"part": 3}, []),
        ({"job": "bi-1"}, [1]),
        ({"job": "夜间*"}, [1]),
        ({"job": "bi-2"}, []),
    ],
)
def test_a_fault_fires_when_it_says(words, numbers):
    assert fired(Fault("tos:*", reset="after", **words)) == numbers


def test_a_chance_falls_the_same_way_for_one_seed():
    fault = Fault("*:*", reset="after", chance=0.3, seed=7)
    numbers = fired(fault, 1000)
    assert numbers == fired(fault, 1000)
    assert numbers != fired(Fault("*:*", reset="after", chance=0.3, seed=8), 1000)
    assert math.isclose(len(numbers), 300, abs_tol=60)


def test_a_chance_may_be_had_a_few_times_only():
    assert len(fired(Fault("*:*", reset="after", chance=0.5, times=2), 100)) == 2


def test_of_two_that_are_due_the_first_fires_and_the_other_stays():
    one, other = Fault("tos:*", reset="before"), Fault("*:UploadPart", reset="after")
    plan = FaultPlan([one, other])
    assert [plan.due(EVENT) for _ in range(3)] == [one, other, None]


# assumptions


@given(st.builds(Assumptions, active_job_code=PATTERNS, dry_run_code=PATTERNS, not_found_code=PATTERNS))
def test_assumptions_are_the_same_after_they_were_written_and_read(assume):
    assert parse_assumptions(format_assumptions(assume)) == assume


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("delete-activ=true", "no assumption 'delete-activ'; did you mean delete-active"),
        ("delete-active=maybe", "delete-active cannot be 'maybe': it takes true or false"),
        ("error-file=here", "error-file cannot be 'here': it takes error or output"),
        ("running-jobs=0", "running-jobs cannot be '0': it takes a number from 1 on"),
        ("not-found-code=", "not-found-code cannot be '': it takes an error code"),
        ("delete-active", "'delete-active' is not NAME=VALUE"),
    ],
)
def test_an_assumption_that_is_wrong_is_named_with_what_fits(text, complaint):
    with pytest.raises(OptionError, match=complaint):
        parse_assumptions([text])
