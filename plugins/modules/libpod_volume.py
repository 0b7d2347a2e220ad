#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_volume
short_description: Make, change, mount and remove a volume
version_added: 0.1.0
description:
  - Makes a named volume, which containers use with C(volume) or C(mount) of M(libpod.engine.libpod_container).
  - Without O(options) a volume is a directory under the static root. With them a file system of another place is mounted
    on that directory when the volume's first container starts, and unmounted after its last one.
  - What differs is changed in place where no data is lost. A change that would hide a volume's content is refused.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Refuses what the run would refuse, too; a mount is tried in the run alone.
  diff_mode:
    support: full
    details: Shows labels and options that differ, and whether the volume is mounted, emptied or filled.
  idempotent:
    support: full
    details: A volume that is as described is left alone, however its options are written; but for O(recreate).
options:
  name:
    description:
      - Name of the volume.
      - C(podman_volume) has it.
    type: str
    required: true
  state:
    description:
      - V(present) - there is such a volume.
      - V(absent) - there is none. A volume that a container names, whether that runs or not, is not removed, and the error
        names the container.
      - V(mounted) - it is made where it is missing, and mounted on the host until V(unmounted) or the next boot, whatever
        containers do. RV(mount_point) says where. A plain directory needs no mount.
      - V(unmounted) - the host no longer holds it mounted. It is unmounted once no container holds it either.
      - C(podman_volume) has it.
    type: str
    default: present
    choices: [present, absent, mounted, unmounted]
  label:
    description:
      - Labels of the volume. A change of them leaves its content alone.
      - C(podman_volume) has it.
    type: dict
  driver:
    description:
      - The driver, of which there is only V(local).
      - C(podman_volume) has it.
    type: str
  options:
    description:
      - Options of the driver, as C(KEY=VALUE).
      - C(type) - a file system such as V(tmpfs), V(ext4) or V(nfs), or V(none) with C(o=bind) for a directory of the host.
      - C(device) - what is mounted, such as V(/dev/sdb1), V(server:/path) or V(/srv/data). A device, directory or server has
        to be there when the first container starts.
      - C(o) - mount options with commas between them, such as V(ro,noatime). Those of mount(8) for the file system, without
        secrets. Without V(suid) and V(dev) a file system is mounted V(nosuid) and V(nodev).
      - C(uid), C(gid) - owner of the volume's top directory, as numbers. Also in C(o).
      - C(size), C(inodes) - limits of a V(tmpfs) or of a plain directory, in bytes or with a unit such as V(64m), and as a
        number. Also in C(o).
      - A plain directory is limited by a project quota, as podman does it. The file system below O(static_root) must be XFS, or
        ext4 with the feature C(project), mounted with C(prjquota). A first limit is refused where the volume has content, which
        it would not count. A changed one is in force at once, for running containers too. ext4 does not hold processes with
        C(CAP_SYS_RESOURCE) to it, such as those of a privileged container.
      - C(nocopy) in C(o) - the volume does not get what the image has at its target.
      - A new C(type), C(device) or C(o) is refused while a container runs with the volume, and where it would hide content
        of a plain directory.
      - C(podman_volume) has it.
    type: list
    elements: str
  src:
    description:
      - A tar file on the target, such as M(libpod.engine.libpod_export) writes, with which the volume is filled. It may be
        compressed by gzip, bzip2 or xz.
      - What differs is replaced, and what the file does not have stays. Times count in whole seconds.
      - Nothing is written outside the volume, whatever the file and the volume have in them. A file with a device, or with a
        path that leads out, is refused as a whole.
      - A volume in memory has to be V(mounted).
      - C(podman_volume) does not have it.
    type: path
  recreate:
    description:
      - Whether to remove the volume and create it again. This destroys what is in a plain directory. What is mounted from
        another place stays as it is.
      - Refused while a container names the volume.
      - C(podman_volume) has it.
    type: bool
    default: false
  executable:
    description:
      - There is no podman program.
      - C(podman_volume) has it; it has no effect here.
    type: str
  debug:
    description:
      - There is no podman program to tell more of.
      - C(podman_volume) has it; it has no effect here.
    type: bool
    default: false
seealso:
  - module: libpod.engine.libpod_volume_info
  - module: libpod.engine.libpod_export
  - module: libpod.engine.libpod_prune
"""

EXAMPLES = r"""
- name: Make a volume
  libpod.engine.libpod_volume:
    name: pages
    label:
      service: web

- name: Make a volume in memory, of at most 64 MiB
  libpod.engine.libpod_volume:
    name: scratch
    options:
      - type=tmpfs
      - o=size=64m,mode=1777,noexec

- name: Have a directory of the host as a volume, for reading
  libpod.engine.libpod_volume:
    name: certificates
    options:
      - type=none
      - device=/etc/ssl
      - o=bind,ro

- name: Have a directory of a file server as a volume
  libpod.engine.libpod_volume:
    name: media
    options:
      - type=nfs
      - device=files.example.com:/media
      - o=vers=4.2,soft

- name: Mount it on the host, to put files in
  libpod.engine.libpod_volume:
    name: scratch
    state: mounted
  register: scratch

- name: Keep a volume's files in a tar file
  libpod.engine.libpod_export:
    volume: pages
    dest: /srv/pages.tar

- name: Have them in another volume
  libpod.engine.libpod_volume:
    name: copy-of-pages
    src: /srv/pages.tar

- name: Unmount it
  libpod.engine.libpod_volume:
    name: scratch
    state: unmounted

- name: Remove a volume
  libpod.engine.libpod_volume:
    name: scratch
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [created pages]
volume:
  description: The volume in the shape of C(podman volume inspect); empty where there is none.
  returned: success
  type: dict
  sample:
    Name: pages
    Driver: local
    Mountpoint: /var/lib/libpod/volumes/pages/_data
    CreatedAt: "2026-11-28T19:30:12.103845+00:00"
    Labels: {service: web}
    Scope: local
    Options: {}
    MountCount: 0
    NeedsCopyUp: true
mount_point:
  description: Where the volume's content is on the host.
  returned: success, when O(state=mounted)
  type: str
  sample: /var/lib/libpod/volumes/scratch/_data
error:
  description: Kind of the error, such as V(InvalidState).
  returned: failure
  type: str
  sample: InvalidState
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.volume").main()


if __name__ == "__main__":
    main()
