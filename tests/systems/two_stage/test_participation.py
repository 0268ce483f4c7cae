import numpy as np
import pytest

from edgegym import load_scenario
from edgegym.lifecycle.draws import BLOCK_ROUNDS
from edgegym.systems.two_stage.participation import arrivals, block_participants, participants

MNIST = load_scenario("mnist")


def with_federation(scenario=MNIST, **changes):
    return scenario.replace(**{f"federation.{key}": value for key, value in changes.items()})


SOME = with_federation(MNIST.replace(n_devices=10), n_participants=3)


def test_all_take_part_and_all_updates_arrive_unless_it_is_asked_for():
    assert participants(MNIST, 5, 70).all()
    assert arrivals(MNIST, 5, 70).all()


def test_so_many_take_part_in_every_round_and_each_as_often():
    here = np.stack([participants(SOME, 5, n) for n in range(40 * BLOCK_ROUNDS)])
    assert set(here.sum(axis=1)) == {3}
    assert here.mean(axis=0) == pytest.approx(0.3, abs=0.03)


def test_in_turn_each_takes_part_before_anyone_does_again():
    in_turn = with_federation(SOME, participation="round-robin")
    here = np.stack([participants(in_turn, 5, n) for n in range(10)])
    assert [np.flatnonzero(row).tolist() for row in here[:3]] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert here.sum(axis=0).tolist() == [3] * 10


@pytest.mark.parametrize("participation", ["random", "round-robin"])
def test_blocks_follow_each_other(participation):
    scenario = with_federation(SOME, participation=participation)
    blocks = np.concatenate([block_participants(scenario, 5, b) for b in range(3)], axis=-1)
    rounds = np.stack([participants(scenario, 5, n) for n in range(3 * BLOCK_ROUNDS)], axis=-1)
    assert np.array_equal(blocks, rounds)


def test_who_takes_part_is_of_the_seed_and_more_are_the_same_ones_and_others():
    fewer, more = SOME, with_federation(SOME, n_participants=6)
    assert not np.array_equal(block_participants(fewer, 5, 0), block_participants(fewer, 6, 0))
    assert (block_participants(more, 5, 0) | ~block_participants(fewer, 5, 0)).all()


def test_as_many_updates_are_lost_as_the_scenario_says():
    lossy = with_federation(SOME, dropout_probability=0.3)
    arrive = np.stack([arrivals(lossy, 5, n) for n in range(40 * BLOCK_ROUNDS)])
    assert arrive.mean(axis=0) == pytest.approx(0.7, abs=0.03)
