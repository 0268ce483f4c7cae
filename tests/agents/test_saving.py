import pytest

from agents.saving import agent_digest, find_file, read_card
from edgegym import InputError


def test_a_digest_names_what_is_in_the_files(agent, trained):
    assert agent_digest(agent) == agent_digest(trained) == agent_digest(agent / "agent.zip")
    (agent / "agent.json").write_text("{}")
    assert agent_digest(agent) != agent_digest(trained)


def test_a_missing_agent_is_named(tmp_path):
    with pytest.raises(
        InputError, match=r"agent must be a policy\.safetensors or agent\.zip .*; got '.*nowhere'"
    ):
        find_file(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"agent must be a policy\.safetensors"):
        find_file(tmp_path)


def test_an_agent_without_its_card_is_refused(agent):
    (agent / "agent.json").unlink()
    with pytest.raises(InputError, match=r"agent\.json"):
        read_card(agent)
