import sys

import pytest

from edgegym.errors import InputError
from edgegym.runs.imports import IMPORTED, import_modules


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch, tmp_path):
    before = [*IMPORTED]
    IMPORTED.clear()
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    yield
    IMPORTED[:] = before
    for name in ("module_of_mine", "broken_module"):
        sys.modules.pop(name, None)


def test_a_module_of_the_working_directory_is_imported_once_and_remembered(tmp_path):
    (tmp_path / "module_of_mine.py").write_text("value = 7\n")
    import_modules(["module_of_mine", "module_of_mine"])
    assert sys.modules["module_of_mine"].value == 7
    assert IMPORTED == ["module_of_mine"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "ModuleNotFoundError: No module"), ("1 / 0", "ZeroDivisionError: division by zero")],
)
def test_a_module_that_cannot_be_imported_is_named_with_its_reason(tmp_path, text, reason):
    if text:
        (tmp_path / "broken_module.py").write_text(text)
    with pytest.raises(InputError, match=f"^--import must name .*'broken_module' \\({reason}"):
        import_modules(["broken_module"])
    assert IMPORTED == []
