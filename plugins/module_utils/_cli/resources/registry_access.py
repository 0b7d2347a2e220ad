# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of commands that pull from a registry or push to one."""

from __future__ import annotations

import argparse
import os
import sys

from ..._model.options.pulling import Pull, pulling


def add_access(parser: argparse.ArgumentParser) -> None:
    """Add the options of access to a registry."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="show neither what is begun nor, on a terminal, how far it is"
    )
    parser.add_argument("--authfile", help="file with logins (default: that of libpod login)")
    parser.add_argument("--cert-dir", help="directory with the registry's certificates")
    parser.add_argument("--creds", metavar="USER[:PASSWORD]", help="instead of a login; other users can read arguments")
    parser.add_argument(
        "--tls-verify", nargs="?", const="true", choices=("true", "false"), help="false: also over HTTP, or unverified"
    )


def access(options: argparse.Namespace, **more: object) -> Pull:
    """Return how a registry is accessed. :raises InvalidArgument: an option cannot be used."""
    tls = None if options.tls_verify is None else options.tls_verify == "true"
    params = {"authfile": options.authfile, "cert_dir": options.cert_dir, "creds": options.creds, "tls_verify": tls}
    shown = os.isatty(sys.stderr.fileno()) and not options.quiet
    return pulling({**params, **more})._replace(terminal=sys.stderr.fileno() if shown else -1)
