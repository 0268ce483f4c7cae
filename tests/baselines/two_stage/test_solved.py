import pytest

from baselines.two_stage.box import FINETUNE_ROUNDS, PRETRAIN_ROUNDS
from baselines.two_stage.problem import pose
from baselines.two_stage.program import Program
from baselines.two_stage.relaxation import relax
from baselines.two_stage.schemes import find_scheme
from baselines.two_stage.solved import best_solved, best_whole
from edgegym import load_scenario


def problem(bound, scheme="joint"):
    scenario = load_scenario("digits").replace(bound=bound, pretrain_pl_constant=0.3)
    return pose(scenario, find_scheme(scheme))


@pytest.mark.parametrize("bound", ["paper", "tight", "target"])
def test_the_best_case_is_the_relaxation(bound):
    found, relaxed = best_solved(map(Program, problem(bound).parts)), relax(problem(bound))
    assert found.bound == pytest.approx(relaxed.gradient_norm_bound, rel=1e-5)
    assert found.n_pretrain_rounds == pytest.approx(relaxed.n_pretrain_rounds, rel=0.01)
    assert found.n_finetune_rounds == pytest.approx(relaxed.n_finetune_rounds, rel=0.01)


def test_a_stage_that_a_scheme_leaves_out_has_no_rounds():
    alone = best_solved(map(Program, problem("paper", "finetune-only").parts))
    assert alone.n_pretrain_rounds == 0 < alone.n_finetune_rounds
    alone = best_solved(map(Program, problem("paper", "pretrain-only").parts))
    assert alone.n_finetune_rounds == 0 < alone.n_pretrain_rounds


def test_where_nothing_fits_there_is_none():
    s = load_scenario("digits").replace(energy_budget_j=1e-9)
    assert best_solved(map(Program, pose(s, find_scheme("joint")).parts)) is None


@pytest.mark.parametrize("index", [PRETRAIN_ROUNDS, FINETUNE_ROUNDS])
def test_whole_rounds_are_the_next_fewer_or_more_and_no_better(index):
    posed = problem("paper")
    free = best_solved(map(Program, posed.parts))
    found = best_whole(posed.parts, index, 100.4, Program)
    rounds = (found.n_pretrain_rounds, found.n_finetune_rounds)[index]
    assert rounds == pytest.approx(round(rounds), abs=1e-3)
    assert round(rounds) in (100, 101)
    assert found.bound > free.bound
    other = best_solved(map(Program, posed.holding(index, 201 - round(rounds)).parts))
    assert found.bound <= other.bound


def test_more_rounds_than_the_limit_are_not_tried():
    posed = problem("paper")
    most = posed.box.high[PRETRAIN_ROUNDS]
    found = best_whole(posed.parts, PRETRAIN_ROUNDS, most + 0.4, Program)
    assert found.n_pretrain_rounds == pytest.approx(most, rel=1e-3)
    assert best_whole(posed.parts, PRETRAIN_ROUNDS, most + 2.0, Program) is None
