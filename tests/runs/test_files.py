import os
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from pydantic import BaseModel

from edgegym import InputError
from edgegym.runs.files import read_model, write_figure, write_whole

NOT_UTF8 = "\ud800"  # a lone surrogate, which cannot be written


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_text_is_written_whole_and_no_other_file_is_left(tmp_path):
    write_whole(tmp_path / "a.txt", "τ̃ ≤ 100\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "τ̃ ≤ 100\n"
    assert names(tmp_path) == ["a.txt"]


@pytest.fixture
def on_windows(monkeypatch):
    """End lines as Windows does: pandas, and every text file that is told nothing else."""
    plain_open = Path.open

    def windows_open(path, mode="r", buffering=-1, encoding=None, errors=None, newline=None):
        newline = "\r\n" if "w" in mode and "b" not in mode and newline is None else newline
        return plain_open(path, mode, buffering, encoding, errors, newline)

    monkeypatch.setattr(Path, "open", windows_open)
    monkeypatch.setattr(os, "linesep", "\r\n")


@pytest.mark.parametrize("text", ["a\nb\n", "a\r\nb\r\n", "a\rb", "\n\r\n"])
def test_the_ends_of_lines_are_written_as_they_are(on_windows, tmp_path, text):
    write_whole(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_bytes() == text.encode()


def test_a_table_has_no_empty_lines_on_windows(on_windows, tmp_path):
    write_whole(tmp_path / "a.csv", pd.DataFrame({"x": [1, 2]}).to_csv(index=False))
    assert (tmp_path / "a.csv").read_bytes() == b"x\r\n1\r\n2\r\n"


def test_missing_folders_are_made(tmp_path):
    write_whole(tmp_path / "b" / "c" / "a.txt", "text")
    assert names(tmp_path / "b" / "c") == ["a.txt"]


def test_an_old_text_is_replaced(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "a long old text")
    write_whole(path, "new")
    assert path.read_text() == "new"


def test_a_text_that_cannot_be_written_leaves_the_old_one_and_no_other_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, 10_000 * "begun " + NOT_UTF8)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_new_text_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a.txt", NOT_UTF8)
    assert names(tmp_path) == []


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(InputError, match="must be writable; got"):
        write_whole(tmp_path / "a" / "b.txt", "text")
    assert (tmp_path / "a").read_text() == "a file"


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, ending):
    for folder in ("first", "second"):
        figure = Figure()
        figure.subplots().plot([1, 2], marker="o", label="line")
        write_figure(tmp_path / folder / f"a.{ending}", figure)
    first, second = (tmp_path / folder / f"a.{ending}" for folder in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_a_figure_is_written_in_the_format_of_the_ending(tmp_path):
    write_figure(tmp_path / "a.png", Figure())
    write_figure(tmp_path / "a.svg", Figure())
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    assert names(tmp_path) == ["a.png", "a.svg"]


def test_a_figure_that_cannot_be_drawn_leaves_the_old_one_and_no_other_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    figure = Figure()
    figure.suptitle(r"$\nosuchmacro$")
    with pytest.raises(ValueError, match="nosuchmacro"):
        write_figure(path, figure)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


class Pair(BaseModel):
    a: list[float]


def test_a_model_is_read_back(tmp_path):
    write_whole(tmp_path / "a.json", '{"a": [1, 2.5]}')
    assert read_model(Pair, tmp_path / "a.json") == Pair(a=[1, 2.5])


def test_a_byte_order_mark_is_no_part_of_a_model(tmp_path):
    (tmp_path / "a.json").write_text('{"a": [1]}', encoding="utf-8-sig")
    assert read_model(Pair, tmp_path / "a.json") == Pair(a=[1])


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"a": 1', b"\xff\xfe", b"{} {}", b"{}", b"null", b'{"a": "x"}']
)
def test_a_damaged_file_is_named_and_left_alone(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="must be a whole pair that edgegym wrote; got") as caught:
        read_model(Pair, path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        read_model(Pair, tmp_path / "none.json")
    assert str(tmp_path / "none.json") in str(caught.value)
    assert names(tmp_path) == []
