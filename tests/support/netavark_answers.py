# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What releases of netavark answer to the engine's driver, recorded in ``tests/unit/data/netavark/VERSION.json``.

``.ci/netavark RELEASE --record`` writes such a file in a test host, with the package of that Debian release.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Iterator

from ansible_collections.libpod.engine.plugins.module_utils._drivers import command, network_backend
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import netns
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import driver, rules
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ToolFailed
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NetworkAttachment

FOLDER = os.path.join(os.path.dirname(__file__), "..", "unit", "data", "netavark")
CONTAINER, OTHER = "ab" * 32, "cd" * 32
NETWORK: dict[str, Any] = {
    "name": "front",
    "id": "6" * 64,
    "driver": "bridge",
    "network_interface": "podman1",
    "created": "2026-01-01T00:00:00Z",
    "subnets": [{"subnet": "10.91.0.0/24", "gateway": "10.91.0.1"}, {"subnet": "fd91::/64", "gateway": "fd91::1"}],
    "ipv6_enabled": True,
    "internal": False,
    "dns_enabled": False,
    "options": {"isolate": "false"},
    "ipam_options": {"driver": "host-local"},
}
ATTACHMENT = NetworkAttachment(
    "front",
    "eth0",
    NETWORK,
    mac="92:d0:c6:0a:29:33",
    aliases=("site",),
    ports=(PortMapping("0.0.0.0", 8080, 80, "tcp"), PortMapping("127.0.0.1", 8081, 81, "udp")),
    container="web",
)


def versions() -> list[str]:
    """Return the versions that are recorded."""
    return sorted(name[: -len(".json")] for name in os.listdir(FOLDER))


def recorded(version: str) -> dict[str, Any]:
    """Return one version's answers."""
    with open(f"{FOLDER}/{version}.json", encoding="utf-8") as file:
        answers: dict[str, Any] = json.load(file)
    return answers


def conversation(netavark: driver.Netavark, namespace: str) -> Iterator[tuple[str, Any]]:
    """Attach and detach as in the recordings; yield each step with what the driver returned, or its error."""
    attached = netavark.add(CONTAINER, namespace, ATTACHMENT)
    yield "attached", attached
    yield "complaint", rules.complaint(attached)
    try:
        yield "second", netavark.add(OTHER, namespace, ATTACHMENT)
    except ToolFailed as error:
        yield "second", str(error)  # the link is there, and its removal takes that away
    netavark.delete(CONTAINER, namespace, attached)


def _note(module: Any, name: str, note: Callable[..., None]) -> None:
    """Have ``note`` called with the result and the arguments of each call of a module's function."""
    made = getattr(module, name)

    def noted(*args: Any, **options: Any) -> Any:
        result = made(*args, **options)
        note(result, *args, **options)
        return result

    setattr(module, name, noted)


def main() -> None:
    """Record what the host's netavark answers."""
    from .hosts import Host

    answers: dict[str, Any] = {"runs": [], "rules": {}}

    def note_start(_started: object, argv: list[str], *, input: str = "", **_more: Any) -> None:
        if input:
            answers["runs"].append({"verb": argv[-2], "input": json.loads(input)})

    def note_end(ended: Any, *_args: Any) -> None:
        if "code" not in answers["runs"][-1]:
            answers["runs"][-1].update(code=ended.code, output=ended.output)

    def note_rules(output: str, program: str, *_more: Any, **_options: Any) -> None:
        answers["rules"][program] = output.splitlines()

    with Host(network_backend="netavark") as host:
        answers["version"] = json.loads(host.run(network_backend.helper("netavark"), "version"))
        namespace = f"{EngineConfig().netns_dir}/libpod-recorded"
        netns.create(namespace)
        _note(command, "start", note_start)
        _note(command, "finish", note_end)
        _note(rules, "_output", note_rules)
        answers["steps"] = {}
        for step, result in conversation(driver.Netavark(host.parts), namespace):
            answers["steps"][step] = result if isinstance(result, str) else result.result
            print(step, result)
        netns.delete(namespace)
    os.makedirs(FOLDER, exist_ok=True)
    with open(f"{FOLDER}/{answers['version']['version']}.json", "w", encoding="utf-8") as file:
        json.dump(answers, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
