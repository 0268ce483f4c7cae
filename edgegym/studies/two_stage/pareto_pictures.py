"""What the study of both budgets draws: the surface of the bound, and accuracy scheme by scheme."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgegym.results.curves import STYLES
from edgegym.studies.two_stage.figures import LEGEND, MARKERS
from edgegym.systems.two_stage.bound import bound_name
from edgegym.systems.two_stage.scenario import Scenario

LOOKS = dict(zip(LEGEND, STYLES, strict=False))


def plot_surface(
    surface: pd.DataFrame, plans: pd.DataFrame, scenario: Scenario, title: str
) -> Figure:
    """Draw the joint design's bound over both budgets, and below it the accuracy of all schemes.

    On the surface each scheme has the line of budgets that buy it what the joint design has within
    the scenario's.
    """
    energies = sorted(set(plans["energy_budget_j"]))
    figure = Figure(figsize=(10, 8), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    above, below = parts
    _draw_surface(above.subplots(), surface, scenario)
    all_axes = below.subplots(1, len(energies), sharey=True, squeeze=False)[0]
    for axes, energy_j in zip(all_axes, energies, strict=True):
        _draw_accuracy(axes, plans[plans["energy_budget_j"] == energy_j])
        axes.set_title(f"Energy budget {energy_j:g} J", fontsize="small")
    all_axes[0].set_ylabel("Test accuracy, real training")
    handles = all_axes[0].get_legend_handles_labels()
    below.legend(*handles, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure


def _draw_surface(axes: Axes, surface: pd.DataFrame, scenario: Scenario) -> None:
    tables = {
        str(scheme): group.pivot(index="energy_j", columns="delay_s", values="bound")
        for scheme, group in surface.groupby("scheme", sort=False)
    }
    joint = tables["joint"]
    log = joint.where(np.isfinite(joint)).apply(np.log10)
    colours = axes.contourf(joint.columns, joint.index, log, levels=20, cmap="viridis_r")
    bar = axes.figure.colorbar(colours, ax=axes, label=f"Joint design's {bound_name(scenario)}")
    bar.ax.yaxis.set_major_formatter(lambda exponent, _: f"{10**exponent:.3g}")
    own = float(log.to_numpy()[len(log) // 2, len(log) // 2])  # within the scenario's budgets
    for scheme, table in tables.items():
        bounds = np.log10(table.where(np.isfinite(table)))
        if np.nanmin(bounds) < own < np.nanmax(bounds):
            colour, dashes = LOOKS[scheme]
            axes.contour(
                table.columns, table.index, bounds, [own], colors=[colour], linestyles=[dashes]
            )
            axes.plot([], [], color=colour, linestyle=dashes, label=LEGEND[scheme])
    axes.plot(
        scenario.delay_budget_s, scenario.energy_budget_j, "X", color="#D55E00", markersize=10,
        markeredgecolor="white", label="the scenario's budgets",
    )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="Delay budget (s)", ylabel="Energy budget (J)")
    for axis, budget in (
        (axes.xaxis, scenario.delay_budget_s),
        (axes.yaxis, scenario.energy_budget_j),
    ):
        ticks = [budget * 2.0**power for power in range(-2, 3)]
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    title = "Budgets that buy what the joint design has at the cross"
    axes.legend(fontsize=8, loc="lower left", framealpha=0.9, title=title, title_fontsize=8)


def _draw_accuracy(axes: Axes, plans: pd.DataFrame) -> None:
    for scheme in LEGEND:
        line = plans[plans["scheme"] == scheme].sort_values("delay_budget_s")
        colour, dashes = LOOKS[scheme]
        axes.plot(
            line["delay_budget_s"], line["test_accuracy"].astype(float), color=colour,
            linestyle=dashes, marker=MARKERS[scheme], markersize=5, label=LEGEND[scheme],
        )  # fmt: skip
    axes.set(xscale="log", xlabel="Delay budget (s)", ylim=(0, 1))
    ticks = sorted(set(plans["delay_budget_s"]))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
