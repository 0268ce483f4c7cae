import pytest
import torch

from edgegym.errors import InputError
from edgegym.learning.devices import find_device


@pytest.mark.parametrize(("present", "kind"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, present, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    assert find_device("auto").type == kind


def test_the_cpu_is_always_there():
    assert find_device("cpu") == torch.device("cpu")


def test_an_unknown_device_is_refused_by_name():
    with pytest.raises(InputError, match="must be auto, cpu, cuda or cuda:N; got 'gpu'"):
        find_device("gpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_is_refused_where_there_is_none(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"got '{name}', and torch sees no GPU"):
        find_device(name)


@pytest.mark.parametrize("name", ["cuda:5", "meta"])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match=f"got '{name}'"):
        find_device(name)
