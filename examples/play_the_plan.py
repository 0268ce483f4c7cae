"""Plan the joint design, play it through the environment, and see what the referee and it say."""

import edgegym
from baselines import plan
from edgegym.evaluation.rollout import play_plan

scenario = edgegym.load_scenario("digits").replace(delay_budget_s=20.0, energy_budget_j=6.0)
result = plan(scenario, scheme="joint", method="exact")
outcome = edgegym.evaluate(result.plan, scenario)
episode = play_plan(scenario, result.plan, seed=0)
print(f"planned: {outcome.total_delay_s:.3f} s, {outcome.total_energy_j:.3f} J")
print(f"played:  {episode.final['total_delay_s']:.3f} s, {episode.final['total_energy_j']:.3f} J")
print(
    f"test accuracy {episode.final['test_accuracy']:.2f} after {result.plan.n_pretrain_rounds} + "
    f"{result.plan.n_finetune_rounds} rounds"
)
