import json
from importlib.metadata import version

import pytest

from edgegym import InputError, load_scenario
from edgegym.runs.designs import plan_designs
from edgegym.runs.manifest import Design, load_manifest, make_manifest, save_manifest
from edgegym.systems.partitioned import PARTITIONED
from edgegym.systems.two_stage import TWO_STAGE


@pytest.fixture
def manifest(tiny_scenario, tiny_plan):
    plan = json.loads(tiny_plan.to_json())
    made = {"scheme": "joint", "method": "exact", "message": ""}
    designs = {
        "first": Design(status="optimal", plan=plan, **made),
        "second": Design(status="infeasible", plan=None, **made),
    }
    return make_manifest(tiny_scenario, [3, 4], designs)


def test_a_manifest_is_read_back_as_it_was_written(manifest, tmp_path):
    save_manifest(manifest, tmp_path / "run")
    assert load_manifest(tmp_path / "run") == manifest


def test_a_manifest_of_the_first_release_is_read(manifest, tmp_path):
    since = {"system", "job", "fidelity", "policies", "agents", "figure"}
    first = manifest.model_dump(mode="json", exclude=since)
    for design in first["designs"].values():
        del design["changes"]
    (tmp_path / "manifest.json").write_text(json.dumps(first))
    assert load_manifest(tmp_path) == manifest


def test_the_manifest_of_another_command_is_refused(manifest, tmp_path):
    save_manifest(manifest, tmp_path)
    with pytest.raises(InputError) as caught:
        load_manifest(tmp_path, "evaluate")
    assert "must be one that `edgegym evaluate` began" in str(caught.value)
    assert f"`edgegym compare --resume {tmp_path}`" in str(caught.value)


def test_a_manifest_of_any_command_is_read_where_any_will_do(manifest, tmp_path):
    save_manifest(manifest.model_copy(update={"job": "figure", "figure": 4}), tmp_path)
    assert load_manifest(tmp_path, None).command_name == "figure 4"


def test_a_manifest_gives_back_scenario_and_plans(manifest, tmp_path, tiny_scenario, tiny_plan):
    save_manifest(manifest, tmp_path)
    loaded = load_manifest(tmp_path)
    assert loaded.read_scenario() == tiny_scenario
    assert loaded.seeds == [3, 4]
    plans = loaded.read_plans()
    assert list(plans) == ["first"]
    assert plans["first"].to_json() == tiny_plan.to_json()


def test_a_manifest_names_the_versions_that_made_it(manifest):
    assert manifest.versions["torch"] == version("torch")
    assert manifest.versions["edgegym"] == version("edgegym")


def test_a_second_manifest_is_refused_and_the_first_is_left_alone(manifest, tmp_path):
    save_manifest(manifest, tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="--resume") as caught:
        save_manifest(manifest, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert (tmp_path / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("change", [{"seeds": "all"}, {"seeds": None}, {"extra": 1}])
def test_a_manifest_with_a_wrong_entry_is_refused_by_name(manifest, tmp_path, change):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest.model_dump(mode="json") | change))
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        load_manifest(tmp_path)
    assert str(path) in str(caught.value)
    assert next(iter(change)) in str(caught.value)
    assert path.read_bytes() == before


def test_a_manifest_that_names_no_system_is_of_the_first(manifest, tmp_path, tiny_scenario):
    data = manifest.model_dump(mode="json", exclude={"system"})
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    loaded = load_manifest(tmp_path)
    assert loaded.system == "two-stage"
    assert loaded.find_system() is TWO_STAGE
    assert loaded.read_scenario() == tiny_scenario


def test_a_manifest_of_another_system_gives_back_its_scenario_and_plans(tmp_path):
    scenario = load_scenario("partitioned-digits").replace(delay_budget_s=0.5)
    made = make_manifest(scenario, [0], plan_designs(scenario, {"equal": ("equal", "exact")}, 6))
    save_manifest(made, tmp_path)
    loaded = load_manifest(tmp_path)
    assert loaded.system == "partitioned"
    assert loaded.find_system() is PARTITIONED
    assert loaded.read_scenario() == scenario
    assert loaded.read_plans()["equal"].block_size.tolist() == [1570] * 5


def test_a_manifest_of_an_unknown_system_is_refused_and_left_as_it_was(manifest, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest.model_dump(mode="json") | {"system": "three-stage"}))
    before = path.read_bytes()
    loaded = load_manifest(tmp_path)
    for read in (loaded.find_system, loaded.read_scenario, loaded.read_plans):
        with pytest.raises(InputError) as caught:
            read()
        assert str(caught.value) == (
            "system must be one of two-stage, partitioned, cooperative, split; got 'three-stage'. "
            "Did you mean 'two-stage'?"
        )
    assert path.read_bytes() == before
