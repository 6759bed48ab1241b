#!/usr/bin/env python3
"""Takes a store directory over from Apache RocketMQ and gives it back, and compares what both say about it.

  takeover.py                       20,000 messages in 10 topics, the directory left by a clean stop and by a kill
  takeover.py --messages 1000000 --topics 100
  takeover.py --no-queries          leave out queries by key
  takeover.py --keep                keep the directories and logs

1. Apache fills a directory: topics, groups, offsets, batches, retries, delayed, timed and half messages.
2. It is stopped, cleanly or by kill -9, and the directory copied.
3. Apache opens a copy: what it answers is what is expected.
4. Gantry opens another copy and must answer the same.
5. Gantry adds messages, topics, groups and offsets, and is stopped, cleanly or by kill -9.
6. Apache opens that directory and must answer what Gantry answered; it adds messages.
7. Gantry opens it again and must answer what Apache answered.

Exit code 0: no differences; 1: differences, printed; 77: Apache or the Java client cannot be fetched.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import apache
import clients
import queries
import records
import survey
import wire
from gantry import Gantry
from harness import Failed, World, check, equal
from mqadmin import MqAdmin
from paths import free_port

NOTHING_RAN = 77
CREATE_TOPIC, COMMIT, HEARTBEAT, SEND_BACK, CREATE_GROUP, DELETE_TOPIC, UNROUTE_TOPIC, FORBID, \
    REQUEST_MODE = 17, 15, 34, 36, 200, 215, 216, 353, 401
DELAY_OFFSETS, TIMER_METRICS, REQUEST_MODES = 45, 61, 402
# What is pending must not become due while surveys are compared.
FROZEN = {"transactionCheckInterval": 86_400_000, "transactionTimeOut": 86_400_000}
# On a busy machine a young JVM keeps requests waiting longer than the 200 ms after which it refuses them.
PATIENT = {"brokerFastFailureEnable": "false"}
DEFAULT_SIZES = {"mappedFileSizeCommitLog": 1 << 30}
LONGEST_LEVEL = 18
# Deleted by Gantry and made anew. When RocketMQ recovers from a kill it reads the log again and gives such a topic back
# what it held before, unless a queue's file names a newer message. Gantry remembers what it deleted, but does not know
# of what another broker deleted and brought back.
REVIVED = ("TK-again", "TK-fifo", "TK-new-gantry")
QUEUE_COUNTS = (4, 1, 8, 3, 16)


class Bench:
    """One place with one name server for Apache, one broker port for everybody, and at most one broker at a time."""

    def __init__(self, folder, options, port=None):
        self.folder = folder
        self.options = options
        self.port = port or free_port(below=2)
        self.namesrv = apache.NameServer(folder / "namesrv")
        self.client = clients.Java("5.3.3")
        self._steps = 0

    def close(self):
        self.namesrv.stop()

    def apache(self, store):
        return self._opened(ApacheBroker(self._step("apache"), self.namesrv.address, self.port, store))

    def gantry(self, store):
        return self._opened(GantryBroker(self._step("gantry"), self.options.broker_cmd, self.port, store))

    def _step(self, name):
        self._steps += 1
        return self.folder / f"{self._steps:02d}-{name}"

    def _opened(self, broker):
        deadline = time.monotonic() + 60
        while wire.route(broker.namesrv, "TBW102") is None:
            check(time.monotonic() < deadline, f"{broker.name} to register within 60 s", "it did not")
            time.sleep(0.1)
        return broker


class ApacheBroker:
    name = "Apache"

    def __init__(self, folder, namesrv, port, store):
        self.folder, self.namesrv, self.address = folder, namesrv, f"127.0.0.1:{port}"
        # It lives for seconds: the second compiler costs more than it saves.
        self._broker = apache.Broker(folder, namesrv, port=port, jvm=["-XX:TieredStopAtLevel=1"], settings={
            **DEFAULT_SIZES, **FROZEN, **PATIENT, "storePathRootDir": store, "storePathCommitLog": store / "commitlog"})
        self.stop, self.kill = self._broker.stop, self._broker.kill


class GantryBroker:
    name = "Gantry"

    def __init__(self, folder, command, port, store):
        self.folder, self.address = folder, f"127.0.0.1:{port}"
        # The store alone is compared: what waits (delays, timers, half messages) lies still without its plugins, whose own
        # take-over is among the scenarios.
        self._broker = Gantry(folder, command, port=port, data=store, plugins=("filter-sql92",))
        self.namesrv = self._broker.namesrv
        self.kill = self._broker.kill

    def stop(self):
        equal(self._broker.stop(), 0, "exit code of Gantry")


# ---- what is written -------------------------------------------------------------------------------------------------

class Writer:
    """Writes to a running broker through the official Java client, and what no producer does through the wire."""

    def __init__(self, bench, broker):
        self._world = World(broker.namesrv, bench.folder)
        self._client = bench.client
        self._broker = broker

    def fill(self, topics, count, first=0, **more):
        try:
            done = self._world.run(self._client, "fill", topics=",".join(topics), count=count, first=first, size=200,
                                   tags="A,B,tag-c", props=True, timeout=1800, **more)
            check(done["exit"] == 0 and done["first_error"] is None, "every message to be taken", done)
        finally:
            self._world.clean()
        return done

    def consume(self, topic, group, count):
        self._world.run(self._client, "consume", topic=topic, group=group, count=count, size=200, tags="A,B,tag-c",
                        props=True, timeout=120)
        self._world.clean()

    def topic(self, name, queues):
        equal(wire.create_topic(self._broker.namesrv, name, queues, broker=self._broker.address), 0,
              f"response code of creating {name}")
        self._wait_route(name)

    def _wait_route(self, name):
        wait_for(lambda: wire.route(self._broker.namesrv, name) is not None, f"a route of {name}")

    def call(self, code, ext=None, body=b""):
        with wire.Connection(self._broker.address, timeout=20) as connection:
            answer = connection.call(code, ext, body)
        check(answer.code == 0, f"code 0 of request {code} {ext}", f"{answer.code} {answer.remark}")

    def delete_topic(self, name):
        """As mqadmin does it: at the broker, then at the name server, which does not hear of it otherwise."""
        self.call(DELETE_TOPIC, {"topic": name})
        with wire.Connection(self._broker.namesrv) as connection:
            equal(connection.call(UNROUTE_TOPIC, {"topic": name}).code, 0, f"response code of removing {name}'s route")

    def typed_topic(self, name, queues, attributes, perm=6, order=False):
        self.call(CREATE_TOPIC, {"topic": name, "defaultTopic": "TBW102", "readQueueNums": queues,
                                 "writeQueueNums": queues - 1, "perm": perm, "topicFilterType": "SINGLE_TAG",
                                 "topicSysFlag": 0, "order": order, "attributes": attributes})

    def group(self, name, **config):
        body = {"groupName": name, "consumeEnable": True, "consumeFromMinEnable": True, "consumeBroadcastEnable": True,
                "retryQueueNums": 1, "retryMaxTimes": 16, "brokerId": 0, "whichBrokerWhenConsumeSlowly": 1,
                "notifyConsumerIdsChangedEnable": True, **config}
        self.call(CREATE_GROUP, body=json.dumps(body).encode())

    def commit(self, group, topic, queue, offset):
        self.call(COMMIT, {"consumerGroup": group, "topic": topic, "queueId": queue, "commitOffset": offset})

    def send_back(self, group, topic, raw, level):
        record = records.Record(raw)
        self.call(SEND_BACK, {"offset": record.position, "group": group, "delayLevel": level, "originTopic": topic,
                              "originMsgId": record.properties.get("UNIQ_KEY", record.id), "unitMode": "false",
                              "maxReconsumeTimes": 16})


    def subscribe_by_sql(self, group, topic):
        """What a consumer's heartbeat does: the broker keeps the filter, compiled for the dispatcher."""
        subscription = {"topic": topic, "subString": "seq > 5 AND TAGS = 'A'", "expressionType": "SQL92",
                        "subVersion": int(time.time() * 1000), "tagsSet": [], "codeSet": [], "classFilterMode": False}
        consumer = {"groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING",
                    "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "subscriptionDataSet": [subscription],
                    "unitMode": False}
        body = {"clientID": "takeover@1", "producerDataSet": [], "consumerDataSet": [consumer]}
        self.call(HEARTBEAT, body=json.dumps(body).encode())


def queue_count(number):
    return QUEUE_COUNTS[number % len(QUEUE_COUNTS)]


def write_first(bench, broker, names, per_topic, retries):
    """Everything that a directory of Apache's may hold. Answers how many messages clients sent."""
    write = Writer(bench, broker)
    for number, name in enumerate(names):
        write.topic(name, queue_count(number))
    # Topics are filled and deleted; one of them comes again with fewer queues and messages, one comes again empty.
    gone = ["TK-deleted", "TK-again", "TK-empty"]
    for name in gone:
        write.topic(name, 8)
    write.fill(gone, 200)
    for name in gone:
        write.delete_topic(name)
    write.topic("TK-again", 3)
    write.topic("TK-empty", 8)
    write.typed_topic("TK-fifo", 4, "+message.type=FIFO", order=True)
    write.typed_topic("TK-read-only", 2, "+message.type=NORMAL", perm=4)
    sent = write.fill([*names, "TK-again"], per_topic, delayed=5, timed=3, half=4)["sent"]
    for number, group in enumerate(("GID-one", "GID-two", "GID-three")):
        write.group(group, retryMaxTimes=3 + number, consumeMessageOrderly=number == 1)
        write.topic(f"%RETRY%{group}", 1)  # as the first heartbeat of a consumer does
        for topic_number, name in enumerate(names):
            for queue in range(queue_count(topic_number)):
                write.commit(group, name, queue, number + queue)
    write.group("GID-retries", groupRetryPolicy={"type": "EXPONENTIAL", "exponentialRetryPolicy": {
        "initial": 3000, "max": 90_000, "multiplier": 3}}, consumeTimeoutMinute=3, consumeBroadcastEnable=False)
    write.call(FORBID, {"group": "GID-one", "topic": names[2], "readable": "false"})
    write.call(REQUEST_MODE, body=json.dumps({"topic": names[2], "consumerGroup": "GID-two", "mode": "POP",
                                              "popShareQueueNum": 2}).encode())
    write.subscribe_by_sql("GID-sql", names[1])
    write.consume(names[1], "GID-push", per_topic)
    with survey.Broker(broker.address) as ask:
        some = ask.read(names[0], 0, 0, min(retries, ask.number(survey.MAX, names[0], 0)))[:retries]
    soon = len(some) // 2
    for raw in some[:soon]:
        write.send_back("GID-one", names[0], raw, level=1)  # comes again within a second
    for raw in some[soon:]:
        write.send_back("GID-one", names[0], raw, level=LONGEST_LEVEL)  # waits for hours
    with survey.Broker(broker.address) as ask:
        wait_for(lambda: ask.number(survey.MAX, "%RETRY%GID-one", 0) == soon, f"{soon} messages in the retry topic")
    return sent


def wait_for(condition, what, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        check(time.monotonic() < deadline, f"{what} within {timeout} s", "not yet")
        time.sleep(0.1)


def write_more(bench, broker, names, per_topic, first, mark, recreated=()):
    """What the second and third broker add: to old topics and to a new one, with offsets and a group of their own."""
    write = Writer(bench, broker)
    fresh = f"TK-new-{mark}"
    write.topic(fresh, 5)
    # Old topics come again empty, with other numbers of queues.
    write.fill([name for name, _ in recreated], 50)
    for name, queues in recreated:
        write.delete_topic(name)
        write.topic(name, queues)
    write.fill([*names, "TK-again", fresh], per_topic, first=first)
    write.group(f"GID-{mark}", retryMaxTimes=7)
    write.topic(f"%RETRY%GID-{mark}", 1)
    with survey.Broker(broker.address) as ask:
        for name, queue in [(names[0], 0), (names[-1], 0), (fresh, 2)]:
            end = ask.number(survey.MAX, name, queue)
            write.commit("GID-two", name, queue, end)
            write.commit(f"GID-{mark}", name, queue, end // 2)


# ---- what mqadmin says -----------------------------------------------------------------------------------------------

def admin_answers(bench, broker, made, names, queries):
    """What a handful of mqadmin's commands print, by command."""
    commands = [("topicList",), ("topicList", "-c")]
    for name in (names[0], names[-1], "TK-again", "%RETRY%GID-one"):
        commands += [("topicStatus", "-t", name), ("topicRoute", "-t", name)]
    commands += [("consumerProgress", "-g", group) for group in ("GID-one", "GID-two", "GID-push")]
    (topic, queue), _ = next(item for item in made.searches.items() if item[0][0] == names[0])
    commands.append(("queryMsgByOffset", "-t", topic, "-b", "broker-a", "-i", queue, "-o", 0))
    with survey.Broker(broker.address) as ask:
        some, _ = ask.pull(topic, queue, 0, 4)
    for record in map(records.Record, some[:3]):
        commands.append(("queryMsgById", "-t", topic, "-i", record.id))
        if queries:
            commands.append(("queryMsgByUniqueKey", "-t", topic, "-i", record.properties["UNIQ_KEY"]))
            commands.append(("queryMsgByKey", "-t", topic, "-k", record.properties["KEYS"].split()[0]))
    answers = {}
    with MqAdmin(broker.folder, broker.namesrv) as admin:
        for words in commands:
            answers[" ".join(map(str, words))] = tidy(admin.run(*words))
    return answers


# What is about this run and not about the directory: logging, paths, words of errors and who is online.
_NOISE = re.compile(r"\|-(INFO|WARN|ERROR) in |body path|MessageTrack|^\s+at |^For more information|^See http|^\s*$",
                    re.IGNORECASE)


def tidy(text):
    """The lines that matter, in order of the alphabet: tables come in the order of a hash map."""
    return sorted(re.sub(r"DESC: .*", "DESC", line).rstrip() for line in text.splitlines() if not _NOISE.search(line))


def compare_admin(differences, expected, found):
    for command, lines in expected.items():
        other = found.get(command)
        if lines == other:
            continue
        missing = [line for line in lines if line not in other]
        extra = [line for line in other if line not in lines]
        differences.add("mqadmin", f"{command}: expected {missing[:3]}, found {extra[:3]}")


# ---- the sequence ----------------------------------------------------------------------------------------------------

OURS = {"topics.json", "subscriptionGroup.json", "consumerOffset.json"}  # what Gantry keeps in config/ itself


def kept_files(store):
    """What a broker without delays, timers, transactions and filters must leave as it is, by name."""
    found = {}
    for path in [*(store / "config").iterdir(), store / "timerwheel", *(store / "timerlog").glob("*")]:
        if path.is_file() and path.name.removesuffix(".bak") not in OURS:
            found[str(path.relative_to(store))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def pending(broker):
    """What Apache says about what waits: delays, timers, how groups are served."""
    with survey.Broker(broker.address) as ask:
        metrics = ask.json(TIMER_METRICS)["timingCount"]
        return {"delay offsets": ask.json(DELAY_OFFSETS)["offsetTable"],
                "timers": {topic: metric["count"] for topic, metric in metrics.items()},
                "request modes": ask.json(REQUEST_MODES)["messageRequestModeMap"]}


def copy(source, target):
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)
    return target


def newest(taken):
    """Where in the log the newest message begins that a queue holds."""
    return max(records.Record(queue.records[-1]).position for queue in taken.queues.values() if queue.records)


class Variant:
    """The sequence for one way of leaving the directory. Directories are removed as soon as they are done with."""

    def __init__(self, bench, written, way):
        self._bench, self._way = bench, way
        self._written, self._stored = written.store(way), written.stored[way]
        self._names, self._per_topic = written.names, written.per_topic
        self._queries = bench.options.queries
        # Once: starting mqadmin's clients takes longer than all the rest.
        self._admin = bench.options.mqadmin and way == bench.options.ways.split(",")[0]
        self._found = 0

    def _say(self, text):
        print(f"[{self._way}] {text}", flush=True)

    def _report(self, step, differences):
        self._found += len(differences)
        self._say(f"{step}: " + ("the same" if not differences else f"{len(differences)} differences"))
        if differences:
            print("  " + differences.text().replace("\n", "\n  "), flush=True)

    def run(self):
        """How many differences there were."""
        reference = self._reference()
        store = copy(self._written, self._bench.folder / f"store-{self._way}")
        kept = kept_files(store)
        try:
            self._gantry_reads(store, *reference)
            after = self._gantry_adds(store)
            differences = survey.Differences()
            survey.compare_maps(differences, "file", kept, kept_files(store))
            self._report("files that are not Gantry's business", differences)
            self._apache_reads_back(store, after)
        finally:
            if not self._bench.options.keep:
                shutil.rmtree(store, ignore_errors=True)
        return self._found

    def _survey(self, broker, made=None, without=()):
        start = time.monotonic()
        if made is None:
            taken = survey.take(broker.name, broker.address)
            made = survey.plan(taken, self._queries, without=without)
            with survey.Broker(broker.address) as ask:
                survey.answer(ask, taken, made)
        else:
            taken = survey.take(broker.name, broker.address, made)
        admin = admin_answers(self._bench, broker, made, self._names, self._queries) if self._admin else {}
        self._say(f"{broker.name} was asked: {len(taken.topics)} topics, {len(taken.queues)} queues, "
                  f"{taken.messages} messages, {len(taken.views)} ids, {len(taken.queries)} keys, {len(admin)} commands "
                  f"of mqadmin, in {time.monotonic() - start:.1f} s")
        return taken, admin, made

    def _compare(self, step, expected, found, without=()):
        """After a kill, topics in `without` may differ: see REVIVED."""
        differences = survey.compare(expected[0], found[0], without=without if self._way == "killed" else ())
        compare_admin(differences, expected[1], found[1])
        if self._queries:
            by_name = {taken.name: taken for taken in (expected[0], found[0])}
            judgement = queries.judge(differences, by_name["Gantry"], by_name["Apache"])
            self._say(judgement.text())
        self._report(step, differences)

    def _found_by_key(self, taken):
        """The index files that Gantry wrote are RocketMQ's: it finds by key what Gantry added."""
        for kind in queries.MAXIMUM if self._queries else ():
            found = {raw for query, raws in taken.queries.items() if query[2] == kind for raw in raws
                     if records.Record(raw).position > self._taken_over}
            self._say(f"Apache finds {len(found)} of the messages that Gantry added, asked by {kind}")
            check(found, f"messages that Gantry added to be found by {kind}", "none")

    def _reference(self):
        """What Apache itself says about a copy of the directory."""
        store = copy(self._written, self._bench.folder / f"reference-{self._way}")
        broker = self._bench.apache(store)
        try:
            reference = self._survey(broker)
            self._pending = pending(broker)
        finally:
            broker.kill()
            shutil.rmtree(store, ignore_errors=True)
        for name, count in self._stored.items():
            equal(reference[0].stored(name), count, f"messages that Apache has in {name}")
        return reference

    def _gantry_reads(self, store, taken, admin, made):
        broker = self._bench.gantry(store)
        try:
            self._compare("Gantry opens what Apache wrote", (taken, admin), self._survey(broker, made))
            broker.stop()
        finally:
            broker.kill()
        self._made = made
        self._first = taken
        self._taken_over = newest(taken)

    def _gantry_adds(self, store):
        """Adds and leaves the directory the same way as Apache did. Answers what Gantry said last."""
        broker = self._bench.gantry(store)
        try:
            write_more(self._bench, broker, self._names, self._per_topic // 4, self._per_topic, "gantry",
                       recreated=[("TK-again", 2), ("TK-fifo", 6)])
            last = self._survey(broker)
            differences = survey.compare(self._first, last[0], grown=True, without=("TK-again", "TK-fifo"))
            survey.check_records(differences, last[0])
            for name, count in self._stored.items():
                old = 0 if name == "TK-again" else count
                equal(last[0].stored(name), old + self._per_topic // 4, f"messages that Gantry has in {name}")
            self._report("old messages after Gantry added, and new ones", differences)
            if self._way == "killed":
                wait_saved(store, broker)
                broker.kill()
            else:
                broker.stop()
        finally:
            broker.kill()
        return last

    def _apache_reads_back(self, store, after):
        taken, admin, made = after
        broker = self._bench.apache(store)
        try:
            back = self._survey(broker, made)
            self._compare("Apache opens what Gantry wrote", (taken, admin), back, REVIVED)
            self._found_by_key(back[0])
            differences = survey.Differences()
            survey.compare_maps(differences, "waiting", self._pending, pending(broker))
            self._report("what waits, as Apache sees it", differences)
            write_more(self._bench, broker, self._names, self._per_topic // 4, 2 * self._per_topic, "apache",
                       recreated=[("TK-new-gantry", 2), ("TK-fifo", 4)])
            taken, admin, made = self._survey(broker, without=REVIVED if self._way == "killed" else ())
            if self._way == "killed":
                wait_saved(store, broker)
                broker.kill()
            else:
                broker.stop()
        finally:
            broker.kill()
        broker = self._bench.gantry(store)
        try:
            self._compare("Gantry opens it again", (taken, admin), self._survey(broker, made), REVIVED)
            broker.stop()
        finally:
            broker.kill()


def wait_saved(store, broker):
    """Until the offsets that the broker answers are in its file: both save them every few seconds only."""
    def saved():
        try:
            offsets = survey.loads((store / "config" / "consumerOffset.json").read_text())["offsetTable"]
        except (ValueError, IndexError):
            return False  # Apache writes the file in place
        with survey.Broker(broker.address) as ask:
            return offsets == ask.offsets()
    wait_for(saved, "offsets to be saved")


WAYS = ("stopped", "killed")


@dataclasses.dataclass
class Written:
    """What Apache left behind: a directory for each way of leaving it, and what is in them."""
    folder: str
    port: int
    names: list
    per_topic: int
    stored: dict  # messages of each topic by way

    def store(self, way):
        return pathlib.Path(self.folder) / f"written-{way}"

    def save(self):
        (pathlib.Path(self.folder) / "written.json").write_text(json.dumps(dataclasses.asdict(self)))

    @staticmethod
    def load(folder):
        return Written(**json.loads((folder / "written.json").read_text()))


def apache_writes(bench, options):
    """Both directories at the cost of one: stopped, opened again, written to, and killed."""
    names = ["TK-" + "long-name-" * 11 + "0", *(f"TK-{number:03d}" for number in range(1, options.topics))]
    per_topic = options.messages // len(names)
    written = Written(str(bench.folder), bench.port, names, per_topic, {})
    store = bench.folder / "written"
    start = time.monotonic()
    broker = bench.apache(store)
    try:
        sent = write_first(bench, broker, names, per_topic, options.retries)
        print(f"Apache wrote {sent} messages in {time.monotonic() - start:.0f} s", flush=True)
        wait_saved(store, broker)
        broker.stop()
        copy(store, written.store("stopped"))
        written.stored["stopped"] = {name: per_topic for name in [*names, "TK-again"]}
        broker = bench.apache(store)
        Writer(bench, broker).fill(names[:3], 100, first=per_topic * 3)
        written.stored["killed"] = {name: per_topic + (100 if name in names[:3] else 0) for name in [*names, "TK-again"]}
        wait_saved(store, broker)
    finally:
        broker.kill()
    store.rename(written.store("killed"))
    written.save()
    return written


def run(folder, options):
    clients.Java("5.3.3").prepare()
    written = Written.load(options.reuse) if options.reuse else None
    bench = Bench(folder, options, written.port if written else None)
    start = time.monotonic()
    found = 0
    try:
        written = written or apache_writes(bench, options)
        for way in options.ways.split(","):
            found += Variant(bench, written, way).run()
            if not options.keep and not options.reuse:
                shutil.rmtree(written.store(way), ignore_errors=True)
    finally:
        bench.close()
    print(f"{found} differences in {time.monotonic() - start:.0f} s")
    return found


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker-cmd", help="command that precedes `run --config FILE`")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--topics", type=int, default=10)
    parser.add_argument("--retries", type=int, default=8, help="messages that consumers send back")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--reuse", type=pathlib.Path, help="the folder of a run with --keep: Apache need not write again")
    parser.add_argument("--no-queries", dest="queries", action="store_false")
    parser.add_argument("--no-mqadmin", dest="mqadmin", action="store_false")
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args(argv)


def main(argv):
    options = parse(argv)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-takeover-"))
    fine = False
    try:
        fine = run(folder, options) == 0
    except (apache.Unavailable, clients.Unavailable) as reason:
        print(f"SKIPPED: {reason}")
        return NOTHING_RAN
    except Failed as failure:
        print(f"FAILED: {failure}")
    finally:
        if options.keep or not fine:
            for pattern in () if options.keep else ("written*", "store*", "reference*"):
                for left in folder.glob(pattern):
                    shutil.rmtree(left, ignore_errors=True)
            print(f"logs in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
