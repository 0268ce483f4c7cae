import numpy as np
import pytest

from baselines.two_stage.by_law.law import LUCKS, Stage, foretell, make_law
from baselines.two_stage.by_law.planner import foretold_loss
from edgegym import Plan, load_scenario
from edgegym.systems.two_stage.emulator_file import load_emulator

MOST = 400


def stages(seed, m, n):
    """Rounds of random batches, of the first of each stage a part."""
    rng = np.random.default_rng(seed)
    return [
        Stage(np.exp(rng.uniform(1.5, 4, rounds)), np.append(rng.uniform(), np.ones(rounds - 1)))
        for rounds in (m, n)
    ]


def slope_of(law, given, stage, part, index):
    """Central difference of the loss by a batch or a share."""
    losses = []
    step = 1e-5 * given[stage][part][index]
    for sign in (1, -1):
        moved = [Stage(*(values.copy() for values in one)) for one in given]
        moved[stage][part][index] += sign * step
        losses.append(foretell(law, *moved).loss)
    return (losses[0] - losses[1]) / (2 * step)


@pytest.mark.parametrize("name", ["digits", "mnist"])
@pytest.mark.parametrize("finetunes", [False, True])
def test_the_gradient_is_that_of_finite_differences(name, finetunes):
    emulator = load_emulator(load_scenario(name)).model_copy(update={"transfer": 0.8})
    start = emulator.start(LUCKS)._replace(excess_loss=np.linspace(0.01, 0.2, LUCKS.size))
    law = make_law(emulator, MOST, start, finetunes)
    given = stages(0, 150, 180)
    told = foretell(law, *given)
    for stage, gradient in enumerate((told.pretrain, told.finetune)):
        for index in (0, 1, 70, 140, 148, 149):
            expected = slope_of(law, given, stage, 0, index)
            assert gradient.batch_size[index] == pytest.approx(expected, rel=1e-3, abs=1e-9)
        assert gradient.share[0] == pytest.approx(slope_of(law, given, stage, 1, 0), rel=1e-3)


def test_the_gradient_of_pretraining_alone():
    law = make_law(load_emulator(load_scenario("digits")), MOST)
    before, _ = stages(1, 200, 1)
    given = before, Stage(np.zeros(0), np.zeros(0))
    told = foretell(law, *given)
    for index in (0, 100, 199):
        expected = slope_of(law, given, 0, 0, index)
        assert told.pretrain.batch_size[index] == pytest.approx(expected, rel=1e-3, abs=1e-9)
    assert told.finetune.batch_size.size == 0


@pytest.mark.parametrize("name", ["digits", "mnist"])
@pytest.mark.parametrize(("m", "n"), [(300, 350), (300, 0), (0, 350)])
def test_a_whole_plan_at_once_is_the_emulator_round_by_round(name, m, n):
    emulator = load_emulator(load_scenario(name))
    rng = np.random.default_rng(2)
    plan = Plan(
        pretrain_batch_size=rng.integers(4, 60, m),
        server_clock_hz=np.ones(m),
        finetune_batch_size=rng.integers(2, 40, (n, 3)),
        device_clock_hz=np.ones((n, 3)),
        device_tx_power_w=np.ones((n, 3)),
    )
    sizes = plan.pretrain_batch_size, plan.finetune_batch_size.sum(axis=1)
    whole = [Stage(size.astype(float), np.ones(size.size)) for size in sizes]
    told = foretell(make_law(emulator, m + n), *whole)
    assert told.loss == pytest.approx(foretold_loss(emulator, plan), rel=0.01)


def test_rounds_that_are_done_are_where_the_rest_begins():
    emulator = load_emulator(load_scenario("digits"))
    before, after = stages(3, 200, 300)
    after = Stage(after.batch_size, np.ones(300))
    whole = foretell(make_law(emulator, 600), before, after).loss
    state = emulator.start(LUCKS)
    for batch, share in zip(*before, strict=True):
        state = emulator.descend(state, batch) if share == 1 else state
    state = emulator.hand_over(state)
    for batch in after.batch_size[:100]:
        state = emulator.descend(state, batch)
    none, rest = Stage(np.zeros(0), np.zeros(0)), Stage(*(part[100:] for part in after))
    left = foretell(make_law(emulator, 400, state, finetunes=True), none, rest)
    assert left.loss == pytest.approx(whole, rel=0.01)
