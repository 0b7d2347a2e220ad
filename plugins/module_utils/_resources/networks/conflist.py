# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's configuration list: its meaning read, and written into it without a change of the rest.

The form is that of podman's CNI backend, which reads these files and keeps labels and options in ``args``.
"""

from __future__ import annotations

import copy
import ipaddress
from typing import Any, Iterator, Mapping, Optional

from ..._container.live_status import timestamp
from ..._drivers.cni import config as cni_config
from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..._model.options.network.definition import usable
from ..._model.records.defined_network import (
    BRIDGE,
    DRIVERS,
    HOST_DEVICE,
    HOST_LOCAL,
    ROUTED,
    Bandwidth,
    DefinedNetwork,
    Route,
    Subnet,
)

Config = dict[str, Any]

VERSION = "0.4.0"  # podman's, which every plugin in use knows
LABELS, OPTIONS, MARK = "podman_labels", "podman_options", cni_config.MARK
_CREATED, _KEEPS = "created", "keepBridge"  # in the mark
EXTENSION, INDENT = ".conflist", 3  # podman's
_DEFAULT = {False: "0.0.0.0/0", True: "::/0"}
_CNI_BRIDGE = "cni0"  # where the file names none
_LINK = {BRIDGE: "bridge", HOST_DEVICE: "device"}  # the key of the interface, else master
_KEPT = ("mtu", "vlan", "mode", "isolate")  # of podman's options, those that the engine knows
_FIREWALL = {"type": "firewall", "backend": ""}
_DNSNAME = {"type": "dnsname", "domainName": "dns.podman", "capabilities": {"aliases": True}}
_RATES = dict(
    zip(Bandwidth._fields, ("ingressRate", "ingressBurst", "egressRate", "egressBurst"))
)  # of the plugin bandwidth


def read(config: Mapping[str, object], origin: str) -> DefinedNetwork:
    """Return what a configuration list means; of a driver that the engine does not know, name and labels alone.

    :raises MalformedData: a member has another type or form than its plugin wants; ``origin`` names the file.
    """
    top = Foreign(config, origin)
    labels = {key: one.value for key, one in top["args"][LABELS].items() if isinstance(one.value, str)}
    plugins = list(top["plugins"])
    main, name = plugins[0], top["name"].text()
    driver = main["type"].text()
    if driver not in DRIVERS:
        return DefinedNetwork(name, driver, labels=labels, ipam_driver=main["ipam"]["type"].text("none"))
    routes = [_route(one) for one in main["ipam"]["routes"]]
    default = any(one.destination in _DEFAULT.values() for one in routes)
    ipam = main["ipam"]["type"].text() or "none"
    internal = not main["isGateway"].flag() if driver == BRIDGE else ipam == HOST_LOCAL and not default
    subnets = tuple(_subnets(main["ipam"], not internal)) if ipam == HOST_LOCAL else ()
    others = {one["type"].text(): one for one in reversed(plugins)}
    return DefinedNetwork(
        name=name,
        driver=driver,
        interface=main[_LINK.get(driver, "master")].text() or (_CNI_BRIDGE if driver == BRIDGE else ""),
        subnets=subnets,
        ipam_driver=ipam,
        internal=internal,
        dns_enabled="dnsname" in others,
        dns=tuple(main["dns"]["nameservers"].texts()),
        routes=tuple(sorted(one for one in routes if one.gateway or one.destination not in _DEFAULT.values())),
        mtu=main["mtu"].integer(),
        vlan=main["vlan"].integer() if driver == BRIDGE else 0,
        mode=main["mode"].text(),
        isolate="firewall" in others and others["firewall"]["ingressPolicy"].text() == "same-bridge",
        bandwidth=_bandwidth(others["bandwidth"]) if "bandwidth" in others else Bandwidth(),
        labels=labels,
    )


def _route(one: Foreign) -> Route:
    return Route(_network(one["dst"]), one["gw"].text())


def _subnets(ipam: Foreign, gateways: bool) -> Iterator[Subnet]:
    ranges = [part for one in ipam["ranges"] for part in one]
    for part in [*ranges, *([ipam] if ipam["subnet"] else [])]:
        subnet = ipaddress.ip_network(_network(part["subnet"]))
        gateway = _address(part["gateway"]) or (str(subnet[1]) if gateways and subnet.num_addresses > 1 else "")
        last = _address(part["rangeEnd"])
        yield Subnet(str(subnet), gateway, _address(part["rangeStart"]), last and usable(last, subnet))


def _network(value: Foreign) -> str:
    try:
        return str(ipaddress.ip_network(value.text(required=True), strict=False))
    except ValueError:
        value.fail("a subnet such as 10.89.0.0/24")


def _address(value: Foreign) -> str:
    try:
        return str(ipaddress.ip_address(value.text())) if value.text() else ""
    except ValueError:
        value.fail("an IP address")


def _bandwidth(plugin: Foreign) -> Bandwidth:
    return Bandwidth(**{field: plugin[key].integer() for field, key in _RATES.items()})


def written(
    wanted: DefinedNetwork, had: Optional[DefinedNetwork] = None, config: Optional[Config] = None, kept: bool = False
) -> Config:
    """Return the configuration list of a network: a new one, or ``config``, which means ``had``, with its changes.

    Members and plugins that the engine does not know stay in it. ``kept`` says that the bridge is not the network's.
    """
    made: Config = (
        copy.deepcopy(config) if config is not None else {"cniVersion": VERSION, "name": wanted.name, "plugins": []}
    )
    fresh = had is None or had.driver != wanted.driver
    before = DefinedNetwork(wanted.name, "") if fresh or had is None else had
    changed = {field for field in DefinedNetwork._fields if fresh or getattr(before, field) != getattr(wanted, field)}
    plugins: list[Config] = made["plugins"]
    if fresh:
        known = (*DRIVERS, "portmap", "firewall", "tuning", "dnsname", "bandwidth")
        stay = [one for one in plugins[1:] if one["type"] not in known]
        plugins[:] = [{"type": wanted.driver}, *_chained(wanted.driver), *stay]
    _main(plugins[0], wanted, changed, fresh)
    if "isolate" in changed:
        _isolate(plugins, wanted.isolate)
    if "dns_enabled" in changed:
        _with(plugins, "dnsname", dict(_DNSNAME) if wanted.dns_enabled else None)
    if "bandwidth" in changed:
        rates = {key: getattr(wanted.bandwidth, field) for field, key in _RATES.items()}
        _with(plugins, "bandwidth", {key: rate for key, rate in rates.items() if rate} or None)
    _arguments(made, wanted, had or before)
    if config is None or "interface" in changed and MARK in (made.get("args") or ()):
        mark = {_CREATED: timestamp() if config is None else created(config), **({_KEEPS: True} if kept else {})}
        made["args"] = {**(made.get("args") or {}), MARK: {key: value for key, value in mark.items() if value}}
    return made


def _chained(driver: str) -> list[Config]:
    """Return the plugins after the first one."""
    if driver not in ROUTED:
        return []
    chained: list[Config] = [{"type": "portmap", "capabilities": {"portMappings": True}}, dict(_FIREWALL)]
    return [*chained, {"type": "tuning"}] if driver == BRIDGE else chained


def _main(plugin: Config, wanted: DefinedNetwork, changed: set[str], fresh: bool) -> None:
    driver = wanted.driver
    if fresh and driver == BRIDGE:
        plugin.update({"bridge": wanted.interface, "isGateway": True, "ipMasq": True, "hairpinMode": True})
    if "interface" in changed and wanted.interface:
        plugin[_LINK.get(driver, "master")] = wanted.interface
    if "internal" in changed and driver in ROUTED:
        if driver == BRIDGE:
            plugin["isGateway"] = not wanted.internal
        _put(plugin, "ipMasq", not wanted.internal)
    for field in ("mtu", "vlan", "mode"):
        if field in changed:
            _put(plugin, field, getattr(wanted, field))
    if changed & {"subnets", "ipam_driver", "internal", "routes"}:
        plugin["ipam"] = _ipam(plugin.get("ipam") or {}, wanted, changed)
    if wanted.ipam_driver == HOST_LOCAL and "ipam_driver" in changed:
        plugin["capabilities"] = {**(plugin.get("capabilities") or {}), "ips": True}
    if "dns" in changed:
        dns = {**(plugin.get("dns") or {})}
        _put(dns, "nameservers", list(wanted.dns))
        _put(plugin, "dns", dns)


def _ipam(ipam: Config, wanted: DefinedNetwork, changed: set[str]) -> Config:
    if wanted.ipam_driver != HOST_LOCAL:
        return {"type": wanted.ipam_driver} if wanted.ipam_driver != "none" else {}
    made = {**ipam, "type": HOST_LOCAL}
    if changed & {"subnets", "internal", "routes"}:
        families = dict.fromkeys(one.six for one in wanted.subnets)
        routes = [] if wanted.internal else [{"dst": _DEFAULT[six]} for six in families]
        routes += [{"dst": one.destination, **({"gw": one.gateway} if one.gateway else {})} for one in wanted.routes]
        _put(made, "routes", routes)
    if "subnets" in changed:
        for key in ("subnet", "gateway", "rangeStart", "rangeEnd"):
            made.pop(key, None)  # of one subnet, as CNI once had it
        made["ranges"] = [[_range(one)] for one in wanted.subnets]
    return made


def _range(subnet: Subnet) -> Config:
    values = {
        "subnet": subnet.subnet,
        "rangeStart": subnet.first,
        "rangeEnd": subnet.last,
        "gateway": subnet.gateway,
    }
    return {key: value for key, value in values.items() if value}


def _isolate(plugins: list[Config], isolate: bool) -> None:
    firewalls = [one for one in plugins if one["type"] == "firewall"]
    if isolate and not firewalls:
        firewalls = [dict(_FIREWALL)]
        plugins += firewalls
    for one in firewalls[:1]:
        _put(one, "ingressPolicy", "same-bridge" if isolate else "")


def _with(plugins: list[Config], kind: str, members: Optional[Config]) -> None:
    """Give the plugin of this kind these members, where there are none, take it away."""
    had = next((one for one in plugins if one["type"] == kind), None)
    if members is None:
        plugins[:] = [one for one in plugins if one["type"] != kind]
    elif had is None:
        more = {"capabilities": {"bandwidth": True}} if kind == "bandwidth" else {}
        plugins.append({"type": kind, **more, **members})
    else:
        for key in _RATES.values():
            had.pop(key, None)
        had.update(members)


def _arguments(made: Config, wanted: DefinedNetwork, before: DefinedNetwork) -> None:
    """Keep labels and options where podman has them."""
    given = made.get("args")
    arguments: Config = dict(given) if isinstance(given, dict) else {}
    if wanted.labels != before.labels:
        _put(arguments, LABELS, dict(wanted.labels))
    if wanted.options != before.options:
        options = arguments.get(OPTIONS)
        others = {key: value for key, value in options.items() if key not in _KEPT} if isinstance(options, dict) else {}
        _put(arguments, OPTIONS, {**others, **wanted.options})
    if arguments != given:
        _put(made, "args", arguments)


def _put(target: Config, key: str, value: object) -> None:
    """Set a member, or remove it where it is empty."""
    if value:
        target[key] = value
    else:
        target.pop(key, None)


def subnets(config: Mapping[str, object], origin: str) -> list[Subnet]:
    """Return the subnets of a network, whatever its driver; none where they cannot be read."""
    try:
        ipam = Foreign(config, origin)["plugins"]
        return [one for plugin in ipam for one in _subnets(plugin["ipam"], False)]
    except MalformedData:
        return []


def link(config: Mapping[str, Any]) -> str:
    """Return the name of the bridge in a configuration list, empty where it has none."""
    main = config["plugins"][0]
    name = main.get("bridge") or _CNI_BRIDGE
    return name if main["type"] == BRIDGE and isinstance(name, str) else ""


def is_own(config: Mapping[str, object]) -> bool:
    """Return whether this engine made a network."""
    return cni_config.is_own(config)


def is_marked(config: Mapping[str, Any], file: str) -> bool:
    """Return whether this engine or podman wrote a file, by what they leave in it.

    podman leaves labels and options there, and without them the form of its file and the name of its bridge.
    """
    arguments = config.get("args")
    if isinstance(arguments, dict) and {MARK, LABELS, OPTIONS} & arguments.keys():
        return True
    kinds = [one["type"] for one in config["plugins"]]
    return (
        set(config) == {"cniVersion", "name", "plugins"}
        and file == f"{config['name']}.conflist"
        and kinds[:4] == [BRIDGE, "portmap", "firewall", "tuning"]
        and link(config)[:10] == "cni-podman"
        and link(config)[10:].isdecimal()
    )


def keeps_bridge(config: Mapping[str, object]) -> bool:
    """Return whether the bridge was there before the network."""
    return bool(_mark(config).get(_KEEPS))


def created(config: Mapping[str, object]) -> str:
    """Return when the network was made, as its file says, empty where it does not."""
    when = _mark(config).get(_CREATED)
    return when if isinstance(when, str) else ""


def _mark(config: Mapping[str, object]) -> Mapping[str, object]:
    arguments = config.get("args")
    mark = arguments.get(MARK) if isinstance(arguments, dict) else None
    return mark if isinstance(mark, dict) else {}
