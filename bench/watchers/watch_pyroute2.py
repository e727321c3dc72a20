"""pyroute2: the loop of its manual, and a table."""

import signal
import sys
from pyroute2 import IPRoute
from pyroute2.netlink.rtnl import RTMGRP_LINK

links = {}
messages = 0


def apply(message):
    attributes = dict(message["attrs"])
    if message["family"] != 0 or "IFLA_CARRIER" not in attributes:
        return
    links[message["index"]] = (
        attributes["IFLA_IFNAME"],
        bool(message["flags"] & 1 and attributes["IFLA_CARRIER"]),
        attributes.get("IFLA_CARRIER_UP_COUNT"),
        attributes.get("IFLA_CARRIER_DOWN_COUNT"),
    )


def report(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("messages", messages)
    for index, (name, connected, *_) in links.items():
        print("link", index, int(connected), name)
    sys.stdout.flush()
    import os

    os._exit(0)


signal.signal(signal.SIGTERM, report)
with IPRoute() as ip:
    ip.bind(groups=RTMGRP_LINK)
    with IPRoute() as lister:
        for message in lister.get_links():
            apply(message)
    print("ready", flush=True)
    while True:
        for message in ip.get():
            messages += 1
            if message["event"] == "RTM_NEWLINK":
                apply(message)
            elif message["event"] == "RTM_DELLINK" and message["family"] == 0:
                links.pop(message["index"], None)
