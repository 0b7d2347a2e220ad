#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_container
short_description: Manage a container, without podman or docker
version_added: 0.1.0
description:
  - Brings one container to the state and configuration that the task describes, driving the OCI runtime, conmon, the CNI
    plugins or netavark, and containers/storage itself.
  - The playbook is the truth. An option that is omitted has its default, or the image's value, on the first run and on
    every later one.
  - Options have the names, types and aliases of C(containers.podman.podman_container). Other options are refused. Each
    option says whether C(podman_container) has it.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details:
      - Says exactly what a run would do, pulls nothing and writes nothing.
      - A new container may need something that is missing and that an earlier task of the play may make. Check mode then
        continues with a warning. For an existing container it fails as the run does.
      - Errors that only the OCI runtime finds appear in a run alone. In most cases the run creates the new container before
        it stops the old one.
  diff_mode:
    support: full
    details: Shows each option that differs, and which of them needs a new container. Values of variables are hidden.
  idempotent:
    support: partial
    details:
      - O(recreate), O(force_restart) and O(state=rewound) act at each run.
      - A container that has ended is started again by O(state=started), as a job with O(detach=false) is.
options:
  name:
    description:
      - Name of the container.
      - A task with a name alone starts, restarts or pauses an existing container whatever its configuration.
      - C(podman_container) has it.
    type: str
    required: true
  state:
    description:
      - V(started) - the container exists as described and runs.
      - V(present) - it exists as described; a new one is made but not started.
      - V(created) - the same as V(present).
      - V(stopped) - it does not run. Its other options are ignored, and it is never re-created. A container that does not
        exist is made where O(image) is given.
      - V(paused) - it exists as described and its processes are frozen.
      - V(absent) - it does not exist. Named volumes stay. What cannot be a name, such as V(alpine:3.7), is absent.
      - V(marked) - the files of an existing container that was created with O(rewindable=true) are frozen as they are, in
        place of an earlier mark. A container that runs is restarted for it, and one that is paused is paused again. Nothing
        is done where no file was changed since the mark.
      - V(rewound) - such a container has its files as they were marked, or as its image has them where it was not marked,
        and runs. Its process is a new one. Its ID, name, addresses, published ports and log stay.
      - V(adopted) - a container of podman 4 or 5 becomes the engine's as it is, with its process, networks, ports and files.
        Nothing is done to one that is the engine's already. What has no counterpart here is refused by name before anything is
        changed, and so are pods and secrets of podman's.
      - V(given_back) - such a container is podman's again, as podman had it, while it runs. One that the engine has started
        must be stopped before.
      - With V(marked), V(rewound), V(adopted) and V(given_back) the container's other options are ignored, and it is never
        re-created.
      - C(podman_container) does not have V(marked), V(rewound), V(adopted) and V(given_back).
      - C(podman_container) has it.
    type: str
    default: started
    choices: [absent, present, created, started, stopped, paused, marked, rewound, adopted, given_back]
  image:
    description:
      - Image of the container, by a name such as V(docker.io/library/busybox:1.37), a digest or an ID. It is pulled where the
        store does not have it and the target's policy.json(5) accepts it.
      - A name without a registry, such as V(busybox), is an image of the store, or what the target's registries.conf(5) makes of
        it. C(docs/image-names.md) of the collection has the rules.
      - Also V(docker://NAME), V(oci:PATH:TAG), V(oci-archive:PATH), V(docker-archive:PATH) or V(dir:PATH).
      - With O(rootfs=true), a directory on the target. V(:O) at its end puts an overlay over it, so that the directory
        stays unchanged.
      - C(podman_container) has it.
    type: str
  rootfs:
    description:
      - Whether O(image) is a directory on the target.
      - C(podman_container) has it.
    type: bool
    default: false
  image_strict:
    description:
      - Whether it is a difference that a tag names another image than when the container was made.
      - A container that is re-created for another reason has the image that the tag names now, and RV(plan) says so.
      - C(podman_container) has it.
    type: bool
    default: false
  pull:
    description:
      - When the image is pulled for a container that is created or re-created. With O(image_strict=true) an existing container is
        compared with the image that this leads to.
      - V(missing), the default - where the store does not have it.
      - V(always) - where its source has another image than the store. The source must answer.
      - V(newer) - the same, and the image of the store is used where the source does not answer.
      - V(never) - not at all; the task fails where the store does not have it.
      - C(podman_container) has it.
    type: str
    choices: [missing, always, never, newer]
  authfile:
    description:
      - File with the credentials of registries, in the format of containers-auth.json(5).
      - Where omitted, it is the file of E(REGISTRY_AUTH_FILE), then C(containers/auth.json) in E(XDG_RUNTIME_DIR), or else
        C(/run/containers/0/auth.json). What it lacks is looked for in C(~/.config/containers/auth.json) and
        C(~/.docker/config.json). M(libpod.engine.libpod_login) writes such files.
      - C(podman_container) has it.
    type: path
  tls_verify:
    description:
      - Whether the registry must answer over HTTPS with a valid certificate. Where omitted, the target's registries.conf(5)
        decides.
      - C(podman_container) has it.
    type: bool
  platform:
    description:
      - Platform of the image as V(OS/ARCHITECTURE) or V(OS/ARCHITECTURE/VARIANT), such as V(linux/arm64/v8). The target's own
        where omitted. An image of the store for another platform counts as missing, and a container of one is re-created.
      - Not together with O(os), O(arch) or O(variant).
      - C(podman_container) has it.
    type: str
  os:
    description:
      - Operating system of the image, as in O(platform).
      - C(podman_container) has it.
    type: str
  arch:
    description:
      - Architecture of the image, as in O(platform).
      - C(podman_container) has it.
    type: str
  variant:
    description:
      - Variant of the architecture of the image, as in O(platform).
      - C(podman_container) has it.
    type: str
  retry:
    description:
      - How often a pull that fails is tried again. Not at all where omitted.
      - Not tried again are an image that is not at its source, refused credentials and certificates, and a pull that has
        exceeded its limit in O(tool_timeouts).
      - With O(pull=newer), a registry that fails is not asked again where the store has the image, which then counts as
        the newest.
      - Each try asks up to five times by itself where the registry limits requests (HTTP status 429), after the time that
        the registry says, at most a minute.
      - C(podman_container) has it.
    type: int
  retry_delay:
    description:
      - Time between two tries, in seconds or with units such as V(1m30s). One second where omitted, doubled after each try.
      - C(podman_container) has it.
    type: str
  decryption_key:
    description:
      - Private key for an encrypted image, V(PATH) or V(PATH:PASSPHRASE).
      - C(podman_container) has it.
    type: str
  cidfile:
    description:
      - File on the target that has the container's ID, from its creation to its removal.
      - C(podman_container) has it.
    type: path
  pid_file:
    description:
      - File on the target that has the ID of the container's process, as long as it runs.
      - C(podman_container) has it.
    type: path
  conmon_pidfile:
    description:
      - File on the target that has the ID of the container's conmon process, as long as it runs.
      - C(podman_container) has it.
    type: path
  pod_id_file:
    description:
      - File on the target with the ID of the container's pod, in the place of O(pod).
      - C(podman_container) has it.
    type: path
  delete_time:
    description:
      - Time until a container that O(state=absent) stops, or that a new one takes the place of, is killed. It is written as
        O(stop_timeout) and stands in its place. V(-1) waits.
      - Where it is omitted, O(stop_time) and O(restart_time) apply to a container that is re-created.
      - C(podman_container) has it.
    type: str
  personality:
    description:
      - Execution domain of the container's processes, V(linux) or V(linux32). crun sets it, and runc from 1.2 on.
      - C(podman_container) has it.
    type: str
  seccomp_policy:
    description:
      - Where the seccomp profile comes from if O(security_opt) names none. V(image) is the one in the image's label
        C(io.containers.seccomp.profile), and the default profile where it has none.
      - V(default) where omitted.
      - C(podman_container) has it.
    type: str
    choices: [default, image]
  systemd:
    description:
      - Whether the container is made as systemd needs it. V(true), the default, does that as podman does, where the command
        is C(/sbin/init), C(/usr/sbin/init), C(/usr/local/sbin/init) or a program with the name C(systemd). V(always) does
        it in any case, and V(false) never.
      - There is a tmpfs at C(/run), C(/run/lock), C(/tmp) and C(/var/log/journal) then, unless a volume or tmpfs of the
        container is there. C(container_uuid) is in its environment. It has a cgroup namespace of its own unless O(cgroupns)
        says otherwise, and its cgroup is writable. In cgroup v1 that is its cgroup in the hierarchy C(name=systemd) alone.
      - Neither O(privileged) nor a volume is needed for it. A V(privileged) one gets none of the target's consoles
        (C(/dev/tty0) and so on). With O(cgroupns=host) it needs the volume V(/sys/fs/cgroup:/sys/fs/cgroup) and O(privileged).
        The signal that asks it to stop is C(RTMIN+3) where neither O(stop_signal) nor the image names one.
      - C(podman_container) has it.
    type: str
  shm_size_systemd:
    description:
      - Size of each tmpfs that O(systemd) brings. The kernel's default, half of the memory, where omitted.
      - C(podman_container) has it.
    type: str
  cgroups:
    description:
      - V(enabled), the default, gives the container a cgroup of its own and its conmon another one.
      - V(no-conmon) leaves conmon in the cgroup of the process that starts the container, for a service manager that starts
        the playbook and watches conmon. If the manager kills that cgroup, conmon ends, and with it the container's log and
        the record of its exit.
      - V(disabled) and V(split) are podman's, and refused with the reason.
      - C(podman_container) has it.
    type: str
    choices: [enabled, disabled, no-conmon, split]
  sdnotify:
    description:
      - What is sent to the socket of sd_notify(3) that C(NOTIFY_SOCKET) in the environment of the module's process names.
        Without such a socket nothing is sent, and a restart by policy has none.
      - V(container), the default, gives the container a socket at C(/run/notify/notify.sock), which its own
        C(NOTIFY_SOCKET) names. The messages on it are passed on by conmon, whose process ID is sent too.
      - V(conmon) sends that ID, and that the container is ready once it runs. V(ignore) does neither.
      - C(podman_container) has it.
    type: str
    choices: [container, conmon, ignore]
  gpus:
    description:
      - Graphics processors of the target that the container has, V(all) or names of devices separated by commas.
      - They are looked for as devices of the kind C(nvidia.com/gpu) in the files of the Container Device Interface, which
        are C(*.json), C(*.yaml) and C(*.yml) in C(/etc/cdi) and C(/var/run/cdi). What a file says of a device is applied at
        each start of the container.
      - YAML is read by PyYAML, the package C(python3-yaml) on the target. Aliases in it are refused.
      - C(podman_container) has it.
    type: str
  init_ctr:
    description:
      - Makes the container an init container of its O(pod). It runs to its end when the pod starts, before the pod's other
        containers do. Several run in the order they were made. If one fails, the pod does not start.
      - V(always) runs at each start of the pod by M(libpod.engine.libpod_pod) at which none of its other containers runs.
        V(once) is removed when it has succeeded.
      - Such a container is made with O(state=created). A task that starts another container of the pod by itself does not
        run it.
      - C(podman_container) has it.
    type: str
    choices: [once, always]
  hooks_dir:
    description:
      - Directories on the target whose C(*.json) files are hooks as oci-hooks(5) has them, in version 1.0.0. They are read each
        time the container starts, and the OCI runtime runs the programs of those whose conditions hold, sorted by their files'
        names. Of two files with one name, that of the later directory is used.
      - Only directories that are given here are read.
      - C(podman_container) has it.
    type: list
    elements: str
  rmi:
    description:
      - Whether the container's image is removed with it, by O(state=absent) or as it ends, unless another container uses
        the image. An image with several names loses only the container's.
      - Implies O(rm=true), as podman's.
      - C(podman_container) has it.
    type: bool
  command:
    description:
      - Command, as a list or as a string that is split as the shell does. The image's where omitted. With an empty command
        the entrypoint has no arguments.
      - C(podman_container) has it.
    type: raw
  entrypoint:
    description:
      - Entrypoint, as a list, as a string with a JSON list, or as a string that is one program.
      - The image's where omitted. With an entrypoint that is given, the image's command is not used.
      - C(podman_container) has it.
    type: raw
  env:
    description:
      - Environment variables, added to the image's. Values appear in no log, diff, action or result.
      - C(container) is V(podman) where neither they nor the image say otherwise, as C(systemd-detect-virt), Ansible's facts and
        roles expect. O(unsetenv) takes it away.
      - C(podman_container) has it.
    type: dict
  env_file:
    description:
      - Files on the target with environment variables, one C(KEY=VALUE) a line. O(env) wins over them.
      - A change of their content is a difference.
      - C(podman_container) has it.
    type: list
    elements: path
    aliases: [env_files]
  env_host:
    description:
      - Whether the container also gets the environment of the module's process, as it is when the container is made.
        The image's variables and O(env) win over it.
      - C(podman_container) has it.
    type: bool
  env_merge:
    description:
      - Environment variables whose values may name others, such as C(PATH=/opt/bin:${PATH}). C($NAME), C(${NAME}),
        C(${NAME:-DEFAULT}) and C(${NAME:+WORD}) stand for the image's variables. O(env) wins over them.
      - C(podman_container) has it.
    type: dict
  unsetenv:
    description:
      - Names of default and image variables that the container does not get.
      - C(podman_container) has it.
    type: list
    elements: str
  unsetenv_all:
    description:
      - Whether the container gets none of the default and image variables.
      - C(podman_container) has it.
    type: bool
  http_proxy:
    description:
      - Whether the container gets the proxy variables (C(http_proxy), C(https_proxy), C(ftp_proxy), C(no_proxy),
        C(all_proxy), in either case) of the module's process, as they are when the container is made. V(true) where omitted.
      - C(podman_container) has it.
    type: bool
  workdir:
    description:
      - Directory in which the command runs.
      - C(podman_container) has it.
    type: str
    aliases: [working_dir]
  user:
    description:
      - User, as C(NAME), C(UID), C(NAME:GROUP) or C(UID:GID), looked up in the container's own files. The image's where
        omitted or empty.
      - While the container runs, a name and its number are no difference, for O(group_add) too.
      - C(podman_container) has it.
    type: str
  group_add:
    description:
      - Additional groups of the user, by name or number, looked up in the container's own files.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [groups]
  passwd:
    description:
      - Whether a user and a group that the image's files do not have are added to the container's C(/etc/passwd) and
        C(/etc/group). V(true) where omitted.
      - C(podman_container) has it.
    type: bool
  passwd_entry:
    description:
      - The line that O(passwd) adds for the user. C($USERNAME), C($UID), C($GID), C($NAME) and C($HOME) are filled in.
      - C(podman_container) has it.
    type: str
  group_entry:
    description:
      - The line that O(passwd) adds for the group. C($GROUPNAME), C($GID) and C($USERLIST) are filled in.
      - C(podman_container) has it.
    type: str
  hostuser:
    description:
      - Users of the target, separated by commas, that are added to the container's C(/etc/passwd).
      - C(podman_container) has it.
    type: str
  umask:
    description:
      - Umask of the process, as quoted octal digits. V(0022) where omitted.
      - Health checks and commands that are executed in the container have it too.
      - C(podman_container) has it.
    type: str
  init:
    description:
      - Whether a small init (catatonit) is the container's first process, passes signals on and reaps.
      - C(podman_container) has it.
    type: bool
  init_path:
    description:
      - Path of the init on the target, called with C(--) and the command.
      - C(podman_container) has it.
    type: str
  oom_score_adj:
    description:
      - From V(-1000) to V(1000), how readily the kernel kills the process when memory runs out. A change restarts the container.
      - C(podman_container) has it.
    type: int
  annotation:
    description:
      - Annotations of the OCI specification, which runtimes and hooks read. They are changed in place, but for those that
        begin with C(run.oci.) or C(org.systemd.property.), which are orders to the runtime and need a new container.
      - C(podman_container) has it.
    type: dict
  timezone:
    description:
      - Time zone, such as V(Europe/Berlin), or V(local) for the target's. The image's where omitted.
      - C(podman_container) has it.
    type: str
  hostname:
    description:
      - Host name of up to 64 characters. The first twelve digits of the container's ID where omitted, or the target's own
        name with O(network=host).
      - C(podman_container) has it.
    type: str
  label:
    description:
      - Labels, added to the image's. They are changed in place.
      - C(podman_container) has it.
    type: dict
    aliases: [labels]
  label_file:
    description:
      - File on the target with labels, one C(KEY=VALUE) a line. O(label) wins over it.
      - C(podman_container) has it.
    type: path
  volume:
    description:
      - Volumes as C(SOURCE:TARGET[:OPTIONS]). A source with a slash is a path on the target, which must exist. Any other is
        the name of a volume, which is made where missing, with the image's content, and kept when the container goes.
      - The image's content comes with its owners, modes, times, extended attributes, hard links and device nodes. A volume
        whose directory is not empty gets none of it.
      - A target alone is an anonymous volume, which stays when the container goes, unless O(delete_volumes).
      - Options are C(ro), C(rw), C(nodev), C(noexec), C(nosuid), C(dev), C(exec), C(suid), C(bind), C(nocopy), C(z), C(Z)
        and a propagation. C(U) makes the container's user the owner of all in the volume. C(O), alone, puts an overlay over
        the source, which has the container's changes until it stops. C(idmap) is as with O(mount).
      - Where SELinux is enabled, C(z) gives all in the volume the label of every container's files, and C(Z) that of the
        container's own. A directory of the system, such as C(/etc), is refused then. Elsewhere they have no effect.
      - A volume is C(nosuid) and C(nodev) unless C(suid) or C(dev) is given. A path of the target keeps C(ro), C(nosuid),
        C(nodev) and C(noexec) of the file system it is on, the last three unless C(suid), C(dev) or C(exec) is given.
      - They are changed in place where that is safe. Under a running process a volume is mounted, unmounted, given other
        options, or replaced by another source in one step. A volume that a process uses is neither taken away nor made
        read-only, which needs a new container.
      - A new container is also needed for C(U), C(O), C(z), C(Z), a shared propagation or a first slave propagation, and
        for a new volume with the image's content. So it is for targets with mounts below them, or below C(/proc), C(/sys)
        and C(/dev). O(hooks_dir) and a user namespace need it too, and so do kernels before 5.12, or for another source
        6.5. RV(plan) gives the reason.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [volumes]
  chrootdirs:
    description:
      - Directories of the container, separated by commas, that are used as roots. Each gets the files that the engine has
        for C(/etc), such as C(/etc/hosts).
      - C(podman_container) has it.
    type: str
  tmpfs:
    description:
      - Targets of tmpfs mounts and their options, such as C(size=64m,mode=1777). They begin with the image's content,
        but with C(notmpcopyup) empty.
      - They are changed in place where O(volume) would be. Another size or flag leaves the files there, other options make
        a new tmpfs. A size below what is held needs a new container, and so does content of the image's.
      - A C(mode) that is given is the file system's at every start. Without one it is that of the image's directory, or 1777.
      - C(podman_container) has it.
    type: dict
  mount:
    description:
      - Mounts as C(KEY=VALUE) separated by commas, such as V(type=bind,source=/srv,target=/data,ro=true). C(type) is C(bind),
        C(volume) (where omitted), C(glob), C(image), C(tmpfs), C(ramfs) or C(devpts).
      - With C(glob) each path on the target that matches C(source) is bound, under its name in the directory C(target), or at
        its own path. As in a shell, C(*) leaves out names that begin with a dot. A task that finds other paths makes a new
        container.
      - A volume without C(source) is anonymous. C(bind), C(glob) and C(volume) take C(ro), C(U), C(bind-propagation), C(relabel),
        C(nosuid), C(nodev), C(noexec), their opposites, and C(bind-nonrecursive) or C(nocopy). Without these, they are as with
        O(volume).
      - C(volume) takes C(subpath), also C(volume-subpath), a directory or file in the volume that is mounted instead of all of
        it. It must be there, for instance made by an earlier task, and gets no content of the image's. Links are followed
        inside the volume only. A path with C(..) is refused.
      - With C(image), the source is the name or ID of an image in the store, such as one that
        M(libpod.engine.libpod_image) has pulled. It is mounted read-only. With C(rw) it takes changes, which stay as
        long as the container. It takes C(subpath) too. In a container with a user namespace it needs C(idmap). A name
        that leads to another image makes a new container. The image is not removed while a container has it.
      - C(bind), C(glob), C(volume) and C(image) take C(idmap), with which the files have the container's IDs on the host too,
        or C(idmap=uids=RANGES;gids=RANGES). RANGES are C(FILE-HOST-AMOUNT), joined by C(#). After a C(@), HOST is an ID in the
        container. It needs crun, from 1.5 on, or runc, from 1.2 on, and a file system that can.
      - A volume with C(idmap) begins with the image's content under the IDs that the container sees, so that containers with
        other user namespaces, or with none, share it. An image with C(idmap) is read-only and has one layer, or a C(subpath)
        that only one layer has, since the kernel does not map the IDs of several layers together.
      - C(tmpfs) takes C(tmpfs-size), C(tmpfs-mode), C(uid) and C(gid), and C(devpts) C(uid), C(gid), C(mode) and
        C(max).
      - They are changed in place where O(volume) or O(tmpfs) would be, C(image), C(ramfs) and C(devpts) never.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [mounts]
  volumes_from:
    description:
      - Containers whose volumes and bind mounts this one gets too, as they are when it is made. C(NAME:ro) makes them
        read-only.
      - C(podman_container) has it.
    type: list
    elements: str
  image_volume:
    description:
      - What is mounted where the image declares a volume. V(bind) is an anonymous volume with the image's content,
        V(tmpfs) a tmpfs, V(ignore) nothing. V(bind) where omitted.
      - C(podman_container) has it.
    type: str
    choices: [bind, tmpfs, ignore]
  publish:
    description:
      - Published ports as C([[HOST_IP:]HOST_PORT:]PORT[/PROTOCOL]), ranges too. A free host port is chosen where none is given.
        They are quoted, for YAML takes an unquoted 22:22 for the number 1342.
      - They are changed in place. A peer that keeps its socket loses a UDP or SCTP port that is taken out, or moved, at once. An
        established TCP connection goes on.
      - A port on an IPv6 address has no effect where the first network gives the container none, and likewise with IPv4. A warning
        says so, which O(strict) makes an error.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [ports, published, published_ports]
  publish_all:
    description:
      - Whether every port that O(expose) or the image names is published, on a free host port each. It is changed in place.
      - C(podman_container) has it.
    type: bool
  expose:
    description:
      - Ports of the container that O(publish_all) publishes, as C(PORT[-PORT][/PROTOCOL]). They are changed in place.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [exposed, exposed_ports]
  network:
    description:
      - V(bridge) is the default network - with CNI the one named C(libpod) or else the first, with netavark C(podman). Any other
        name is the network of that name, and several may be listed, each once. O(network_backend) says which of the two.
      - V(host), V(none), C(container:NAME) and C(ns:PATH) stand alone.
      - A network's name can be followed by C(:) and settings separated by commas - C(ip=), C(ip6=), C(mac=),
        C(interface_name=) and C(alias=), as in V(front:ip=10.88.0.5,interface_name=front0). A change of these needs a new
        container.
      - Containers on one network reach one another by name, by C(hostname), by C(alias=) or O(network_aliases), and by the
        first 12 digits of their IDs. Each has the names of its neighbours in its hosts file, which follows every start, end and
        change of a network at once. C(etc_hosts) and the lines of the host's hosts file win over a neighbour's name. A
        container's own name wins over the same alias of another one. An alias that several have is each one's, in the order
        of their names. This is true of the default network too, and with podman's DNS plugins on the network as without them.
      - Networks are changed in place, a new one with its settings. It gets an interface that is free, the others keep
        theirs with their addresses. The next start numbers the interfaces again, in the order given here. Anything else, such as
        other settings of a network that stays, needs a new container.
      - V(bridge) where omitted. An empty list is V(none).
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [net, network_mode]
  ip:
    description:
      - IPv4 address in the container's only network, which must have the capability C(ips) or use host-local.
      - C(podman_container) has it.
    type: str
  ip6:
    description:
      - IPv6 address in the container's only network, which must have the capability C(ips).
      - C(podman_container) has it.
    type: str
  mac_address:
    description:
      - MAC address in the container's only network, of bridge or macvlan, or with the capability C(mac).
      - C(podman_container) has it.
    type: str
  network_aliases:
    description:
      - Further names of the container in each of its networks, by which their other containers reach it, as O(network) says.
      - They are handed to the network's plugins too, where one has the capability C(aliases), as dnsname has.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [network_alias]
  ipc:
    description:
      - IPC namespace of the container. V(shareable) is its own, which other containers may join, V(private) one that they
        may not, V(none) one without C(/dev/shm). Others are V(host), C(container:NAME) with its C(/dev/shm), and
        C(ns:PATH).
      - V(shareable) where omitted.
      - C(podman_container) has it.
    type: str
    aliases: [ipc_mode]
  pid:
    description:
      - PID namespace. V(private), V(host), C(container:NAME) or C(ns:PATH). V(private) where omitted.
      - C(podman_container) has it.
    type: str
    aliases: [pid_mode]
  uts:
    description:
      - UTS namespace, which has the host name. V(private), V(host), C(container:NAME) or C(ns:PATH). V(private) where omitted.
      - C(podman_container) has it.
    type: str
  userns:
    description:
      - User namespace. V(host), V(private) with O(uidmap) or O(subuidname), V(auto), C(container:NAME) or C(ns:PATH).
      - With V(auto) the engine chooses IDs that no other container has, from the ranges of the user V(containers) in
        C(/etc/subuid) and C(/etc/subgid). The container keeps them, also when it is re-created. There are as many as the
        image needs and 1024 at least, or C(size) of V(auto:size=65536). C(auto:uidmapping=CONTAINER:HOST:AMOUNT) and
        C(gidmapping) in the same way map some IDs to given ones. Options are separated by commas.
      - Where the kernel does not map the IDs of an image's files (Linux before 5.19), C(containers-storage) makes a copy of them
        with other owners. Its version 1.43 takes no map of several ranges, which these two can be.
      - The modes V(keep-id) and V(nomap) of podman are for users without root's rights, and are refused.
      - V(private) where IDs are to be mapped, else V(host), where omitted.
      - C(podman_container) has it.
    type: str
    aliases: [userns_mode]
  cgroupns:
    description:
      - Cgroup namespace. V(private), V(host), C(container:NAME) or C(ns:PATH). V(private) on a host with cgroups v2 and
        V(host) on one with v1, where omitted.
      - C(podman_container) has it.
    type: str
  uidmap:
    description:
      - Map of user IDs as C(CONTAINER:HOST:AMOUNT), such as V(0:100000:65536). The container gets a user namespace, and its
        image's files belong to the mapped IDs. A directory that is used as O(rootfs) keeps its owners.
      - As O(gidmap) where only that is given.
      - C(podman_container) has it.
    type: list
    elements: str
  gidmap:
    description:
      - Map of group IDs as C(CONTAINER:HOST:AMOUNT). As O(uidmap) where only that is given.
      - C(podman_container) has it.
    type: list
    elements: str
  subuidname:
    description:
      - Name in C(/etc/subuid) whose ranges are mapped, from ID 0 on. As O(subgidname) where only that is given.
      - C(podman_container) has it.
    type: str
  subgidname:
    description:
      - Name in C(/etc/subgid) whose ranges are mapped, from ID 0 on. As O(subuidname) where only that is given.
      - C(podman_container) has it.
    type: str
  pod:
    description:
      - Pod that the container is in, made by M(libpod.engine.libpod_pod). It shares the pod's namespaces, but for those that an
        option here is about, and its cgroup is under the pod's. Ports are published on the pod.
      - V(new:NAME) also makes the pod, as podman's does, and keeps it to what the task says. O(network), O(publish), O(hostname),
        O(dns), O(dns_option), O(dns_search), O(etc_hosts), O(no_hosts), O(ip), O(ip6), O(mac_address) and O(network_aliases) are the
        pod's then. The pod stays when the container goes. Not in M(libpod.engine.libpod_containers).
      - C(podman_container) has it.
    type: str
  requires:
    description:
      - Containers that are to run before this one starts. They are changed in place.
      - A container is started after those that it requires or whose namespaces it joins. Those that do not run are started.
      - None of those can be removed before it. One that is re-created keeps its place, and when a container's task finds that a
        namespace it shares is no longer the other's, it restarts the container.
      - C(podman_container) has it.
    type: list
    elements: str
  dns:
    description:
      - DNS servers, instead of the host's. They are changed in place.
      - Where the host asks a server on its own loopback, the container gets the servers behind that, as systemd-resolved,
        NetworkManager or dnsmasq keep them. Where none is found, no name resolves in the container, and a warning says so.
        The same is true of IPv6 addresses on a link of the host, such as V(fe80::1%eth0).
      - Servers and search domains of the container's networks, as the plugin dnsname gives them, come before the host's.
      - V(none) alone leaves the container the image's own C(/etc/resolv.conf). A change restarts the container
        where it is to or from V(none).
      - A container that joins another one's network, or a pod, shares its files. So these, O(dns_option), O(dns_search) and
        O(etc_hosts) are options of that container or pod.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [dns_servers]
  dns_option:
    description:
      - DNS options, instead of the host's. They are changed in place.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [dns_opts]
  dns_search:
    description:
      - DNS search domains, instead of the host's. V(.) is none. They are changed in place.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [dns_search_domains]
  etc_hosts:
    description:
      - Host names and their addresses, which come first in the container's hosts file. C(host-gateway) is the gateway's address.
        C(one;two) are two names of one address. A name has several addresses as a list, or with commas between them.
      - The container's own lines follow, with its host name and name at its addresses, or at V(127.0.0.1) where the network
        gives it none. Then come the lines of the host's hosts file, and C(localhost) where no line has it. Last
        are the names of neighbours, as O(network) says.
      - A name is taken from the first of these that has it, and left out of the others. So every program finds the task's
        address for the task's names, however it reads the file.
      - They are changed in place.
      - C(podman_container) has it.
    type: dict
    aliases: [add_hosts]
  no_hosts:
    description:
      - Whether the container keeps its image's hosts file, instead of getting one from the engine. A change restarts the container.
      - C(podman_container) has it.
    type: bool
  memory:
    description:
      - Memory limit in bytes, or with a unit such as V(512m). It is changed in place. No limit where omitted.
      - C(podman_container) has it.
    type: str
  memory_swap:
    description:
      - Limit of memory and swap together, V(-1) or V(unlimited) for none. It is changed in place. Twice O(memory) where omitted.
      - C(podman_container) has it.
    type: str
  cpus:
    description:
      - Number of CPUs, such as V(1.5). Another spelling of O(cpu_quota) with O(cpu_period).
      - C(podman_container) has it.
    type: str
  cpu_quota:
    description:
      - CPU time in microseconds in each O(cpu_period). It is changed in place.
      - C(podman_container) has it.
    type: int
  cpu_period:
    description:
      - Length of a period for O(cpu_quota) in microseconds. It is changed in place.
      - C(podman_container) has it.
    type: int
  cpu_shares:
    description:
      - Relative weight of the container's CPU time, from V(2) to V(262144). It is changed in place.
      - C(podman_container) has it.
    type: int
  cpuset_cpus:
    description:
      - CPUs the container may run on, such as V(0-3,5). It is changed in place.
      - C(podman_container) has it.
    type: str
  pids_limit:
    description:
      - Most processes the container may have, V(-1) for no limit. It is changed in place. V(2048) where omitted.
      - C(podman_container) has it.
    type: str
  memory_reservation:
    description:
      - Memory that the container keeps when the target runs short, as O(memory). It is changed in place.
      - C(podman_container) has it.
    type: str
  memory_swappiness:
    description:
      - From V(0) to V(100), how readily the container's memory is swapped out. It is changed in place. The target's where
        omitted, or V(-1).
      - C(podman_container) has it.
    type: int
  kernel_memory:
    description:
      - Limit of kernel memory, as O(memory). Linux 5.16 and newer have none, and it is refused there.
      - C(podman_container) has it.
    type: str
  oom_kill_disable:
    description:
      - Whether the container's processes wait, instead of being killed, when its memory runs out.
      - Cgroup v1 only. It is changed in place.
      - C(podman_container) has it.
    type: bool
  cpuset_mems:
    description:
      - Memory nodes the container may use, such as V(0-1). It is changed in place.
      - C(podman_container) has it.
    type: str
  cpu_rt_period:
    description:
      - Length of a period for O(cpu_rt_runtime) in microseconds. Cgroup v1 only. It is changed in place.
      - C(podman_container) has it.
    type: int
  cpu_rt_runtime:
    description:
      - Microseconds of each O(cpu_rt_period) for processes of a real-time policy. Cgroup v1 only, and O(cgroup_parent) must
        be a cgroup that has as much to give. It is changed in place.
      - C(podman_container) has it.
    type: int
  cgroup_conf:
    description:
      - Files of the container's cgroup and what is written to each, such as C(memory.high). Cgroup v2 only.
      - They are changed in place, except that removing one needs a new container.
      - C(podman_container) has it.
    type: dict
  rdt_class:
    description:
      - Class of the CPU's resource control (C(/sys/fs/resctrl)) that the container's processes are in.
      - C(podman_container) has it.
    type: str
  blkio_weight:
    description:
      - Relative weight of the container's block I/O, from V(10) to V(1000). It is changed in place.
      - C(podman_container) has it.
    type: int
  blkio_weight_device:
    description:
      - Block devices and the container's weights for them. They are changed in place.
      - C(podman_container) has it.
    type: dict
  device_read_bps:
    description:
      - Most bytes read from a block device in a second, as C(DEVICE:BYTES), such as V(/dev/sda:10m). It is changed in place.
      - C(podman_container) has it.
    type: list
    elements: str
  device_write_bps:
    description:
      - Most bytes written to a block device in a second, as C(DEVICE:BYTES). It is changed in place.
      - C(podman_container) has it.
    type: list
    elements: str
  device_read_iops:
    description:
      - Most reads from a block device in a second, as C(DEVICE:NUMBER). It is changed in place.
      - C(podman_container) has it.
    type: list
    elements: str
  device_write_iops:
    description:
      - Most writes to a block device in a second, as C(DEVICE:NUMBER). It is changed in place.
      - C(podman_container) has it.
    type: list
    elements: str
  cap_add:
    description:
      - Capabilities added to the default ones. V(ALL) is all of them.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [capabilities]
  cap_drop:
    description:
      - Capabilities taken from the default ones. V(ALL) is all of them.
      - C(podman_container) has it.
    type: list
    elements: str
  privileged:
    description:
      - Whether the container has every capability and device of the host, and neither seccomp nor masked paths.
      - C(podman_container) has it.
    type: bool
  device:
    description:
      - Devices of the target as C(HOST[:CONTAINER][:PERMISSIONS]), permissions from C(rwm). Of a directory, all devices in it.
      - C(podman_container) has it.
    type: list
    elements: str
  device_cgroup_rule:
    description:
      - Devices that the container may use once it has made their nodes, such as V(c 189:* rmw).
      - C(podman_container) has it.
    type: str
  read_only:
    description:
      - Whether the root filesystem is read-only, with tmpfs on C(/run), C(/tmp) and C(/var/tmp).
      - C(podman_container) has it.
    type: bool
  rewindable:
    description:
      - Whether the container's files can be marked and go back to the mark, by O(state=marked) and O(state=rewound). V(false)
        where omitted. A change needs a new container, which has no mark.
      - Volumes are data and stay as they are, named and anonymous ones alike. With O(image_volume=ignore) the image's own
        volumes are files of the container, and go back too. What is on a tmpfs goes with the process.
      - Before a rewind the process is killed at once where nothing of what it writes stays. Where it has a volume or a
        directory of the host to write to, it is stopped as by O(state=stopped). O(stop_time) sets the seconds in both cases.
      - An image that is committed from the container has all its files in one layer.
      - The container's root filesystem cannot be a directory of the host (O(rootfs=true)).
      - C(podman_container) does not have it.
    type: bool
  read_only_tmpfs:
    description:
      - Whether O(read_only=true) puts tmpfs on C(/run), C(/tmp) and C(/var/tmp). V(true) where omitted.
      - C(podman_container) has it.
    type: bool
  security_opt:
    description:
      - C(no-new-privileges), C(seccomp=unconfined) or C(seccomp=/path/to/profile.json).
      - C(mask=/PATH[:/PATH]) hides more paths, C(unmask=/PATH[:/PATH]) shows those that are hidden or read-only, shell
        patterns too, and C(unmask=ALL) all of them.
      - C(proc-opts=OPTION[,OPTION]) are mount options of C(/proc).
      - C(apparmor=PROFILE) needs AppArmor on the target, where C(libpod-default), which denies what podman's profile does,
        confines all containers but privileged ones; C(apparmor=unconfined) goes without. C(label=disable), and C(label=KEY:VALUE) with C(user), C(role),
        C(type), C(level) or C(filetype), have an effect with SELinux alone, as O(strict) says.
      - Where SELinux is enabled, a container has the policy's label for containers and two categories of its own, as
        with podman. One that joins the C(ipc) or C(pid) namespace of a container has the label of that. O(privileged),
        C(pid=host) and C(ipc=host) are without, as C(label=disable) is.
      - C(podman_container) has it.
    type: list
    elements: str
  ulimit:
    description:
      - Resource limits as C(RESOURCE=SOFT[:HARD]) or C(RESOURCE:SOFT[:HARD]), such as V(nofile=1024:2048). C(-1) is unlimited. V(host) alone stands for
        those of the module's process. A change restarts the container.
      - C(podman_container) has it.
    type: list
    elements: str
    aliases: [ulimits]
  sysctl:
    description:
      - Kernel parameters of the container's namespaces, which are C(net.), C(fs.mqueue.) and those of System V IPC. A change
        restarts the container.
      - C(podman_container) has it.
    type: dict
  secrets:
    description:
      - Secrets as C(NAME[,KEY=VALUE]). Each is the content of the file C(secrets/NAME) under O(static_root), owned by root
        with mode C(0600), as it is when the container starts. M(libpod.engine.libpod_secret) writes it; O(secrets_changed)
        says what becomes of a container whose secret has changed since.
      - It is a file in C(/run/secrets), named as the secret or by C(target), a name or path. Its C(uid) and C(gid) are 0 and
        its C(mode) is 0444 where omitted. With C(type=env) it is an environment variable instead.
      - It is kept in memory only, and given to no image.
      - C(podman_container) has it.
    type: list
    elements: str
  secrets_changed:
    description:
      - What is done where one of O(secrets) has another content than when the container started. A container that is
        stopped takes the present content when it starts.
      - V(ignore) - nothing.
      - V(replace) - the file in the running container is replaced in one step. A process that has the old file open keeps that.
        Where that cannot be, as for C(type=env) and in a user namespace, the container is restarted.
      - V(restart) - the container is restarted, for programs that read their secrets once.
      - V(recreate) - the container is replaced by a new one, also one that is stopped.
      - Contents are compared by keyed digests, and no result shows anything of them.
      - C(podman_container) does not have it.
    type: str
    default: ignore
    choices: [ignore, replace, restart, recreate]
  shm_size:
    description:
      - Size of C(/dev/shm), where O(ipc) leaves the container one of its own. A change restarts the container. V(64m) where omitted.
      - C(podman_container) has it.
    type: str
  stop_signal:
    description:
      - Signal that asks the container to stop, such as V(TERM), V(15) or V(RTMIN+3). The image's where omitted, or TERM; see O(systemd).
      - C(podman_container) has it.
    type: str
  stop_timeout:
    description:
      - Time until a container that was asked to stop is killed, in whole seconds such as V(90) or V(1m30s). V(10) where
        omitted.
      - C(podman_container) has it.
    type: str
  stop_time:
    description:
      - Time until this task's stop kills the container, written as O(stop_timeout) and in its place. V(-1) never kills.
      - C(podman_container) has it.
    type: str
  restart_time:
    description:
      - As O(stop_time), for the stop that is part of a restart, by O(force_restart) or for an option that takes effect at a
        start. O(stop_time) applies where this is omitted.
      - C(podman_container) has it.
    type: str
  timeout:
    description:
      - Time that the container may run before it is killed, in whole seconds such as V(90) or V(1m30s). V(0), the default,
        is without limit. A change restarts the container.
      - C(podman_container) has it.
    type: str
  healthcheck:
    description:
      - Command that is run in the container to check it. It is healthy if the exit code is 0. The image's own check where
        omitted.
      - A string is a command of the shell, and one that begins with C(CMD) a command without a shell. A list of words, also
        in JSON, is run as it is, and may begin with C(CMD) or C(CMD-SHELL). V(none) stands for no check, as
        O(no_healthcheck) does.
      - The container's health is in RV(container) as C(State.Health), with the last five results.
      - All options of the health check are changed while the container runs.
      - C(podman_container) has it.
    type: raw
    aliases: [health_cmd]
  healthcheck_interval:
    description:
      - Time between two checks, at least V(100ms). The image's, or V(30s), where omitted.
      - This and every other time is a duration as Go's C(time.ParseDuration) takes it, such as V(1m30s) or V(500ms), with the
        units C(ns), C(us), C(ms), C(s), C(m) and C(h). A number alone is of seconds.
      - With V(disable) only a task that waits for health checks it, such as O(wait=healthy).
      - C(podman_container) has it.
    type: str
    aliases: [health_interval]
  healthcheck_timeout:
    description:
      - Time after which a check is killed, and has failed. The image's, or V(30s), where omitted.
      - C(podman_container) has it.
    type: str
    aliases: [health_timeout]
  healthcheck_retries:
    description:
      - Failures in succession that make a container unhealthy. The image's, or V(3), where omitted.
      - C(podman_container) has it.
    type: int
    aliases: [health_retries]
  healthcheck_start_period:
    description:
      - Time after the start in which failures do not count, until the first success. The image's, or V(0s), where omitted.
      - C(podman_container) has it.
    type: str
    aliases: [health_start_period]
  healthcheck_failure_action:
    description:
      - What is done to a container that is found unhealthy. V(none) where omitted.
      - V(kill) ends it as if it had ended by itself, so that O(restart_policy) applies. V(stop) stops it for good,
        V(restart) has it started again whatever O(restart_policy) is, with the same growing waits.
      - C(podman_container) has it.
    type: str
    choices: [none, kill, restart, stop]
    aliases: [health_on_failure]
  health_startup_cmd:
    description:
      - Command that has to succeed before the check of O(healthcheck) begins, written as that is.
      - C(podman_container) has it.
    type: raw
  health_startup_interval:
    description:
      - Time between two of these checks. V(30s) where omitted.
      - C(podman_container) has it.
    type: str
  health_startup_retries:
    description:
      - Failures after which the container is restarted. Never where it is V(0) or omitted.
      - C(podman_container) has it.
    type: int
  health_startup_success:
    description:
      - Successes that are needed. One where it is V(0) or omitted.
      - C(podman_container) has it.
    type: int
  health_startup_timeout:
    description:
      - Time after which such a check is killed, and has failed. V(30s) where omitted.
      - C(podman_container) has it.
    type: str
  no_healthcheck:
    description:
      - Whether the container has no health check, whatever its image has.
      - C(podman_container) has it.
    type: bool
  restart_policy:
    description:
      - Whether the container is started again when it has ended, by the engine on the target and without Ansible.
      - V(no), the default; V(on-failure), where its exit code is not 0; V(on-failure:3), at most three times; V(always);
        V(unless-stopped). A container that a task or an operator has stopped stays down.
      - The wait before a restart grows from a tenth of a second to a minute, and is reset after a run of ten seconds.
      - V(always) and V(unless-stopped) also start the container when the host boots, where the role
        P(libpod.engine.libpod_host#role) has set that up; V(unless-stopped) does not start a container that had been
        stopped.
      - C(podman_container) has it.
    type: str
  rm:
    description:
      - Whether the container is removed as soon as it has ended, with its anonymous volumes.
      - With O(detach=false) the task returns its output first.
      - Not together with a O(restart_policy), as podman's and docker's.
      - C(podman_container) has it.
    type: bool
    aliases: [remove, auto_remove]
  cgroup_parent:
    description:
      - Cgroup under which the container's is made. C(/libpod_parent), or C(machine.slice) with systemd, where omitted or empty.
      - C(podman_container) has it.
    type: str
  log_driver:
    description:
      - Where the container's output goes. V(k8s-file), of which V(json-file) is another name, is a file. V(journald) is the
        journal of the host, where C(journalctl CONTAINER_NAME=NAME) shows it. With V(none) it is not kept.
      - V(k8s-file) and V(journald) can be read by M(libpod.engine.libpod_container_logs); only V(k8s-file) is returned with
        O(detach=false).
      - V(passthrough) is refused, since a task has no output that could outlive it.
      - A change restarts the container.
      - V(k8s-file) where omitted.
      - C(podman_container) has it.
    type: str
    choices: [k8s-file, json-file, journald, none, passthrough]
  log_opt:
    description:
      - Options of the log. O(log_opt.max_size) is changed in place where the running container was started with no size, or
        with one that is not below the new one. A change to a larger size, or of O(log_opt.path) or O(log_opt.tag), is one
        that conmon takes at its start alone. A change restarts the container then.
      - C(podman_container) has it.
    type: dict
    aliases: [log_options]
    suboptions:
      path:
        description: File of the log. With O(log_driver=k8s-file) only.
        type: str
      max_size:
        description:
          - Size at which the log is rotated, such as V(10m). With O(log_driver=k8s-file) only.
          - A process beside conmon keeps a size that is changed in place, until the next start. A log that is larger
            already is rotated at once. A log that is written to very fast may outgrow the size by what is written within
            some milliseconds.
        type: str
      tag:
        description: Tag of the log's entries. With O(log_driver=journald) only.
        type: str
  interactive:
    description:
      - Whether the container's standard input stays open.
      - C(podman_container) has it.
    type: bool
  tty:
    description:
      - Whether the container has a terminal.
      - C(podman_container) has it.
    type: bool
  detach:
    description:
      - Whether the task ends when the container has started. Otherwise it waits for the container's end, returns what
        it printed, and fails where its exit code is not 0.
      - The task waits for a container that runs already too, and returns the output of its whole run. That does not make it
        changed. Of each stream 64 MiB are kept, the beginning and the end, with a warning where there is more.
      - C(podman_container) has it.
    type: bool
    default: true
  attach:
    description:
      - Which of V(stdout) and V(stderr) the task returns; the text of the other is empty. It implies O(detach=false).
        V(stdin) is accepted as podman's, and nothing is written there.
      - V(stdout) and V(stderr) where omitted.
      - C(podman_container) has it.
    type: list
    elements: str
  wait:
    description:
      - What the task waits for with O(state=started), whether it changes anything or not.
      - V(healthy) waits until the container's health check succeeds, and fails where the container is found unhealthy or ends.
      - V(booted) waits until the systemd in the container has booted, and fails where a unit has failed by then, naming it, or
        the container ends. It needs a container that is made for systemd, see O(systemd). A boot that has ended well is not
        looked at again until the container's next start.
      - V(exited) waits for its end, returns its exit code, and fails where that is not 0.
      - C(podman_container) does not have it.
    type: str
    choices: [started, healthy, booted, exited]
    default: started
  wait_timeout:
    description:
      - Longest wait for O(wait) and O(wait_for_healthy), in seconds or such as V(1m30s). V(0) is without limit.
      - C(podman_container) does not have it.
    type: str
    default: "300"
    aliases: [healthy_wait_timeout]
  wait_for_healthy:
    description:
      - Whether a container that is made in the place of another has to be healthy before the old one is removed, where it
        has a health check. Where it does not become healthy, the old one runs again and the task fails.
      - C(podman_container) does not have it.
    type: bool
    default: false
  drift:
    description:
      - How to look for what other programs have changed of the container. It is restored, and is among the differences.
      - V(auto) sees limits, a removed cgroup, interfaces and addresses, mounts, the engine's files over C(/etc), a killed conmon, and a
        killed runner of health checks or of a log's limit.
      - V(full) asks the CNI plugins too, which know their own rules, or looks for those of netavark, and takes longer. With CNI it
        also finds rules of other containers that take one of the container's ports. Rules of this engine's containers that no longer exist are
        removed. Rules of any other container fail the task, which names it.
      - C(podman_container) does not have it.
    type: str
    choices: [auto, full]
    default: auto
  force_restart:
    description:
      - Whether a running container is restarted.
      - C(podman_container) has it.
    type: bool
    default: false
    aliases: [restart]
  recreate:
    description:
      - Whether an existing container is re-created, whatever its configuration.
      - A task that only names the container re-creates it with its recorded configuration.
      - C(podman_container) has it.
    type: bool
    default: false
  recreate_policy:
    description:
      - Whether a difference that needs a new container may make one.
      - With V(never) the task fails before anything is changed, in check mode too, and names the options with their values
        before and after.
      - C(podman_container) does not have it.
    type: str
    default: auto
    choices: [auto, never]
  expect_plan:
    description:
      - The C(plan.digest) of an approved result of check mode. The task then carries out exactly that plan, or fails before
        it changes anything, and its message names what differs. In check mode it fails too.
      - A digest has no meaning on another host. Beside what is done, it covers the container that it is done to and its status,
        the options with the values of secret ones, and the image.
      - An image that is pulled because it is missing is covered by its full name alone; with O(pull=always) or O(pull=newer), which
        ask the registry, by its digest.
      - It does not cover a pod that the task makes, and cannot be combined with O(pod=new:NAME).
      - Where nothing is left to do, the task succeeds without a change, so that a job may be repeated.
      - C(podman_container) does not have it.
    type: str
    default: ""
  creds:
    description:
      - Credentials for the image's registry as C(USER:PASSWORD) in one line, in the place of O(authfile).
      - C(podman_container) does not have it.
    type: str
  cert_dir:
    description:
      - Directory on the target with the certificates of the registry, as containers-certs.d(5) has them. C(*.crt) is its
        authority's, C(NAME.cert) and C(NAME.key) are a client's. Where omitted, it is C(/etc/containers/certs.d/REGISTRY).
      - C(podman_container) does not have it.
    type: path
  cmd_args:
    description:
      - Arguments of C(podman run), such as V(--memory=64m), that are read as options of the task. What mappings and lists
        have adds up with the options of the task. An argument for which there is no option here is refused.
      - C(podman_container) has it.
    type: list
    elements: str
  strict:
    description:
      - Whether the task fails where an option that is given has no effect. Otherwise it warns of it.
      - Such are O(publish) with a network that is not the container's own, and parts of O(log_opt) that the O(log_driver)
        does not take. Others are C(label=) of O(security_opt) without SELinux, and options that have no effect at all.
      - C(label=) is checked where the task changes something.
      - C(podman_container) does not have it.
    type: bool
    default: false
  executable:
    description:
      - There is no podman program. O(oci_runtime) and O(conmon_path) name those that are used.
      - C(podman_container) has it; it has no effect here.
    type: str
  debug:
    description:
      - Errors always name the program that failed, its message and its exit code.
      - C(podman_container) has it; it has no effect here.
    type: bool
  log_level:
    description:
      - It is for the podman program's own log. The environment variable E(LIBPOD_LOG_LEVEL) sets what the engine's
        background commands, such as a container's exit command, log to the host's journal or syslog.
      - C(podman_container) has it; it has no effect here.
    type: str
    choices: [debug, info, warn, error, fatal, panic]
  detach_keys:
    description:
      - A task has no terminal to detach from. A warning says so.
      - C(podman_container) has it; it has no effect here.
    type: str
  sig_proxy:
    description:
      - There is no attached program that could pass signals on. A warning says so.
      - C(podman_container) has it; it has no effect here.
    type: bool
  preserve_fd:
    description:
      - A module has no descriptors to pass on. A warning says so.
      - C(podman_container) has it; it has no effect here.
    type: list
    elements: str
  preserve_fds:
    description:
      - A module has no descriptors to pass on. A warning says so.
      - C(podman_container) has it; it has no effect here.
    type: str
  link_local_ip:
    description:
      - It is taken for playbooks that pass it, without effect, as with podman. A warning says so.
      - C(podman_container) does not have it.
    type: str
  hosts_file:
    description:
      - It is taken for playbooks that pass it, without effect. The target's hosts file is the base. A warning says so.
      - C(podman_container) does not have it.
    type: str
  no_hostname:
    description:
      - It is taken for playbooks that pass it, without effect. The container has an C(/etc/hostname). A warning says so.
      - C(podman_container) does not have it.
    type: bool
  health_log_destination:
    description:
      - It is taken for playbooks that pass it, without effect. C(State.Health) has the log. A warning says so.
      - C(podman_container) does not have it.
    type: str
  health_max_log_count:
    description:
      - It is taken for playbooks that pass it, without effect. C(State.Health) has the last checks. A warning says so.
      - C(podman_container) does not have it.
    type: int
  health_max_log_size:
    description:
      - It is taken for playbooks that pass it, without effect. A warning says so.
      - C(podman_container) does not have it.
    type: int
  comparisons:
    description:
      - How options of an existing container are compared with the task's, by the names or aliases of the options and
        O(image). V(*) is for all that are not named, and takes C(strict) or C(ignore). Where omitted, all are C(strict).
      - C(strict) - the container has what the task says, and an omitted option has its default.
      - C(ignore) - any value is right. With O(etc_hosts), or with all of O(dns), O(dns_option) and O(dns_search), an edited file stays.
      - C(allow_more_present) - the container has all that the task says, and perhaps more. It is for lists and mappings;
        where the order of a list matters, it must be the task's. What the container has beyond the task stays where the
        option changes without a new container.
      - An option that the task omits and that follows from another one is compared as that one. So O(memory_swap) follows
        O(memory), O(cpu_period) follows O(cpus), O(gidmap) follows O(uidmap), and O(ip) and O(mac_address) follow
        O(network). A comparison that names the option itself wins over that and over V(*).
      - A mount that the container has in another option than the task, such as O(volume) and O(mount), is there already where one
        of the two is not compared strictly.
      - The task fails where an ignored value contradicts the rest of the task, such as a O(memory_swap) below the new
        O(memory).
      - A container that is re-created, for another option or with O(recreate=true), is as the task describes it. What was
        ignored, or present beyond the task, is not carried over, and is among the differences of the plan.
      - C(podman_container) does not have it.
    type: dict
  force_delete:
    description:
      - Whether O(state=absent) removes a container that runs. It is stopped first. Where this is omitted, it is removed
        too.
      - A removal continues after an error, removes all that it can, and fails with one sentence on what is left and why.
        The container then no longer exists, and its name is free. A record stays by which the next O(state=absent) and
        M(libpod.engine.libpod_prune) try again.
      - With V(true), given by the task, that record is removed as well, and a warning says what is left. This is for what
        cannot be repaired, such as a network whose plugin no longer exists.
      - A container that a newer version of this collection made is not changed, and a task on it fails. With V(true) and
        O(state=absent) it is removed, as far as this version knows what belongs to it.
      - C(podman_container) has it.
    type: bool
  delete_depend:
    description:
      - Whether O(state=absent) also removes the containers that depend on this one. It is refused otherwise.
      - C(podman_container) has it.
    type: bool
    default: false
  delete_volumes:
    description:
      - Whether anonymous volumes, those of the image among them, are removed with their last container, be it removed or
        re-created. Named volumes always stay, and so do anonymous ones where this is not set, or that a task takes out of
        a container.
      - C(podman_container) has it.
    type: bool
    default: false
seealso:
  - module: libpod.engine.libpod_container_info
"""

EXAMPLES = r"""
- name: Make a directory that is to be served
  ansible.builtin.file:
    path: /srv/www
    state: directory
    mode: "0755"

- name: Serve a directory
  libpod.engine.libpod_container:
    name: web
    image: docker.io/library/busybox:latest
    command: httpd -f -p 80 -h /www
    publish: ["8080:80"]
    volume: ["/srv/www:/www:ro"]
    memory: 64m

- name: Run a helper in the same network
  libpod.engine.libpod_container:
    name: helper
    image: docker.io/library/busybox:latest
    command: sleep infinity
    network: container:web

- name: Run a container with the host's user IDs mapped, after the server
  libpod.engine.libpod_container:
    name: mapped
    image: docker.io/library/busybox:latest
    command: sleep infinity
    uidmap: ["0:100000:65536"]
    requires: [web]

- name: Give the server more memory while it runs
  libpod.engine.libpod_container:
    name: web
    image: docker.io/library/busybox:latest
    command: httpd -f -p 80 -h /www
    publish: ["8080:80"]
    volume: ["/srv/www:/www:ro"]
    memory: 128m

- name: Make a password for the database, once
  libpod.engine.libpod_secret:
    name: db-password
    data: "{{ lookup('ansible.builtin.password', '/dev/null', length=32) }}"
    skip_existing: true

- name: Run a database with that password, and bounds to what it takes from others
  libpod.engine.libpod_container:
    name: db
    image: docker.io/library/postgres:17
    env: {POSTGRES_PASSWORD_FILE: /run/secrets/db-password}
    secrets: ["db-password,uid=999,mode=0400"]
    secrets_changed: restart
    mount: ["type=volume,source=db,target=/var/lib/postgresql/data"]
    memory: 1g
    memory_reservation: 512m
    cpu_shares: 512

- name: Run a container whose files can go back
  libpod.engine.libpod_container:
    name: instance
    image: docker.io/library/busybox:latest
    command: sleep infinity
    rewindable: true

- name: Prepare it
  libpod.engine.libpod_container_exec:
    name: instance
    command: touch /prepared

- name: Mark its files as they are now
  libpod.engine.libpod_container:
    name: instance
    state: marked

- name: Take it back to the mark, as often as a test needs it
  libpod.engine.libpod_container:
    name: instance
    state: rewound

- name: Restart the server by its name alone
  libpod.engine.libpod_container:
    name: web
    restart: true

- name: Run a command to its end
  libpod.engine.libpod_container:
    name: job
    image: docker.io/library/busybox:latest
    command: ["sh", "-c", "echo done"]
    detach: false
  register: job

- name: Run a server that is checked from time to time, and wait until it answers
  libpod.engine.libpod_container:
    name: web
    image: docker.io/library/busybox:latest
    command: ["httpd", "-f", "-h", "/www"]
    healthcheck: wget -q -O /dev/null http://127.0.0.1/
    healthcheck_interval: 10s
    healthcheck_failure_action: restart
    wait: healthy
    wait_timeout: 60

- name: Run an instance with a systemd of its own, as for the test of a role, and wait until it has booted
  libpod.engine.libpod_container:
    name: instance
    image: registry.example.com/debian-systemd:12
    wait: booted
    wait_timeout: 2m

- name: Remove the server and what shares its network
  libpod.engine.libpod_container:
    name: web
    state: absent
    delete_depend: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be. Of a task that failed, what had been done before, and stays; RV(ignore:changed)
    says whether there is any of it.
  returned: always
  type: list
  elements: str
  sample: [pulled image docker.io/library/busybox:latest, created web, started web]
plan:
  description:
    - The plan that was carried out, or in check mode would be. With C(--diff) it is printed too.
    - C(steps) are the actions in their order, each with its subject's status before and after.
    - C(status) is the container's before and after all steps.
    - C(differences) are the options, and other parts of the container, that were not as wanted, with their values before
      and after, as a playbook has them; secret ones are hidden. The C(effect) is what a difference needs. V(record) only
      writes it down, V(live) changes it under the running process, V(restart) restarts the container and V(recreate) makes
      a new one. With C(drift), another program changed it. With C(ignored), O(comparisons) ignores it, or it is a tag that
      has moved; a container that is re-created for another reason has the new value.
    - C(recreated_because_of) names the options that forced a new container.
    - C(digest) is what O(expect_plan) takes, V(nothing) for a plan without steps, and empty with O(pod=new:NAME).
  returned: success
  type: dict
  sample:
    steps:
      - {verb: update, subject: web, action: updated web, before: running, after: running}
    status: {before: running, after: running}
    differences:
      - {option: memory, before: 67108864, after: 134217728, effect: live, drift: false, ignored: false, reason: ""}
    recreated_because_of: []
    digest: 1e5f0f1a5a3cfb0e-9d7a0c5bb7c1f3de-0b2c9a6f8d4e1735-6a1f3c5e7d9b2048
container:
  description:
    - The container in the shape of C(podman inspect), empty where there is none. M(libpod.engine.libpod_container_info) describes it.
    - Variables in C(Config.Env) have no values, which O(libpod.engine.libpod_container_info#module:env_values) shows.
  returned: success
  type: dict
  sample:
    Name: web
    State: {Status: running, Running: true, Pid: 4711, ExitCode: 0}
    NetworkSettings: {IPAddress: 10.89.0.2, Gateway: 10.89.0.1, Ports: {80/tcp: [{HostIp: "", HostPort: "8080"}]}}
stdout:
  description: What the container printed.
  returned: with O(detach=false)
  type: str
  sample: "done\n"
stderr:
  description: What the container printed to its standard error, or the message of a program that failed.
  returned: with O(detach=false), or when a program failed
  type: str
  sample: ""
rc:
  description: Exit code of the container, or of a program that failed.
  returned: with O(detach=false) or O(wait=exited), or when a program failed
  type: int
  sample: 0
pulled:
  description:
    - Each pull, with the C(layers) that the store lacked, their C(bytes) as they were sent, and the C(seconds) it took.
    - Ansible shows nothing of a module before it ends. A task with C(async) and C(poll) says at each poll that it still runs, and
      C(libpod pull) on the target's terminal shows how far a pull is.
  returned: where an image was pulled
  type: list
  elements: dict
  sample: [{image: "docker.io/library/busybox:latest", layers: 1, bytes: 2219949, seconds: 1.4}]
error:
  description: Kind of the error, such as V(NoSuchImage) or V(InvalidArgument).
  returned: failure
  type: str
  sample: NoSuchImage
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.container").main()


if __name__ == "__main__":
    main()
