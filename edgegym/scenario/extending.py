"""Scenario files that hold only what differs from a shipped one, written out in full."""

from typing import Any

import tomlkit
from tomlkit.items import AoT, Table

from edgegym.scenario.groups import PER_DEVICE


def extended_text(base: str, text: str) -> str:
    r"""Write out a TOML text that extends another one, every value with its own comment.

    The comments at the head are those of the extending text. Its groups of devices take the place
    of what the base says of each device, key by key.

    Parameters
    ----------
    base : the TOML text that is extended
    text : what differs, with `extends = ...`

    Examples
    --------
    >>> base = '# Base.\nname = "base"\na = 1.0  # paper\nb = 2.0  # paper\n'
    >>> own = '# Own.\nextends = "base"\nname = "own"\nb = 3.0  # assumed: more\n'
    >>> print(extended_text(base, own), end="")
    # Own.
    name = "own"
    a = 1.0  # paper
    b = 3.0  # assumed: more
    """
    head, _ = _split(text)
    _, body = _split(base)
    document, changes = tomlkit.parse(body), tomlkit.parse(text)
    changes.remove("extends")
    for group in changes.get("device_group", []):
        for key in set(PER_DEVICE) & set(group) & set(document):
            document.remove(key)
    _replace(document, changes)
    return head + tomlkit.dumps(document)


def _replace(table: Any, changes: Any) -> None:
    """Put the values of one table into another, tables within it key by key."""
    for key in list(changes):
        item = changes.item(key) if hasattr(changes, "item") else changes.value.item(key)
        if isinstance(item, Table) and key in table:
            _replace(table[key], item)
            continue
        if key != "name" and not isinstance(item, Table | AoT) and not item.trivia.comment:
            item.comment("given without a source")  # the base's is not its source
        table[key] = item


def _split(text: str) -> tuple[str, str]:
    """Cut a TOML text where its first value begins."""
    lines = text.splitlines(keepends=True)
    is_head = [not line.strip() or line.startswith("#") for line in lines]
    start = is_head.index(False)
    return "".join(lines[:start]), "".join(lines[start:])
