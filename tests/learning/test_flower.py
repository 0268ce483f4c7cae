import pytest

from edgegym import InputError, load_scenario
from edgegym.learning import flower


@pytest.mark.parametrize("missing", ["flwr", "ray"])
@pytest.mark.parametrize(
    "run",
    [
        lambda: flower.device_app(load_scenario("digits"), 0, batch_sizes=None),
        lambda: flower.simulate(server=None, client=None, n_devices=3),
    ],
    ids=["device_app", "simulate"],
)
def test_without_flower_or_its_engine_it_says_how_to_get_them(monkeypatch, run, missing):
    monkeypatch.setattr(flower, "find_spec", lambda name: None if name == missing else "there")
    with pytest.raises(InputError, match=r"must be installed with its simulation engine; got none"):
        run()


def test_neither_flower_nor_ray_reports_its_use():
    assert flower.ENVIRONMENT["FLWR_TELEMETRY_ENABLED"] == "0"
    assert flower.ENVIRONMENT["RAY_USAGE_STATS_ENABLED"] == "0"
