from rich.console import Console
from rich.table import Table

from edgegym.cli.printing import print_table

CELLS = ["joint-algorithm1", *["0.776 ± 0.592"] * 3, "1000.0", "299.72", "0.9498", "1000", "1365"]


def table():
    table = Table(*(f"column {i}" for i in range(len(CELLS))))
    table.add_row(*CELLS)
    return table


def test_a_table_in_a_pipe_has_one_line_a_row(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    print_table(table())
    *_, row, blank = capsys.readouterr().out.splitlines()
    assert blank == ""
    assert row.split() == " ".join(CELLS).split()


def test_no_cell_is_cut_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(Console, "is_terminal", True)
    print_table(table())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    below = "".join(lines[lines.index("─" * 80) + 1 :])
    assert sorted(below.replace(" ", "")) == sorted("".join(CELLS).replace(" ", ""))
