# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of the tests: an OCI layout made once, and a storage root with all of it, made once and copied."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CACHE = os.path.join(PROJECT, "build", "test-images")


@functools.cache
def layout() -> str:
    """Return the OCI layout of ``tests/make_image.py``; its tags are that file's ``TAGS``."""
    maker = os.path.join(PROJECT, "tests", "make_image.py")
    made = subprocess.run([sys.executable, maker, f"{CACHE}/layout"], check=True, capture_output=True, text=True)
    return made.stdout.strip()


def tags(folder: str) -> list[str]:
    """Return the tags of an OCI layout."""
    listing = subprocess.run(["umoci", "list", "--layout", folder], check=True, capture_output=True, text=True)
    return listing.stdout.split()


def store_arguments(root: str, run_root: str) -> list[str]:
    """Return a containers-storage command on this store, without its verb."""
    return ["containers-storage", "-g", root, "-R", run_root, "-s", "overlay"]


def load(folder: str, root: str, run_root: str) -> None:
    """Copy every tag of a layout into a store as ``localhost/TAG:latest``; one container is made and removed there.

    The container leaves the empty files a store in use has, so that they are there before a test as after it.
    """
    for tag in tags(folder):
        target = f"containers-storage:[overlay@{root}+{run_root}]localhost/{tag}:latest"
        policy = ["skopeo", "--insecure-policy", "copy", "--quiet"]
        subprocess.run([*policy, f"oci:{folder}:{tag}", target], check=True, capture_output=True)
    command = store_arguments(root, run_root)
    for verb in (
        ["create-container", "-n", "first", "localhost/bare:latest"],
        ["mount", "first"],
        ["unmount", "first"],
    ):
        subprocess.run([*command, *verb], check=True, capture_output=True)
    subprocess.run([*command, "delete-container", "first"], check=True, capture_output=True)


def template(folder: str) -> str:
    """Return a directory with ``storage`` and ``storage-run``: the store after ``load``, made once for each layout.

    Called inside a test host, for its mounts; the store is made at the very paths it is used at, /srv's.
    """
    made = f"{CACHE}/store"
    with open(f"{CACHE}/store.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(f"{folder}/made-from", encoding="ascii") as file:
            recipe = file.read()
        mark = f"{made}/made-from"
        if os.path.exists(mark) and open(mark, encoding="ascii").read() == recipe:
            return made
        shutil.rmtree(made, ignore_errors=True)
        os.makedirs(made)
        load(folder, "/srv/storage", "/srv/storage-run")
        command = store_arguments("/srv/storage", "/srv/storage-run")
        subprocess.run([*command, "shutdown"], check=False, capture_output=True)
        for name in ("storage", "storage-run"):
            subprocess.run(["cp", "-a", f"/srv/{name}", f"{made}/{name}"], check=True)
            shutil.rmtree(f"/srv/{name}")
        with open(mark, "w", encoding="ascii") as file:
            file.write(recipe)
    return made
