# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``Any``, with which mypy checks nothing, is only at the borders, where data has no type yet."""

from __future__ import annotations

import ast
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"

# By border, the files that have ``Any``, each with how often. Elsewhere a type is needed: ``object`` for a value that
# is only handed on or shown, a TypedDict for an object with known keys, a TypeVar for a callable's argument.
BORDERS = {
    "a task's arguments and their argument_spec, and the command's: Ansible and argparse have no types for them": """
        4 lookup/molecule.py
        14 module_utils/_ansible/arguments.py
        2 module_utils/_ansible/cmd_args.py
        3 module_utils/_ansible/container.py
        8 module_utils/_ansible/containers.py
        1 module_utils/_ansible/operations/copy.py
        1 module_utils/_ansible/operations/exec.py
        1 module_utils/_ansible/operations/info.py
        3 module_utils/_ansible/module.py
        1 module_utils/_ansible/new_pod.py
        4 module_utils/_ansible/pod.py
        3 module_utils/_ansible/projects/compose.py
        2 module_utils/_ansible/projects/kube.py
        1 module_utils/_ansible/projects/quadlet.py
        1 module_utils/_ansible/projects/stack.py
        4 module_utils/_ansible/images/image.py
        5 module_utils/_ansible/images/image_making.py
        2 module_utils/_ansible/images/image_options.py
        1 module_utils/_ansible/resources/unit.py
        2 module_utils/_ansible/resources/volume.py
        5 module_utils/_cli/arguments.py
        3 module_utils/_cli/containers/flags.py
        1 module_utils/_cli/resources/creation.py
        1 module_utils/_inputs/stack.py
        4 module_utils/_model/options/network/definition.py
        1 module_utils/_model/options/syntax/parsers.py
        5 module_utils/_model/options/network/ports.py
        1 module_utils/_model/options/pulling.py
        1 plugin_utils/_molecule_builds.py
        3 plugin_utils/_molecule_networks.py
    """,
    "JSON or YAML before its reader, or handed on as its maker wrote it": """
        3 module_utils/_cli/connect.py
        1 module_utils/_cli/logs.py
        2 module_utils/_container/base.py
        1 module_utils/_container/container.py
        4 module_utils/_container/io/exec.py
        1 module_utils/_container/live/mounts.py
        1 module_utils/_container/live_status.py
        4 module_utils/_container/network/names.py
        1 module_utils/_container/rootfs/commit.py
        5 module_utils/_drivers/cni/config.py
        2 module_utils/_drivers/cni/plugin.py
        2 module_utils/_drivers/netavark/config.py
        2 module_utils/_drivers/netavark/leases.py
        1 module_utils/_drivers/network_backend.py
        1 module_utils/_drivers/oci/exec.py
        1 module_utils/_drivers/storage/store_records.py
        3 module_utils/_inputs/compose/document.py
        1 module_utils/_inputs/compose/limits.py
        4 module_utils/_inputs/compose/merge.py
        1 module_utils/_inputs/compose/project.py
        2 module_utils/_model/engine_config.py
        1 module_utils/_model/options/health.py
        1 module_utils/_model/options/namespace_options.py
        1 module_utils/_model/options/mounts/volume_options.py
        1 module_utils/_model/records/config.py
        1 module_utils/_model/records/image.py
        4 module_utils/_model/records/network.py
        1 module_utils/_model/records/pod.py
        2 module_utils/_resources/images/import_tarball.py
        3 module_utils/_resources/networks/conflist.py
        1 module_utils/_resources/networks/inspect.py
        3 module_utils/_resources/networks/leftovers.py
        1 module_utils/_resources/networks/podman_file.py
        1 module_utils/_store/events.py
        7 plugin_utils/_inventory_hosts.py
        2 plugin_utils/_remote_engine.py
    """,
    "what has no types: Ansible's plugins, pyroute2, PyYAML, modules that are made at run time": """
        2 connection/libpod.py
        4 connection/libpod_ssh.py
        2 doc_fragments/libpod_ssh.py
        7 module_utils/_drivers/kernel/netlink.py
        12 module_utils/_model/foreign_yaml.py
        2 module_utils/_engine_boot.py
        1 module_utils/_engine_build.py
        10 module_utils/_engine_kept.py
        4 module_utils/_engine_direct.py
        7 module_utils/_engine_setup.py
        3 plugin_utils/_conversation.py
        3 plugin_utils/_exchange.py
        1 plugin_utils/_pipelining.py
    """,
    "a value whose type depends on the option, key or column beside it": """
        4 module_utils/_cli/output/functions.py
        1 module_utils/_cli/output/template.py
        3 module_utils/_model/cgroup_codecs.py
        3 module_utils/_model/cgroup_limits.py
        4 module_utils/_model/options/syntax/formatters.py
        6 module_utils/_model/options/table.py
        2 module_utils/_model/records/shapes.py
        7 module_utils/_reconcile/diff/comparisons.py
        1 module_utils/_runtime/inspect_options.py
    """,
    "inspected containers and results, which templates, queries and tests read by key": """
        2 module_utils/_cli/resources/pod.py
        1 module_utils/_reconcile/batch.py
        1 module_utils/_reconcile/worker_pool.py
    """,
}


def _uses(path: Path) -> int:
    """Return how often a file has ``Any`` beside its import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return sum(
        isinstance(node, ast.Name) and node.id == "Any" or isinstance(node, ast.Attribute) and node.attr == "Any"
        for node in ast.walk(tree)
    )


def test_any_is_only_at_the_borders() -> None:
    """A file with more needs a type. One with fewer needs a smaller number here, which then holds."""
    lines = [line.split() for files in BORDERS.values() for line in files.splitlines() if line.strip()]
    listed = {name: int(number) for number, name in lines}
    assert len(listed) == len(lines)
    files = {str(path.relative_to(PLUGINS)): _uses(path) for path in sorted(PLUGINS.rglob("*.py"))}
    found = {name: number for name, number in files.items() if number}
    wrong = [
        f"{name} has Any {found.get(name, 0)} times, {listed.get(name, 0)} are listed"
        for name in sorted({*found, *listed})
        if found.get(name, 0) != listed.get(name, 0)
    ]
    assert not wrong
