import pandas as pd
import pytest

from edgegym import InputError, load_scenario
from edgegym.runs.manifest import Design
from edgegym.scenario.document import scenario_text
from edgegym.studies.two_stage.sweep import (
    SWEPT,
    accuracy_by_budget,
    hold_budget,
    label_rows,
    sweep_points,
)

DIGITS = load_scenario("digits")


@pytest.mark.parametrize("figure", [2, 3])
def test_the_loss_figures_have_one_point_without_changes(figure):
    assert sweep_points(figure, DIGITS) == [{}]


@pytest.mark.parametrize("figure", SWEPT)
def test_a_sweep_holds_the_scenarios_own_budget(figure):
    key = SWEPT[figure]
    assert {key: getattr(DIGITS, key)} in sweep_points(figure, DIGITS)


@pytest.mark.parametrize(
    ("name", "figure", "held"),
    [
        ("mnist", 4, {"energy_budget_j": 250.0}),
        ("mnist", 5, {}),
        ("mnist-float32", 4, {"energy_budget_j": 250.0}),  # of the base that it extends
        ("cinic10-cifar10", 4, {"energy_budget_j": 1700.0}),
        ("cinic10-cifar10", 5, {"delay_budget_s": 3000.0}),
        ("digits", 4, {}),
        ("mnist", 2, {}),
    ],
)
def test_a_scenario_says_what_a_figure_holds(name, figure, held, tmp_path):
    scenario = load_scenario(name)
    assert hold_budget(figure, scenario) == scenario.replace(**held)
    copy = tmp_path / "own.toml"
    copy.write_text(scenario_text(name).replace(f'name = "{name}"', 'name = "own"'))
    assert hold_budget(figure, load_scenario(copy)) == load_scenario(copy).replace(**held)


def test_a_held_budget_can_be_changed_and_one_that_is_given_stays():
    mnist = load_scenario("mnist").replace(figure4_energy_budget_j=200.0)
    assert hold_budget(4, mnist).energy_budget_j == 200.0
    assert hold_budget(4, mnist, given={"energy_budget_j"}) == mnist
    assert hold_budget(4, mnist, given={"delay_budget_s"}).energy_budget_j == 200.0
    assert hold_budget(4, mnist.replace(figure4_energy_budget_j=None)).energy_budget_j == 300.0
    with pytest.raises(InputError, match="figure4_energy_budget_j must be greater than 0; got -1"):
        mnist.replace(figure4_energy_budget_j=-1)


def test_budgets_of_the_users_are_swept_in_order_and_once():
    assert sweep_points(5, DIGITS, [20.0, 5.0, 20.0]) == [
        {"energy_budget_j": 5.0},
        {"energy_budget_j": 20.0},
    ]


def test_budgets_for_a_figure_that_sweeps_none_are_refused():
    with pytest.raises(InputError) as caught:
        sweep_points(2, DIGITS, [5.0, 20.0])
    assert str(caught.value) == (
        "--budgets must be left out for Fig. 2, which sweeps none; got 5, 20. Use it with 4 or 5."
    )


def design(scheme, **changes):
    return Design(
        scheme=scheme, method="exact", status="optimal", message="", plan=None, changes=changes
    )


@pytest.fixture
def labelled():
    designs = {f"joint @ {budget}": design("joint", delay_budget_s=budget) for budget in (1.0, 2.0)}
    results = pd.DataFrame(
        {
            "design": ["joint @ 1.0", "joint @ 1.0", "joint @ 2.0", "joint @ 2.0"],
            "seed": [0, 1, 0, 1],
            "test_accuracy": [0.25, 0.75, 1.0, None],
        }
    )
    return label_rows(results, designs)


def test_rows_are_labelled_by_scheme_and_budget(labelled):
    assert list(labelled) == ["scheme", "delay_budget_s", "seed", "test_accuracy"]
    assert labelled["scheme"].tolist() == ["joint"] * 4
    assert labelled["delay_budget_s"].tolist() == [1.0, 1.0, 2.0, 2.0]


def test_accuracy_is_averaged_over_the_seeds_that_have_one(labelled):
    first, second = accuracy_by_budget(labelled, "delay_budget_s").itertuples(index=False)
    assert (first.scheme, first.delay_budget_s, first.test_accuracy) == ("joint", 1.0, 0.5)
    assert first.interval == pytest.approx(12.706 * 0.25, rel=1e-4)
    assert (second.test_accuracy, second.n_seeds) == (1.0, 1)
