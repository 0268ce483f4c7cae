from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest

from edgegym.runs.pool import run_all


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
