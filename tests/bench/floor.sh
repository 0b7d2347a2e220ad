#!/usr/bin/env bash
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The bare floor: what the engine does for a container, done by its tools alone, one after another.
#
#   floor.sh up|down NAME none|bridge [delete|kill]
#
# in a test host, with the roots below; prints the milliseconds from its first command to its last, bash's start left
# out. $FOLDER/spec.json is the engine's own OCI spec of the same container, with @ID@, @ROOT@, @NETNS@ and @DIR@ where
# the container's ID, root filesystem, network namespace and folder belong, so both start the same container.
# "down" uses `runc delete --force`; with "kill" it does by hand what that does, without runc's 100 ms poll.
# FLOOR_RUNTIME=crun, and FLOOR_BACKEND=netavark, take these in place of runc and the CNI plugins. For netavark
# $FOLDER/netavark.json is its input, with @ID@.
set -eu
export LC_ALL=C
begin=$EPOCHREALTIME

FOLDER=${FLOOR_FOLDER:-/srv/floor}
IMAGE=${FLOOR_IMAGE:-localhost/busybox:latest}
PORT=${FLOOR_PORT:-8080}
PARENT=/libpod_parent
PLUGINS=${FLOOR_PLUGINS:-/usr/lib/cni}
BACKEND=${FLOOR_BACKEND:-cni}
NETAVARK=${FLOOR_NETAVARK:-/usr/lib/podman/netavark}
RUNTIME=${FLOOR_RUNTIME:-runc}
OCI=("$RUNTIME" --root "$FOLDER/$RUNTIME")
STORE=(containers-storage --graph /srv/storage --run /srv/storage-run --storage-driver overlay)

verb=$1 name=$2 net=$3 way=${4:-delete}
dir=$FOLDER/$name

# One CNI plugin: its configuration's own part in $2, the result so far in $3. Prints the new result.
plugin() {
    local type=${2%%\"*} previous=${3:+,\"prevResult\":$3}
    CNI_COMMAND=$1 CNI_CONTAINERID=$id CNI_NETNS=/run/netns/$name CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
        "$PLUGINS/$type" <<< "{\"cniVersion\":\"0.4.0\",\"name\":\"libpod\",\"type\":\"$2$previous}"
}
netavark() { # netavark setup|teardown
    local options
    options=$(< "$FOLDER/netavark.json")
    "$NETAVARK" --config "$FOLDER/netavark" "$1" "/run/netns/$name" <<< "${options//@ID@/$id}"
}
# The network of roles/libpod_host/files/87-libpod.conflist.
bridge='bridge","bridge":"cni-libpod0","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local",
    "routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"10.87.0.0/16","gateway":"10.87.0.1"}]]}'
ports='portmap","capabilities":{"portMappings":true},"runtimeConfig":{"portMappings":[
    {"hostPort":'$PORT',"containerPort":80,"protocol":"tcp"}]}'
firewall='firewall"'

# The containers' parent cgroup in every hierarchy.
tops=(/sys/fs/cgroup/*/)
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then tops=(/sys/fs/cgroup/); fi
groups=("${tops[@]/%/${PARENT#/}/}")

# A v1 cpuset takes no process before it has processors and memory: give each folder the first one's.
share_cpus() {
    local file value from=$1
    shift
    for file in cpuset.cpus cpuset.mems; do
        read -r value < "$from$file"
        for below; do echo "$value" > "$below/$file"; done
    done
}

attach() {
    if [ "$BACKEND" = netavark ]; then
        result=$(netavark setup)
    else
        result=$(plugin ADD "$bridge" "")
        result=$(plugin ADD "$ports" "$result")
        result=$(plugin ADD "$firewall" "$result")
    fi
}

detach() {
    if [ "$BACKEND" = netavark ]; then
        netavark teardown
    else
        plugin DEL "$firewall" "$result"
        plugin DEL "$ports" "$result"
        plugin DEL "$bridge" "$result"
    fi
}

up() {
    mkdir -p "$dir/persist" "$FOLDER/exits" "$FOLDER/sockets"
    id=$("${STORE[@]}" create-container --name "$name" "$IMAGE")
    id=${id%%$'\n'*}
    root=$("${STORE[@]}" mount "$id")

    if [ "$net" = bridge ]; then
        ip netns add "$name"
        attach
    fi
    result=${result:-}
    echo "$id ${result//$'\n'/}" > "$dir/record"

    spec=$(< "$FOLDER/spec-$net.json")
    spec=${spec//@ID@/$id} spec=${spec//@ROOT@/$root} spec=${spec//@DIR@/$dir}
    echo "${spec//@NETNS@//run/netns/$name}" > "$dir/config.json"
    if [ -e "$FOLDER/files-$net" ]; then # what the spec mounts from the container's folder
        cp -r "$FOLDER/files-$net/." "$dir/"
        mount -t tmpfs -o mode=1777,size=65536k,nosuid,nodev,noexec shm "$dir/shm"
    fi

    # conmon says on the sync pipe when `runc create` is through. It goes into a cgroup of its own first.
    mkdir -p "${groups[@]/%/libpod-conmon-$id}"
    mkfifo "$dir/sync"
    exec 3<> "$dir/sync"
    (
        for group in "${groups[@]}"; do
            if [ -e "$group/cpuset.cpus" ]; then share_cpus "${group%"${PARENT#/}/"}" "$group" "${group}libpod-conmon-$id"; fi
            echo "$BASHPID" > "${group}libpod-conmon-$id/cgroup.procs"
        done
        _OCI_SYNCPIPE=3 exec conmon --api-version 1 --cid "$id" --cuuid "$id" --name "$name" --runtime "$(type -P "$RUNTIME")" \
            --bundle "$dir" --container-pidfile "$dir/pid" --conmon-pidfile "$dir/conmon.pid" \
            --exit-dir "$FOLDER/exits" --socket-dir-path "$FOLDER/sockets" --persist-dir "$dir/persist" --full-attach \
            --log-path "k8s-file:$dir/ctr.log" --log-level error \
            --runtime-arg --root --runtime-arg "$FOLDER/$RUNTIME" < /dev/null > /dev/null
    )
    read -r created <&3
    case $created in
        *'"data": '[1-9]* | *'"data":'[1-9]* | *'"pid": '[1-9]*) ;;
        *) echo "conmon: $created" >&2 && exit 1 ;;
    esac
    "${OCI[@]}" start "$id"
}

down() {
    read -r id result < "$dir/record"
    if [ "$way" = kill ]; then
        "${OCI[@]}" kill "$id" KILL
        exec 3<> "$dir/sync" # nobody writes there: a sleep without a process
        while [ ! -e "$FOLDER/exits/$id" ]; do read -rt 0.001 -u 3 || true; done
        "${OCI[@]}" delete "$id"
    else
        "${OCI[@]}" delete --force "$id"
    fi
    if [ "$net" = bridge ]; then
        detach
        ip netns delete "$name"
    fi
    if mountpoint -q "$dir/shm"; then umount "$dir/shm"; fi
    "${STORE[@]}" unmount "$id" > /dev/null
    "${STORE[@]}" delete-container "$id"
    rmdir "${groups[@]/%/libpod-conmon-$id}"
    rm -rf "$dir" "$FOLDER/exits/$id" "$FOLDER/sockets/$id"
}

"$verb"
end=$EPOCHREALTIME
echo "$(((${end/./} - ${begin/./}) / 1000)).$((((${end/./} - ${begin/./}) % 1000) / 100))"
