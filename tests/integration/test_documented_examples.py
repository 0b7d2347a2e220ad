# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of pages and roles, and each module's EXAMPLES, run as they stand; no block of a page is left out.

They run on a host that the role has readied.

The roots are the defaults, the interpreter the host's own with what the role installs. Only images cannot come from
their registries: the test's own stand under their names.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.tests.support import images, kernel, playbooks, registry, scenario, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host

Task = dict[str, Any]
MODULES = "ansible_collections.libpod.engine.plugins.modules"
STAND_INS = {
    "docker.io/library/busybox:latest": "localhost/busybox:latest",
    "docker.io/library/postgres:17": "localhost/quick:latest",
    "docker.io/library/nginx:1.27": "localhost/quick:latest",
    "registry.example.com/web:1.4": "localhost/quick:latest",
    "registry.example.com/debian-systemd:12": "localhost/debian:latest",
}
# What the registry of the examples serves.
SERVED = ("registry.example.com/web:1.4", "registry.example.com/team/web:latest")
PUSH = ("--insecure-policy", "copy", "--quiet", "--dest-creds", f"me:{registry.PASSWORD}")
# Those that need the registry of their examples.
LOGINS = ("libpod_login", "libpod_login_info", "libpod_logout")
# The pages whose blocks of this language run here.
RUN_HERE = {
    "README.md": "yaml",
    "docs/cli.md": "console",
    "docs/image-names.md": "yaml",
    "docs/migrating.md": "yaml",
    "docs/operating.md": "console",
    "docs/systemd.md": "yaml",
    "roles/libpod_host/README.md": "yaml",
    "roles/libpod_service/README.md": "yaml",
}
# A page, a phrase of its block that runs nowhere as it stands, and why it does not.
NOT_RUN = (
    ("README.md", "$ make test", "this is one of its tests; test_demo.py runs what make demo does"),
    ("README.md", "ansible-galaxy collection install", "test_packaging.py installs the archive elsewhere"),
    (
        "docs/migrating.md",
        "state: adopted",
        "needs a container of podman's; test_adoption.py adopts and gives back 15 kinds",
    ),
    ("docs/operating.md", "PartOf=nftables.service", "a unit; test_firewall_reload.py runs its commands"),
    ("docs/operating.md", "PartOf=firewalld.service", "a unit; test_firewall_reload.py runs its commands"),
    ("docs/oci-runtimes.md", "exec runsc --overlay2", "a wrapper script; test_other_runtimes.py runs one like it"),
    ("docs/awx.md", "name: quay.io/ansible/awx-ee", "needs the image; test_awx.py has ansible-builder read it"),
    ("docs/awx.md", "ansible-builder build", "needs the image, and docker or podman"),
    ("docs/awx.md", "ansible-runner run", "test_awx.py runs the folder as an ordinary user, for hosts of its own"),
    ("docs/awx.md", "ansible.builtin.set_stats", "a quotation of docs/examples/approval, as test_awx.py sees to"),
)
# The modules in an order in which the containers named in each one's examples exist.
FIRST = ("libpod_container_info", "libpod_container_exec", "libpod_container_copy", "libpod_container_logs")
FIRST += ("libpod_container_wait", "libpod_export", "libpod_import", "libpod_save", "libpod_load", "libpod_commit")
FIRST += ("libpod_containers", "libpod_compose", "libpod_quadlet", "libpod_kube")
LAST = ("libpod_image_info", "libpod_image", "libpod_network", "libpod_network_info", "libpod_pod", "libpod_pod_info")
LAST += ("libpod_secret", "libpod_secret_info", "libpod_unit", "libpod_volume", "libpod_volume_info", "libpod_prune")


def _examples(module: str) -> list[Task]:
    tasks: list[Task] = yaml.safe_load(importlib.import_module(f"{MODULES}.{module}").EXAMPLES)
    return tasks


def _readme() -> tuple[Task, list[list[str]]]:
    """Return the play of the README and the operator's commands of docs/operating.md."""
    pages = [Path(images.PROJECT, name).read_text("utf-8") for name in ("README.md", "docs/operating.md")]
    (book,) = re.findall(r"```yaml\n(.*?)```", pages[0], re.DOTALL)
    (play,) = yaml.safe_load(book)
    return play, [line.split() for line in re.findall(r"^# libpod (.*)", pages[1], re.MULTILINE)]


def _command(host: Host, args: list[str], folder: str) -> None:
    """Assert that the command succeeds in ``folder``, or keeps running if it follows or watches."""
    goes_on = "--follow" in args or args[0] == "events"
    argv = ["timeout", "2" if goes_on else "300", "/srv/libpod", *args]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=host.parts.environment(), cwd=folder)
    assert done.returncode == (124 if goes_on else 0), (args, done.stdout, done.stderr)


def test_every_example_runs_on_a_host_prepared_only_by_the_role(tmp_path: Path) -> None:
    documented = {name[:-3] for name in os.listdir(f"{images.PROJECT}/plugins/modules") if name.startswith("libpod")}
    assert {"libpod_container", *LOGINS, *FIRST, *LAST} == documented
    readme, commands = _readme()
    assert (readme["roles"], len(commands)) == (["libpod.engine.libpod_host"], 11)
    role = {"ansible.builtin.include_role": {"name": readme["roles"][0]}}
    readied = {**role, "vars": {"libpod_host_install": False, "libpod_host_command": "/srv/libpod"}}
    *container, removal = _examples("libpod_container")
    first = [*readme["tasks"], *container, *(task for name in FIRST for task in _examples(name))]
    last = [removal, *(task for name in LAST for task in _examples(name))]
    (tmp_path / "index.html").write_text("It works.\n")
    with Host() as host, registry.example(host):
        _have_images(host)
        parts = {key: value for key, value in host.arguments.items() if key.startswith(("storage", "cgroup"))}
        host.parts = EngineConfig(**parts, oci_runtime=host.parts.oci_runtime)
        how: dict[str, Any] = {"defaults": parts, "variables": {"ansible_python_interpreter": "/usr/bin/python3"}}
        how["variables"].update(units="/srv", registry_password=registry.PASSWORD)
        logins = playbooks.play([task for name in LOGINS[:-1] for task in _examples(name)], **how)
        assert (logins.exit_code, logins.changed) == (0, 2)
        played = playbooks.play([readied, _impatient(first)], **how)
        assert played["Run a command given as words, with variables"]["stdout"] == "hello world goodbye world\n"
        for args in commands:
            if "-it" not in args:  # which is for a terminal
                _command(host, args, str(tmp_path))
        playbooks.play([_impatient(last)], **how)
        assert playbooks.play(_examples(LOGINS[-1]), **how).changed == 2


def test_every_block_of_a_page_runs_or_has_a_reason_not_to() -> None:
    top = Path(images.PROJECT)
    left, excused = [], set()
    for path in (top / "README.md", *top.glob("docs/**/*.md"), *top.glob("roles/*/README.md")):
        page, text = str(path.relative_to(top)), str(path)
        # test_molecule.py asserts that one block of its page is neither a file nor a command, and runs it.
        unnamed = [] if text == scenario.PAGE else scenario.page_unnamed(text)
        for language, block in scenario.page_blocks(text):
            excuses = {one for one in NOT_RUN if one[0] == page and one[1] in block}
            followed = text in scenario.FOLLOWED and block not in unnamed
            if not (excuses or followed or RUN_HERE.get(page) == language):
                left.append((page, block))
            excused |= excuses
    assert not left, "neither run nor in NOT_RUN with a reason"
    assert excused == set(NOT_RUN), "what has a reason is no longer there"


def _blocks(page: str) -> list[str]:
    """Return the blocks that run here of a page."""
    excused = [phrase for one, phrase, _why in NOT_RUN if one == page]
    return [
        text
        for kind, text in scenario.page_blocks(f"{images.PROJECT}/{page}")
        if kind == RUN_HERE[page] and not any(phrase in text for phrase in excused)
    ]


def _play(folder: str, *names: str) -> None:
    """Run the playbooks of pages, with all defaults but for the installation of packages."""
    variables = {"libpod_host_install": False, "shop_password": registry.PASSWORD}
    variables["ansible_python_interpreter"] = "/usr/bin/python3"
    books = [f"{folder}/{name}.yml" for name in names]
    argv = [playbooks.program(), "-i", f"{folder}/hosts", "-e", json.dumps(variables), *books]
    done = subprocess.run(
        argv, check=False, cwd=folder, env=playbooks.environment(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _write(folder: str) -> None:
    """Write the pages' YAML as playbooks, tasks as a play of the same hosts, and the inventory."""
    for page, language in RUN_HERE.items():
        if page == "README.md":  # the other test's
            continue
        for number, text in enumerate(_blocks(page) if language == "yaml" else ()):
            book = text if "hosts:" in text else f"- hosts: servers\n  tasks:\n{textwrap.indent(text, '    ')}"
            Path(folder, f"{page[:-3].replace('/', '-')}-{number}.yml").write_text(book)
    Path(folder, "hosts").write_text("[servers]\nlocalhost ansible_connection=local\n")


def _shell(folder: str, command: str) -> str:
    """Return what a line of a page prints in bash, which fails where one program of a pipe does."""
    env = {**os.environ, "HOME": folder}
    # zsh keeps the folders of its functions there.
    argv = ["bash", "-eo", "pipefail", "-c", f'fpath=("" "$HOME"); {command}']
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env, cwd=folder)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def test_pages_and_roles_run_on_a_host_prepared_only_by_the_role(tmp_path: Path) -> None:
    """The images of docker.io are in the store; the registry serves its own; the host that others are is this one."""
    folder, played = str(tmp_path), set[str]()
    _write(folder)

    def play(*names: str) -> None:
        played.update(names)
        _play(folder, *names)

    os.makedirs(f"{folder}/.config/fish/completions")
    # runc beside a cgroup2 of a hybrid host is the other test's; the page on moving over has crun.
    with Host(unified=False) as host, registry.example(host), sshd.Sshd():
        _have_images(host)
        host.store("shutdown")
        os.makedirs("/var/lib/containers")
        shutil.move(host.parts.storage_root, "/var/lib/containers/storage")
        for path in ("/srv/www", "/var/lib/containers/storage/volumes/data/_data"):
            os.makedirs(path)
        with open("/etc/ssh/ssh_config.d/other.conf", "w", encoding="ascii") as file:
            file.write(f"Host other\nHostName 127.0.0.1\nIdentityFile {sshd.FOLDER}/key\nStrictHostKeyChecking no\n")
            file.write("UserKnownHostsFile /dev/null\nLogLevel ERROR\n")
        # What the operator's command has of podman's is the same there.
        os.symlink("libpod", "/usr/local/bin/podman")
        play(
            "roles-libpod_host-README-0", "docs-image-names-0", "docs-migrating-0", "docs-migrating-1", "docs-systemd-0"
        )
        logged_in = f"libpod login -u me --password-stdin {registry.EXAMPLE_HOST}"
        _shell(folder, f"echo {registry.PASSWORD} | {logged_in} && libpod pull web")
        assert "registry.example.com/team/web" in _shell(folder, "libpod images")
        _shell(folder, "libpod tag docker.io/library/busybox:latest web:1")
        for block in _blocks("docs/cli.md"):
            for line in block.splitlines():
                _shell(folder, line.removeprefix("# "))
        assert os.path.getsize(f"{folder}/_libpod") and os.listdir(f"{folder}/.config/fish/completions")
        assert {"copy", "changed"} <= set(_shell(folder, "libpod images --format '{{.Tag}}'").split())
        _shell(folder, "libpod rm --force web")  # the service's has its port
        play("roles-libpod_service-README-0")
        assert {"shop-db", "shop-web"} <= set(_shell(folder, "libpod ps --format '{{.Names}}'").split())
        play("roles-libpod_host-README-1")
        assert not os.path.exists("/var/lib/libpod") and not os.path.exists("/usr/local/bin/libpod")
    assert played == {path.stem for path in tmp_path.glob("*.yml")}


def _have_images(host: Host) -> None:
    """Have the images of the examples in the host's store, and those of their registry in this as well.

    The manual page is written on the test host too; ``registry`` has the folder of the command there.
    """
    os.makedirs("/srv/man")
    kernel.mount("/srv/man", "/usr/local/share/man", flags=kernel.MS_BIND)
    host.debian()
    # Its process 1 ignores TERM, so that each stop would take all of its time.
    shutil.copytree(host.layout, "/srv/layout")
    host.run("umoci", "config", "--image=/srv/layout:entrypoint", "--tag=quick", "--config.stopsignal=SIGKILL")
    store = f"[overlay@{host.parts.storage_root}+{host.parts.storage_run_root}]"
    target = f"containers-storage:{store}localhost/quick:latest"
    host.run("skopeo", "--insecure-policy", "copy", "--quiet", "oci:/srv/layout:quick", target)
    for name, stand_in in STAND_INS.items():
        host.store("add-names", "--name", name, stand_in)
    for name in SERVED:
        host.run("skopeo", *PUSH, "oci:/srv/layout:quick", f"docker://{name}")
    shutil.rmtree("/var/lib/containers", ignore_errors=True)  # skopeo's


def _impatient(tasks: list[Task]) -> Task:
    """Return the tasks unchanged except for a short stop timeout, as their process 1 ignores the signal."""
    return {"block": tasks, "module_defaults": {"libpod.engine.libpod_container": {"stop_timeout": 1}}}
