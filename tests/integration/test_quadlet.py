# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_quadlet: the containers of quadlet files, from nothing to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.tests.support import preload
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result

preload.engine()

FILES = {
    "web.container": """
[Unit]
Description=A server
After=store.service

[Container]
Image=localhost/busybox:latest
Exec=sh -c 'wget -q -O /got http://systemd-store/; sleep 1000'
Network=back.network
Volume=data.volume:/data:ro
Environment=MODE=production "TEXT=a b"
StopSignal=KILL

[Service]
Restart=on-failure

[Install]
WantedBy=multi-user.target
""",
    "store.container": """
[Container]
Image=localhost/busybox:latest
Exec=httpd -f -p 80
Network=back.network
Volume=data.volume:/data
StopSignal=KILL
""",
    "back.network": "[Network]\nInternal=true\n",
    "data.volume": "[Volume]\nLabel=a=b\n",
}


def test_files_are_applied_changed_and_removed(host: Host, tmp_path: Path) -> None:
    def done(**args: Any) -> Result:
        """Check mode predicts what the run does, and a second run changes nothing."""
        given = {"name": "set", "workers": 2, **args}
        predicted = host.module("libpod_quadlet", given, check=True, diff=True)
        result = host.module("libpod_quadlet", given, diff=True)
        assert not result.failed and not predicted.failed, (predicted, result)
        assert predicted["actions"] == result["actions"]
        again = host.module("libpod_quadlet", given)
        assert not again.failed and again["actions"] == [], again
        return result

    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    made = done(src=str(tmp_path))
    assert made["actions"][:2] == ["created network systemd-back", "created volume systemd-data"]
    assert [one for one in made["actions"] if one.startswith("started")] == [
        "started systemd-store",
        "started systemd-web",
    ]
    assert made["ineffective"] == [f"{tmp_path}/web.container:18: [Install] WantedBy"]
    web = next(one for one in made["containers"] if one["Name"] == "systemd-web")
    assert "TEXT=a b" in Path(f"/proc/{web['State']['Pid']}/environ").read_text().split("\0")

    (tmp_path / "web.container.d").mkdir()
    (tmp_path / "web.container.d/limit.conf").write_text("[Container]\nMemory=64m\n")
    assert done(src=str(tmp_path))["actions"] == ["updated systemd-web"]
    (tmp_path / "store.container").unlink()
    (tmp_path / "web.container").write_text("[Container]\nImage=localhost/busybox:latest\nRuntime=x\n")
    refused = host.module("libpod_quadlet", {"name": "set", "src": str(tmp_path)})
    assert refused.failed and f"{tmp_path}/web.container:3: [Container] Runtime has no counterpart" in refused["msg"]
    (tmp_path / "web.container").write_text(FILES["web.container"].replace("back.network", "none"))
    (tmp_path / "back.network").unlink()
    assert {"deleted systemd-store", "deleted network systemd-back"} < set(done(src=str(tmp_path))["actions"])
    gone = done(state="absent", remove_volumes=True)
    assert gone["actions"] == ["deleted systemd-web", "deleted volume systemd-data"]
    host.expect_clean()
