"""Refuse every connection that leaves this computer.

Python loads this module by its name at start, from the folder that `conftest.py` puts on
PYTHONPATH: so it holds in each kernel, server and subprocess that a test starts. A refusal that a
library swallows is still written to the file $REGLIB_REFUSED, and fails the run at its end.
"""

import os
import sys

_HOST_AT = {  # audit event: where its host or address stands
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


def _is_local(address):
    host = address[0] if isinstance(address, tuple) and address else address
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if isinstance(address, tuple) and isinstance(host, str):
        return host in ("localhost", "::1", "0.0.0.0", "") or host.startswith("127.")
    return True  # a socket file, or a socket that is connected already


def _refuse(event, args):
    place = _HOST_AT.get(event)
    if place is None:
        return
    address = args[place] if place else (args[0],)
    if _is_local(address):
        return
    message = f"{event} to {address!r} refused: nothing here may reach the network"
    if os.environ.get("REGLIB_REFUSED"):
        with open(os.environ["REGLIB_REFUSED"], "a", encoding="utf-8") as file:
            file.write(f"{message} ({sys.argv})\n")
    raise OSError(message)


sys.addaudithook(_refuse)
