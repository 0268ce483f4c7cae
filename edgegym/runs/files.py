"""Results on disk: whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from edgegym.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Model = TypeVar("Model", bound=BaseModel)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside a file, which takes the file's place if all goes well."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"file {str(path)!r} must be writable; got {error.strerror}. Choose another place."
        ) from None
    finally:
        if temporary.exists():
            temporary.unlink()


def write_whole(path: Path, text: str) -> None:
    """Write a text file through a temporary one, so that a killed run leaves no half of it.

    The file holds exactly this text in UTF-8, the ends of its lines as they are.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", "whole")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    with _replacing(path) as temporary:
        # Windows would put \r\n for each \n, and pandas has written \r\n there already.
        temporary.write_text(text, encoding="utf-8", newline="")


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a picture in the same way, in the format of the file's ending.

    The same figure gives the same bytes: an SVG without the date, and with names that do not vary.
    """
    from matplotlib import rc_context

    metadata = {"Date": None} if path.suffix == ".svg" else None
    with _replacing(path) as temporary, rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(temporary, dpi=150, metadata=metadata)


def read_model(model: type[Model], path: Path, advice: str = "Check the path.") -> Model:
    """Read a JSON file into a pydantic model.

    Parameters
    ----------
    model : what the file holds
    path : the file
    advice : what to do where it does not

    Raises
    ------
    InputError
        Naming the file, if it is missing, damaged or something else; it is left as it was.
    """
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"]])
    raise InputError(
        f"file {str(path)!r} must be a whole {model.__name__.lower()} that edgegym wrote; got "
        f"{reason}. {advice}"
    )
