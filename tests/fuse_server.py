"""
A program that is a FUSE file system of one empty directory, for tests: `fuse_server.py MOUNTPOINT`.

It prints `mounted`, and from then on answers statfs only while its standard input says so: each line `answer` or `hang`
switches. SIGKILL leaves a dead mount, as with any FUSE program.
"""

import ctypes
import os
import select
import struct
import sys
import time

GETATTR, STATFS, INIT, FORGET = 3, 17, 26, 2
ENOSYS = 38


def reply(fd: int, unique: int, body: bytes = b"", error: int = 0) -> None:
    os.write(fd, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)


def answer(fd: int, opcode: int, unique: int) -> None:
    if opcode == INIT:
        reply(fd, unique, struct.pack("=IIIIHHIIHH", 7, 31, 0, 0, 10, 10, 4096, 1, 0, 0) + bytes(32))
    elif opcode == GETATTR:
        now = int(time.time())
        attr = struct.pack("=QQQQQQIIIIIIIIII", 1, 0, 0, now, now, now, 0, 0, 0, 0o040755, 2, 0, 0, 0, 4096, 0)
        reply(fd, unique, struct.pack("=QII", 1, 0, 0) + attr)
    elif opcode == STATFS:
        reply(fd, unique, struct.pack("=QQQQQIIII", 1, 1, 1, 1, 1, 4096, 255, 4096, 0) + bytes(24))
    elif opcode != FORGET:
        reply(fd, unique, error=ENOSYS)


def main(point: str) -> None:
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"test", point.encode(), b"fuse", 0, options):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), point)
    print("mounted", flush=True)
    answers, held = True, []
    while True:
        readable, _, _ = select.select([fd, 0], [], [])
        if 0 in readable:
            word = os.read(0, 100).strip()
            if not word:
                return
            answers = word == b"answer"
            for request in held if answers else ():
                answer(fd, *request)
            held = held if not answers else []
            print(word.decode(), flush=True)
        if fd in readable:
            _, opcode, unique = struct.unpack_from("=IIQ", os.read(fd, 1 << 17))
            if opcode == STATFS and not answers:
                held.append((opcode, unique))
            else:
                answer(fd, opcode, unique)


main(sys.argv[1])
