import pytest

from edgegym.runs import recording

SHORT = ("--fidelity", "bound", "--episodes", 2)


def test_without_minari_it_is_said_before_all_else(refusal, tiny, monkeypatch):
    monkeypatch.setattr(recording, "find_spec", lambda name: None)
    assert 'pip install "edgegym[minari]"' in refusal("record", *tiny, "--random")


@pytest.fixture
def minari():
    pytest.importorskip("h5py")
    return pytest.importorskip("minari")


@pytest.fixture
def here(minari, tiny, tmp_path):
    return [*tiny, *SHORT, "--out", tmp_path]


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (["--random"], "random"),
        ([], "exact"),
        (["--scheme", "fixed-power", "--method", "sca", "--grid", 3], "fixed-power-sca"),
        (
            ["--agent", "edgegym.runs.players:random_policy", "--env", "reward=bound"],
            "edgegym-runs-players-random_policy",
        ),
    ],
)
def test_a_data_set_is_named_by_scenario_and_player(ask, minari, here, tmp_path, who, name):
    answer = ask("record", *here, *who)
    assert answer["dataset"] == f"edgegym/digits/{name}-v0"
    assert answer["folder"] == str(tmp_path / answer["dataset"])
    dataset = minari.MinariDataset(tmp_path / answer["dataset"] / "data")
    returns = [episode.rewards.sum() for episode in dataset.iterate_episodes()]
    assert sum(returns) / 2 == pytest.approx(answer["mean_return"])


def test_the_arguments_of_the_environment_are_told_for_anybody(ask, minari, here, tmp_path):
    told = ["--env", "budgets=soft", "--rounds-per-step", 3, "--id", "mine-v1"]
    ask("record", *here, "--random", *told)
    env = minari.MinariDataset(tmp_path / "mine-v1/data").recover_environment().unwrapped
    assert (env.settings.budgets, env.settings.rounds_per_step) == ("soft", 3)


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (["--random", "--scheme", "joint"], "--random must stand without --scheme"),
        (["--agent", "json:dumps", "--random"], "--agent must stand without --random"),
        (["--random", "--algo", "ppo"], "--algo must stand beside an --agent"),
        (["--wrapper", "NamedObservation"], "--wrapper must stand beside an --agent"),
        (["--rounds-per-step", 2], "rounds_per_step must be 1 for a plan"),
        (["--random", "--env", "budget=soft"], "Did you mean 'budgets'?"),
    ],
)
def test_what_does_not_go_together_is_refused(refusal, here, who, said):
    assert said in refusal("record", *here, *who)
