# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leak check: what a test host holds, read from the kernel, and what differs between two readings."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from .hosts import Host

Snapshot = dict[str, set[str]]

# What may stay after the last container, and why; the pattern covers the whole line of the snapshot.
STAYS = (
    # containers/storage makes its own folder a mount point at the first mount and leaves it, under podman as well.
    r"mount /srv/storage/overlay .*",
    # skopeo's cache of digests, which has one place for all stores of root.
    r"file /var/lib/containers(/cache(/blob-info-cache-v1\..*)?)?",
    # Locks, and caches of containers/storage's own.
    r"file .*\.lock",
    r"file /srv/storage-run/.*/(mountpoints|volatile-containers|volatile-layers)\.json",
    r"file /srv/storage/overlay-layers/volatile-layers\.json",
    r"file /srv/storage-run/overlay/[^/]+-(true|false)",
    # A reboot empties the run root; its programs make the rest of it at their next use.
    r"file /srv/storage-run(/overlay(-containers|-layers|-locks)?)?",
    r"file /srv/storage/tmp",
    # crun's cache of compiled seccomp profiles, which it keeps small itself.
    r"file /srv/run/crun/\.cache(/seccomp(/[0-9a-f]{64})?)?",
    # That crun starts on this host.
    r"file /srv/run/crun-starts",
    # host-local's address pool keeps its lock and the last address it gave.
    r"file (/var/lib|/srv/static)/cni(/networks(/[^/]+(/(lock|last_reserved_ip\.\d+))?)?)?",
    # The bridge is the network's, not a container's; the CNI plugins leave it and the chains all containers share.
    r"link cni[^ ]* bridge",
    r"address cni[^ ]* .*",
    r"rule \S+ :(CNI-HOSTPORT-(DNAT|SETMARK|MASQ)|CNI-FORWARD|CNI-ADMIN|CNI-ISOLATION-STAGE-[12]) -",
    r'rule \S+ -A CNI-ISOLATION-STAGE-[12] -m comment --comment "CNI firewall plugin rules \(.*\)" -j RETURN',
    r'rule \S+ -A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN',
    r'rule \S+ -A CNI-HOSTPORT-(SETMARK|MASQ) (-m comment --comment "CNI portfwd .*" )?(-m mark .*)?-j MA(RK|SQ).*',
    r"rule \S+ -A (PREROUTING|OUTPUT|POSTROUTING|FORWARD) .*-j CNI-(HOSTPORT-DNAT|HOSTPORT-MASQ|FORWARD|ADMIN)",
    r"rule \S+ -A FORWARD .*-j CNI-ISOLATION-STAGE-1",
    r"rule \S+ :[A-Z]+ ACCEPT",
    # The same of netavark, whose bridge goes with the last container.
    r"rule \S+ :NETAVARK(-HOSTPORT-(DNAT|SETMARK|MASQ)|_FORWARD|_ISOLATION_[1-4]) -",
    r"rule \S+ -A NETAVARK-HOSTPORT-(SETMARK|MASQ) .*-j (MARK|MASQUERADE).*",
    r"rule \S+ -A (PREROUTING|OUTPUT|POSTROUTING|FORWARD) .*-j NETAVARK(-HOSTPORT-(DNAT|MASQ)|_FORWARD)",
    # Of the plugin tuning, empty.
    r"file /run/cni(/tuning)?",
    # The engine's own folders, empty, and the records that are not a container's.
    r"file /srv/(static|run)(/(names|containers|locks|netns|networks|volumes|reserve(/(\d+|room\d))?))?",
    r"file /srv/run/(runc|crun|runsc|youki)",
    r"file /srv/static/auto-update",
    r"file /srv/run/(leases|netavark(/aardvark-dns|/firewall(/firewall-driver|/networks|/ports)?)?)",
    r"nft table inet netavark",
    # The directory of netavark's networks.
    r"file /srv/networks",
    # The key of the digests of secrets.
    r"file /srv/static/secrets(/\.engine(/key)?)?",
    r"file /srv/static/images",
    # What has happened to containers, for those who watch.
    r"file /srv/run/events\.jsonl(\.1)?",
    # ip-netns(8) makes its folder a mount point that passes mounts on.
    r"mount (/srv)?/run/netns tmpfs",
    # The engine itself, sent once by the action plugin.
    r"file /srv/static/engine(/.*)?",
    # Named volumes are kept on purpose; the tests that remove them look themselves.
    r"file /srv/static/volumes/.*",
    # The parent of the containers' cgroups.
    r"cgroup .*/libpod_parent",
    # iptables' lock file, made by the CNI plugins.
    r"file /run/xtables\.lock",
    # The test host's own.
    r"(file|mount) /run/libpod-test.*",
    r"mount /proc/sys/kernel/random/boot_id .*",
    # Those of .ci/debian, while another process makes the image, vanish with their directories.
    r"mount /tmp/mmdebstrap\..*",
)
_STAYS = re.compile("|".join(f"(?:{pattern})" for pattern in STAYS))


def snapshot(host: Host) -> Snapshot:
    """Read everything; called inside the test host."""
    kept = _kept_with_images(host.parts.storage_root)
    return {
        # First: where no process that cleans up is left, the rest is as it stays.
        "processes": set(_processes(host)),
        "mounts": set(_mounts()),
        "network namespaces": set(_namespaces(host)),
        "links": set(_links()),
        "rules": set(_rules()),
        "cgroups": {f"cgroup {folder}" for folder in host.cgroups.folders()},
        "files": {line for line in _files() if not any(name in line for name in kept)},
        "storage": {line for line in _storage(host.parts.storage_root) if not any(name in line for name in kept)},
    }


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """One line for each thing that is left over or lost; what may stay is left out."""
    lines: list[str] = []
    for subject, things in after.items():
        lines += [f"left over: {thing}" for thing in sorted(things - before[subject]) if not _STAYS.fullmatch(thing)]
        lines += [f"lost: {thing}" for thing in sorted(before[subject] - things) if not _STAYS.fullmatch(thing)]
    return lines


def _mounts() -> Iterator[str]:
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            left, right = line.split(" - ", 1)
            yield f"mount {left.split()[4]} {right.split()[0]}"


def _namespaces(host: Host) -> Iterator[str]:
    """Namespaces kept by a file of `ip netns` or the engine, and those of the host's processes."""
    for folder in ("/run/netns", host.parts.netns_dir):
        if os.path.isdir(folder):
            yield from (f"network namespace kept by {folder}/{name}" for name in os.listdir(folder))
    own = os.readlink("/proc/self/ns/net")
    for pid in host.cgroups.processes():
        try:
            theirs = os.readlink(f"/proc/{pid}/ns/net")
        except OSError:
            continue
        if theirs != own:
            yield f"network namespace {theirs} of process {pid}"


def _links() -> Iterator[str]:
    for link in json.loads(_output("ip", "-details", "-json", "address") or "[]"):
        kind = link.get("linkinfo", {}).get("info_kind", "")
        yield f"link {link['ifname']} {kind}"
        for address in link.get("addr_info", []):
            if address.get("scope") != "link":
                yield f"address {link['ifname']} {address.get('local')}/{address.get('prefixlen')}"


def _rules() -> Iterator[str]:
    ruleset = _output("nft", "--stateless", "list", "ruleset")
    # Where nft(8) has no table of iptables', the older kernel interface may have one, or there may be no nft.
    for program in ("iptables", "ip6tables") if ruleset or _has_tables() else ():
        table = ""
        for line in _output(f"{program}-save").splitlines():
            if line.startswith("*"):
                table = line[1:]
            elif line.startswith((":", "-")):
                yield f"rule {program}:{table} {re.sub(r' ?.[0-9]+:[0-9]+.$', '', line)}"
    for line in ruleset.splitlines():
        # iptables' own tables are read above, without their counters.
        if line.startswith("table ") and not re.match(r"table ip6? (filter|nat|mangle|raw|security) ", line):
            yield f"nft {line.strip(' {')}"


def _has_tables() -> bool:
    """Return whether there are tables of iptables' that nft(8) does not list."""
    for family in ("ip", "ip6"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/net/{family}_tables_names", "rb") as file:
            if file.read():
                return True
    return shutil.which("nft") is None


def _processes(host: Host) -> Iterator[str]:
    for pid in host.cgroups.processes():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
            if _killed(pid):
                words = ""
            if os.getpid() != _parent(pid):
                yield f"process {pid} {words}"
        except OSError:
            continue


def _killed(pid: int) -> bool:
    """Return whether SIGKILL is pending: the process has its command line until it comes to a CPU."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        pending = [int(line.split()[1], 16) for line in file if line.startswith(("SigPnd:", "ShdPnd:"))]
    return any(one >> (signal.SIGKILL - 1) & 1 for one in pending)


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def _files() -> Iterator[str]:
    """Every path below the host's writable places, container file systems left out."""
    own = os.stat("/srv").st_dev, os.stat("/run").st_dev, os.stat("/var/lib").st_dev
    for top in ("/srv", "/run", "/var/lib"):
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if _device(f"{folder}/{name}") in own]
            if re.fullmatch(r"/srv/storage/overlay/[0-9a-f]{64}", folder) or folder == "/run/libpod-test":
                folders.clear()
            yield from (f"file {folder}/{name}" for name in folders + files)
    upper = "/run/libpod-test/etc/upper"
    for folder, folders, files in os.walk(upper):
        yield from (f"file /etc{folder[len(upper) :]}/{name}" for name in folders + files)


def _device(path: str) -> int:
    """Return the number of a file's device, -1 where the file has just been removed."""
    try:
        return os.lstat(path).st_dev
    except FileNotFoundError:
        return -1


def _storage(root: str) -> Iterator[str]:
    for name in ("overlay-containers/containers.json", "overlay-containers/volatile-containers.json"):
        try:
            with open(f"{root}/{name}", encoding="utf-8") as file:
                records = json.load(file) or []
        except FileNotFoundError:
            continue
        yield from (f"storage container {record['id'][:12]} {record.get('names')}" for record in records)
    with open(f"{root}/overlay-layers/layers.json", encoding="utf-8") as file:
        yield from (f"storage layer {record['id'][:12]} {record.get('names')}" for record in json.load(file) or [])


def _kept_with_images(root: str) -> set[str]:
    """Return the names of the images' copies of their top layers for user namespaces.

    The store keeps them, under podman as well, where the kernel cannot map IDs of its file system: tmpfs before 6.3.
    """
    found: set[str] = set()
    with open(f"{root}/overlay-images/images.json", encoding="utf-8") as file:
        layers = [layer for image in json.load(file) or [] for layer in image.get("mapped-layers") or []]
    for layer in layers:
        with open(f"{root}/overlay/{layer}/link", encoding="ascii") as file:
            found |= {layer[:12], file.read()}
    return found


def _output(*argv: str) -> str:
    """Return what a command prints; nothing where the host does not have it."""
    try:
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return ""


# What tests could leave outside their test hosts; other programs of the machine make and remove things at any time.
_OURS = re.compile(
    r"libpod|\bcni|\bCNI-|netns|containers|\b(runc|crun|runsc|youki|conmon)\b|/srv/|test-host|(outside|near)0\b"
)


def machine() -> Snapshot:
    """Return a snapshot of the machine outside the test hosts, with its folders by name only.

    A test host's processes cannot leave its own cgroups, so those are the ones to look at; others may come and go.
    """
    from . import cgroup_tree

    tops = [one.mountpoint for one in cgroup_tree.hierarchies()]
    groups = (
        folder for top in tops for folder, _dirs, _files in os.walk(top) if f"/libpod-test-{os.getpid()}-" in folder
    )
    names = (f"file {top}/{name}" for top in ("/run", "/var/lib", "/srv", "/etc") for name in os.listdir(top))
    subjects = {"mounts": _mounts(), "links": _links(), "rules": _rules(), "files": names}
    found = {subject: {line for line in lines if _OURS.search(line)} for subject, lines in subjects.items()}
    return {**found, "cgroups": {f"cgroup {folder}" for folder in groups}}
