# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the images that demo, tests and bench run: ``make_image.py DIR`` → the OCI layout DIR, one tag an image.

Offline, from Debian's busybox-static with umoci. A DIR made by the same version of this script is left unchanged.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile

BUSYBOX = "/bin/busybox"
MADE_AT = 1_700_000_000  # seconds since the epoch; fixed, so that the same busybox gives the same image ID
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/home/web:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:1000:\nextra:x:2000:web\n"
FOLDERS = {"bin": 0o755, "dev": 0o755, "etc": 0o755, "proc": 0o755, "sys": 0o755, "run": 0o755, "root": 0o700}
FOLDERS.update({"tmp": 0o1777, "home": 0o755, "home/web": 0o755, "www": 0o755, "data": 0o755})
CONTENT = {"etc/passwd": PASSWD, "etc/group": GROUP, "www/index.html": "It works.\n", "data/seed": "from the image\n"}
PATH = "--config.env=PATH=/bin"

# Every tag and its configuration; all have the same root filesystem.
TAGS: dict[str, list[str]] = {
    "busybox": [PATH, "--config.cmd=sh"],
    "bare": [],
    "entrypoint": [PATH, "--config.entrypoint=/bin/sh", "--config.entrypoint=-c", "--config.cmd=exec sleep 1000"],
    "volume": [PATH, "--config.cmd=sh", "--config.volume=/data"],
    "configured": [
        PATH,
        "--config.env=COLOUR=green",
        "--config.env=SPACED=two words",
        "--config.cmd=sleep",
        "--config.cmd=1000",
        "--config.user=web",
        "--config.workingdir=/home/web",
        "--config.stopsignal=SIGUSR1",
        "--config.label=org.example.role=test",
        "--config.exposedports=8080/tcp",
        "--config.volume=/data",
    ],
}


def make(folder: str) -> str:
    """Make the OCI layout at ``folder`` unless it is there; return its absolute path. Safe for concurrent calls."""
    folder = os.path.abspath(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recipe, made = _recipe(), os.path.join(folder, "made-from")
        if not (os.path.exists(made) and open(made, encoding="ascii").read() == recipe):
            shutil.rmtree(folder, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as work:
                layout = os.path.join(work, "layout")
                _build(layout, os.path.join(work, "rootfs"))
                with open(os.path.join(layout, "made-from"), "w", encoding="ascii") as file:
                    file.write(recipe)
                os.rename(layout, folder)
    return folder


def _recipe() -> str:
    """Return a digest of what the result depends on: this script and busybox."""
    digest = hashlib.sha256()
    for path in (__file__, BUSYBOX):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def _build(layout: str, rootfs: str) -> None:
    _make_rootfs(rootfs)
    created = "2023-11-14T22:13:20Z"  # MADE_AT
    _umoci("init", "--layout", layout)
    _umoci("new", "--image", f"{layout}:bare")
    history = ["--history.created", created, "--history.created_by", "tests/make_image.py", "--history.author", ""]
    _umoci("insert", *history, "--image", f"{layout}:bare", rootfs, "/")
    for tag, options in TAGS.items():
        if tag == "bare":
            continue
        _umoci("config", "--no-history", "--image", f"{layout}:bare", "--tag", tag, "--created", created, *options)
    _umoci("config", "--no-history", "--image", f"{layout}:bare", "--created", created)
    _umoci("gc", "--layout", layout)


def _make_rootfs(rootfs: str) -> None:
    for path, mode in {"": 0o755, **FOLDERS}.items():
        os.mkdir(os.path.join(rootfs, path))
        os.chmod(os.path.join(rootfs, path), mode)
    os.chown(os.path.join(rootfs, "home/web"), 1000, 1000)
    shutil.copyfile(BUSYBOX, os.path.join(rootfs, "bin/busybox"))
    os.chmod(os.path.join(rootfs, "bin/busybox"), stat.S_IRWXU | 0o055)
    for applet in subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split():
        if applet != "busybox":
            os.symlink("busybox", os.path.join(rootfs, "bin", applet))
    for path, text in CONTENT.items():
        with open(os.path.join(rootfs, path), "w", encoding="utf-8") as file:
            file.write(text)
    for parent, folders, files in os.walk(rootfs, topdown=False):
        for name in files + folders:
            os.utime(os.path.join(parent, name), (MADE_AT, MADE_AT), follow_symlinks=False)
    os.utime(rootfs, (MADE_AT, MADE_AT))


def _umoci(*arguments: str) -> None:
    subprocess.run(["umoci", *arguments], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_image.py DIR")
    print(make(sys.argv[1]))
