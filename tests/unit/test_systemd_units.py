# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties passed to systemd for a pod's limits and a container's stop; tests/vm checks their effect."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups import systemd_units
from ansible_collections.libpod.engine.plugins.module_utils._model.cgroup_limits import OF_PODS as LIMITS
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._spec.generate import Facts, generate
from ansible_collections.libpod.engine.plugins.module_utils._spec.users import User

MIB = 1 << 20
NONE = str(2**64 - 1)
FREE = {
    "MemoryMax": ["t", NONE],
    "MemorySwapMax": ["t", NONE],
    "CPUQuotaPerSecUSec": ["t", NONE],
    "CPUQuotaPeriodUSec": ["t", "100000"],
    "CPUWeight": ["t", NONE],
    "AllowedCPUs": ["ay", "0"],
}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, {}),
        ({"memory": 64 * MIB}, {"MemoryMax": ["t", str(64 * MIB)]}),
        (
            {"memory": 64 * MIB, "memory_swap": 96 * MIB},
            {"MemoryMax": ["t", str(64 * MIB)], "MemorySwapMax": ["t", str(32 * MIB)]},
        ),
        ({"memory": 64 * MIB, "memory_swap": -1}, {"MemoryMax": ["t", str(64 * MIB)]}),
        ({"cpu_quota": 50000, "cpu_period": None}, {"CPUQuotaPerSecUSec": ["t", "500000"]}),
        (
            {"cpu_quota": 50000, "cpu_period": 25000},
            {"CPUQuotaPerSecUSec": ["t", "2000000"], "CPUQuotaPeriodUSec": ["t", "25000"]},
        ),
        ({"cpu_shares": 512}, {"CPUWeight": ["t", "20"]}),
        ({"cpuset_cpus": "0,2-3,9"}, {"AllowedCPUs": ["ay", "2", "13", "2"]}),
    ],
)
def test_limits_of_a_pod_as_systemd_properties(limits: dict[str, Any], expected: dict[str, list[str]]) -> None:
    properties = systemd_units._properties({**dict.fromkeys(LIMITS), **limits})
    assert {name: values for name, *values in properties} == {**FREE, **expected}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"KillSignal": "int32 15", "TimeoutStopUSec": "uint64 10000000"}),
        ({"stop_signal": "USR1", "stop_timeout": 0}, {"KillSignal": "int32 10", "TimeoutStopUSec": "uint64 0"}),
        (
            {"annotation": {"org.systemd.property.KillSignal": "int32 1"}},
            {"KillSignal": "int32 1", "TimeoutStopUSec": "uint64 10000000"},
        ),
    ],
)
def test_scope_has_the_stop_signal_and_timeout_of_the_container(
    options: dict[str, Any], expected: dict[str, str]
) -> None:
    config = ContainerConfig("ab" * 32, "c", "", normalise(options), "/static", cgroup_manager="systemd")
    for manager, wanted in (("systemd", expected), ("cgroupfs", {})):
        facts = Facts("/rootfs", User(0, 0, (), "/", "root"), {}, {}, "", "host")
        spec_annotations = generate(config._replace(cgroup_manager=manager), facts)["annotations"]
        prefix = "org.systemd.property."
        properties = {name[len(prefix) :]: text for name, text in spec_annotations.items() if "systemd" in name}
        assert manager == "cgroupfs" or properties.pop("CollectMode") == "'inactive-or-failed'"
        assert properties == wanted or options.get("annotation") and manager == "cgroupfs"
