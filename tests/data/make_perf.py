#!/usr/bin/env python3
"""Write the recordings in perf/: one story, as perf would write it to a file, to a pipe,
compressed (needs zstd), and on a machine of the other byte order."""
import os
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
MMAP, LOST, COMM, EXIT, FORK, SAMPLE, MMAP2, KSYMBOL = 1, 2, 3, 4, 7, 9, 10, 17
KERNEL, USER = 1, 2
IN_KERNEL, IN_USER = 2**64 - 128, 2**64 - 512
# IP, TID, TIME, CALLCHAIN, CPU, PERIOD, IDENTIFIER
KINDS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 16
CLOCK, FAULTS, DUMMY = 11, 22, 33
FEATURES = {2: "build_ids", 5: "version", 11: "command", 12: "events", 29: "clock"}


class Writer:
    def __init__(self, order):
        self.order = order

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def text(self, s):
        raw = s.encode() + b"\0"
        return raw + b"\0" * (-len(raw) % 8)

    def sized_text(self, s):
        raw = self.text(s)
        return self.pack("I", len(raw)) + raw

    def attr(self, kind, config, period, frequency):
        # sample_id_all (18), freq (10); bit fields begin at the other end there
        flags = 1 << 18 | frequency << 10
        if self.order == ">":
            flags = int(f"{flags:064b}"[::-1], 2)
        return self.pack("IIQQQQQIIQQQQIi", kind, 104, config, period, KINDS, 0, flags,
                         0, 0, 0, 0, 0, 0, 0, 0) + bytes(8)

    def record(self, kind, misc, body):
        assert len(body) % 8 == 0
        return self.pack("IHH", kind, misc, 8 + len(body)) + body

    def other(self, kind, misc, body, pid, tid, time):
        """A record that is no sample, with what sample_id_all adds."""
        end = self.pack("IIQIIQ", pid, tid, time, 0, 0, CLOCK)
        return self.record(kind, misc, body + end)

    def sample(self, event, misc, pid, tid, time, ip, period, chain):
        body = self.pack("QQIIQIIQQ", event, ip, pid, tid, time, 0, 0, period, len(chain))
        return self.record(SAMPLE, misc, body + self.pack(f"{len(chain)}Q", *chain))

    def mmap2(self, pid, start, size, offset, file, time, build_id=b""):
        misc, inode = USER, bytes(24)
        if build_id:
            misc |= 1 << 14
            inode = bytes([len(build_id), 0, 0, 0]) + build_id + bytes(20 - len(build_id))
        body = self.pack("IIQQQ", pid, pid, start, size, offset) + inode
        body += self.pack("II", 5, 2) + self.text(file)
        return self.other(MMAP2, misc, body, pid, pid, time)

    def comm(self, pid, tid, name, time, misc=0):
        return self.other(COMM, misc, self.pack("II", pid, tid) + self.text(name), pid, tid, time)

    def fork(self, pid, parent, tid, parent_tid, time):
        body = self.pack("IIIIQ", pid, parent, tid, parent_tid, time)
        return self.other(FORK, 0, body, parent, parent_tid, time)

    def story(self):
        """Records of two processors, one after the other: not in the order of time."""
        lib, chain = "/lib/libx.so.1", [IN_USER, 0x400100, 0x400201, 0x400301]
        kernel = self.pack("IIQQQ", 2**32 - 1, 0, 0xffffffff81000000, 0x1000000,
                           0xffffffff81000000) + self.text("[kernel.kallsyms]_text")
        bpf = self.pack("QIHH", 0xffffffffc0001000, 0x100, 1, 0) + self.text("bpf_prog_1_f")
        yield self.other(MMAP, KERNEL, kernel, 2**32 - 1, 0, 0)
        yield self.other(KSYMBOL, 0, bpf, 0, 0, 0)
        yield self.comm(100, 100, "demo", 0)
        yield self.mmap2(100, 0x400000, 0x2000, 0, "/bin/demo", 0, bytes(range(1, 21)))
        yield self.mmap2(100, 0x7f0000000000, 0x3000, 0x1000, lib, 0)
        yield self.sample(CLOCK, USER, 100, 100, 1000, 0x400100, 1000000, chain)
        # a thread with a name of its own; a walk that goes astray
        yield self.sample(CLOCK, USER, 100, 101, 3000, 0x7f0000000010, 1000000,
                          [IN_USER, 0x7f0000000010, 0x400201, 0xdead0000])
        # in the kernel, in a BPF program there
        yield self.sample(CLOCK, KERNEL, 100, 100, 4000, 0xffffffff81000500, 1000000,
                          [IN_KERNEL, 0xffffffff81000500, 0xffffffff81000601, 0xffffffffc0001010,
                           IN_USER, 0x400150, 0x400301])
        yield self.other(LOST, 0, self.pack("QQ", CLOCK, 3), 100, 100, 4500)
        # a leaf in no mapping
        yield self.sample(CLOCK, USER, 100, 100, 9000, 0x999, 1000000, [IN_USER, 0x999])
        # the other processor
        yield self.fork(100, 100, 101, 100, 1500)
        yield self.comm(100, 101, "worker", 1600)
        yield self.sample(CLOCK, USER, 100, 100, 2000, 0x400100, 500000, chain)
        yield self.sample(FAULTS, USER, 100, 100, 2500, 0x400100, 0, chain)
        # a child: first the parent's image, then its own, with the library elsewhere
        yield self.fork(200, 100, 200, 100, 5000)
        yield self.sample(CLOCK, USER, 200, 200, 5500, 0x400100, 1000000, chain)
        yield self.comm(200, 200, "child", 6000, 1 << 13)
        yield self.mmap2(200, 0x500000, 0x1000, 0, "/bin/child", 6100)
        yield self.mmap2(200, 0x7e0000000000, 0x3000, 0x1000, lib, 6200)
        yield self.sample(CLOCK, USER, 200, 200, 7000, 0x7e0000000010, 1000000,
                          [IN_USER, 0x7e0000000010, 0x500101])
        # what its image had before exec is gone
        yield self.sample(CLOCK, USER, 200, 200, 8000, 0x500100, 1000000,
                          [IN_USER, 0x500100, 0x400201])

    def features(self):
        ids = self.pack("i", -1) + bytes(range(21, 41)) + bytes([20, 0, 0, 0])
        body = ids + self.text("/lib/libx.so.1")
        kernel = self.pack("i", -1) + bytes(range(41, 61)) + bytes(4)
        kernel += self.text("[kernel.kallsyms]")
        command = ["perf", "record", "-g", "demo"]
        return {
            "build_ids": self.pack("IHH", 67, USER, 8 + len(body)) + body +
                         self.pack("IHH", 67, KERNEL, 8 + len(kernel)) + kernel,
            "version": self.sized_text("6.1.0"),
            "command": self.pack("I", len(command)) + b"".join(map(self.sized_text, command)),
            "events": self.pack("II", 3, 104) + b"".join(
                attr + self.pack("I", 1) + self.sized_text(name) + self.pack("Q", ident)
                for attr, name, ident in zip(self.attrs(), ("cpu-clock:u", "page-faults", "dummy:u"),
                                             (CLOCK, FAULTS, DUMMY))),
            "clock": self.pack("IIQQ", 1, 1, 1600000000000000000, 1000),
        }

    def attrs(self):
        return [self.attr(1, 0, 1000, True), self.attr(1, 2, 1, False), self.attr(1, 9, 1, False)]

    def file(self, records):
        data = b"".join(records)
        attrs, ids = self.attrs(), (CLOCK, FAULTS, DUMMY)
        at_ids = 104
        at_attrs = at_ids + 8 * len(ids)
        at_data = at_attrs + len(attrs) * 120
        bits = sum(1 << f for f in FEATURES)
        out = self.pack("8sQQQQQQQQ", b"PERFILE2"[::1 if self.order == "<" else -1], 104, 120,
                        at_attrs, len(attrs) * 120, at_data, len(data), 0, 0)
        out += self.pack("QQQQ", bits, 0, 0, 0) + self.pack("QQQ", *ids)
        for i, attr in enumerate(attrs):
            out += attr + self.pack("QQ", at_ids + 8 * i, 8)
        out += data
        at, table, texts = len(out) + 16 * len(FEATURES), b"", b""
        for feature in sorted(FEATURES):
            text = self.features()[FEATURES[feature]]
            table += self.pack("QQ", at + len(texts), len(text))
            texts += text
        return out + table + texts

    def pipe(self, records):
        out = self.pack("8sQ", b"PERFILE2", 16)
        for attr, ident, name in zip(self.attrs(), (CLOCK, FAULTS, DUMMY),
                                     ("cpu-clock:u", "page-faults", "dummy:u")):
            out += self.record(64, 0, attr + self.pack("Q", ident))
            out += self.record(78, 0, self.pack("QQ", 2, ident) + self.text(name))
        for feature, name in FEATURES.items():
            body = self.pack("Q", feature) + self.features()[name]
            out += self.record(80, 0, body + b"\0" * (-len(body) % 8))
        return out + b"".join(records)

    def compressed(self, records):
        """The records in one stream, in pieces that do not end where records do."""
        done = subprocess.run(["zstd", "-q", "-c", "--no-check"], input=b"".join(records),
                              capture_output=True, check=True)
        packed, pieces = done.stdout, []
        for i in range(0, len(packed), 120):
            piece = packed[i:i + 120]
            pieces.append(self.pack("IHH", 81, 0, 8 + len(piece)) + piece)
        return self.file(pieces)


def main():
    folder = os.path.join(HERE, "perf")
    os.makedirs(folder, exist_ok=True)
    little, big = Writer("<"), Writer(">")
    files = {
        "file.data": little.file(little.story()),
        "pipe.data": little.pipe(little.story()),
        "zstd.data": little.compressed(little.story()),
        "big_endian.data": big.file(big.story()),
    }
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


main()
