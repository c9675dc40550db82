# SPDX-License-Identifier: Apache-2.0
# Which destinations packets that come in on a network device have: capture.py DEVICE. Says "capturing", and, once its input ends,
# one object: packets per destination, and how many packets it may have missed. What any machine on a link says to find others (ARP,
# IPv6 neighbours and multicast groups) is left out.
import json
import select
import socket
import struct
import sys

OUTGOING, SOL_PACKET, PACKET_STATISTICS = 4, 263, 6
NAMES = {1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6'}
NEIGHBOURS = {130, 131, 132, 133, 134, 135, 136, 137, 143}


def ports(protocol, payload):
    return ':%d' % struct.unpack('!H', payload[2:4]) if protocol in (6, 17) and len(payload) >= 4 else ''


def destination(frame):
    kind = struct.unpack('!H', frame[12:14])[0]
    packet = frame[14:]
    if kind == 0x0806:
        return None
    if kind == 0x0800:
        protocol, to = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
        return '%s %s%s' % (NAMES.get(protocol, protocol), to, ports(protocol, packet[(packet[0] & 15) * 4:]))
    if kind == 0x86dd:
        protocol, to, payload = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
        if protocol == 0 and payload[0] == 58:  # hop-by-hop options in front: multicast listener reports
            protocol, payload = 58, payload[8:]
        if protocol == 58 and payload[0] in NEIGHBOURS:
            return None
        return '%s [%s]%s' % (NAMES.get(protocol, protocol), to, ports(protocol, payload))
    return 'ethertype %04x' % kind


tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
tap.bind((sys.argv[1], 0))
print('capturing', flush=True)
found = {}
asked_to_end = False
while True:
    ready = select.select([tap] if asked_to_end else [tap, sys.stdin], [], [], 0 if asked_to_end else None)[0]
    if tap in ready:
        frame, address = tap.recvfrom(65536)
        to = destination(frame) if address[2] != OUTGOING else None
        if to:
            found[to] = found.get(to, 0) + 1
    elif asked_to_end:
        break
    elif sys.stdin in ready and not sys.stdin.readline():
        asked_to_end = True
missed = struct.unpack('II', tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
print(json.dumps({'found': found, 'missed': missed}), flush=True)
