# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says of a network, normalised: None is what it does not say."""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping, NamedTuple, Optional, Union

from ...errors import InvalidArgument, warn
from ...records.defined_network import BRIDGE, DRIVERS, IPVLAN, MACVLAN, ROUTED, WITH_PARENT, Bandwidth, Route, Subnet
from ..syntax.parsers import check_text, is_name, mapping, whole, wrong
from .options import interface

# Values of the option network of containers that are no network's name.
_RESERVED = ("bridge", "container", "default", "host", "none", "ns", "pod", "private", "slirp4netns", "pasta")
_MODES = {
    MACVLAN: ("bridge", "private", "vepa", "passthru"),
    IPVLAN: ("l2", "l3", "l3s"),
}
_MAX_LABELS = 256 << 10  # characters of all; a network's file of 1 MiB is not read
_MAX_MTU = 65535
_MAX_RATE = (1 << 32) - 1  # bits per second; the plugin's bursts are bytes of 32 bits
IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class Wanted(NamedTuple):
    """The network that a task describes. Of a subnet, ``gateway`` is empty where the task names none."""

    name: str
    driver: Optional[str] = None
    interface: Optional[str] = None
    subnets: Optional[tuple[Subnet, ...]] = None
    ipv6: Optional[bool] = None
    ipam_driver: Optional[str] = None
    internal: Optional[bool] = None
    dns_enabled: Optional[bool] = None
    dns: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    mtu: int = 0
    vlan: int = 0
    mode: str = ""
    isolate: bool = False
    bandwidth: Bandwidth = Bandwidth()
    labels: Mapping[str, str] = {}


def wanted(params: Mapping[str, Any]) -> Wanted:
    """Return what a task's arguments describe.

    :raises InvalidArgument: naming the option, its value and what was expected.
    """
    opt = {key: value for key, value in (params["opt"] or {}).items() if value is not None}
    driver, parent = _driver(params, opt)
    if opt.get("metric") is not None:
        warn("opt: metric has no effect, since no CNI plugin sets one")
    subnets = _subnets(params)
    if params["ipam_driver"] in ("dhcp", "none") and (subnets or params["ipv6"]):
        raise wrong("ipam_driver", params["ipam_driver"], "host-local, since the task names subnets")
    return Wanted(
        name=network_name(params["name"]),
        driver=driver,
        interface=interface(parent, "interface_name") if parent else None,
        subnets=subnets,
        ipv6=params["ipv6"],
        ipam_driver=params["ipam_driver"],
        internal=params["internal"],
        dns_enabled=None if params["disable_dns"] is None else not params["disable_dns"],
        dns=tuple(dict.fromkeys(_address(one, "dns") for one in params["dns"] or ())),
        routes=tuple(sorted({_route(one) for one in params["route"] or ()})),
        mtu=whole(opt.get("mtu", 0), "opt: mtu", 0, _MAX_MTU, "bytes up to 65535"),
        vlan=whole(opt.get("vlan", 0), "opt: vlan", 0, 4094, "an ID up to 4094"),
        mode=str(opt.get("mode") or ""),
        isolate=bool(opt.get("isolate")),
        bandwidth=_bandwidth(params["bandwidth"] or {}),
        labels=_labels(params["labels"] or {}),
    )


def _labels(value: Any) -> dict[str, str]:
    labels = dict(sorted(mapping(value, "labels").items()))
    size = sum(len(key) + len(one) for key, one in labels.items())
    if size > _MAX_LABELS:
        raise InvalidArgument(f"labels: have {size} characters: expected at most {_MAX_LABELS} of all labels together")
    return labels


def network_name(value: str) -> str:
    """Return a name that CNI, podman and the option network of containers accept."""
    check_text(value, "name")
    if not is_name(value) or value in _RESERVED:
        expected = "a letter or digit, then up to 199 letters, digits, '_', '.' or '-'"
        raise wrong("name", value, f"{expected}, and none of {', '.join(_RESERVED)}")
    return value


def check(name: str, driver: str, given: Wanted) -> None:
    """Check that what a task says fits the network's driver.

    :raises InvalidArgument: an option is of another driver.
    """
    only = {
        "opt: vlan": (given.vlan, (BRIDGE,)),
        "opt: isolate": (given.isolate, (BRIDGE,)),
        "opt: mode": (given.mode, tuple(_MODES)),
        "opt: mtu": (given.mtu, (*ROUTED, MACVLAN, IPVLAN)),
        "disable_dns: false": (given.dns_enabled, (BRIDGE,)),
        "interface_name": (given.interface, (BRIDGE, *WITH_PARENT)),
    }
    for option, (value, drivers) in only.items():
        if value and driver not in drivers:
            raise InvalidArgument(
                f"network {name}: {option} is for the drivers {', '.join(drivers)}, and its driver is {driver}: omit it"
            )
    if given.mode and given.mode not in _MODES[driver]:
        raise wrong("opt: mode", given.mode, f"one of {', '.join(_MODES[driver])}, with the driver {driver}")


def _driver(params: Mapping[str, object], opt: Mapping[str, object]) -> tuple[Optional[str], str]:
    """Return the driver, and the link that the task names in one of three ways."""
    driver = params["driver"]
    if driver is not None and driver not in DRIVERS:
        raise wrong("driver", driver, f"one of {', '.join(DRIVERS)}")
    if params["macvlan"]:
        if driver not in (None, MACVLAN):
            raise wrong("macvlan", params["macvlan"], f"no driver {driver} beside it")
        driver = MACVLAN
    if opt.get("parent") and driver == BRIDGE:
        raise wrong("opt: parent", opt["parent"], "a driver with a parent, such as macvlan")
    named = {params["interface_name"], params["macvlan"], opt.get("parent")} - {None, ""}
    if len(named) > 1:
        raise InvalidArgument(
            f"interface_name, macvlan and opt: parent name different links ({', '.join(sorted(map(str, named)))}): "
            "give one"
        )
    return driver, str(named.pop()) if named else ""


def _subnets(params: Mapping[str, Any]) -> Optional[tuple[Subnet, ...]]:
    given = params["net_config"]
    if params["subnet"]:
        if given:
            raise InvalidArgument("subnet and net_config both name subnets: give one of them")
        given = [{key: params[key] for key in ("subnet", "gateway", "ip_range")}]
    elif params["gateway"] or params["ip_range"]:
        option = "gateway" if params["gateway"] else "ip_range"
        raise wrong(option, params[option], "a subnet beside it")
    if not given:
        return None
    found = tuple(_subnet(one) for one in given)
    for index, one in enumerate(found):
        for other in found[:index]:
            if network(one.subnet).overlaps(network(other.subnet)):
                raise wrong("net_config", one.subnet, f"a subnet that does not overlap {other.subnet}")
    return found


def _subnet(given: Mapping[str, object]) -> Subnet:
    text = str(given["subnet"])
    try:
        subnet: IPNetwork = ipaddress.ip_network(text, strict=False)
    except ValueError:
        subnet = ipaddress.ip_network("0.0.0.0/32")
    if "/" not in text or subnet.max_prefixlen - subnet.prefixlen < 2 or not subnet.prefixlen:
        raise wrong("subnet", text, "a subnet with room for a container and a gateway, such as 10.91.0.0/24")
    gateway = _address(given["gateway"], "gateway") if given.get("gateway") else ""
    if gateway and ipaddress.ip_address(gateway) not in subnet:
        raise wrong("gateway", gateway, f"an address of {subnet}")
    first, last = _range(str(given["ip_range"]), subnet) if given.get("ip_range") else ("", "")
    return Subnet(str(subnet), gateway, first, last)


def _range(text: str, subnet: IPNetwork) -> tuple[str, str]:
    """Return first and last address of ``ADDRESS/PREFIX`` or ``FIRST-LAST``, which are in the subnet."""
    try:
        if "-" in text:
            first, last = (ipaddress.ip_address(one.strip()) for one in text.split("-"))
        else:
            part = ipaddress.ip_network(text, strict=False)
            first, last = part[0], part[-1]
            if part.num_addresses > 1:
                first += 1
        if first.version == last.version == subnet.version and first in subnet and last in subnet and first <= last:  # type: ignore[operator]
            return str(first), usable(str(last), subnet)
    except ValueError:
        pass
    raise wrong("ip_range", text, f"a part of {subnet}, such as {subnet} itself or FIRST-LAST")


def usable(last: str, subnet: IPNetwork) -> str:
    """Return the last address of a range, without the broadcast address of an IPv4 subnet."""
    if subnet.version == 4 and ipaddress.ip_address(last) == subnet.broadcast_address:
        return str(subnet.broadcast_address - 1)
    return last


def _route(value: object) -> Route:
    parts = [one.strip() for one in str(value).split(",")]
    try:
        if not 2 <= len(parts) <= 3:
            raise ValueError
        destination = ipaddress.ip_network(parts[0], strict=False)
        gateway = ipaddress.ip_address(parts[1])
        if destination.version != gateway.version or len(parts) == 3 and not parts[2].isdecimal():
            raise ValueError
    except ValueError:
        raise wrong("route", value, "DESTINATION,GATEWAY such as 10.21.0.0/16,10.19.12.250") from None
    if len(parts) == 3:
        warn(f"route: the metric of {value} has no effect, since no CNI plugin sets one")
    return Route(str(destination), str(gateway))


def _bandwidth(given: Mapping[str, Any]) -> Bandwidth:
    """Return the limits; a burst that the task does not name is what passes in 100 ms, or 64 kbit."""
    values: dict[str, int] = {}
    for way in ("ingress", "egress"):
        rate, burst = (given.get(f"{way}_{one}") or 0 for one in ("rate", "burst"))
        if burst and not rate:
            raise wrong(f"bandwidth: {way}_burst", burst, f"{way}_rate beside it")
        for name, value in (("rate", rate), ("burst", burst)):
            whole(value, f"bandwidth: {way}_{name}", 0, _MAX_RATE, f"a number of bits up to {_MAX_RATE}")
        values[f"{way}_rate"] = rate
        values[f"{way}_burst"] = burst or (rate and max(rate // 10, 65536))
    return Bandwidth(**values)


def _address(value: object, option: str) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise wrong(option, value, "an IP address") from None


def network(text: str) -> IPNetwork:
    """Return a subnet that has been checked."""
    return ipaddress.ip_network(text)
