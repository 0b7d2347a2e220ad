# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``.container`` file, as the options of libpod_container."""

from __future__ import annotations

from ..._model.errors import MalformedData
from ..stack import Options
from .keys import FLAGS, LISTS, OF_IMAGE_TEXTS, PAIRS, SECURITY, TEXTS, WORDS
from .readers import TRUE, Adding, adding, flag, flagged, host, log_opt, replacing, security, text, tmpfs, updating
from .references import Units, beside
from .units import Entry, Unit, words

AUTO_UPDATE = "io.containers.autoupdate"
_RESTARTS = {"no": "no", "always": "always", "on-failure": "on-failure"}


def container(units: Units, unit: Unit) -> Options:
    """Return the options of a unit's container.

    :raises MalformedData: a key has no counterpart, or the image is missing.
    """
    options = {**_pulling(units, unit), **units.entries(unit, _keys(units, unit))}
    if "image" not in options:
        raise MalformedData(f"{unit.path}: [Container] Image is missing")
    if "group" in options:
        options["user"] = f"{options.get('user', '0')}:{options.pop('group')}"
    if options.get("pull") == "":
        del options["pull"]
    restart = unit.value("Service", "Restart", "no")
    if restart not in _RESTARTS:
        raise MalformedData(
            f"{unit.path}: [Service] Restart: {restart!r} has no counterpart: take {', '.join(_RESTARTS)}"
        )
    options["restart_policy"] = _RESTARTS[restart]
    options["label"] = {**options.get("label", {}), **units.own}
    return {"name": units.name(unit), "image_strict": True, **options}


def image(units: Units, unit: Unit) -> Options:
    """Return what an image's unit has containers that name it pull it by.

    :raises MalformedData: a key has no counterpart, or the image is missing.
    """
    known = {key: replacing(option, text) for key, option in OF_IMAGE_TEXTS.items()}
    options = units.entries(
        unit, {**known, "Image": lambda _one, _options: None, "TLSVerify": replacing("tls_verify", flag)}
    )
    if not unit.value("Image", "Image"):
        raise MalformedData(f"{unit.path}: [Image] Image is missing")
    return options


def _pulling(units: Units, unit: Unit) -> Options:
    """Return the options of the image's unit, where the container names one."""
    named = unit.value("Container", "Image")
    return next((image(units, one) for one in units.of("image") if one.file == named), {})


def _keys(units: Units, unit: Unit) -> dict[str, Adding]:
    """Return what each key of a section ``[Container]`` adds to the options."""
    return {
        **{key: replacing(option, text) for key, option in TEXTS.items()},
        **{key: replacing(option, flag) for key, option in FLAGS.items()},
        **{key: adding(option, lambda one: [one.value]) for key, option in LISTS.items()},
        **{key: adding(option, words) for key, option in WORDS.items()},
        **{key: updating(option) for key, option in PAIRS.items()},
        **{key: security(form) for key, form in SECURITY.items()},
        "AddHost": host,
        "AutoUpdate": lambda one, options: options.setdefault("label", {}).update({AUTO_UPDATE: one.value}),
        "Entrypoint": replacing("entrypoint", lambda one: one.value if one.value.startswith("[") else words(one)),
        "EnvironmentFile": adding("env_file", lambda one: [beside(unit, one.value)]),
        "Exec": replacing("command", words),
        "Group": lambda one, options: options.update(group=one.value),
        "Image": replacing("image", lambda one: units.named(one, one.value, ("image", "build"))),
        "LogOpt": log_opt,
        "Mount": adding("mount", lambda one: [units.mount(unit, one)]),
        "Network": adding("network", lambda one: [units.attachment(one)]),
        "NoNewPrivileges": lambda one, options: flagged(one, options, "no-new-privileges"),
        "Notify": replacing("sdnotify", lambda one: "container" if one.value in TRUE else "conmon"),
        "Pod": replacing("pod", lambda one: _pod(units, one)),
        "Rootfs": lambda one, options: options.update(image=one.value, rootfs=True),
        "SecurityLabelDisable": lambda one, options: flagged(one, options, "label=disable"),
        "StartWithPod": _start_with_pod,
        "Tmpfs": tmpfs,
        "User": lambda one, options: options.update(user=one.value),
        "Volume": adding("volume", lambda one: [units.bound(unit, one)]),
    }


def _pod(units: Units, entry: Entry) -> str:
    if not entry.value.endswith(".pod"):
        entry.fail("a unit, as NAME.pod")
    return units.named(entry, entry.value, ("pod",))


def _start_with_pod(entry: Entry, _options: Options) -> None:
    if not flag(entry):
        entry.fail("true: all containers of the files are started")
