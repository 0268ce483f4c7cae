"""The summary: where an episode stands, in words, for `ansi` and for the dashboard."""

import math
from typing import TYPE_CHECKING

from edgegym.envs.ledger import Ledger
from edgegym.systems.two_stage.decision import Stage

if TYPE_CHECKING:
    from edgegym.envs.two_stage import TwoStageEdgeEnv

STAGE_NAMES = {
    Stage.PRETRAIN: "pre-training",
    Stage.FINETUNE: "fine-tuning",
    Stage.DONE: "done",
}
BAR_LENGTH = 24  # characters


def summary(env: "TwoStageEdgeEnv") -> str:
    """Describe where an episode stands in five lines of plain text.

    Examples
    --------
    >>> from edgegym.envs.two_stage import TwoStageEdgeEnv
    >>> env = TwoStageEdgeEnv("mnist", fidelity="bound", render_mode="ansi")
    >>> _ = env.reset(seed=0)
    >>> print(env.render())
    mnist, bound: pre-training, 0 + 0 rounds
    loss    2.3 mini-batch, 2.3 validation (accuracy 0.000), bound 460
    delay   [........................] 0 of 1000 s
    energy  [........................] 0 of 300 J
    power   mean 0 to 0 W over the devices
    """
    now, power = env.standing, env.ledger.mean_tx_power_w
    bars = []
    for label, (spent, budget, unit) in spending(env.ledger).items():
        filled = round(BAR_LENGTH * min(spent / budget, 1))
        bar = "#" * filled + "." * (BAR_LENGTH - filled)
        bars.append(f"{label:<7} [{bar}] {amount(spent, budget)} {unit}")
    return "\n".join(
        [
            f"{env.scenario.name}, {env.fidelity}: {STAGE_NAMES[env.ledger.stage]}, {status(env)}",
            f"loss    {env.loss:.4g} mini-batch, {now.validation_loss:.4g} validation "
            f"(accuracy {now.validation_accuracy:.3f}), bound {now.gradient_norm_bound:.4g}",
            *bars,
            f"power   mean {power.min():.3g} to {power.max():.3g} W over the devices",
        ]
    )


def status(env: "TwoStageEdgeEnv") -> str:
    """Count the rounds of both stages, and say why the episode ended if it did."""
    rounds = f"{env.ledger.n_pretrain_rounds} + {env.ledger.n_finetune_rounds} rounds"
    if not env.end_code:
        return rounds
    return f"{rounds}, ended: {env.end_code.name.lower().replace('_', ' ')}"


def spending(ledger: Ledger) -> dict[str, tuple[float, float, str]]:
    """List what is spent of either budget, and in which unit."""
    s = ledger.scenario
    return {
        "delay": (ledger.delay_s, s.delay_budget_s, "s"),
        "energy": (ledger.energy_j, s.energy_budget_j, "J"),
    }


def amount(spent: float, budget: float) -> str:
    """Write what is spent of a budget, to a hundredth of it or finer.

    Examples
    --------
    >>> amount(12.345, 30.0), amount(0.0, 1000.0)
    ('12.3 of 30.0', '0 of 1000')
    """
    digits = max(0, 2 - math.floor(math.log10(budget)))
    return f"{spent:.{digits}f} of {budget:.{digits}f}"
