"""Plan as the paper does, play the plan with real training, and compare promise and outcome."""

import edgegym
from baselines import plan
from edgegym.runs.play import play_plan

scenario = edgegym.load_scenario("digits")
# method="exact" solves the same problem to a proven optimum; "sca" is the paper's Algorithm 1.
result = plan(scenario, scheme="joint", method="sca")
print(
    f"plan: {result.plan.n_pretrain_rounds} rounds of pre-training, "
    f"{result.plan.n_finetune_rounds} of fine-tuning, bound (34) {result.gradient_norm_bound:.4f}"
)

# The referee adds up delay and energy by (16) and (21); the environment meets them round by round.
promised = edgegym.evaluate(result.plan, scenario)
episode = play_plan(scenario, result.plan, seed=0)
played, losses = episode.final, episode.rounds["validation_loss"]
print(f"delay:  planned {promised.total_delay_s:.3f} s, played {played['total_delay_s']:.3f} s")
print(f"energy: planned {promised.total_energy_j:.3f} J, played {played['total_energy_j']:.3f} J")
print(f"validation loss: {losses[0]:.3f} at first, {played['validation_loss']:.3f} at the end")
print(f"test loss {played['test_loss']:.3f}, test accuracy {played['test_accuracy']:.2f}")
