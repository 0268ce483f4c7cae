import tomllib

from edgegym import load_scenario
from edgegym.studies.calibration.effective import Found
from edgegym.studies.calibration.sources import calibrated_text
from edgegym.systems.two_stage.scenario import Scenario

MNIST = load_scenario("mnist")


def test_a_calibrated_scenario_is_the_old_one_but_for_what_was_found():
    key = "pretrain_smoothness"
    found = Found({key: 1.23456}, {key: (1.0, 2.0)})
    text = calibrated_text(MNIST, "effective", found, {key: "by ranking"})
    line = next(line for line in text.splitlines() if line.startswith("pretrain_smoothness"))
    assert line.split() == [
        "pretrain_smoothness",
        "=",
        "1.235",
        *["#", "calibrated:", "by", "ranking"],
    ]
    changed = Scenario.parse(tomllib.loads(text), where="the test")
    assert changed == MNIST.replace(
        name="mnist-effective", pretrain_smoothness=1.235, constant_intervals={key: (1.0, 2.0)}
    )
