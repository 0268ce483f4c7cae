"""What is shown of an episode, in words for `ansi`, and as the dashboard sees it."""

import math
from typing import NamedTuple

import numpy as np

from edgegym.envs.history import History
from edgegym.lifecycle.rules import Rules
from edgegym.lifecycle.state import DELAY, ENERGY, ROUNDS, EndCode, State

#: How stages are called in pictures and sentences.
STAGE_NAMES = {"pretrain": "pre-training", "finetune": "fine-tuning", "round": "training"}
BAR_LENGTH = 24  # characters


class View(NamedTuple):
    """All that is shown, of one copy."""

    system: str
    rules: Rules
    fidelity: str
    state: State
    history: History

    @property
    def rounds(self) -> list[int]:
        """Rounds done of every stage."""
        n_stages = len(self.rules.stages)
        return [int(n) for n in self.state.totals[ROUNDS : ROUNDS + n_stages]]

    @property
    def stage_names(self) -> list[str]:
        """How the stages are called, and what comes after them."""
        return [*(STAGE_NAMES.get(name, name) for name in self.rules.stages), "done"]

    @property
    def spending(self) -> dict[str, tuple[float, float, str]]:
        """What is spent of each budget there is, and in which unit."""
        s, totals = self.rules.scenario, self.state.totals
        budgets = {
            "delay": (float(totals[DELAY]), s.delay_budget_s, "s"),
            "energy": (float(totals[ENERGY]), s.energy_budget_j, "J"),
        }
        return {label: row for label, row in budgets.items() if row[1] is not None}

    @property
    def measured(self) -> dict[str, float]:
        """What the rules measure, by name."""
        return dict(zip(self.rules.measures, map(float, self.state.measured), strict=True))

    @property
    def limits(self) -> dict[str, float]:
        """What is used of each limit of the system's own, as a ratio, by name."""
        names, used = self.rules.limits, self.rules.used(self.state.totals[:, np.newaxis])
        most = used.reshape(len(names), -1).max(axis=1) if names else used
        return dict(zip(names, map(float, most), strict=True))

    @property
    def status(self) -> str:
        """Count the rounds of all stages, and say why the episode ended if it did."""
        rounds = f"{' + '.join(map(str, self.rounds))} round{'s' * (self.rounds != [1])}"
        if not self.state.end_code:
            return rounds
        return (
            f"{rounds}, ended: {EndCode(int(self.state.end_code)).name.lower().replace('_', ' ')}"
        )


def summary(view: View) -> str:
    """Describe where an episode stands in a few lines of plain text.

    Examples
    --------
    >>> from edgegym.envs.two_stage import TwoStageEdgeEnv
    >>> env = TwoStageEdgeEnv("mnist", fidelity="bound", render_mode="ansi")
    >>> _ = env.reset(seed=0)
    >>> print(env.render())
    mnist, bound: pre-training, 0 + 0 rounds
    loss    2.3 mini-batch, 2.3 validation (accuracy 0.000), gradient norm bound 460
    delay   [........................] 0 of 1000 s
    energy  [........................] 0 of 300 J
    power   [........................] 0 % of the limit
    """
    state, (loss, accuracy) = view.state, view.state.validation
    stage = view.stage_names[int(state.stage)]
    name = view.rules.scenario.name
    measured = [f"{key.replace('_', ' ')} {value:.4g}" for key, value in view.measured.items()]
    losses = f"{state.loss:.4g} mini-batch, {loss:.4g} validation (accuracy {accuracy:.3f})"
    spending = [
        (label, spent / budget, f"{amount(spent, budget)} {unit}")
        for label, (spent, budget, unit) in view.spending.items()
    ]
    limits = [
        (label, used, f"{100 * used:.3g} % of the limit") for label, used in view.limits.items()
    ]
    return "\n".join(
        [
            f"{name}, {view.fidelity}: {stage}, {view.status}",
            f"loss    {', '.join([losses, *measured])}",
            *(f"{label:<7} [{_bar(used)}] {text}" for label, used, text in spending + limits),
        ]
    )


def _bar(used: float) -> str:
    filled = round(BAR_LENGTH * min(used, 1))
    return "#" * filled + "." * (BAR_LENGTH - filled)


def amount(spent: float, budget: float) -> str:
    """Write what is spent of a budget, to a hundredth of it or finer.

    Examples
    --------
    >>> amount(12.345, 30.0), amount(0.0, 1000.0)
    ('12.3 of 30.0', '0 of 1000')
    """
    digits = max(0, 2 - math.floor(math.log10(budget)))
    return f"{spent:.{digits}f} of {budget:.{digits}f}"
