import pytest
import torch

from edgegym.bench import __main__ as command
from edgegym.bench import gpu
from edgegym.bench.gpu import Row


@pytest.fixture
def on_a_cpu(monkeypatch):
    """Measure on a CPU what can be, quickly."""
    monkeypatch.setattr(gpu, "ROUNDS", 2)
    monkeypatch.setattr(gpu, "N_STACKED", 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    for part in ("waits", "beside_a_bare_loop", "figure_2"):
        monkeypatch.setattr(gpu, part, lambda device: iter(()))


def test_without_a_gpu_it_says_so_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as end:
        command.main(["gpu"])
    assert end.value.code == 2
    assert "device must be present; got 'cuda', and torch sees no GPU" in capsys.readouterr().err


def test_a_table_is_printed_and_written_row_by_row(on_a_cpu, tmp_path, capsys):
    command.main(["gpu", "--device", "cpu", "--out", str(tmp_path / "gpu.md")])
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "gpu.md").read_text()
    heading, rule, card, parity, stacked = printed.splitlines()
    assert heading.count("|") == rule.count("|") == card.count("|") == parity.count("|") == 5
    assert "a card" in card
    assert parity.endswith("| 0.0e+00 | at most 1e-2 | yes |")  # a CPU is where it is
    assert "2 networks at once" in stacked


def test_what_cannot_be_done_is_said_with_its_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEGYM_DATA", str(tmp_path))
    (row,) = gpu.figure_2("cpu")
    assert row.measured.startswith("not done: edgegym: data set cinic10 must be unpacked in")


def test_a_line_says_whether_what_was_asked_holds():
    ends = [command.line(Row("w", "1", "2", holds)) for holds in (True, False, None)]
    assert ends == ["| w | 1 | 2 | yes |", "| w | 1 | 2 | no |", "| w | 1 | 2 |  |"]
