import pytest

from edgegym import InputError
from edgegym.runs.workers import start_workers


def test_an_unknown_backend_is_refused():
    with pytest.raises(InputError) as caught:
        start_workers(1, "rai")
    assert "Did you mean 'ray'" in str(caught.value) or "ray" in str(caught.value)


def test_ray_that_is_not_installed_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError) as caught:
        start_workers(1, "ray")
    assert str(caught.value) == (
        "--backend ray must find Ray; got no package of that name. Install it with "
        'pip install "edgegym[ray]".'
    )
