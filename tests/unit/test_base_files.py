"""Files that are private, whole, and inside their folder, whatever goes wrong or is sent."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.files import (
    PartBlockedError,
    UnsafeNameError,
    atomic_writer,
    new_file,
    open_part,
    private_folder,
    publish,
    safe_name,
    sync_folder,
    write_atomic,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[0o022, 0o000], ids=["umask 022", "umask 000"])
def generous_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Privacy


@pytest.mark.usefixtures("generous_umask")
def test_new_folders_are_the_owner_s_alone(tmp_path: Path) -> None:
    private_folder(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / made) for made in ("a", "a/b", "a/b/c")] == [0o700] * 3


@pytest.mark.usefixtures("generous_umask")
def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    before = mode(tmp_path / "shared")
    private_folder(tmp_path / "shared" / "mine")
    assert mode(tmp_path / "shared") == before


def test_a_file_in_the_folder_s_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(NotADirectoryError):
        private_folder(tmp_path / "taken")


@pytest.mark.usefixtures("generous_umask")
def test_a_written_file_is_the_owner_s_alone(tmp_path: Path) -> None:
    (tmp_path / "config").touch(mode=0o644)
    write_atomic(tmp_path / "config", b"new")
    assert mode(tmp_path / "config") == 0o600


@pytest.mark.usefixtures("generous_umask")
def test_a_download_is_the_owner_s_alone_from_its_first_byte(tmp_path: Path) -> None:
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.close(descriptor)
    assert mode(part) == 0o600
    assert mode(publish(part, "results.jsonl")) == 0o600


# Whole or not at all


@pytest.mark.parametrize("data", [b"", b"x", b"0123456789" * 100_000])
def test_what_is_written_is_read(tmp_path: Path, data: bytes) -> None:
    write_atomic(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_an_error_while_writing_leaves_the_old_content_and_no_part(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", b"old")

    def fail_half_way() -> None:
        with atomic_writer(tmp_path / "file") as descriptor:
            os.write(descriptor, b"half of the ne")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_leaves_the_old_content_and_no_part(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", b"old")

    def write_to_a_full_disk() -> None:
        with atomic_writer(tmp_path / "file") as descriptor, Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), descriptor)
            os.write(descriptor, b"new")

    with pytest.raises(OSError, match="No space left"):
        write_to_a_full_disk()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_process_killed_while_writing_leaves_the_old_content(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", b"old")
    program = (
        "import os, pathlib, signal, sys\n"
        "from tui.files import atomic_writer\n"
        "with atomic_writer(pathlib.Path(sys.argv[1])) as descriptor:\n"
        "    os.write(descriptor, b'half of the ne')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "file")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "file").read_bytes() == b"old"
    write_atomic(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    first_is_writing, second_is_done = threading.Event(), threading.Event()

    def first() -> None:
        with atomic_writer(tmp_path / "file") as descriptor:
            os.write(descriptor, b"first ")
            first_is_writing.set()
            second_is_done.wait(5)
            os.write(descriptor, b"first")

    writer = threading.Thread(target=first)
    writer.start()
    assert first_is_writing.wait(5)
    write_atomic(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"second"
    second_is_done.set()
    writer.join()
    assert (tmp_path / "file").read_bytes() == b"first first"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_the_longest_safe_name_can_be_written_atomically(tmp_path: Path) -> None:
    write_atomic(tmp_path / safe_name("x" * 240), b"data")
    assert (tmp_path / ("x" * 240)).read_bytes() == b"data"


# Never over another file


def test_a_finished_part_gets_its_name(tmp_path: Path) -> None:
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.write(descriptor, b"answers")
    os.close(descriptor)
    final = publish(part, "results.jsonl")
    assert final == tmp_path / "results.jsonl"
    assert final.read_bytes() == b"answers"
    assert list(tmp_path.iterdir()) == [final]


@pytest.mark.parametrize("hard_links", [True, False], ids=["hard links", "no hard links"])
def test_a_taken_name_is_never_replaced(tmp_path: Path, hard_links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hard_links:
        without_hard_links(monkeypatch)
    (tmp_path / "results.jsonl").write_bytes(b"the operator's")
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.close(descriptor)
    with pytest.raises(FileExistsError):
        publish(part, "results.jsonl")
    assert (tmp_path / "results.jsonl").read_bytes() == b"the operator's"
    assert part.exists()


@pytest.mark.parametrize("hard_links", [True, False], ids=["hard links", "no hard links"])
def test_a_link_that_leads_nowhere_counts_as_taken(
    tmp_path: Path, hard_links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hard_links:
        without_hard_links(monkeypatch)
    (tmp_path / "results.jsonl").symlink_to(tmp_path / "outside")
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.close(descriptor)
    with pytest.raises(FileExistsError):
        publish(part, "results.jsonl")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK])
def test_a_file_system_without_hard_links_still_publishes(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_hard_links(monkeypatch, number)
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.close(descriptor)
    final = publish(part, "results.jsonl")
    assert list(tmp_path.iterdir()) == [final]


def test_a_link_that_the_disk_cannot_write_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_hard_links(monkeypatch, errno.EIO)
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.close(descriptor)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        publish(part, "results.jsonl")
    assert list(tmp_path.iterdir()) == [part]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_a_folder_is_good_enough(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_sync(monkeypatch, number)
    sync_folder(tmp_path)


def test_a_folder_that_the_disk_cannot_write_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_sync(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(tmp_path)


def without_hard_links(monkeypatch: pytest.MonkeyPatch, number: int = errno.EPERM) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tui.files.os.link", refuse)


def refuse_to_sync(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tui.files.os.fsync", refuse)


# A part is never an earlier file


def test_a_part_that_a_crash_left_with_two_names_is_not_written_into(tmp_path: Path) -> None:
    kept = tmp_path / "results.jsonl"
    kept.write_bytes(b"the operator's")
    (tmp_path / "results.jsonl.part").hardlink_to(kept)
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.write(descriptor, b"another download, longer than the first")
    os.close(descriptor)
    assert kept.read_bytes() == b"the operator's"
    assert part.read_bytes() == b"another download, longer than the first"


@pytest.mark.usefixtures("generous_umask")
def test_an_earlier_part_that_others_could_read_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl.part").touch(mode=0o644)
    part, descriptor = open_part(tmp_path, "results.jsonl")
    os.close(descriptor)
    assert mode(part) == 0o600


def test_a_pipe_in_the_part_s_place_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "results.jsonl.part")
    with pytest.raises(PartBlockedError):
        open_part(tmp_path, "results.jsonl")
    assert (tmp_path / "results.jsonl.part").is_fifo()


# Links in the way


def test_a_link_in_the_part_s_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"the operator's")
    (tmp_path / "results.jsonl.part").symlink_to(victim)
    with pytest.raises(PartBlockedError):
        open_part(tmp_path, "results.jsonl")
    assert victim.read_bytes() == b"the operator's"


def test_an_atomic_write_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"the operator's")
    (tmp_path / "report").symlink_to(victim)
    write_atomic(tmp_path / "report", b"new")
    assert victim.read_bytes() == b"the operator's"
    assert (tmp_path / "report").read_bytes() == b"new"


# Names


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../x", "/etc/x", "a/../../x", "a//b", "./x", "x/", "a\0b", "..\\x", "C:\\x", "C:x", "CON",
        "con.txt", "CON .txt", "nul", "LPT1.jsonl", "x.", "x ", "x\n", "\x1b[2J", "a\u202eb", "a\u200bb", "lone\udcff",
        "what?", "a*b", "a|b", 'a"b', "a<b", "x" * 241, "结" * 81,
    ],
)  # fmt: skip
def test_a_name_that_could_leave_its_folder_or_deceive_is_refused(name: str) -> None:
    with pytest.raises(UnsafeNameError) as caught:
        safe_name(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["results.jsonl", "批量-11.jsonl", ".hidden", "-rf", "console", "a b", "x" * 240])
def test_a_plain_name_is_kept(name: str) -> None:
    assert safe_name(name) == name


@given(st.text(max_size=30))
def test_a_safe_name_stays_in_its_folder(name: str) -> None:
    try:
        kept = safe_name(name)
    except UnsafeNameError:
        return
    folder = Path("/some/folder")
    assert (folder / kept).parent == folder
    assert os.path.normpath(folder / kept) == str(folder / kept)


def test_a_new_file_appears_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with new_file(path) as descriptor:
        os.write(descriptor, b"a,b")
        assert not path.exists()
    assert path.read_bytes() == b"a,b"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    path, link = tmp_path / "out.csv", tmp_path / "link"
    path.write_text("kept")
    link.symlink_to(tmp_path / "nowhere")
    for taken in (path, link):
        with pytest.raises(FileExistsError), new_file(taken):
            pytest.fail("the name is taken")
    late = tmp_path / "late"
    with pytest.raises(FileExistsError), new_file(late):
        late.write_text("theirs")
    assert (path.read_text(), late.read_text()) == ("kept", "theirs")
    assert {found.name for found in tmp_path.iterdir()} == {"out.csv", "link", "late"}


def test_an_error_leaves_nothing_of_a_new_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), new_file(tmp_path / ("long" * 60)):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []
