# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any set of quadlet files is translated into options that the modules take, or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible import containers
from ansible_collections.libpod.engine.plugins.module_utils._inputs.quadlet import keys, stack
from ansible_collections.libpod.engine.plugins.module_utils._inputs.stack import Stack
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st

VALUES = (
    *("x", "A=1 'B=2 3'", "8080:80/udp", "%n-%i", "/a:/b:ro,z", "v.volume:/data", "n.network:ip=10.0.0.9", "p.pod"),
    *("i.image", "b.build", "true", "on-failure", "30s", "name,type=env,target=A", "type=tmpfs,dst=/x,tmpfs-size=1m"),
    *("keep-id:uid=5", "a.service b.service", "unless-stopped", "1:2:3", "nofile=5:6", "\\", "", "{{.ID}}", "./y.yaml"),
)
CONTAINER = [*keys.TEXTS, *keys.FLAGS, *keys.LISTS, *keys.WORDS, *keys.PAIRS, *keys.SECURITY]
KEYS = {
    "container": [*CONTAINER, "Image", "Pod", "Network", "Volume", "Mount", "Secret", "HostName", "Tmpfs", "LogOpt"],
    "pod": [*keys.OF_POD_TEXTS, *keys.OF_POD_LISTS, *keys.OF_POD_WORDS, "Network", "Volume", "ExitPolicy"],
    "kube": ["Yaml", "ConfigMap", "PublishPort", "AutoUpdate", "Network"],
    "network": ["NetworkName", "Subnet", "Gateway", "IPRange", "IPv6", "Driver", "Options", "Label", "DNS", "Internal"],
    "volume": ["VolumeName", "Driver", "Options", "Device", "Type", "Label", "Image", "User", "Group", "Copy"],
    "image": ["Image", *keys.OF_IMAGE_TEXTS, "TLSVerify"],
    "build": ["ImageTag", "File", "SetWorkingDirectory", *keys.OF_BUILD_TEXTS, "TLSVerify"],
}
NAMES = {"container": "c", "pod": "p", "kube": "k", "network": "n", "volume": "v", "image": "i", "build": "b"}
OTHERS = ("[Service]", "Restart=always", "TimeoutStartSec=90", "[Unit]", "After=n-network.service", "[Install]", "#")


@st.composite
def units(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw one to four unit files by name, mostly with sections, keys and values that are read."""
    made = {}
    for kind in draw(st.lists(st.sampled_from(stack.KINDS), min_size=1, max_size=4, unique=True)):
        value = st.one_of(st.sampled_from(VALUES), st.sampled_from(VALUES), fuzz.texts(*VALUES))
        known = st.tuples(st.sampled_from(KEYS[kind]), value).map("=".join)
        lines = draw(st.lists(st.one_of(known, known, known, st.sampled_from(OTHERS)), max_size=8))
        first = {"container": "Image=i", "image": "Image=i", "build": "ImageTag=b", "kube": "Yaml=y.yaml"}.get(kind, "")
        text = "\n".join([f"[{kind.capitalize()}]", first, *lines])
        made[f"{NAMES[kind]}.{kind}"] = text.encode(errors="surrogatepass")
    return made


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units")
    pod = {"kind": "Pod", "metadata": {"name": "k"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    (folder / "y.yaml").write_text(json.dumps(pod))
    return folder


@fuzz.fuzzed(80, files=units())
def test_whole_stacks(folder: Path, files: dict[str, bytes]) -> None:
    for path in folder.glob("*.*"):
        if path.name != "y.yaml":
            path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)

    def load() -> Stack:
        loaded = stack.load(sorted(f"{folder}/{name}" for name in files), "set")
        json.dumps(loaded.containers)
        containers.wanted({"containers": list(loaded.containers), "defaults": {}})
        return loaded

    fuzz.refused_or(load)
