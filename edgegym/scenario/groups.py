"""Groups of devices: how a scenario file says many devices at once."""

from collections.abc import Mapping
from typing import Any

from edgegym.errors import InputError, unknown_name

PER_DEVICE = (
    "uplink_gain",
    "downlink_gain",
    "finetune_batch_size_limit",
    "device_clock_limit_hz",
    "device_tx_power_peak_limit_w",
    "device_tx_power_mean_limit_w",
    "device_flop_per_cycle",
    "device_pue",
    "device_power_coefficient_w_per_hz3",
    "device_noise_psd_w_per_hz",
    "uplink_bandwidth_hz",
)


def expand_groups(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Write out `device_group`, a list of tables, as one value for each device.

    A group has a `name`, a `count`, and per-device keys with one number each. What no group gives
    is one number for all devices, or a list of one for each.

    Parameters
    ----------
    data : a scenario as read from TOML; without groups it stays as it is
    where : the file or object that was read, named in the advice

    Raises
    ------
    InputError
        If a group has a wrong key, count or value, or a key is not given once for every device.

    Examples
    --------
    >>> phones = {"name": "phone", "count": 2, "device_pue": 1.0}
    >>> boards = {"name": "board", "count": 1, "device_pue": 1.5}
    >>> expand_groups({"uplink_gain": 1e-5, "device_group": [phones, boards]}, where="the example")
    {'uplink_gain': [1e-05, 1e-05, 1e-05], 'device_pue': [1.0, 1.0, 1.5]}
    """
    expanded = dict(data)
    groups = expanded.pop("device_group", None)
    if groups is None:
        return expanded
    if not (isinstance(groups, list) and groups and all(isinstance(g, dict) for g in groups)):
        raise InputError(
            f"device_group must be one or more tables [[device_group]]; got {groups!r}. "
            f"Correct it in {where}."
        )
    for group in groups:
        _check(group, where)
    counts = [group["count"] for group in groups]
    for key in PER_DEVICE:
        holders = [group["name"] for group in groups if key in group]
        if holders:
            _require_once(key, holders, [group["name"] for group in groups], data, where)
            pairs = zip(groups, counts, strict=True)
            expanded[key] = [group[key] for group, count in pairs for _ in range(count)]
        elif isinstance(data.get(key), list) and len(data[key]) != sum(counts):
            raise InputError(
                f"{key} must hold one value for each of the {sum(counts)} devices in device_group; "
                f"got {len(data[key])}. Give it in every device_group, or once for all, in {where}."
            )
        elif _is_number(data.get(key)):
            expanded[key] = [data[key]] * sum(counts)
    return expanded


def _check(group: dict[str, Any], where: str) -> None:
    """Refuse a group with a key that there is none of, or a value of the wrong kind."""
    valid = ("name", "count", *PER_DEVICE)
    for key in group:
        if key not in valid:
            raise unknown_name(f"key in a device_group of {where}", key, valid)
    name, count = group.get("name"), group.get("count")
    if not isinstance(name, str):
        raise InputError(
            f"name of a device_group must be given as text; got {name!r}. Add it to {where}."
        )
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(
            f"count of device_group {name!r} must be a positive whole number; got {count!r}. "
            f"Correct it in {where}."
        )
    for key in PER_DEVICE:
        if key in group and not _is_number(group[key]):
            raise InputError(
                f"{key} of device_group {name!r} must be one number; got {group[key]!r}. "
                f"Correct it in {where}."
            )


def _require_once(
    key: str, holders: list[str], names: list[str], data: Mapping[str, Any], where: str
) -> None:
    """Refuse a key that some groups lack, or that is given for all devices as well."""
    lacking = [name for name in names if name not in holders]
    if lacking:
        raise InputError(
            f"{key} must be given by every device_group or by none; got none in {lacking[0]!r}. "
            f"Add it in {where}."
        )
    if key in data:
        raise InputError(
            f"{key} must be given once; got it for all devices and in device_group "
            f"{holders[0]!r}. Leave one out in {where}."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
