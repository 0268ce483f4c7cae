"""The course of an episode, kept for drawing."""

from dataclasses import dataclass, field

from edgegym.envs.ledger import Ledger
from edgegym.envs.reward import Standing
from edgegym.systems.two_stage.decision import Decision


@dataclass
class History:
    """What each step has shown, as columns, and the last decision of either stage."""

    rounds: list[int] = field(default_factory=list)  # done in both stages together
    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    gradient_norm_bound: list[float] = field(default_factory=list)
    pretrain_decision: Decision | None = None
    finetune_decision: Decision | None = None

    def add(
        self, ledger: Ledger, standing: Standing, loss: float, decision: Decision | None = None
    ) -> None:
        """Enter where a reset or a step has led to."""
        m, n = ledger.n_pretrain_rounds, ledger.n_finetune_rounds
        if self.rounds and m + n > self.rounds[-1]:
            if n == 0:
                self.pretrain_decision = decision
            else:
                self.finetune_decision = decision
        self.rounds.append(m + n)
        self.loss.append(loss)
        self.validation_loss.append(standing.validation_loss)
        self.gradient_norm_bound.append(standing.gradient_norm_bound)
