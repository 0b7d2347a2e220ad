# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod login`` and ``libpod logout``."""

from __future__ import annotations

import sys
from typing import Sequence

from .._model import caller
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument
from .._model.records.login import Access
from .._resources.registries import logins
from .._resources.registries import options as registries
from . import table
from .arguments import new_parser


def login(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Log in to a registry; the password is asked for or read from standard input, and is no argument."""
    parser = new_parser("login", "Have a registry check a password, and keep the login for pulls.", formats=False)
    parser.add_argument("--authfile", help="file that keeps the login")
    parser.add_argument("--cert-dir", default="", help="directory with the registry's certificates")
    parser.add_argument("--tls-verify", choices=("true", "false"), help="whether it must have a valid certificate")
    parser.add_argument("-u", "--username", help="the user, else asked for")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--get-login", action="store_true", help="show who is logged in, and change nothing")
    parser.add_argument("registry", nargs="?", help="by default the first one that registries.conf searches")
    options = parser.parse_args(arguments)
    key, path = registries.key(options.registry), registries.path(options.authfile)
    if options.get_login:
        found, _place = logins.find(key, path)
        table.write_line(found.username if found else f"not logged in to {key}")
        return 0 if found else 1
    username, password = registries.checked(*_asked(options.username, options.password_stdin))
    verify = None if options.tls_verify is None else options.tls_verify == "true"
    access = Access(key, username, password, options.cert_dir and caller.absolute(options.cert_dir), verify)
    change = logins.login(parts, access, path, ask_again=True, dry=False)
    table.write_line(f"logged in to {key} as {username}, kept by {change.place}")
    return 0


def logout(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Log out of a registry, or of all; 1 where there was no login."""
    parser = new_parser("logout", "Remove the login to a registry, or all logins.", formats=False)
    parser.add_argument("--authfile", help="file that has the login")
    parser.add_argument("-a", "--all", action="store_true", help="log out of all registries")
    parser.add_argument("registry", nargs="?", help="by default the first one that registries.conf searches")
    options = parser.parse_args(arguments)
    if options.all and options.registry:
        raise InvalidArgument("--all: cannot be combined with a registry: give one of them")
    key = "" if options.all else registries.key(options.registry)
    gone = logins.logout(parts, key, registries.path(options.authfile), dry=False)
    for one in gone:
        table.write_line(f"logged out of {one}")
    if not gone and key:
        sys.stderr.write(f"libpod: not logged in to {key}\n")
    return 0 if gone or not key else 1


def _asked(username: str, from_stdin: bool) -> tuple[str, str]:
    """Return user and password, each from where it is given.

    :raises InvalidArgument: neither a terminal nor an option has it.
    """
    if from_stdin:
        if not username:
            raise InvalidArgument("--password-stdin: needs --username")
        return username, sys.stdin.read().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidArgument("standard input is no terminal to ask for the password at: give --password-stdin")
    from getpass import getpass

    return username or input("Username: "), getpass()
