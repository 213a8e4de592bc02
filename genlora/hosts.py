"""Hosts by name: which are this machine's own."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host name or address (in brackets or not) is this machine's own."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
