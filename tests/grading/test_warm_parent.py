"""A warm parent gives each submission a worker of its own, and ends it."""

import os
import time

import pytest

from tlkeras.grading.notebooks.source import Step
from tlkeras.grading.sandbox import Limits, WarmParent
from tlkeras.grading.sandbox.client import Worker
from tlkeras.grading.sandbox.warm_parent import _copy, _Drain, _free_user


def test_two_sessions_know_nothing_of_each_other():
    parent = WarmParent("C")
    try:
        found = []
        for text in ("print('ä' * 9); first = 1", "second = 2"):
            with parent.session(Limits()) as session:
                worker = Worker(session, Limits(), time.monotonic() + 60)
                assert worker.run(Step(0, text)) == ()
                found.append(set(worker.look(["first", "second"])))
            assert session.ending["status"] != 0  # it was ended, and did not leave
        assert found == [{"first"}, {"second"}]
        assert session.printed == (b"", 0)
    finally:
        parent.close()


def test_only_the_beginning_of_what_is_printed_is_kept():
    read, write = os.pipe()
    drain = _Drain(read, 10)
    os.write(write, b"x" * 7)
    os.write(write, b"y" * 70)
    os.close(write)
    drain.join(5)
    assert not drain.is_alive()
    assert bytes(drain.kept) == b"xxxxxxxyyy"
    assert drain.count == 77


def test_the_copy_of_the_package_has_an_empty_course(tmp_path):
    _copy(tmp_path)
    files = [p.name for p in (tmp_path / "tlkeras" / "course").rglob("*")]
    assert files == ["__init__.py"]
    assert (tmp_path / "tlkeras" / "grading" / "messages.en.toml").is_file()


def test_users_are_different():
    users = [_free_user() for _ in range(9)]
    if None in users:
        pytest.skip("this namespace has too few users")
    assert len(set(users)) == 9
    assert 0 not in users
