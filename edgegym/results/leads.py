"""How far the joint design is ahead of its best rival, beyond what the seeds leave open."""

import math
from dataclasses import dataclass

import pandas as pd

from edgegym.results.statistics import interval95

HOLDS, OPEN, FAILS = "holds", "not settled", "does not hold"


@dataclass(frozen=True)
class Lead:
    """By how much the joint design is ahead of a benchmark, with the 95 % interval over seeds."""

    rival: str
    joint: float
    theirs: float
    ahead: float  # paired; positive where the joint design is better
    interval: float

    @property
    def verdict(self) -> str:
        """Whether the joint design is ahead, beyond what the seeds leave open."""
        if abs(self.ahead) > self.interval:
            return HOLDS if self.ahead > 0 else FAILS
        return OPEN

    def __str__(self) -> str:
        within = "on one seed" if math.isnan(self.interval) else f"± {self.interval:.3f}"
        means = f"joint {self.joint:.3f}, {self.rival} {self.theirs:.3f}"
        return f"{means}, ahead by {self.ahead:.3f} {within}"


def lead_over(rows: pd.DataFrame, column: str, rivals: set[str] | None = None) -> Lead | None:
    """Compare the joint design with the best of its rivals, seed by seed; None if one is missing.

    Parameters
    ----------
    rows : one row per scheme and seed, in one budget
    column : "test_accuracy", of which more is better, or a loss
    rivals : schemes; all that are there if None

    Examples
    --------
    >>> rows = pd.DataFrame({"scheme": ["joint", "joint", "fixed-power", "fixed-power"],
    ...                      "seed": [0, 1, 0, 1], "test_loss": [0.3, 0.4, 0.5, 0.6]})
    >>> lead = lead_over(rows, "test_loss")
    >>> str(lead), lead.verdict
    ('joint 0.350, fixed-power 0.550, ahead by 0.200 ± 0.000', 'holds')
    """
    sign = 1 if column == "test_accuracy" else -1
    table = rows.astype({column: float}).pivot(index="seed", columns="scheme", values=column)
    means = {str(scheme): float(mean) for scheme, mean in table.mean().dropna().items()}
    present = [scheme for scheme in means if scheme in (rivals or set(means) - {"joint"})]
    if "joint" not in means or not present:
        return None
    best = max(present, key=lambda scheme: sign * means[scheme])
    ahead = sign * (table["joint"] - table[best])
    return Lead(best, means["joint"], means[best], float(ahead.mean()), float(interval95(ahead)))
