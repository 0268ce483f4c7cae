from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import random_scenario, scenarios

from baselines import SCHEMES
from baselines.two_stage.box import DEVICES, whole_box
from baselines.two_stage.problem import pose
from baselines.two_stage.relaxation import relax
from baselines.two_stage.rounding import as_plan, round_near
from baselines.two_stage.times import RESERVE, cheapest_times
from baselines.two_stage.workload import workload
from edgegym import evaluate, load_scenario
from edgegym.systems.two_stage.bound import bound_terms

SHIPPED = ["digits", "mnist", "cinic10-cifar10"]


def rounded_from(scenario, scheme, box=None):
    problem = pose(scenario, scheme)
    relaxed = relax(problem)
    if relaxed is None:
        return None, None
    return relaxed, round_near(problem.within(box or problem.box), relaxed)


def fits(scenario, scheme, m, n, batch, batch_k):
    times = cheapest_times(
        workload(scenario),
        scheme,
        n_pretrain_rounds=m,
        n_finetune_rounds=n,
        pretrain_batch_size=batch,
        finetune_batch_size=np.array(batch_k),
        delay_budget_s=scenario.delay_budget_s * (1 - RESERVE),
    )
    return times.energy_j <= scenario.energy_budget_j * (1 - RESERVE)


def bound(scenario, m, n, batch, batch_k):
    terms = bound_terms(scenario)
    noise = m * terms.pretrain_noise / batch + n * terms.finetune_noise / sum(batch_k)
    return (noise + terms.start) / (m + n)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@given(scenario=scenarios(decades=1))
@settings(max_examples=15)
def test_a_rounded_plan_keeps_every_limit_and_its_bound(scheme, scenario):
    relaxed, found = rounded_from(scenario, scheme)
    assume(found is not None)
    outcome = evaluate(as_plan(scenario, found), scenario)
    assert outcome.violations == {}
    assert outcome.gradient_norm_bound == pytest.approx(found.gradient_norm_bound, rel=1e-12)
    assert found.gradient_norm_bound >= relaxed.lower_bound * (1 - 1e-9)
    box = whole_box(scenario, scheme)
    assert np.all((box.low <= found.integers) & (found.integers <= box.high))
    assert found.integers[3] == found.integers[DEVICES:].sum()
    assert np.array_equal(found.integers, np.rint(found.integers))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_plan_spends_what_its_times_say(name, scheme):
    scenario = load_scenario(name)
    _, found = rounded_from(scenario, scheme)
    (m, n, *_), times, work = found.integers, found.times, workload(scenario)
    outcome = evaluate(as_plan(scenario, found), scenario)
    round_s = np.max(work.download_s + times.computing_s + times.upload_s)
    assert outcome.total_delay_s == pytest.approx(m * times.server_s + n * round_s, rel=1e-9)
    assert outcome.total_energy_j == pytest.approx(times.energy_j, rel=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_no_neighbour_of_the_relaxed_optimum_on_the_chain_is_better(seed):
    scenario, scheme = random_scenario(seed, decades=0.7, n_devices=1 + seed % 4), SCHEMES["joint"]
    relaxed, found = rounded_from(scenario, scheme)
    low, high = whole_box(scenario, scheme)
    real = relaxed.integers
    lanes = [
        {min(max(np.floor(real[i]) + step, low[i]), high[i]) for step in (0, 1)} for i in range(3)
    ]
    floors = np.floor(real[DEVICES:])
    nearest_first = np.argsort(floors - real[DEVICES:], kind="stable")
    chain = [floors - 1]
    for k in 3 * list(nearest_first):
        chain.append(chain[-1] + np.eye(len(floors))[k])
    limited = [np.clip(link, low[DEVICES:], high[DEVICES:]) for link in chain]
    better = [
        (*lane, link)
        for lane, link in product(product(*lanes), limited)
        if sum(lane[:2]) > 0
        and bound(scenario, *lane, link) < found.gradient_norm_bound * (1 - 1e-12)
    ]
    assert not any(fits(scenario, scheme, *candidate) for candidate in better)


def test_a_hundred_devices_are_rounded_one_by_one():
    scenario, scheme = load_scenario("mnist").replace(n_devices=100), SCHEMES["joint"]
    relaxed, found = rounded_from(scenario, scheme)
    assert evaluate(as_plan(scenario, found), scenario).violations == {}
    assert found.gradient_norm_bound == pytest.approx(relaxed.gradient_norm_bound, rel=1e-3)
    off = found.integers[DEVICES:] - relaxed.finetune_batch_size
    assert np.all(np.abs(off) <= 2 + 1e-9)


@given(scenarios(decades=0.5), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_rounding_stays_within_a_box(scenario, seed):
    rng, scheme = np.random.default_rng(seed), SCHEMES["joint"]
    box = whole_box(scenario, scheme)
    for index in (0, 1, 2, *range(DEVICES, len(box.low))):
        span = np.sort(rng.integers(box.low[index], box.high[index] + 1, 2))
        box.low[index], box.high[index] = span
    assume(box.high[:2].any())
    _, found = rounded_from(scenario, scheme, box)
    if found is not None:
        inside = (box.low <= found.integers) & (found.integers <= box.high)
        assert inside[[0, 1, 2, *range(DEVICES, len(inside))]].all()


def test_where_nothing_fits_nothing_is_found():
    scenario, scheme = load_scenario("mnist"), SCHEMES["joint"]
    relaxed = relax(pose(scenario, scheme))
    poor = scenario.replace(delay_budget_s=1e-3)
    assert round_near(pose(poor, scheme), relaxed) is None


@pytest.mark.parametrize("seed", [*range(20), 150])
def test_what_is_rounded_from_half_a_box_keeps_every_limit(seed):
    scenario = random_scenario(seed)
    problem = pose(scenario, SCHEMES["joint"])
    whole, root = problem.box, relax(problem)
    for index in (0, 1, 2, 3):
        for part in whole.split(index, min(root.integers[index], whole.high[index] - 0.5)):
            relaxed = relax(problem.within(part))
            if relaxed is not None:
                found = round_near(problem, relaxed)
                if found is not None:
                    assert evaluate(as_plan(scenario, found), scenario).violations == {}
