"""Jobs on the engine's frozen clock: phases, rates, stop, expiry, resume, and what survives a kill."""

import os
import time
from datetime import timedelta

import msgspec
import pytest
from engine_bench import BUCKET, START, EngineBench, chat

from tui.clock import SystemClock
from tui.localcloud.ark_views import job_detail
from tui.localcloud.assumptions import DEFAULTS
from tui.localcloud.engine import REQUESTS_PER_STEP, EngineThread
from tui.localcloud.input_check import INPUT_CHANGED
from tui.localcloud.job_work import BLOCK_REQUESTS
from tui.localcloud.jobs import Location
from tui.localcloud.publishing import Publisher


@pytest.fixture
def bench(tmp_path):
    """An engine at 10 requests per second."""
    bench = EngineBench(tmp_path, speed=10)
    yield bench
    bench.close()


def ids(rows):
    return sorted(row["custom_id"] for row in rows)


def expected_ids(count):
    return sorted(f"request-{number}" for number in range(count))


def test_a_watcher_sees_every_phase_of_a_job(bench):
    job_id = bench.submit(map(chat, range(20)))
    seen = []
    for _ in range(30):
        bench.advance(0.1)
        phase = bench.jobs.get(job_id).phase
        if phase not in seen:
            seen.append(phase)
    assert seen == ["Queued", "Initializing", "Running", "Completed"]


def test_counts_move_at_the_speed_that_was_asked_for(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(0.6)
    counts = []
    for _ in range(4):
        bench.advance(1)
        counts.append(bench.jobs.get(job_id).progress.done)
    assert counts == [10, 20, 30, 40]


def test_a_job_ends_when_its_last_request_is_done_however_far_the_clock_jumps(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(3600)
    job = bench.jobs.get(job_id)
    ended = START + timedelta(seconds=0.6 + 100 / 10)
    assert (job.phase, abs(job.phase_time - ended) < timedelta(milliseconds=1)) == ("Completed", True)


def test_nothing_is_written_before_the_job_ends(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(5)
    assert bench.results(job_id) is None


def test_at_full_speed_a_job_ends_without_the_clock_moving(tmp_path):
    bench = EngineBench(tmp_path, speed=0)
    assert bench.run(map(chat, range(10))).phase_time == START
    bench.close()


def test_every_request_is_answered_or_refused_once(bench):
    lines = [chat(number) if number % 7 else chat(number, messages=[]) for number in range(5000)]
    job_id = bench.submit(lines)
    bench.advance(3600)
    results, errors = bench.results(job_id), bench.errors(job_id)
    assert ids(results + errors) == expected_ids(5000)
    assert ids(errors) == sorted(f"request-{number}" for number in range(0, 5000, 7))
    progress = bench.jobs.get(job_id).progress
    assert (progress.total, progress.succeeded, progress.failed) == (5000, len(results), len(errors))


def test_results_are_not_in_the_order_of_the_input(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(60)
    assert [row["custom_id"] for row in bench.results(job_id)] != [f"request-{n}" for n in range(100)]


def test_a_file_that_would_be_empty_is_not_made(bench):
    good = bench.submit([chat(1)])
    bad = bench.submit([chat(1, messages="hello")])
    bench.advance(60)
    assert (bench.errors(good), bench.results(bad)) == (None, None)
    assert len(bench.results(good)) == len(bench.errors(bad)) == 1


def test_results_lie_where_the_platform_puts_them(bench):
    job_id = bench.submit([chat(1), chat(2, messages=[])])
    bench.advance(60)
    keys = [record.key for record in bench.storage.list_objects(BUCKET, prefix="output/").objects]
    assert keys == [f"output/{job_id}/error/errors.jsonl", f"output/{job_id}/output/results.jsonl"]


def test_an_output_folder_without_its_slash_is_a_folder_all_the_same(bench):
    job_id = bench.submit([chat(1)], output=Location(BUCKET, "answers"))
    bench.advance(60)
    assert bench.storage.head(BUCKET, f"answers/{job_id}/output/results.jsonl").size > 0


@pytest.mark.parametrize(("missing", "code"), [("input", "NoSuchKey"), ("output", "NoSuchBucket")])
def test_a_missing_place_fails_the_job(bench, missing, code):
    places = {"input": Location(BUCKET, "nothing.jsonl"), "output": Location("no-such-bucket", "output/")}
    job_id = bench.submit([chat(1)], **{missing: places[missing]})
    bench.advance(60)
    job = bench.jobs.get(job_id)
    assert job.phase == "Failed"
    assert code in job.message


def test_twenty_jobs_of_a_project_run_at_once_and_the_next_waits_for_a_place(bench):
    running = [bench.submit(map(chat, range(20))) for _ in range(DEFAULTS.running_jobs)]
    bench.clock.advance(0.001)
    waiting = bench.submit([chat(1)])
    elsewhere = bench.submit(map(chat, range(20)), project="other")
    bench.advance(1)
    assert {bench.jobs.get(job_id).phase for job_id in [*running, elsewhere]} == {"Running"}
    assert bench.jobs.get(waiting).phase == "Queued"
    bench.advance(3)
    assert bench.jobs.get(waiting).phase == "Completed"


# stop, expiry, resume


def test_a_stopped_job_keeps_the_results_that_it_has(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(3.6)
    bench.stop(job_id)
    bench.advance(0.1)
    assert bench.jobs.get(job_id).phase == "Terminating"
    bench.advance(0.2)
    assert bench.jobs.get(job_id).phase == "Terminated"
    assert len(bench.results(job_id)) == bench.jobs.get(job_id).progress.done == 30


def test_a_resumed_job_does_the_rest_and_nothing_twice(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(3.6)
    bench.stop(job_id)
    bench.advance(10)
    bench.resume(job_id)
    bench.advance(0.6 + 7.1)
    assert bench.jobs.get(job_id).phase == "Completed"
    assert ids(bench.results(job_id)) == expected_ids(100)


def test_a_job_that_was_stopped_in_the_queue_has_no_results(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.stop(job_id)
    bench.advance(1)
    assert (bench.jobs.get(job_id).phase, bench.results(job_id)) == ("Terminated", None)


def test_a_stop_that_comes_while_the_results_are_put_loses_none(tmp_path, monkeypatch):
    bench = EngineBench(tmp_path, speed=0)
    publish = Publisher.publish

    def publish_and_be_stopped(publisher, job, rows):
        changes = publish(publisher, job, rows)
        if bench.jobs.get(job.id).phase == "Running":
            bench.stop(job.id)
        return changes

    monkeypatch.setattr(Publisher, "publish", publish_and_be_stopped)
    job = bench.run(map(chat, range(100)))
    assert (job.phase, ids(bench.results(job.id))) == ("Terminated", expected_ids(100))
    bench.close()


def test_an_expired_job_is_ended_with_the_results_that_it_has(bench):
    job_id = bench.submit(map(chat, range(100)), expires=START + timedelta(seconds=5.6))
    bench.advance(60)
    job = bench.jobs.get(job_id)
    assert (job.phase, len(bench.results(job_id))) == ("Terminated", 50)


def test_a_job_that_never_got_its_turn_expires_in_the_queue(bench):
    for _ in range(DEFAULTS.running_jobs):
        bench.submit(map(chat, range(1000)))
    bench.clock.advance(0.001)
    waiting = bench.submit([chat(1)], expires=START + timedelta(seconds=5))
    bench.advance(6)
    assert bench.jobs.get(waiting).phase == "Terminated"


def test_a_failed_job_whose_input_was_mended_can_be_resumed(bench):
    job_id = bench.submit(["not json"])
    bench.advance(1)
    assert bench.jobs.get(job_id).phase == "Failed"
    bench.put(chat(1).encode(), bench.jobs.get(job_id).input.key)
    bench.resume(job_id)
    bench.advance(1)
    assert bench.jobs.get(job_id).phase == "Completed"


@pytest.mark.parametrize("stopped_before", [False, True])
def test_a_failed_job_names_an_error_file_when_one_was_put_before(bench, stopped_before):
    job_id = bench.submit(chat(number, messages=[]) for number in range(100))
    bench.advance(3.6)
    if stopped_before:
        bench.stop(job_id)
        bench.advance(1)
    bench.put(chat(1).encode(), bench.jobs.get(job_id).input.key)
    bench.restart()
    if stopped_before:
        bench.resume(job_id)
    bench.advance(60)
    job = bench.jobs.get(job_id)
    assert (job.phase, job.progress.failed) == ("Failed", 30)
    named = "ErrorFileTosLocation" in job_detail(job, DEFAULTS)
    assert (named, bench.errors(job_id) is not None) == (stopped_before, stopped_before)


def test_an_input_replaced_between_its_check_and_the_first_request_fails_the_job(bench):
    job_id = bench.submit(map(chat, range(100)))
    while bench.jobs.get(job_id).phase != "Running":
        bench.clock.advance(0.01)
        bench.engine.tick()
        if bench.jobs.get(job_id).phase == "Running":
            bench.put(chat(1).encode(), bench.jobs.get(job_id).input.key)
    bench.advance(60)
    assert (bench.jobs.get(job_id).phase, bench.jobs.get(job_id).message) == ("Failed", INPUT_CHANGED)


@pytest.mark.parametrize("kept", [10, BLOCK_REQUESTS])
def test_an_input_that_was_cut_on_the_disk_fails_the_job(tmp_path, kept):
    bench = EngineBench(tmp_path, speed=1000)
    lines = [f"{chat(number)}\n" for number in range(BLOCK_REQUESTS + 100)]
    job_id = bench.submit(line.rstrip() for line in lines)
    bench.advance(0.7)
    (blob,) = (tmp_path / "objects" / "blobs").iterdir()
    os.truncate(blob, sum(map(len, lines[:kept])))
    bench.restart()
    bench.advance(60)
    assert bench.jobs.get(job_id).phase == "Failed"
    bench.close()


def test_a_half_done_job_does_not_go_on_with_another_input(bench):
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(3.6)
    bench.stop(job_id)
    bench.advance(1)
    bench.put(chat(1).encode(), bench.jobs.get(job_id).input.key)
    bench.resume(job_id)
    bench.advance(60)
    assert bench.jobs.get(job_id).phase == "Failed"
    assert len(bench.results(job_id)) == 30


# determinism and restarts


def run_once(folder, **options):
    bench = EngineBench(folder, **options)
    job_id = bench.submit(map(chat, range(BLOCK_REQUESTS + 100)))
    bench.advance(3600)
    rows = bench.results(job_id)
    bench.close()
    return rows


def test_the_same_seed_gives_the_same_file(tmp_path):
    assert run_once(tmp_path / "a", seed=7) == run_once(tmp_path / "b", seed=7)


def test_another_seed_gives_other_answers_in_another_order(tmp_path):
    first, second = run_once(tmp_path / "a", seed=7), run_once(tmp_path / "b", seed=8)
    assert [row["custom_id"] for row in first] != [row["custom_id"] for row in second]
    assert {row["id"] for row in first}.isdisjoint(row["id"] for row in second)


@pytest.mark.parametrize("done", [0, 1, 30, BLOCK_REQUESTS - 1, BLOCK_REQUESTS, BLOCK_REQUESTS + 1])
def test_a_job_goes_on_after_a_restart_where_it_was(tmp_path, done):
    bench = EngineBench(tmp_path, speed=1000)
    job_id = bench.submit(map(chat, range(BLOCK_REQUESTS + 100)))
    bench.advance(0.6 + done / 1000)
    assert bench.jobs.get(job_id).progress.done == done
    bench.restart(seed=99)  # of new jobs only
    bench.advance(60)
    assert ids(bench.results(job_id)) == expected_ids(BLOCK_REQUESTS + 100)
    bench.close()


def test_rows_written_but_not_counted_when_the_cloud_was_killed_are_not_doubled(tmp_path):
    bench = EngineBench(tmp_path, speed=10)
    job_id = bench.submit(map(chat, range(100)))
    bench.advance(0.6 + 3)
    counted = bench.jobs.get(job_id).progress
    bench.advance(3)
    bench.jobs.revise(job_id, progress=counted)
    bench.restart()
    bench.advance(60)
    assert ids(bench.results(job_id)) == expected_ids(100)
    bench.close()


def test_time_in_which_the_cloud_was_down_does_no_work(bench):
    job_id = bench.submit(map(chat, range(1000)))
    bench.advance(1.6)
    bench.restart()
    bench.clock.advance(50)
    bench.advance(1)
    assert bench.jobs.get(job_id).progress.done == 20


def test_a_step_never_does_more_than_its_share(tmp_path):
    bench = EngineBench(tmp_path, speed=0)
    job_id = bench.submit(map(chat, range(3 * REQUESTS_PER_STEP)))
    while bench.jobs.get(job_id).phase != "Running":
        bench.engine.tick()
    bench.engine.tick()
    assert bench.jobs.get(job_id).progress.done == REQUESTS_PER_STEP
    bench.close()


# faults of the local cloud itself


def test_a_job_whose_end_cannot_be_reckoned_fails_and_the_others_go_on(tmp_path, caplog):
    bench = EngineBench(tmp_path, speed=10)
    huge = bench.submit(map(chat, range(20)))
    bench.advance(0.7)
    progress = bench.jobs.get(huge).progress
    bench.jobs.revise(huge, progress=msgspec.structs.replace(progress, total=10**18))
    bench.restart()
    other = bench.submit(map(chat, range(20)))
    bench.advance(60)
    assert (bench.jobs.get(huge).phase, bench.jobs.get(other).phase) == ("Failed", "Completed")
    bench.close()


def test_a_fault_of_the_engine_is_told_once_and_does_not_end_its_thread(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("tui.localcloud.engine.FAULT_SECONDS", 0.01)
    bench = EngineBench(tmp_path, clock=SystemClock())
    active, failures = bench.jobs.active, iter(range(3))

    def fail_three_times():
        for _ in failures:
            raise RuntimeError("no jobs today")
        return active()

    monkeypatch.setattr(bench.jobs, "active", fail_three_times)
    thread = EngineThread(bench.engine, bench.clock)
    job_id = bench.submit([chat(1)])
    thread.start()
    deadline = time.monotonic() + 10
    while bench.jobs.get(job_id).phase != "Completed":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    thread.stop()
    assert caplog.text.count("RuntimeError: no jobs today") == 1
    bench.close()


def test_a_job_that_cannot_be_written_down_is_tried_again_and_holds_up_no_other(tmp_path, monkeypatch, caplog):
    bench = EngineBench(tmp_path, speed=10)
    faulty = bench.submit([chat(1)])
    bench.clock.advance(0.001)
    other = bench.submit([chat(1)])
    revise, broken = bench.jobs.revise, True

    def refuse_one(job_id, **changes):
        if broken and job_id == faulty:
            raise RuntimeError("not this one")
        return revise(job_id, **changes)

    monkeypatch.setattr(bench.jobs, "revise", refuse_one)
    bench.advance(5)
    assert (bench.jobs.get(faulty).phase, bench.jobs.get(other).phase) == ("Queued", "Completed")
    assert caplog.text.count("met a fault of the local cloud and waits") == 1
    broken = False
    bench.advance(5)
    assert bench.jobs.get(faulty).phase == "Completed"
    bench.close()
