import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest

from edgegym import InputError
from edgegym.runs.imports import import_modules
from edgegym.runs.workers import run_all, start_workers


def test_each_result_is_kept_and_counted_as_it_comes():
    kept, told = {}, []
    calls = {key: partial(str.upper, key) for key in ("a", "bcd")}
    with ThreadPoolExecutor(1) as pool:
        run_all(pool, calls, kept.__setitem__, lambda *n: told.append(n), n_before=5, size=len)
    assert kept == {"a": "A", "bcd": "BCD"}
    assert told[0] == (5, 9) and told[-1] == (9, 9)
    assert len(told) == 3


def test_with_nothing_to_do_it_tells_what_was_done_before():
    told = []
    with ThreadPoolExecutor(1) as pool:
        run_all(pool, {}, lambda *kept: None, lambda *n: told.append(n), n_before=5)
    assert told == [(5, 5)]


@pytest.mark.parametrize("where", ["a call", "keeping"])
def test_what_goes_wrong_ends_what_has_not_begun(where):
    go_on, begun = Event(), []

    def first():
        if where == "a call":
            raise ZeroDivisionError

    def later(number):
        begun.append(number)
        go_on.wait(5)

    def keep(key, result):
        raise ZeroDivisionError

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            if cancel_futures:
                super().shutdown(wait=False, cancel_futures=True)
                go_on.set()
            super().shutdown(wait)

    calls = {"first": first} | {n: partial(later, n) for n in range(9)}
    with pytest.raises(ZeroDivisionError), Pool(1) as pool:
        run_all(pool, calls, keep, lambda *n: None)
    assert len(begun) <= 1


def test_a_process_that_is_ended_from_outside_is_said_and_what_was_done_is_kept():
    kept = {}
    calls = {"fine": partial(str.upper, "a"), "killed": partial(os._exit, 1)}
    with (
        pytest.raises(InputError, match=r"^worker processes must live until .*--resume goes on\.$"),
        start_workers(1) as pool,
    ):
        run_all(pool, calls, kept.__setitem__, lambda *n: None)
    assert kept == {"fine": "A"}


def test_a_module_that_raises_in_another_process_ends_the_call_with_its_reason(
    tmp_path, monkeypatch
):
    (tmp_path / "only_here.py").write_text(
        "import multiprocessing\n"
        "if multiprocessing.parent_process():\n"
        "    raise RuntimeError('not in a worker')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import_modules(["only_here"])
    with (
        pytest.raises(InputError, match="got 'only_here' \\(RuntimeError: not in a worker"),
        start_workers(1) as pool,
    ):
        run_all(pool, {"a": partial(str.upper, "a")}, lambda *kept: None, lambda *n: None)
