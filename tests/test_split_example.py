"""The two processes of the example, on a tiny random BERT."""

import re
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = str(Path(__file__).parents[1] / "examples" / "split_two_processes.py")


def run(*arguments):
    module = runpy.run_path(SCRIPT)
    module["main"](list(arguments))


def test_two_processes_end_with_the_weights_of_one_and_send_what_is_counted(capfd):
    pytest.importorskip("transformers")
    run("--steps", "12", "--rank", "2", "--layer", "3", "--batch-size", "4")
    told = capfd.readouterr().out
    assert "After 12 AdamW steps weights differ from those of one process by 0 at most" in told
    assert float(re.search(r"moved by (\S+),", told)[1]) > 1e-4
    edge = eval(re.search(r"edge sent (\{.*\}) bytes", told)[1])
    cloud = eval(re.search(r"cloud sent (\{.*\}) bytes", told)[1])
    # Of every token a byte of the mask, and two numbers of four bytes; no text and no label.
    assert edge["thin tensor"] == cloud["gradient of thin tensor"] == 2 * 4 * edge["mask"]
    assert edge["gradient of logits"] == cloud["logits"] == 12 * 4 * 2 * 4
    assert edge.keys() == {"shape", "mask", "thin tensor", "gradient of logits"}
    assert cloud.keys() == {"logits", "gradient of thin tensor"}


def test_a_slow_link_takes_the_time_of_its_bytes(monkeypatch):
    pytest.importorskip("transformers")
    link_of = runpy.run_path(SCRIPT)["Link"]
    slept, sent = [], []
    module = sys.modules["torch.distributed"]
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr(module, "send", lambda values, other: sent.append(values.numel()))
    import torch

    for bytes_per_second, wanted in ((None, []), (100.0, [0.48])):
        link = link_of(1, bytes_per_second)
        link.send("thin tensor", torch.zeros(3, 4))
        assert link.sent == {"thin tensor": 48} and slept == wanted
    assert sent == [12, 12]


def test_without_transformers_the_example_says_so_and_ends(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SystemExit, match="transformers is not installed; get it with `pip install"):
        run()
