"""RocketMQ's remoting frames, decoded independently of Gantry's own code, and a small blocking client.

Frame: length(4) type(1) header length(3) header body, big-endian; type 0 is a JSON header, type 1 the binary one.
"""

import itertools
import json
import socket
import struct

LANGUAGES = ["JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS",
             "RUST", "NODE_JS"]

PULL_MESSAGE = 11
QUERY_MESSAGE = 12
GET_ROUTE = 105
CREATE_TOPIC = 17


class Frame:
    """One decoded frame; `raw` is exactly what crossed the wire."""

    def __init__(self, raw):
        self.raw = raw
        total, word = struct.unpack(">II", raw[:8])
        if total + 4 != len(raw):
            raise ValueError(f"frame says {total} bytes follow its length, found {len(raw) - 4}")
        self.type = word >> 24
        header_bytes = word & 0xFFFFFF
        header = raw[8:8 + header_bytes]
        self.body = raw[8 + header_bytes:]
        self.json_text = None
        if self.type == 0:
            self._json(header)
        elif self.type == 1:
            self._binary(header)
        else:
            raise ValueError(f"header type {self.type} is neither JSON (0) nor binary (1)")

    def _json(self, header):
        self.json_text = header.decode("utf-8")
        # Numbers stay the text they were, because every extension field is text in the end.
        fields = json.loads(self.json_text, parse_int=str, parse_float=str)
        self.code = int(fields["code"])
        self.language = fields.get("language")
        self.version = int(fields.get("version", 0))
        self.opaque = int(fields.get("opaque", 0))
        self.flag = int(fields.get("flag", 0))
        self.remark = fields.get("remark")
        self.ext = {key: _text(value) for key, value in (fields.get("extFields") or {}).items()}

    def _binary(self, header):
        self.code, language, self.version, self.opaque, self.flag, remark_bytes = struct.unpack(">hBhiii", header[:17])
        self.language = LANGUAGES[language]
        at = 17
        self.remark = header[at:at + remark_bytes].decode("utf-8") if remark_bytes else None
        at += remark_bytes
        (block_bytes,) = struct.unpack(">i", header[at:at + 4])
        at += 4
        end = at + block_bytes
        if end != len(header):
            raise ValueError(f"extension fields end at {end} of a header of {len(header)} bytes")
        self.ext = {}
        while at < end:
            (size,) = struct.unpack(">h", header[at:at + 2])
            key = header[at + 2:at + 2 + size].decode("utf-8")
            at += 2 + size
            (size,) = struct.unpack(">i", header[at:at + 4])
            self.ext[key] = header[at + 4:at + 4 + size].decode("utf-8")
            at += 4 + size

    @property
    def is_response(self):
        return bool(self.flag & 1)


def _text(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Cutter:
    """Cuts a byte stream into frames."""

    FRAME_BYTES_MAX = 64 << 20

    def __init__(self):
        self._tail = b""

    def feed(self, chunk):
        self._tail += chunk
        frames = []
        while len(self._tail) >= 4:
            (total,) = struct.unpack(">I", self._tail[:4])
            if total > self.FRAME_BYTES_MAX:
                raise ValueError(f"a frame of {total} bytes: this is not a remoting stream")
            if len(self._tail) < 4 + total:
                break
            frames.append(Frame(self._tail[:4 + total]))
            self._tail = self._tail[4 + total:]
        return frames


def encode(code, ext=None, body=b"", opaque=1, flag=0, language="JAVA", version=479):
    fields = {"code": code, "language": language, "version": version, "opaque": opaque, "flag": flag}
    if ext:
        fields["extFields"] = {key: str(value) for key, value in ext.items()}
    header = json.dumps(fields, ensure_ascii=False).encode("utf-8")
    return struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body


class Connection:
    """A blocking client: one request at a time. Answers that arrive for nobody are skipped."""

    def __init__(self, address, timeout=5.0):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=timeout)
        self._cutter = Cutter()
        self._opaque = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def call(self, code, ext=None, body=b""):
        opaque = next(self._opaque)
        self._socket.sendall(encode(code, ext, body, opaque))
        while True:
            chunk = self._socket.recv(1 << 16)
            if not chunk:
                raise ConnectionError(f"the peer closed the connection instead of answering code {code}")
            for frame in self._cutter.feed(chunk):
                if frame.is_response and frame.opaque == opaque:
                    return frame


def route(namesrv, topic):
    """The route of a topic as a dict, or None when the name server does not know it."""
    with Connection(namesrv) as connection:
        answer = connection.call(GET_ROUTE, {"topic": topic, "acceptStandardJsonOnly": "true"})
    return json.loads(answer.body) if answer.code == 0 else None


def broker_address(namesrv, default_topic="TBW102"):
    """The address of the first master that serves the auto-create topic, and its name."""
    table = route(namesrv, default_topic)
    if not table:
        raise LookupError(f"name server {namesrv} has no route for {default_topic}: is a broker registered?")
    broker = table["brokerDatas"][0]
    return broker["brokerAddrs"]["0"], broker["brokerName"]


def create_topic(namesrv, topic, queues=4, perm=6, broker=None):
    """Creates a topic on `broker` (by default the first one of the name server) and answers the response code."""
    with Connection(broker or broker_address(namesrv)[0]) as connection:
        answer = connection.call(CREATE_TOPIC, {
            "topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues, "perm": perm,
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false"})
    return answer.code


class Record:
    """One stored message, as the log and the bodies of answers hold it. `size` is that of the whole record."""

    def __init__(self, data):
        (self.size,) = struct.unpack(">I", data[:4])
        self.queue_id, self.flag, self.queue_offset, self.log_offset, sys_flag, self.born_ms = \
            struct.unpack(">iiqqiq", data[12:48])
        at = 48 + (20 if sys_flag & 0x10 else 8)
        (self.store_ms,) = struct.unpack(">q", data[at:at + 8])
        at += 8 + (20 if sys_flag & 0x20 else 8) + 4 + 8
        (size,) = struct.unpack(">i", data[at:at + 4])
        self.body = data[at + 4:at + 4 + size]
        at += 4 + size
        topic_bytes = 2 if data[4:8] == b"\xda\xa3\x20\xab" else 1
        size = int.from_bytes(data[at:at + topic_bytes], "big")
        self.topic = data[at + topic_bytes:at + topic_bytes + size].decode("utf-8")
        at += topic_bytes + size
        (size,) = struct.unpack(">H", data[at:at + 2])
        text = data[at + 2:at + 2 + size].decode("utf-8")
        if at + 2 + size != self.size:
            raise ValueError(f"the parts of a record have {at + 2 + size} bytes, the record says {self.size}")
        self.properties = dict(pair.split("\x01", 1) for pair in text.split("\x02") if pair)


def records(body):
    """The records of an answer's body."""
    found = []
    while body:
        record = Record(body)
        found.append(record)
        body = body[record.size:]
    return found


def pull_one(connection, topic, queue_id, offset):
    """The message of a queue at that offset."""
    answer = connection.call(PULL_MESSAGE, {
        "consumerGroup": "TOOLS_CONSUMER", "topic": topic, "queueId": queue_id, "queueOffset": offset, "maxMsgNums": 1,
        "sysFlag": 4, "commitOffset": 0, "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0,
        "expressionType": "TAG"})
    if answer.code != 0:
        raise LookupError(f"no message at offset {offset} of {topic}/{queue_id}: code {answer.code}, {answer.remark}")
    return records(answer.body)[0]
