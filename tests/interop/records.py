"""RocketMQ's stored records, decoded independently of Gantry's own code: what pulls, views and queries answer with."""

import struct
import zlib

MAGIC_V1 = 0xDAA320A7
MAGIC_V2 = 0xDAA320AB
BORN_V6 = 0x10
STORE_V6 = 0x20
# total size, magic, body crc, queue, flag, queue offset, physical offset, system flag, born time
FIXED = struct.Struct(">IIIiiqqiq")


class Record:
    """One record; `raw` is exactly what the broker sent."""

    def __init__(self, raw):
        self.raw = raw
        (self.size, self.magic, self.body_crc, self.queue, self.flag, self.queue_offset, self.position, self.sys_flag,
         self.born_ms) = FIXED.unpack_from(raw)
        if self.size != len(raw) or self.magic not in (MAGIC_V1, MAGIC_V2):
            raise ValueError(f"a record of {len(raw)} bytes says size {self.size}, magic {self.magic:#x}")
        at = FIXED.size + (20 if self.sys_flag & BORN_V6 else 8)
        (self.stored_ms,) = struct.unpack_from(">q", raw, at)
        host_bytes = 20 if self.sys_flag & STORE_V6 else 8
        self.store_host = raw[at + 8:at + 8 + host_bytes]
        at += 8 + host_bytes
        self.reconsumed, self.prepared_at, body_bytes = struct.unpack_from(">iqi", raw, at)
        at += 16
        self.body = raw[at:at + body_bytes]
        at += body_bytes
        topic_bytes, at = (raw[at], at + 1) if self.magic == MAGIC_V1 else (
            struct.unpack_from(">H", raw, at)[0], at + 2)
        self.topic = raw[at:at + topic_bytes].decode("utf-8")
        at += topic_bytes
        (property_bytes,) = struct.unpack_from(">h", raw, at)
        self.property_text = raw[at + 2:at + 2 + property_bytes].decode("utf-8")
        if at + 2 + property_bytes != len(raw):
            raise ValueError(f"a record of {len(raw)} bytes ends after {at + 2 + property_bytes}")

    @property
    def properties(self):
        return dict(pair.split("\x01", 1) for pair in self.property_text.split("\x02") if "\x01" in pair)

    @property
    def id(self):
        """The message id that names the record's place: store host and physical offset, in hexadecimal digits."""
        return (self.store_host + struct.pack(">q", self.position)).hex().upper()

    @property
    def body_is_whole(self):
        return zlib.crc32(self.body) & 0x7FFFFFFF == self.body_crc

    def describe(self):
        fields = ("topic", "queue", "queue_offset", "position", "size", "magic", "flag", "sys_flag", "born_ms",
                  "stored_ms", "reconsumed", "prepared_at", "body_crc", "properties")
        return {name: getattr(self, name) for name in fields}


def cut(block):
    """The raw records of an answer's body, one after the other."""
    found, at = [], 0
    while at < len(block):
        (size,) = struct.unpack_from(">I", block, at)
        if size < FIXED.size or at + size > len(block):
            raise ValueError(f"a record at {at} of {len(block)} bytes says that it has {size} bytes")
        found.append(block[at:at + size])
        at += size
    return found
