# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """What the collection's connection plugins share: the container, the user in it, and the engine's roots and parts."""

    _OWN = r"""
options:
  remote_addr:
    description:
      - The container, by its name, its ID or an unambiguous beginning of its ID.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_libpod_host
  remote_user:
    description:
      - The user in the container, by name or ID, also as V(user:group). By default it is the container's own user.
      - A user who is named here needs no C(become), whatever the container has of C(sudo) and passwords.
    type: str
    vars:
      - name: ansible_user
      - name: ansible_libpod_user
    env:
      - name: ANSIBLE_REMOTE_USER
    ini:
      - section: defaults
        key: remote_user
    keyword:
      - name: remote_user
    cli:
      - name: user
        option: --user
  executable:
    description:
      - The shell in the container that runs each command.
    type: str
    default: /bin/sh
    vars:
      - name: ansible_shell_executable
      - name: ansible_libpod_executable
    env:
      - name: ANSIBLE_EXECUTABLE
    ini:
      - section: defaults
        key: executable
  extra_env:
    description:
      - Environment variables of each command, beside the container's own. The play's C(environment) goes before them.
      - One whose value is null is left as the container has it.
    type: dict
    default: {}
    vars:
      - name: ansible_libpod_extra_env
  pipelining:
    description:
      - Whether modules go to Python's standard input instead of into a file, where C(become) allows that.
      - Unlike with other connections it is the default, for there is no terminal that C(sudo) could require, and a module
        takes a fifth of the commands.
    type: bool
    default: true
    vars:
      - name: ansible_pipelining
      - name: ansible_libpod_pipelining
    env:
      - name: ANSIBLE_PIPELINING
    ini:
      - section: defaults
        key: pipelining
      - section: connection
        key: pipelining
  timeout:
    description:
      - Seconds to wait for the prompt of C(become), and for its success once the password was sent.
    type: int
    default: 10
    vars:
      - name: ansible_timeout
      - name: ansible_libpod_timeout
    env:
      - name: ANSIBLE_TIMEOUT
    ini:
      - section: defaults
        key: timeout
    cli:
      - name: timeout
        option: --timeout
"""

    # The roots and parts alone, for plugins that connect to no container.
    ROOTS = r"""
options:
  static_root:
    description:
      - Where the engine keeps what survives a reboot, as the modules' option of this name.
    type: str
    default: /var/lib/libpod
    vars:
      - name: ansible_libpod_static_root
    env:
      - name: LIBPOD_STATIC_ROOT
  run_root:
    description:
      - Where the engine keeps what a reboot clears, as the modules' option of this name.
    type: str
    default: /run/libpod
    vars:
      - name: ansible_libpod_run_root
    env:
      - name: LIBPOD_RUN_ROOT
  storage_root:
    description:
      - Graph root of containers/storage, as the modules' option of this name.
    type: str
    vars:
      - name: ansible_libpod_storage_root
    env:
      - name: LIBPOD_STORAGE_ROOT
  storage_run_root:
    description:
      - Run root of containers/storage, as the modules' option of this name.
    type: str
    vars:
      - name: ansible_libpod_storage_run_root
    env:
      - name: LIBPOD_STORAGE_RUN_ROOT
  storage_driver:
    description:
      - Storage driver of containers/storage, as the modules' option of this name.
    type: str
    vars:
      - name: ansible_libpod_storage_driver
    env:
      - name: LIBPOD_STORAGE_DRIVER
  oci_runtime:
    description:
      - OCI runtime, by its name or path, as the modules' option of this name. A container keeps the one that it was made with.
    type: str
    default: auto
    vars:
      - name: ansible_libpod_oci_runtime
    env:
      - name: LIBPOD_OCI_RUNTIME
  conmon_path:
    description:
      - The conmon program, as the modules' option of this name.
    type: str
    default: conmon
    vars:
      - name: ansible_libpod_conmon_path
    env:
      - name: LIBPOD_CONMON_PATH
  cgroup_manager:
    description:
      - Who makes the cgroups, as the modules' option of this name. By default it is the host's.
    type: str
    choices: [cgroupfs, systemd]
    vars:
      - name: ansible_libpod_cgroup_manager
    env:
      - name: LIBPOD_CGROUP_MANAGER
  tool_timeouts:
    description:
      - Time that a program which the engine runs may take, by tool, such as V(oci_runtime=60,conmon=240). It is what the
        modules' option of this name says. Commands in a container have no limit.
    type: str
    vars:
      - name: ansible_libpod_tool_timeouts
    env:
      - name: LIBPOD_TOOL_TIMEOUTS
"""

    # With a type, since ansible-test reads the text of every plain assignment here.
    DOCUMENTATION: str = _OWN + ROOTS.partition("options:\n")[2]
