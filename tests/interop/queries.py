"""Judges what Gantry and Apache answered to the same queries by key.

Gantry's answer must be exact: the newest messages, up to the maximum, that are in the topic's queues, have the key and
were stored within the times, in the order of the log. What is exact is told by every record of every queue, not by the
other broker. Apache's index keeps hashes, and times to a second; it leaves it to clients to compare keys, and does not
forget deleted topics. So its answer may differ from the exact one, but only for one of the reasons below, each with
the condition under which it holds. Any other difference is reported.

One exception: RocketMQ leaves no note of topics that it deletes, so Gantry may find their messages too, as long as
the topic's queues have none in their place. Apache must have found them as well.
"""

import collections

import records

MAXIMUM = {"key": 64, "unique": 32}  # RocketMQ's maxMsgsNumBatch and defaultQueryMaxNum
SECOND_MS = 1000

# Why Apache finds more.
OTHER_KEY = "another key with the same hash"
WORD = "a word of KEYS, asked as unique key"
DELETED = "not in its queue: its topic was deleted"
AFTER = "after the window, by less than a second"
BOTH = "found by both (in no queue: Apache deleted its topic)"
# Why either finds what the other leaves out: it has found the maximum of newer ones.
BEYOND = "older than the maximum of what else was found"
# Why Apache finds less.
EARLY = "in the first second of the window"

UNEXPLAINED = "without a reason"

Match = collections.namedtuple("Match", "position stored_ms raw")


class Truth:
    """The messages of a survey that match its queries. Reads every record of the topics that were asked about."""

    def __init__(self, survey):
        self._queues = survey.queues
        self._asked = collections.defaultdict(set)
        for topic, key, *_ in survey.queries:
            self._asked[topic].add(key)
        self._matches = collections.defaultdict(list)  # by topic, key and kind, in the order of the log
        for (topic, _), queue in survey.queues.items():
            if topic in self._asked:
                self._add(topic, queue)
        for matches in self._matches.values():
            matches.sort()

    def _add(self, topic, queue):
        asked = self._asked[topic]
        for raw in queue.records:
            record = records.Record(raw)
            unique, words = keys(record)
            match = Match(record.position, record.stored_ms, raw)
            for key in asked & (words | unique):
                self._matches[(topic, key, "key")].append(match)
            for key in asked & unique:
                self._matches[(topic, key, "unique")].append(match)

    def exact(self, query):
        """All of them, oldest first."""
        topic, key, kind, begin_ms, end_ms = query
        return [match for match in self._matches.get((topic, key, kind), ())
                if begin_ms <= match.stored_ms <= end_ms]

    def holds(self, record):
        """Whether the record is the one that its queue has at its offset."""
        queue = self._queues.get((record.topic, record.queue))
        at = record.queue_offset - queue.least if queue else -1
        return 0 <= at < len(queue.records) and queue.records[at] == record.raw

    def lost_its_queue(self, query, raw):
        """Whether the message matches the query, and no queue has it or another one in its place."""
        topic, key, kind, begin_ms, end_ms = query
        record = records.Record(raw)
        unique, words = keys(record)
        queue = self._queues.get((record.topic, record.queue))
        return (record.topic == topic and key in (unique if kind == "unique" else unique | words) and
                begin_ms <= record.stored_ms <= end_ms and
                (queue is None or not queue.least <= record.queue_offset < queue.end))


def keys(record):
    """The unique key and the words of KEYS, two sets."""
    properties = record.properties
    unique = {properties["UNIQ_KEY"]} if "UNIQ_KEY" in properties else set()
    return unique, {word for word in properties.get("KEYS", "").split(" ") if word}


class Judgement:
    """`alike` counts queries that both answered the same, `reasons` messages that one of them found more."""

    def __init__(self):
        self.asked = self.alike = self.exact = 0
        self.reasons = collections.Counter()

    def text(self):
        why = "".join(f"; {count} {reason}" for reason, count in sorted(self.reasons.items()))
        return f"{self.asked} queries by key: {self.exact} exact at Gantry, {self.alike} the same at Apache{why}"


def judge(differences, gantry, apache):
    """Adds what cannot be explained to `differences`."""
    truth, judgement = Truth(gantry), Judgement()
    for query in sorted(gantry.queries.keys() | apache.queries.keys()):
        answers = [survey.queries.get(query) for survey in (gantry, apache)]
        for name, answer in zip(("Gantry", "Apache"), answers):
            if answer is None:
                differences.add("query", f"{query}: not answered by {name}")
        if None not in answers:
            _judge_one(differences, judgement, truth, query, *answers)
    return judgement


def _judge_one(differences, judgement, truth, query, gantry, apache):
    deleted = [Match(records.Record(raw).position, records.Record(raw).stored_ms, raw) for raw in gantry
               if raw in apache and truth.lost_its_queue(query, raw)]
    exact = sorted(truth.exact(query) + deleted)[-MAXIMUM[query[2]]:]
    judgement.asked += 1
    judgement.alike += gantry == apache
    judgement.exact += gantry == [match.raw for match in exact]
    if deleted:
        judgement.reasons[BOTH] += len(deleted)
    if gantry != [match.raw for match in exact]:
        differences.add("query", f"{query}: expected {_places(match.raw for match in exact)}, "
                                 f"found {_places(gantry)} at Gantry")
    for raw in apache:
        if raw not in gantry:
            reason = _why_more(truth, query, records.Record(raw), exact)
            judgement.reasons[f"more at Apache ({reason or UNEXPLAINED})"] += 1
            if reason is None:
                differences.add("query", f"{query}: only Apache found {_place(raw)}")
    oldest = min((records.Record(raw).position for raw in apache), default=0)
    for match in exact:
        if match.raw not in apache:
            reason = _why_less(query, match, len(apache), oldest)
            judgement.reasons[f"fewer at Apache ({reason or UNEXPLAINED})"] += 1
            if reason is None:
                differences.add("query", f"{query}: Apache did not find {_place(match.raw)}")


def _why_more(truth, query, record, exact):
    topic, key, kind, _, end_ms = query
    unique, words = keys(record)
    if record.topic != topic or key not in unique | words:
        return OTHER_KEY
    if kind == "unique" and key not in unique:
        return WORD
    if not truth.holds(record):
        return DELETED
    if end_ms < record.stored_ms < end_ms + SECOND_MS:
        return AFTER
    if len(exact) == MAXIMUM[kind] and record.position < exact[0].position:
        return BEYOND
    return None


def _why_less(query, match, count, oldest):
    _, _, kind, begin_ms, _ = query
    if begin_ms > 0 and match.stored_ms < begin_ms + SECOND_MS:
        return EARLY
    if count == MAXIMUM[kind] and match.position < oldest:
        return BEYOND
    return None


def _place(raw):
    record = records.Record(raw)
    return f"{record.topic}/{record.queue}@{record.queue_offset} at {record.position}, stored {record.stored_ms}"


def _places(raws):
    raws = list(raws)
    return f"{len(raws)} [{'; '.join(map(_place, raws[:2]))}{'; ...' if len(raws) > 2 else ''}]"
