"""What `edgegym calibrate` prints of its report."""

from pathlib import Path
from typing import Any

from rich.table import Table

from edgegym.cli.printing import print_table
from edgegym.results.numbers import number, with_half_width
from edgegym.systems.two_stage.bound import bound_name
from edgegym.systems.two_stage.scenario import Scenario


def print_calibration(report: dict[str, Any], scenario: Scenario, run_dir: Path) -> None:
    """Print the emulator's errors, the constants, and what was trained with them."""
    found = report["emulator"]
    print(
        f"Emulator on {found['n_plans']} plans that were not fitted: final loss off by "
        f"{number(found['mean_relative_error'], '.1%')} (median "
        f"{number(found['median_relative_error'], '.1%')}), rank correlation "
        f"{number(found['rank_correlation'], '.2f')}.\nReal training itself is uncertain by "
        f"{number(found['mean_relative_standard_error_of_real_training'], '.1%')} (standard error)."
    )
    target = scenario.model_copy(update={"bound": "target"})
    for bound, key in {
        bound_name(scenario): "bound_rank_correlation",
        bound_name(target): "target_rank_correlation",
    }.items():
        ranks = ", ".join(
            f"{number(value, '.2f')} with {name} constants" for name, value in report[key].items()
        )
        print(f"Rank correlation of the {bound} and real final loss on these plans: {ranks}.")
    title = "Constants of the bounds, with 95 % intervals of the runs drawn again"
    constants = Table("constant", *report["constants"], title=title)
    for key in report["constants"]["shipped"]:
        constants.add_row(key, *(_found(report, source, key) for source in report["constants"]))
    print_table(constants)
    table = Table("plan with constants", "M", "N", "batches", "test loss", "accuracy")
    for row in report["plans"]:
        table.add_row(
            row["constants"],
            *(str(row[key]) for key in ("n_pretrain_rounds", "n_finetune_rounds", "batches")),
            with_half_width(row["test_loss"], row["test_loss_interval"], ".3f"),
            number(row["test_accuracy"], ".3f"),
        )
    print_table(table)
    print(f"Written to {run_dir}: emulator.json, two scenarios, report.json and pictures")


def _found(report: dict[str, Any], source: str, key: str) -> str:
    """Write a constant with its interval, where it has one."""
    value = number(report["constants"][source][key], ".4g")
    if (ends := report["intervals"][source].get(key)) is None:
        return value
    return f"{value} [{', '.join(number(end, '.4g') for end in ends)}]"
