# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """The roots and parts that every module of the collection takes."""

    DOCUMENTATION = r"""
options:
  static_root:
    description:
      - Directory of what survives a reboot, such as configurations, names, volumes and logs.
      - It must be root's, and neither it nor a directory above it may be one that other users can change.
      - If not set, the environment variable E(LIBPOD_STATIC_ROOT) is used, then V(/var/lib/libpod).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: path
  run_root:
    description:
      - Directory of what is lost at a reboot, such as states and locks. It should be a tmpfs.
      - If not set, the environment variable E(LIBPOD_RUN_ROOT) is used, then V(/run/libpod).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: path
  storage_root:
    description:
      - Graph root of containers/storage, where images and top layers are.
      - If not set, the environment variable E(LIBPOD_STORAGE_ROOT) is used, then containers/storage's own default,
        so that images are shared with podman, buildah and CRI-O.
      - No module of C(containers.podman) or C(community.docker) has it.
    type: path
  storage_run_root:
    description:
      - Run root of containers/storage.
      - If not set, the environment variable E(LIBPOD_STORAGE_RUN_ROOT) is used, then containers/storage's own default.
      - No module of C(containers.podman) or C(community.docker) has it.
    type: path
  storage_driver:
    description:
      - Storage driver of containers/storage, such as V(overlay) or V(vfs).
      - If not set, the environment variable E(LIBPOD_STORAGE_DRIVER) is used, then containers/storage's own default.
      - No module of C(containers.podman) or C(community.docker) has it.
    type: str
  cni_config_dir:
    description:
      - Directory of the CNI network configurations.
      - If not set, the environment variable E(LIBPOD_CNI_CONFIG_DIR) is used, then V(/etc/cni/net.d).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: path
  cni_plugin_dirs:
    description:
      - Directories that are searched for CNI plugins, in this order.
      - If not set, the environment variable E(LIBPOD_CNI_PLUGIN_DIRS), separated by commas, is used,
        then V(/usr/lib/cni), V(/usr/libexec/cni) and V(/opt/cni/bin).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: list
    elements: path
  network_backend:
    description:
      - What attaches containers and pods that are made to networks, V(cni) or V(netavark). A container keeps the network backend that
        it was made with until it is re-created, and the modules of networks see those of this one.
      - V(auto) is V(cni) where the engine's own networks are those of CNI. Else it is what podman has recorded for the store in
        C(defaultNetworkBackend), V(cni) where plugins and networks of CNI are there, and V(netavark) where that is installed.
      - If not set, the environment variable E(LIBPOD_NETWORK_BACKEND) is used, then V(auto).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: str
    choices: [auto, cni, netavark]
  network_config_dir:
    description:
      - Directory of netavark's networks, which podman shares.
      - If not set, the environment variable E(LIBPOD_NETWORK_CONFIG_DIR) is used, then V(/etc/containers/networks).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: path
  oci_runtime:
    description:
      - OCI runtime of the containers and pods that are made, by its name or path. V(auto) is C(crun) where it is installed and
        works on the host, else C(runc). C(crun) refuses a host that has cgroup v1 controllers and a cgroup v2 mount beside them.
        One that does not start is passed over with a warning.
      - Another OCI runtime, such as gVisor's C(runsc) and C(youki), is given by its path, or by that of a script which runs it with
        its own flags. Its state is in a directory of its name in O(run_root). Options that a sandbox of C(runsc) cannot have, such
        as those of the host's namespaces, are errors.
      - A container keeps the OCI runtime that it was made with until it is re-created, even if another one is set.
      - If not set, the environment variable E(LIBPOD_OCI_RUNTIME) is used, then V(auto).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: str
  conmon_path:
    description:
      - The conmon program.
      - If not set, the environment variable E(LIBPOD_CONMON_PATH) is used, then V(conmon).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: path
  cgroup_manager:
    description:
      - Whether cgroups are plain directories, or scopes that systemd makes.
      - If not set, the environment variable E(LIBPOD_CGROUP_MANAGER) is used, then V(systemd) where it is PID 1
        on a cgroup v2 host, else V(cgroupfs).
      - No module of C(containers.podman) or C(community.docker) has it.
    type: str
    choices: [cgroupfs, systemd]
  tool_timeouts:
    description:
      - Time that a program which the engine runs may take, by tool, in seconds or with units such as V(4m). V(0) is without limit.
        A program that takes longer is ended, with all that it has started, and the task fails.
      - If not set, the environment variable E(LIBPOD_TOOL_TIMEOUTS), such as V(cni=60,conmon=240), is used.
      - The tools and their defaults in seconds are V(skopeo), V(buildah), V(tar), V(copy_up) and V(image_archive) 21600,
        V(containers-storage) and V(chown) 3600, V(journalctl) and V(other) 600, V(registry) 300, V(conmon) and V(oci_runtime) 240. They
        are V(cni) and V(netavark) 180, V(busctl) and V(apparmor_parser) 120, and V(iptables), V(openssl) and V(credential_helper) 60.
      - The limit of V(skopeo) is for each try to copy an image. That of V(registry) is for each question to a registry, such as
        whether a tag has moved or a password is accepted.
      - The limit of V(conmon) is for the creation of a container or of a command in it. That of V(oci_runtime) is for
        start, pause, update and delete, and not for commands in a container. That of V(cni) is for each plugin. V(copy_up)
        is the engine's own copy of an image's content into a new volume, and V(image_archive) its reading of an archive.
      - Of what a program prints, at most 16 MiB of standard output and 64 KiB of standard error are kept. The former are 64
        MiB of V(iptables), 256 MiB of V(journalctl), and 1 MiB of V(conmon) and V(buildah). No option changes these.
      - No module of C(containers.podman) or C(community.docker) has it.
    type: dict
requirements:
  - runc or crun, conmon, skopeo, the CNI plugins or netavark, and iptables on the target
    (the role P(libpod.engine.libpod_host#role) installs them)
  - root on the target
"""
