"""Operators say which jobs they mean, and learn which word was not understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.ark.models import KNOWN_PHASES, Counts, CustomModelRef, FoundationModelRef, Job, Phase
from tui.errors import UsageError
from tui.runs.board import JobView
from tui.runs.forecast import Forecast
from tui.runs.job_filter import FilterError, JobFilter, filter_words, parse_filter, phase_word

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)


def view(phase: str = "Running", **fields: object) -> JobView:
    known = {
        "id": "bi-20261122120000-abcde",
        "name": "Nightly Eval 夜间",
        "description": "of the search team",
        "phase": Phase(phase),
        "model": FoundationModelRef("doubao-pro-32k", "240615"),
        "message": "over the quota",
        "counts": Counts(100, 50, 3),
        "tags": {"Team": "Search", "arkdeck:run": "r-1"},
        "created": NOW - timedelta(hours=2),
        "expires": NOW + timedelta(hours=22),
    }
    return JobView(Job(**(known | fields)), Forecast(), NOW)


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "nightly", "NIGHTLY 夜间", "abcde", "search", '"nightly eval"', '""',
        "phase:running", "phase:RUN", "!phase:failed",
        "model:doubao", "model:@2406", "name:eval", 'name:"Nightly Eval"', "id:bi-2026", 'NAME:eval',
        "tag:team", "tag:team=search", "tag:arkdeck:run=r-1", "!tag:owner", '"of the" !"off the"',
        "age:>1h", "age:>=2h", "age:<=2h", "age:<3h", "age:<1d", "age:2h", "age:=120m", "age:<1W", "age:>7199s",
        "expires:<1d", "expires:>21h", "expires:22h", "failed:3", "failed:>0", "failed:<=3", "!failed:>3",
        "attention:no", "!attention:yes", "status:running", "expiry:<1d", "message:QUOTA",
    ],
)  # fmt: skip
def test_a_filter_finds_the_job(text: str) -> None:
    found = parse_filter(text)
    assert found.matches(view(), NOW)
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    [
        "daily", "nightly daily", "!nightly", '!""', '"eval nightly"',
        "phase:queued", "phase:completed", "!phase:run", "model:deepseek", "name:abcde", "id:nightly",
        "tag:search", "tag:team=sea", "tag:owner",
        "age:<2h", "age:>2h", "age:1h", "age:>3d", "expires:<3h", "failed:0", "failed:>3", "attention:yes",
    ],
)  # fmt: skip
def test_a_filter_passes_the_job_over(text: str) -> None:
    assert not parse_filter(text).matches(view(), NOW)


@pytest.mark.parametrize(
    ("word", "phases"),
    [
        ("queued", "Queued Initializing"),
        ("init", "Initializing"),
        ("terminat", "Terminating Terminated"),
        ("terminated", "Terminating Terminated"),
        ("terminating", "Terminating"),
        ("running", "Running"),
        ('"paused"', "Paused"),
    ],
)
def test_a_phase_is_meant_by_its_name_or_by_its_tab(word: str, phases: str) -> None:
    found = parse_filter(f"phase:{word}")
    assert [phase for phase in [*KNOWN_PHASES, "Paused"] if found.matches(view(phase), NOW)] == phases.split()


def test_a_custom_model_is_found_by_its_id() -> None:
    assert parse_filter("model:cm-2024").matches(view(model=CustomModelRef("cm-20240401114541-5gzd8")), NOW)


def test_attention_is_what_the_list_puts_first() -> None:
    failed = view("Failed", phase_time=NOW - timedelta(hours=1))
    assert parse_filter("attention:yes").matches(failed, NOW)
    assert not parse_filter("attention:NO").matches(failed, NOW)


def test_the_expiry_of_a_finished_job_is_no_matter() -> None:
    assert parse_filter("expires:<3h").matches(view(expires=NOW - timedelta(days=9)), NOW)
    assert not parse_filter("expires:<3h").matches(view("Completed", expires=NOW - timedelta(days=9)), NOW)


@pytest.mark.parametrize("text", ["age:<2h", "age:>=0s", "expires:<9w", "expires:>=0s"])
def test_a_time_that_is_not_known_compares_to_nothing(text: str) -> None:
    unknown = view(created=None, expires=None)
    assert not parse_filter(text).matches(unknown, NOW)
    assert parse_filter(f"!{text}").matches(unknown, NOW)


@pytest.mark.parametrize(
    ("text", "position", "word", "message", "advice"),
    [
        ("nightly phse:running", 8, "phse:running", "no word phse: – did you mean phase:?", "phase: model: name:"),
        ("zzzz:1", 0, "zzzz:1", "no word zzzz: – phase model name id tag age", "To find the text itself, quote it."),
        ("a http://host", 2, "http://host", "no word http: – phase model", "quote it"),
        ("phase:runing", 0, "phase:runing", "no phase runing – did you mean running?", 'phase:"new"'),
        ("!phase:zzz", 0, "!phase:zzz", "no phase zzz – queued initializing", "queued initializing running"),
        ("status:runing", 0, "status:runing", "no phase runing – did you mean running?", 'phase:"new"'),
        ("age:soon", 0, "age:soon", "age:soon is no comparison – as in age:<2d", "s, m, h, d or w"),
        ("  expires:<3y", 2, "expires:<3y", "has no such unit – as in expires:<3h", "s, m, h, d or w"),
        ("failed:>2h", 0, "failed:>2h", "has no such unit – as in failed:>0", "requests failed"),
        ("failed:>" + "9" * 5000, 0, "failed:>" + "9" * 5000, "is no comparison – as in failed:>0", "requests failed"),
        ("age:<", 0, "age:<", "is no comparison – as in age:<2d", "s, m, h, d or w"),
        ("attention:maybe", 0, "attention:maybe", "attention: is yes or no", "looked at"),
        ("model:", 0, "model:", "model: needs a value – as in model:doubao", "Part of the model"),
        ("a !", 2, "!", "nothing follows ! – as in !phase:failed", "negates"),
        ('name:"a b', 0, 'name:"a', "a quote is not closed", 'name:"a b"'),
        ('"a"b', 0, '"a"b', "a quote is not closed", 'name:"a b"'),
        ('"a\x1b]0;x', 0, '"a\x1b]0;x', "\"a␛]0;x: a quote", ""),
    ],
)  # fmt: skip
def test_a_word_that_is_not_understood_is_named_with_what_fits(
    text: str, position: int, word: str, message: str, advice: str
) -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter(text)
    error = raised.value
    assert isinstance(error, UsageError)
    assert (error.position, error.word) == (position, word)
    assert message in error.message
    assert advice in error.advice
    assert "\x1b" not in error.message


def test_every_example_of_the_words_is_a_filter() -> None:
    for text, means in filter_words():
        assert parse_filter(text)
        assert means.endswith(".")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("failed", "phase:failed"), ("trans FAILED", "phase:failed"), ("fail", None), ('"failed"', None),
     ("!failed", None), ("name:failed", None), ("phase:failed", None), ("", None)],
)  # fmt: skip
def test_a_bare_word_that_is_a_phase_suggests_it(text: str, meant: str | None) -> None:
    assert phase_word(text) == meant


# --- whatever is typed ------------------------------------------------------------------------------------------------

KEYS = ("phase", "model", "name", "id", "tag", "age", "expires", "failed", "attention", "message")
values = st.sampled_from(
    ["run", "<2d", ">=0", "=3h", "yes", "no", "k=v", "", '"a b"', '"', "<99999999w", "²", "<２d", "terminated"]
)
words = st.builds(
    lambda bang, key, value: f"{bang}{key}{value}",
    st.sampled_from(["", "!", "!!"]),
    st.sampled_from(["", *(f"{key}:" for key in KEYS), "PHASE:", "nope:", ":"]),
    values | st.text(max_size=8),
)
texts = st.text(max_size=40) | st.lists(words, max_size=4).map(" ".join)
moments = st.none() | st.datetimes(timezones=st.just(UTC))
views = st.builds(
    view,
    phase=st.sampled_from([*KNOWN_PHASES, "Paused", ""]),
    name=st.text(max_size=9),
    created=moments,
    expires=moments,
    phase_time=moments,
)


def read(text: str) -> JobFilter | FilterError:
    try:
        return parse_filter(text)
    except FilterError as error:
        return error


@given(texts, views)
@example('a"b', view())
def test_whatever_is_typed_is_a_filter_or_a_filter_error(text: str, of: JobView) -> None:
    found = read(text)
    if isinstance(found, FilterError):
        assert text[found.position :].startswith(found.word)
        assert found.advice
    else:
        assert found.matches(of, NOW) in (True, False)


@given(words.filter(lambda word: word.split() == [word] and word[0] != "!"), views)
def test_a_negated_word_finds_exactly_the_others(word: str, of: JobView) -> None:
    found, others = read(word), read(f"!{word}")
    if isinstance(found, FilterError):
        assert isinstance(others, FilterError)
    else:
        assert isinstance(others, JobFilter)
        assert found.matches(of, NOW) is not others.matches(of, NOW)


@given(st.text(min_size=1), st.text(max_size=5), st.text(max_size=5))
def test_quotes_take_any_text_as_it_is(text: str, before: str, behind: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for filter_text in (quoted, f"name:{quoted}"):
        assert parse_filter(filter_text).matches(view(name=before + text + behind), NOW)
    assert not parse_filter(quoted).matches(view(id="", name="", description=""), NOW)
