# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the container's process that few tasks have; imported only for those."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Collection, Iterable, Mapping

from .syntax.parsers import absolute_path, flag, host_path, mapping, natural, string_set, whole, wrong

if TYPE_CHECKING:
    from .types import ContainerOptions

_REFERENCE = re.compile(r"\\(.)|\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\})")
RLIMITS = frozenset(
    "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")


def umask(value: object, option: str) -> int:
    """Return the mask of umask(2) from octal digits."""
    if not re.fullmatch("0?[0-7]{1,4}", str(value)) or int(str(value), 8) > 0o777:
        raise wrong(option, value, "octal digits such as '0027' (quoted, or YAML makes another number of them)")
    return int(str(value), 8)


def timezone(value: object, option: str) -> str:
    """Return the name of one of the host's time zones, or ``local``."""
    zone = str(value)
    if not re.fullmatch(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*", zone):
        raise wrong(option, value, "a time zone such as Europe/Berlin, or local")
    return zone


def host_directories(value: Iterable[object], option: str) -> list[str]:
    """Return absolute paths on the host in their order."""
    return [host_path(item, option) for item in value]


def variables(value: Collection[object], option: str) -> list[str]:
    """Return names of variables, sorted, each once."""
    for item in value:
        if not item or "=" in str(item):
            raise wrong(option, item, "a variable's name without '='")
    return string_set(value, option)


def names(value: object, option: str) -> list[str]:
    """Return names separated by commas, sorted."""
    names = sorted({name.strip() for name in str(value).split(",")} - {""})
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?", name):
            raise wrong(option, value, "names of users, separated by commas")
    return names


def entry(value: object, option: str) -> str:
    """Return a line of passwd(5) or group(5)."""
    if ":" not in str(value) or "\n" in str(value) or "\0" in str(value):
        raise wrong(option, value, "one line of the file, its fields separated by ':'")
    return str(value)


def directories(value: object, option: str) -> list[str]:
    """Return paths in the container separated by commas, sorted."""
    return sorted({absolute_path(path.strip(), option) for path in str(value).split(",")} - {"/"})


def oom_score_adj(value: object, option: str) -> int:
    """Return a value for oom_score_adj (proc(5))."""
    return whole(value, option, -1000, 1000, "a number from -1000 to 1000")


def default_variables(variables: dict[str, str], options: ContainerOptions) -> dict[str, str]:
    """Return the variables that a container has before its own ``env``.

    Those of unsetenv are removed, and those of env_merge added. A value of env_merge may refer to variables as
    ``$NAME``, ``${NAME}``, ``${NAME:-DEFAULT}`` and ``${NAME:+WORD}``.
    """
    if options["unsetenv_all"]:
        variables = {}
    for name in options["unsetenv"]:
        variables.pop(name, None)

    def substitute(match: re.Match[str]) -> str:
        escaped, plain, braced, sign, other = match.groups()
        if escaped is not None:
            return escaped
        known = variables.get(plain or braced, "")
        return (other if known else "") if sign == "+" else known or (other or "")

    merged = {name: _REFERENCE.sub(substitute, value) for name, value in options["env_merge"].items()}
    return {**variables, **merged}


def host_variables(options: ContainerOptions, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a container takes from the environment of its creator: all of it, or the proxy variables."""
    if options["env_host"]:
        return dict(environ)
    if not options["http_proxy"]:
        return {}
    return {name: value for name, value in environ.items() if name.lower() in PROXY_VARIABLES}


def systemd(value: object, option: str) -> str:
    """Return ``true`` for systemd mode where the command is systemd, else ``false`` or ``always``."""
    mode = str(value).strip().lower()
    return mode if mode == "always" else str(flag(value, option)).lower()


def personality(value: object, option: str) -> str:
    """Return an execution domain of personality(2), as the OCI spec has it (config-linux.md, "Personality")."""
    text = str(value).upper()
    if text not in ("LINUX", "LINUX32"):
        raise wrong(option, value, "linux or linux32")
    return text


def capabilities(value: Iterable[object], option: str) -> list[str]:
    """Return capability names in the kernel's spelling (capabilities(7)); ``ALL`` makes all others redundant."""
    spelled = (str(item).upper() for item in value)
    names = {item if item == "ALL" or item.startswith("CAP_") else "CAP_" + item for item in spelled}
    return ["ALL"] if "ALL" in names else sorted(names)


def sysctls(value: Mapping[str, object], option: str) -> dict[str, str]:
    """Return kernel parameters by dotted names, white space in values reduced to blanks.

    In a name whose first separator is a slash, dots and slashes are exchanged (sysctl(8)).
    """
    result: dict[str, str] = {}
    for key, text in mapping(value, option).items():
        slashes = re.match(r"[^./]*/", key)
        name = key.translate({ord("."): "/", ord("/"): "."}) if slashes else key
        setting = " ".join(text.split())
        if setting in ("True", "False", ""):
            raise wrong(option, f"{key}: {setting}", "a value that the kernel takes, such as 1 or 0")
        if result.setdefault(name, setting) != setting:
            raise wrong(option, key, f"one value for each parameter, and {name} has two")
    return dict(sorted(result.items()))


def ulimits(value: Iterable[object], option: str) -> dict[str, list[int]]:
    """Return [soft, hard] by resource, from ``nofile=1024:2048`` or docker_container's ``nofile:1024:2048``.

    -1 is unlimited. ``host`` alone stands for the limits of the process that starts the container.
    """
    if [str(item).strip() for item in value] == ["host"]:
        return {"host": []}
    limits: dict[str, list[int]] = {}
    for item in value:
        resource, equals, numbers = str(item).partition("=" if "=" in str(item) else ":")
        soft, colon, hard = numbers.partition(":")
        resource = resource.strip().lower()
        pair = [_rlimit(number.strip()) for number in (soft, hard if colon else soft)]
        if not (equals and resource in RLIMITS and min(pair) >= -1) or (pair[1] != -1 and not -1 < pair[0] <= pair[1]):
            raise wrong(
                option, item, "RESOURCE=SOFT[:HARD] such as nofile=1024:2048, soft not above hard, or only host"
            )
        if limits.setdefault(resource, pair) != pair:
            raise wrong(option, item, f"one limit for each resource, and {resource} has two")
    return dict(sorted(limits.items()))


def _rlimit(text: str) -> int:
    """Return a limit, -1 for unlimited, and -2 for what is no limit."""
    number = natural(text)
    return number if number is not None else -1 if text == "-1" else -2
