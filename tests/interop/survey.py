"""Asks a broker everything a client or an administrator can ask about what it keeps, and compares two such surveys.

Only the wire is used, through wire.py, and nothing is changed at the broker: offsets are not committed, and messages are
read in the name of a group that every broker has.
"""

import dataclasses
import json
import re
import struct
import time

import records
import wire

READER = "TOOLS_CONSUMER"
PULL, QUERY, QUERY_OFFSET, SEARCH, MAX, MIN, EARLIEST, VIEW = 11, 12, 14, 29, 30, 31, 32, 33
TOPICS, OFFSETS, GROUPS, TOPIC_STATS, CONSUME_STATS = 21, 43, 201, 202, 208
SUCCESS, PULL_NOT_FOUND, PULL_RETRY, PULL_MOVED, NOTHING_FOUND = 0, 19, 20, 21, 22
HAS_SUBSCRIPTION = 4
BOUNDARIES = ("lower", "upper")
ROUNDS_MAX = 10_000_000
MESSAGES_A_QUERY = 1000  # more than brokers allow
INDEX_SECONDS = 60
NO_KEY = "nobody-has-this-key"


class Refused(Exception):
    """A question that a broker does not answer: its code and remark."""


class Broker:
    """The questions, one method each."""

    def __init__(self, address):
        self._connection = wire.Connection(address, timeout=30.0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.__exit__()

    def ask(self, code, ext=None, body=b"", fine=(SUCCESS,)):
        answer = self._connection.call(code, ext, body)
        if answer.code not in fine:
            raise Refused(f"request {code} {ext or ''}: code {answer.code}, {(answer.remark or '').splitlines()[:1]}")
        return answer

    def json(self, code, ext=None):
        return loads(self.ask(code, ext).body)

    def number(self, code, topic, queue, field="offset", **more):
        return int(self.ask(code, {"topic": topic, "queueId": queue, **more}).ext[field])

    def topics(self):
        return self.json(TOPICS)["topicConfigTable"]

    def groups(self):
        return self.json(GROUPS)["subscriptionGroupTable"]

    def offsets(self):
        return self.json(OFFSETS)["offsetTable"]

    def search(self, topic, queue, time_ms, boundary):
        return self.number(SEARCH, topic, queue, timestamp=time_ms, boundaryType=boundary)

    def pull(self, topic, queue, offset, count=1024):
        """The raw records from `offset` on, and where to go on."""
        answer = self.ask(PULL, {
            "consumerGroup": READER, "topic": topic, "queueId": queue, "queueOffset": offset, "maxMsgNums": count,
            "sysFlag": HAS_SUBSCRIPTION, "commitOffset": 0, "suspendTimeoutMillis": 0, "subscription": "*",
            "subVersion": 0, "expressionType": "TAG"}, fine=(SUCCESS, PULL_NOT_FOUND, PULL_RETRY, PULL_MOVED))
        return (records.cut(answer.body) if answer.code == SUCCESS else []), int(answer.ext["nextBeginOffset"])

    def read(self, topic, queue, begin, end):
        """All raw records of a queue."""
        found = []
        for _ in range(ROUNDS_MAX):
            if begin >= end:
                return found
            some, following = self.pull(topic, queue, begin)
            if following <= begin:
                raise Refused(f"pull of {topic}/{queue} at {begin} of {end} goes on at {following}")
            found += some
            begin = following
        raise Refused(f"{topic}/{queue} was not read within {ROUNDS_MAX} pulls")

    def view(self, position):
        return self.ask(VIEW, {"offset": position}).body

    def query(self, topic, key, begin_ms=0, end_ms=(1 << 63) - 1, unique=False):
        """The raw records that the index names for a key, in the broker's order; RocketMQ leaves checking the key itself
        to the client."""
        ext = {"topic": topic, "key": key, "maxNum": MESSAGES_A_QUERY, "beginTimestamp": begin_ms,
               "endTimestamp": end_ms, "indexType": "U" if unique else "K"}
        if unique:
            ext["_UNIQUE_KEY_QUERY"] = "true"
        answer = self.ask(QUERY, ext, fine=(SUCCESS, NOTHING_FOUND))
        return records.cut(answer.body) if answer.code == SUCCESS else []


_SCALAR = re.compile(r"[^,:\[\]{}\s]+")
_SPACE = re.compile(r"\s*")


def loads(text):
    """JSON as fastjson writes it: any value may be a map's key, integers and objects too. Keys become text."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    value, _ = _value(text, 0)
    return value


def _skip(text, at):
    return _SPACE.match(text, at).end()


def _value(text, at):
    at = _skip(text, at)
    if text[at] == "{":
        return _list(text, at + 1, "}", dict, _pair)
    if text[at] == "[":
        return _list(text, at + 1, "]", list, _value)
    if text[at] == '"':
        return json.decoder.scanstring(text, at + 1)
    scalar = _SCALAR.match(text, at)
    return json.loads(scalar.group()), scalar.end()


def _pair(text, at):
    key, at = _value(text, at)
    at = _skip(text, at)
    if text[at] != ":":
        raise ValueError(f"expected ':' at {at}, found {text[at:at + 20]}")
    value, at = _value(text, at + 1)
    return (key if isinstance(key, str) else json.dumps(key, sort_keys=True), value), at


def _list(text, at, end, kind, element):
    found = []
    at = _skip(text, at)
    while text[at] != end:
        value, at = element(text, at)
        found.append(value)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return kind(found), at + 1


@dataclasses.dataclass
class Queue:
    least: int
    end: int
    earliest_ms: int
    records: list  # raw
    searches: dict = dataclasses.field(default_factory=dict)  # (time, boundary): offset


@dataclasses.dataclass
class Survey:
    """What one broker said about one directory. Answers that it refused are kept as text in `refusals`."""
    name: str
    topics: dict
    groups: dict
    offsets: dict
    queues: dict  # (topic, queue): Queue
    topic_stats: dict
    consume_stats: dict
    views: dict  # message id: raw record
    queries: dict  # (topic, key, kind): raw records
    refusals: list

    @property
    def messages(self):
        return sum(len(queue.records) for queue in self.queues.values())

    def stored(self, topic):
        return sum(len(queue.records) for (name, _), queue in self.queues.items() if name == topic)


@dataclasses.dataclass
class Plan:
    """What to ask beyond the obvious, taken from one survey's records so that each broker is asked the same."""
    searches: dict = dataclasses.field(default_factory=dict)  # (topic, queue): times
    views: list = dataclasses.field(default_factory=list)  # physical offsets
    queries: list = dataclasses.field(default_factory=list)  # (topic, key, kind, begin, end)


FAR_FUTURE_MS = 4_102_444_800_000  # 2100


def plan(survey, queries=True, samples=3, without=()):
    """Times at, between and around messages of every queue; ids and keys of `samples` messages of every queue. Nothing
    about topics in `without`."""
    made = Plan()
    for (topic, number), queue in survey.queues.items():
        if topic in without:
            continue
        times = {0, FAR_FUTURE_MS}
        chosen = _spread(queue.records, samples)
        for raw in chosen:
            record = records.Record(raw)
            times |= {record.stored_ms - 1, record.stored_ms, record.stored_ms + 1}
            made.views.append(record.position)
        made.searches[(topic, number)] = sorted(times)
        for raw in chosen if queries else []:
            record = records.Record(raw)
            middle = record.stored_ms
            properties = record.properties
            if "UNIQ_KEY" in properties:
                made.queries.append((topic, properties["UNIQ_KEY"], "unique", 0, FAR_FUTURE_MS))
            for key in properties.get("KEYS", "").split():
                made.queries.append((topic, key, "key", 0, FAR_FUTURE_MS))
                made.queries.append((topic, key, "key", middle - 1000, middle + 1000))
    if queries:
        some = next(iter(survey.topics))
        made.queries.append((some, NO_KEY, "key", 0, FAR_FUTURE_MS))
    made.queries = sorted(set(made.queries))
    return made


def _spread(items, count):
    """The first, the last and some in between."""
    if len(items) <= count:
        return items
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def take(name, address, made=None):
    """Surveys the broker at `address`; with a plan the planned questions too."""
    refusals = []
    with Broker(address) as broker:
        topics, groups, offsets = broker.topics(), broker.groups(), broker.offsets()
        queues = {}
        for topic in sorted(topics):
            # BenchmarkTest has 1024 queues that nobody uses; the first few tell as much.
            count = min(64, max(topics[topic]["readQueueNums"], topics[topic]["writeQueueNums"]))
            for number in range(count):
                try:
                    queues[(topic, number)] = _queue(broker, topic, number)
                except Refused as refusal:
                    refusals.append(str(refusal))
        survey = Survey(name, topics, groups, offsets, queues, {}, {}, {}, {}, refusals)
        for topic in sorted(topics):
            _try(refusals, survey.topic_stats, topic, lambda t: _topic_stats(broker, t), topic)
        for group in sorted({key.split("@", 1)[1] for key in offsets if "@" in key}):
            _try(refusals, survey.consume_stats, group, lambda g: _consume_stats(broker, g), group)
        if made:
            answer(broker, survey, made)
    return survey


def _try(refusals, table, key, question, *arguments):
    try:
        table[key] = question(*arguments)
    except Refused as refusal:
        refusals.append(str(refusal))


def _queue(broker, topic, number):
    least, end = broker.number(MIN, topic, number), broker.number(MAX, topic, number)
    earliest_ms = broker.number(EARLIEST, topic, number, field="timestamp")
    return Queue(least, end, earliest_ms, broker.read(topic, number, least, end))


def _topic_stats(broker, topic):
    return broker.json(TOPIC_STATS, {"topic": topic})["offsetTable"]


def _consume_stats(broker, group):
    return broker.json(CONSUME_STATS, {"consumerGroup": group})["offsetTable"]


def answer(broker, survey, made):
    """Asks the planned questions and adds the answers to the survey."""
    for (topic, number), times in made.searches.items():
        queue = survey.queues.get((topic, number))
        for time_ms in times if queue else []:
            for boundary in BOUNDARIES:
                _try(survey.refusals, queue.searches, (time_ms, boundary), broker.search, topic, number, time_ms,
                     boundary)
    for position in made.views:
        _try(survey.refusals, survey.views, position, broker.view, position)
    if made.queries:
        _try(survey.refusals, {}, None, _wait_indexed, broker, survey)
    for topic, key, kind, begin_ms, end_ms in made.queries:
        _try(survey.refusals, survey.queries, (topic, key, kind, begin_ms, end_ms), broker.query, topic, key, begin_ms,
             end_ms, kind == "unique")


def _wait_indexed(broker, survey):
    """Brokers write their index behind the log, and may have to make it again when they start."""
    newest = max(filter(None, map(_newest_with_key, survey.queues.values())), key=lambda found: found[0], default=None)
    if not newest:
        return
    _, topic, key, raw = newest
    deadline = time.monotonic() + INDEX_SECONDS
    while raw not in broker.query(topic, key):
        if time.monotonic() > deadline:
            raise Refused(f"the newest message of {topic} is not found by its key {key} within {INDEX_SECONDS} s")
        time.sleep(0.05)


def _newest_with_key(queue):
    for record in map(records.Record, reversed(queue.records)):
        if "UNIQ_KEY" in record.properties:
            return record.position, record.topic, record.properties["UNIQ_KEY"], record.raw
    return None


# ---- comparing -------------------------------------------------------------------------------------------------------

class Differences:
    """What two surveys disagree about, as sentences; the first `kept` of each kind, and how many there were."""

    def __init__(self, kept=10):
        self._kept = kept
        self.by_kind = {}

    def add(self, kind, text):
        self.by_kind.setdefault(kind, []).append(text)

    def __len__(self):
        return sum(len(texts) for texts in self.by_kind.values())

    def text(self):
        lines = []
        for kind, texts in self.by_kind.items():
            lines.append(f"{kind}: {len(texts)}")
            lines += [f"    {text}" for text in texts[:self._kept]]
            if len(texts) > self._kept:
                lines.append(f"    ... and {len(texts) - self._kept} more")
        return "\n".join(lines)


def compare(expected, found, grown=False, without=()):
    """The differences. With `grown`, `found` may have more: topics, groups, offsets that advanced, messages at the end
    of queues; what was asked by plan is not compared. Queries are left to queries.py. Topics in `without` are left out."""
    differences = Differences()

    def topics(kind, one, other):
        compare_maps(differences, kind, *({name: value for name, value in table.items() if name not in without}
                                          for table in (one, other)), grown)

    topics("topic", expected.topics, found.topics)
    compare_maps(differences, "group", expected.groups, found.groups, grown)
    if not grown:
        compare_maps(differences, "consumer offset", expected.offsets, found.offsets)
        topics("topic statistics", expected.topic_stats, found.topic_stats)
        compare_maps(differences, "consume statistics", expected.consume_stats, found.consume_stats)
    for key, queue in expected.queues.items():
        if key[0] in without:
            continue
        other = found.queues.get(key)
        if other is None:
            differences.add("queue", f"{key}: not answered")
            continue
        _compare_queue(differences, f"{key[0]}/{key[1]}", queue, other, grown)
    for key in found.queues.keys() - expected.queues.keys() if not grown else ():
        differences.add("queue", f"{key}: only {found.name} has it")
    if not grown:
        _raw_maps(differences, "view by position", expected.views, found.views)
    for refusal in found.refusals:
        if refusal not in expected.refusals:
            differences.add(f"refused by {found.name}", refusal)
    for refusal in expected.refusals:
        if refusal not in found.refusals:
            differences.add(f"refused by {expected.name} only", refusal)
    return differences


def compare_maps(differences, kind, expected, found, grown=False):
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            differences.add(kind, f"{key}: missing; expected {_short(expected[key])}")
        elif key not in expected:
            if not grown:
                differences.add(kind, f"{key}: not expected; found {_short(found[key])}")
        elif expected[key] != found[key]:
            differences.add(kind, f"{key}: " + _difference(expected[key], found[key]))


def _difference(expected, found):
    if isinstance(expected, dict) and isinstance(found, dict):
        parts = [f"{name}: expected {_short(expected.get(name, 'nothing'))}, found {_short(found.get(name, 'nothing'))}"
                 for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]
        return "; ".join(parts[:6]) + (f"; and {len(parts) - 6} more" if len(parts) > 6 else "")
    return f"expected {_short(expected)}, found {_short(found)}"


def _short(value, limit=160):
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[:limit] + "..."


def _compare_queue(differences, name, expected, found, grown):
    for what in ("least", "earliest_ms") + (() if grown else ("end",)):
        if getattr(expected, what) != getattr(found, what):
            differences.add("queue bounds", f"{name} {what}: expected {getattr(expected, what)}, "
                                            f"found {getattr(found, what)}")
    if grown and found.end < expected.end:
        differences.add("queue bounds", f"{name} end: expected at least {expected.end}, found {found.end}")
    if len(found.records) < len(expected.records) or (not grown and len(found.records) != len(expected.records)):
        differences.add("messages", f"{name}: expected {len(expected.records)}, found {len(found.records)}")
    for number, (one, other) in enumerate(zip(expected.records, found.records)):
        if one != other:
            differences.add("messages", f"{name} number {number}: " + _record_difference(one, other))
            break
    for key, offset in expected.searches.items():
        # In a queue that grew, a time after the last old message is answered with a new one.
        if not grown and found.searches.get(key) != offset:
            differences.add("search by time", f"{name} at {key}: expected {offset}, found {found.searches.get(key)} "
                                              f"(offsets {expected.least} to {expected.end})")


def _record_difference(one, other):
    try:
        difference = _difference(records.Record(one).describe(), records.Record(other).describe())
        return difference or "bodies differ"
    except (ValueError, struct.error) as error:
        return f"{len(one)} and {len(other)} bytes, {error}"


def _raw_maps(differences, kind, expected, found):
    for key, raw in expected.items():
        if key not in found:
            differences.add(kind, f"{key}: not answered")
        elif found[key] != raw:
            differences.add(kind, f"{key}: " + _record_difference(raw, found[key]))


def check_records(differences, survey):
    """What must hold in every directory: each record knows its place, its body is whole, and no queue has a gap."""
    for (topic, number), queue in survey.queues.items():
        for offset, raw in enumerate(queue.records, queue.least):
            record = records.Record(raw)
            place = (record.topic, record.queue, record.queue_offset)
            if place != (topic, number, offset):
                differences.add("place", f"{topic}/{number}@{offset}: the record says {place}")
            if not record.body_is_whole:
                differences.add("body", f"{topic}/{number}@{offset}: its checksum is {record.body_crc:#x}")
