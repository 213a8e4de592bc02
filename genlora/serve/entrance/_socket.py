"""Taking a port, which is done before anything is loaded: a taken one is then told at once."""

import socket

from genlora.errors import ConfigError


def reserve(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen yet: until it does, clients are refused and not kept waiting.

    Raises `ConfigError` for an address that is taken or not this machine's.
    """
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if found.family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind((host.strip("[]"), port))
    except OSError as err:
        found.close()
        raise ConfigError(
            f"cannot listen on {host[:80]} port {port} ({err.strerror or err}). Choose another --port, or --host."
        ) from err
    return found
