# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CNI network, ``sticky``, whose DEL fails for as long as there is ``/srv/wedged``; it gives no address."""

from __future__ import annotations

import json
import os

from .hosts import Host

PLUGINS = ["/srv/plugins", "/usr/lib/cni", "/opt/cni/bin"]
REASON = "cannot let go"  # what its DEL says
WEDGED = "/srv/wedged"
_PLUGIN = f"""#!/bin/sh
[ "$CNI_COMMAND" = DEL ] && [ -e {WEDGED} ] && {{ echo '{{"code": 100, "msg": "{REASON}"}}'; exit 1; }}
[ "$CNI_COMMAND" = ADD ] && echo '{{"cniVersion": "0.4.0", "interfaces": [], "ips": []}}'
exit 0
"""


def define(host: Host) -> None:
    """Define the network, with a DEL that fails."""
    os.mkdir("/srv/plugins")
    with open(os.open("/srv/plugins/sticky", os.O_WRONLY | os.O_CREAT, 0o755), "w", encoding="ascii") as file:
        file.write(_PLUGIN)
    with open(f"{host.parts.cni_config_dir}/90-sticky.conflist", "w", encoding="ascii") as file:
        json.dump({"cniVersion": "0.4.0", "name": "sticky", "plugins": [{"type": "sticky"}]}, file)
    open(WEDGED, "w", encoding="ascii").close()


def mend() -> None:
    """Let its DEL succeed."""
    os.unlink(WEDGED)


def forget(host: Host) -> None:
    """Remove the network's definition and its plugin."""
    for path in ("/srv/plugins/sticky", f"{host.parts.cni_config_dir}/90-sticky.conflist"):
        os.unlink(path)
    os.rmdir("/srv/plugins")
