"""Scenario files as text: the shipped ones, those that extend them, and what is wrong with one."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from edgegym.errors import InputError, as_path, unknown_name


def shipped_scenarios() -> dict[str, Path]:
    """Map the names of the shipped scenarios to their files."""
    folder = Path(str(resources.files("edgegym.scenarios")))
    files = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return {name: files[name] for name in sorted(files, key=lambda name: (name != "digits", name))}


def scenario_text(name_or_path: str | Path) -> str:
    """Read the TOML text of a shipped scenario or of a file, comments and all.

    Where it extends a shipped one, that is written out.

    Raises
    ------
    InputError
        If there is no such scenario or file, it is not TOML, or extends what it cannot.
    """
    text = _read(name_or_path)
    base = parse_text(text, name_or_path).get("extends")
    if base is None:
        return text
    texts = {name: path.read_text(encoding="utf-8") for name, path in shipped_scenarios().items()}
    whole = {name for name in texts if "extends" not in tomllib.loads(texts[name])}
    if str(base) not in whole:
        where = f"extends in scenario {str(name_or_path)!r}"
        raise unknown_name(where, base, [name for name in texts if name in whole])
    from edgegym.scenario.extending import extended_text  # tomlkit, which few scenarios need

    return extended_text(texts[base], text)


def _read(name_or_path: str | Path) -> str:
    shipped = shipped_scenarios()
    path = shipped.get(str(name_or_path)) or as_path("scenario", name_or_path)
    if not path.is_file():
        if path.suffix == ".toml":
            raise InputError(
                f"scenario file must exist; got {str(path)!r}. Check the path, or start from "
                "`edgegym scenario show digits`."
            )
        raise unknown_name("scenario", str(name_or_path), shipped)
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"scenario file must be readable text; got {str(path)!r} ({error}). Check the file."
        ) from None


def parse_text(text: str, name_or_path: str | Path) -> dict[str, Any]:
    """Read TOML.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"scenario file must be TOML; got {str(name_or_path)!r}: {error}. Correct that line."
        ) from None


def changed_text(name: str, changes: Mapping[str, Any]) -> str:
    """Write a scenario's TOML with values that were given by `--set`, and say so of each.

    Parameters
    ----------
    name : of a shipped scenario, or a file
    changes : values by dotted keys

    Examples
    --------
    >>> "n_devices = 5 # given by --set" in changed_text("mnist", {"n_devices": 5})
    True
    >>> changed_text("mnist", {"federation.n_local_steps": 5}).splitlines()[-2:]
    ['[federation]', 'n_local_steps = 5 # given by --set']
    """
    import tomlkit

    document = tomlkit.parse(scenario_text(name))
    for dotted, value in changes.items():
        *tables, key = dotted.split(".")
        table = document
        for part in tables:
            table = table.setdefault(part, tomlkit.table())
        for group in document.get("device_group", []):
            group.pop(key, None)
        table[key] = tomlkit.item(value).comment("given by --set")
    return tomlkit.dumps(document)
