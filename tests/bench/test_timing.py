import math
import timeit

import pytest

from edgegym.bench import timing


@pytest.fixture
def clock(monkeypatch):
    """A clock that only calls move on."""
    now = [0.0]
    monkeypatch.setattr(timeit, "default_timer", lambda: now[0])
    return now


def test_a_time_is_of_one_call_of_many(clock):
    calls = []

    def call():
        calls.append(clock[0])
        clock[0] += 0.25

    assert timing.seconds(call, 4) == 0.25
    assert len(calls) == 4


def test_calls_are_timed_in_turn_after_one_that_does_not_count(clock):
    order = []

    def make(name, took_s):
        def call():
            clock[0] += took_s if name in order else 60.0  # what is done once only
            order.append(name)

        return call

    times = timing.in_turn(make("a", 1.0), make("b", 2.0), repeats=2)
    assert times.tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert order[-4:] == ["a", "b", "a", "b"]


def test_a_run_repeats_a_short_call_until_it_fills_the_time(clock, monkeypatch):
    monkeypatch.setattr(timing, "RUN_S", 1.0)
    n_calls = []

    def call():
        n_calls.append(1)
        clock[0] += 0.125

    assert timing.in_turn(call, repeats=1).tolist() == [[0.125]]
    assert len(n_calls) == 1 + (1 + 2 + 4 + 8) + 8


def test_runs_are_added_for_as_long_as_is_asked(clock):
    def call():
        clock[0] += 1.0

    assert len(timing.in_turn(call, repeats=3, for_s=0.0)) == 3
    assert len(timing.in_turn(call, repeats=3, for_s=7.0)) == math.ceil(7.0)


def test_where_torch_runs_its_clock_waits_for_a_gpu(monkeypatch):
    asked = iter([1.0, 3.0])
    monkeypatch.setattr("torch.utils.benchmark.timer", lambda: next(asked))
    assert timing.seconds(lambda: None, on_torch=True) == 2.0
