import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import TINY_SCENARIO

from edgegym import evaluate, load_scenario
from edgegym.learning.learner import Learner
from edgegym.studies.calibration.recording import Recording, random_plan, record, record_plan
from edgegym.systems.two_stage.emulator_file import load_emulator

TINY = load_scenario("digits").replace(**TINY_SCENARIO)


@given(st.sampled_from(["digits", "mnist", "cinic10-cifar10"]), st.integers(0, 2**32 - 1))
def test_every_random_plan_keeps_to_the_budgets(name, seed):
    scenario = load_scenario(name)
    assert evaluate(random_plan(scenario, np.random.default_rng(seed)), scenario).violations == {}


def test_random_plans_spend_a_budget_and_cover_both_stages():
    scenario = load_scenario("mnist")
    plans = [random_plan(scenario, np.random.default_rng(seed)) for seed in range(60)]
    shares = []
    for plan in plans:
        outcome = evaluate(plan, scenario)
        delay, energy = outcome.total_delay_s / 1000, outcome.total_energy_j / 300
        shares.append(max(delay, energy))
    assert np.median(shares) > 0.95
    assert min(plan.n_pretrain_rounds for plan in plans) < 50
    assert max(plan.n_pretrain_rounds for plan in plans) > 700
    assert max(plan.n_finetune_rounds for plan in plans) > 1500


def test_a_recording_is_what_the_learner_sees_round_by_round():
    plan = random_plan(TINY, np.random.default_rng(1))
    recording = record(TINY, plan, seed=5)
    m, n = plan.n_pretrain_rounds, plan.n_finetune_rounds
    learner = Learner(TINY, 5)
    losses = [learner.validation()[0]]
    for done in range(m + n):
        if done < m:
            learner.pretrain(done, plan.pretrain_batch_size[done])
        else:
            learner.finetune(done - m, plan.finetune_batch_size[done - m])
        losses.append(learner.validation()[0])
    assert recording.target_loss == losses
    assert recording.looked_after == list(range(m + n + 1))
    assert len(recording.source_loss) == m + 1
    assert recording.test_loss == learner.report()["test_loss"]
    assert recording.finetune_batch_size == plan.finetune_batch_size.sum(axis=1).tolist()


def test_plans_depend_on_the_index_and_seeds_on_the_repeat():
    first, again, other = (record_plan(TINY, 3, 1, repeat) for repeat in (0, 0, 1))
    assert first == again
    assert first.pretrain_batch_size == other.pretrain_batch_size
    assert first.seed != other.seed and first.target_loss != other.target_loss


def test_a_recording_with_a_column_cut_short_is_refused():
    whole = record_plan(TINY, 0, 0, 0)
    data = whole.model_dump() | {"target_loss": whole.target_loss[:-1]}
    with pytest.raises(ValueError, match="looked_after must be as long as target_loss"):
        Recording.model_validate(data)


def test_training_that_diverges_ends_its_recording():
    wild = TINY.replace(learning_rate=1e9)
    recording = record(wild, random_plan(wild, np.random.default_rng(1)), seed=0)
    assert not np.isfinite(recording.target_loss[-1])
    again = Recording.model_validate_json(recording.model_dump_json())
    assert np.array_equal(again.target_loss, recording.target_loss, equal_nan=True)
    assert np.isfinite(recording.target_loss[:-1]).all()


@pytest.mark.parametrize(("name", "n_plans"), [("digits", 168), ("mnist", 48)])
def test_the_shipped_emulators_say_what_their_recorded_plans_spanned(name, n_plans):
    # the README's commands: --seed 7, and the first 24 plans are for testing
    scenario = load_scenario(name)
    plans = [random_plan(scenario, np.random.default_rng([7, i])) for i in range(24, n_plans)]
    emulator = load_emulator(scenario)
    for recorded, sizes in (
        (emulator.recorded_pretrain, [plan.pretrain_batch_size for plan in plans]),
        (emulator.recorded_finetune, [plan.finetune_batch_size.sum(axis=1) for plan in plans]),
    ):
        assert recorded.n_rounds == max(map(len, sizes))
        every = np.concatenate(sizes)
        assert recorded.batch_size == (every.min(), every.max())
