from pathlib import Path

from edgegym.learning.sources import DEFAULT_DATA_DIR, ENVIRONMENT_VARIABLE, find_data_dir


def test_an_argument_outdoes_the_environment_and_the_environment_the_default(monkeypatch):
    assert find_data_dir() == DEFAULT_DATA_DIR.expanduser()
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "/from-environment")
    assert find_data_dir() == Path("/from-environment")
    assert find_data_dir("/from-argument") == Path("/from-argument")


def test_an_empty_environment_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "")
    assert find_data_dir() == DEFAULT_DATA_DIR.expanduser()


def test_a_tilde_stands_for_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "~/sets")
    assert find_data_dir() == tmp_path / "sets"
    assert find_data_dir("~/others") == tmp_path / "others"
