# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers, one for each type of option: all spellings of a value become the same JSON value.

Each takes the user's value and the option's name, and raises InvalidArgument naming both.
"""

from __future__ import annotations

import os
import re
import shlex
import signal as _signal
from typing import Any, Callable, Collection, Iterable, Mapping, Optional

from ...errors import InvalidArgument

NAME_PATTERN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
NAME_LENGTH = 200  # a file's name has room for it with what is put after it
# Compiled by re where they are needed: that takes a tenth of a millisecond each.
_SIZE = r"(?i)([0-9]+|(?=\.))(\.[0-9]+)?\s*(?:([bkmgtp])(?:i?b)?)?"
_UNITS = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_PASSWORD = r"(?i)\b(pass(?:word2?|wd)?)=[^,'\"\s]+"
_SIGNAL = r"(?:SIG)?([0-9]{1,3}|[A-Z]+[12]?)([+-][0-9]{1,3})?"
_REAL_TIME = {"RTMIN": 34, "RTMAX": 64}
CPU_PERIOD = 100000  # microseconds, the kernel's default
_TRUE, _FALSE = frozenset("true yes on y t 1 1.0".split()), frozenset("false no off n f 0 0.0".split()) | {""}
_DIGITS = 20  # of the largest number of 64 bits
_MAX = (1 << 63) - 1  # the OCI spec's limits are signed 64-bit numbers
_MAX_MEMORY = 1 << 61  # twice as much, which is the swap's default, is still distinct from no limit (page_counter.h)
_MAX_WORD = (32 * 4096) - 1  # bytes of an argument or a variable: MAX_ARG_STRLEN (execve(2)) without its end
_SHOWN = 200  # characters of a value in a message


def wrong(option: str, value: object, expected: str) -> InvalidArgument:
    """Return the error for a value that cannot be used."""
    shown = without_passwords(repr(value))
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return InvalidArgument(f"{option}: {shown} cannot be used: expected {expected}")


def without_passwords(text: str) -> str:
    """Return a text with each password hidden that is written as a mount option, such as those of mount.cifs(8)."""
    return re.sub(_PASSWORD, r"\1=(hidden)", text) if "pass" in text.lower() else text


def natural(word: str, most: int = _MAX) -> Optional[int]:
    """Return the number that ASCII digits spell; None for other words and above ``most``, at once for any length."""
    # int() refuses over 4,300 digits with a message of its own, and str.isdigit is true of digits that int() refuses.
    if not (word.isascii() and word.isdigit()):
        return None
    digits = word.lstrip("0") or "0"
    number = int(digits) if len(digits) <= _DIGITS else most + 1
    return number if number <= most else None


def check_text(value: object, option: str, errors: str = "strict") -> None:
    """Check that all text in a value can be encoded as UTF-8; ``errors`` is str.encode's.

    :raises InvalidArgument: it cannot.
    """
    if isinstance(value, str):
        try:
            value.isascii() or value.encode(errors=errors)
        except UnicodeEncodeError as error:
            # The value may be a secret.
            raise InvalidArgument(f"{option}: a value has a lone surrogate: expected text in UTF-8") from error
    elif isinstance(value, dict):
        for item in value.items():
            check_text(item, option, errors)
    elif isinstance(value, (list, tuple)):
        for item in value:
            check_text(item, option, errors)


def text(value: object, option: str) -> str:
    return str(value)


def word(value: object, option: str) -> str | None:
    """Return text without blanks around it; None where it is empty, as podman has it."""
    return str(value).strip() or None


def listed(normalise: Callable[[object, str], object]) -> Callable[[Any, str], object]:
    """Return a list's parser that strips blanks around the items: Ansible splits ``a, b`` at its commas alone."""

    def normalise_list(value: Iterable[object], option: str) -> object:
        return normalise([item.strip() if isinstance(item, str) else item for item in value], option)

    return normalise_list


def flag(value: object, option: str) -> bool:
    """Return a truth value from Ansible's words for true and false, or from itself."""
    if not is_flag(value):
        raise wrong(option, value, "true or false")
    return str(value).strip().lower() in _TRUE


def is_flag(value: object) -> bool:
    return str(value).strip().lower() in _TRUE | _FALSE


def is_name(value: str) -> bool:
    """Return whether a container or pod can have this name."""
    return bool(NAME_PATTERN.fullmatch(value)) and len(value) <= NAME_LENGTH


def name(value: object, option: str) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise wrong(option, value, "a letter or digit, then up to 199 letters, digits, '_', '.' or '-'")
    return str(value)


def hostname(value: object, option: str) -> str:
    """Return a host name that sethostname(2) and resolvers accept."""
    if not re.fullmatch(r"[a-zA-Z0-9](?:[a-zA-Z0-9_.-]{0,62}[a-zA-Z0-9])?", str(value)):
        raise wrong(option, value, "up to 64 letters, digits, '_', '.' or '-', with a letter or digit at both ends")
    return str(value)


def count(value: object, option: str) -> int:
    """Return a whole number that is not negative."""
    number = natural(str(value).strip()) if not isinstance(value, int) or -1 < value <= _MAX else None
    if number is None:
        raise wrong(option, value, "a whole number that is not negative, and below 2^63")
    return number


def whole(value: object, option: str, low: int, high: int, expected: str) -> int:
    """Return a whole number from ``low`` to ``high``."""
    text = str(value).strip() if not isinstance(value, int) or low <= value <= high else ""
    sign = -1 if text.startswith("-") else 1
    number = natural(text[1:] if sign < 0 else text)
    if number is None or not low <= sign * number <= high:
        raise wrong(option, value, expected)
    return sign * number


def size(value: object, option: str) -> int:
    """Return bytes from a number with an optional unit (b, k, m, g, t, p: powers of 1024)."""
    match = re.fullmatch(_SIZE, str(value).strip())
    unit: int = 1024 ** _UNITS[(match[3] or "b").lower()] if match else 0
    # 19 digits hold every 64-bit number, and longer ones make int() raise errors of its own.
    number = int(match[1] or 0) * unit + int(float(match[2] or 0) * unit) if match and len(match[1]) < 20 else -1
    if not 0 <= number <= _MAX:
        raise wrong(option, value, "bytes below 2^63, or a number with a unit b, k, m, g or t, such as 512m")
    return number


def size_limit(value: object, option: str) -> int | None:
    """Return bytes; None for 0, which means no limit."""
    number = size(value, option)
    if number >= _MAX_MEMORY:
        raise wrong(option, value, "less than 2^61 bytes, or 0 for no limit")
    return number or None


def swap_limit(value: object, option: str) -> int:
    """Return bytes of memory and swap together; -1 for ``unlimited``."""
    return -1 if str(value).strip() in ("-1", "unlimited") else size_limit(value, option) or 0


def cpus(value: object, option: str) -> int | None:
    """Return the CFS quota in microseconds per CPU_PERIOD for a number of CPUs; None for 0 (no limit)."""
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise wrong(option, value, "a number of CPUs such as 1.5")
    quota = round(number * CPU_PERIOD)
    if number and quota < 1000:
        raise wrong(option, value, "at least 0.01 CPUs, the least the kernel takes")
    return quota or None


def signal(value: object, option: str) -> int:
    """Return a signal's number from a number, ``TERM``, ``SIGTERM``, ``RTMIN+3`` or ``RTMAX-1`` (signal(7))."""
    match = re.fullmatch(_SIGNAL, str(value).strip().upper())
    base, offset = match.groups() if match else ("", None)
    if base in _REAL_TIME:
        number = _REAL_TIME[base] + int(offset or 0)
        number = number if number >= _REAL_TIME["RTMIN"] else 0
    elif offset:
        number = 0
    else:
        number = int(base) if base.isdigit() else int(getattr(_signal, "SIG" + base, 0))
    if not 1 <= number <= 64:
        raise wrong(option, value, "a signal such as TERM, SIGTERM, 15 or RTMIN+3")
    return number


def shell_words(text: str) -> list[str]:
    """Return the words of a command line, as shlex(3py) splits it, which takes quadratic time.

    :raises ValueError: its quotes are not closed, or it is longer than an argument can be.
    """
    if len(text) > _MAX_WORD:
        raise ValueError(f"longer than {_MAX_WORD} characters; give a list of words")
    return shlex.split(text)


def words(value: object, option: str) -> list[str]:
    """Return the words of a command: a list as it is, a string split as the shell does (POSIX quoting)."""
    if isinstance(value, (bool, dict)):
        raise wrong(option, value, "a command, quoted where YAML takes it for something else, or a list of its words")
    try:
        argv = value if isinstance(value, (list, tuple)) else shell_words(str(value))
    except ValueError as error:
        raise wrong(option, value, f"a command with its quotes closed ({error})") from error
    return [_executable(str(arg), option) for arg in argv]


def _executable(arg: str, option: str) -> str:
    """Return an argument that execve(2) accepts."""
    if "\0" in arg:
        raise wrong(option, arg, "words without a NUL byte")
    check_text(arg, option, "surrogateescape")
    if len(arg.encode(errors="surrogateescape")) > _MAX_WORD:
        raise wrong(option, arg[:32] + "…", f"words of at most {_MAX_WORD} bytes, the longest the kernel takes")
    return arg


def entrypoint(value: object, option: str) -> list[str]:
    """Return an entrypoint as podman has it: a list, a JSON list in a string, or a string that is one program."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            import json

            try:
                value = json.loads(value)
            except ValueError as error:
                raise wrong(option, value, "a program, or a JSON list of words") from error
        else:
            return [_executable(value, option)] if value else []
    return words(value if isinstance(value, (list, tuple, dict, bool)) else [value], option)


def mapping(value: Mapping[str, object], option: str) -> dict[str, str]:
    """Return a mapping of strings, sorted by key."""
    return {str(key): "" if item is None else str(item) for key, item in sorted(value.items(), key=lambda i: str(i[0]))}


def environment(value: Mapping[str, object], option: str) -> dict[str, str]:
    for key in value:
        if not str(key) or "=" in str(key) or "\0" in str(key):
            raise wrong(option, key, "a variable's name without '='")
        if "\0" in str(value[key]):
            raise InvalidArgument(f"{option}: the value of {key} has a NUL byte, which no variable can hold")
    variables = mapping(value, option)
    check_text(variables, option, "surrogateescape")
    for key, item in variables.items():
        if len(f"{key}={item}".encode(errors="surrogateescape")) > _MAX_WORD:
            raise InvalidArgument(
                f"{option}: {key} and its value have more than {_MAX_WORD} bytes, which the kernel takes for no program"
            )
    return variables


def string_list(value: Iterable[object], option: str) -> list[str]:
    """Return a list whose order matters."""
    return [str(item) for item in value]


def string_set(value: Collection[object], option: str) -> list[str]:
    """Return a list whose order and repetitions do not matter."""
    if "" in value:
        raise wrong(option, "", "no empty entry")
    return sorted({str(item) for item in value})


def address(value: object, option: str) -> str:
    """Return an IPv4 or IPv6 address in its canonical spelling (RFC 5952)."""
    import socket

    text = str(value).strip("[]")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text))
        except (OSError, ValueError):
            continue
    raise wrong(option, value, "an IPv4 or IPv6 address")


def octal(text: str, option: str) -> str:
    """Return permissions in octal digits, such as 1777, without leading zeros (chmod(2))."""
    if not re.fullmatch("(?:0o)?[0-7]{1,5}", text) or int(text, 8) > 0o7777:
        raise wrong(option, text, "a mode in octal digits such as 1777")
    return f"{int(text, 8):o}"


def cgroup_parent(value: object, option: str) -> Optional[str]:
    """Return a cgroup's path below the mounts, or a systemd slice's name; None for the default."""
    text = str(value)
    if not text:
        return None
    if text.endswith(".slice") and "/" not in text:
        return text
    path = plain_path("/" + text)
    if path == "/" or ".." in text.split("/") or "\0" in text:
        raise wrong(option, value, "a cgroup's path such as /libpod_parent, or a slice's name")
    return path


def plain_path(path: str) -> str:
    """Return an absolute path without ``.``, ``..`` and repeated slashes, also the two that POSIX allows in front."""
    return os.path.normpath("/" + path.lstrip("/"))


def absolute_path(value: object, option: str, where: str = "in the container") -> str:
    """Return an absolute path in the container."""
    if not str(value).startswith("/") or "\0" in str(value):
        raise wrong(option, value, f"an absolute path {where}")
    return plain_path(str(value))


def host_path(value: object, option: str) -> str:
    """Return an absolute path on the host."""
    return absolute_path(value, option, "on the host")
