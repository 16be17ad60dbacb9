"""Refuse every connection that leaves this computer.

Python loads this module by its name at start, from the folder that `conftest.py` puts on
PYTHONPATH: so it holds in each kernel, server and subprocess that a test starts. A refusal that a
library swallows is still written to the file $REGLIB_REFUSED, and fails the run at its end.
"""

import os
import sys

SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")
LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname")


def _refuse(event, args):
    if event in SENDS and isinstance(args[1], tuple):  # else a socket file, or one that is open
        host = args[1][0]
    elif event in LOOKS_UP and args[0] is not None:
        host = args[0]
    else:
        return
    host = host.decode(errors="replace") if isinstance(host, bytes) else host
    if host in ("localhost", "::1", "0.0.0.0", "") or host.startswith("127."):
        return
    message = f"{event} to {host!r} refused: nothing here may reach the network"
    if os.environ.get("REGLIB_REFUSED"):
        with open(os.environ["REGLIB_REFUSED"], "a", encoding="utf-8") as file:
            file.write(f"{message} ({sys.argv})\n")
    raise OSError(message)


sys.addaudithook(_refuse)
