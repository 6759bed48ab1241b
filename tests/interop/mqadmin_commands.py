#!/usr/bin/env python3
"""Every command of the official mqadmin that a broker without ACLs, controller, container and RocksDB can serve, asked of
the real Apache RocketMQ and of Gantry in the same state, and judged by what it prints.

  mqadmin_commands.py                  all commands, side by side; exit code 1 when a command differs
  mqadmin_commands.py --only topic     commands whose name contains "topic" (what they rely on runs as well)
  mqadmin_commands.py --show           prints what both sides said, also where they agree

Both sides get the same topics, groups, messages and live clients, and the same commands in the same order. What belongs to
one run (addresses, ids, times, rates) is made equal before the lines are compared; lines in which the two brokers differ on
purpose are named in DIFFERENT, with the reason.
"""

import argparse
import collections
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time

import apache
import clients
import wire
from gantry import Gantry
from harness import World
from mqadmin import MqAdmin

NOTHING_RAN = 77
TOPIC, ORDERED, PARKED = "T-admin", "T-ordered", "T-parked"
ONLINE, OFFLINE, PRODUCER = "G-online", "G-offline", "P-online"


class Command:
    """`words` may name {broker} {name} {cluster} {files} {id} {key} {unique} {client} {now}; `drop` is a pattern of lines that
    say something else in every run; `endless` commands are given that many seconds and then killed."""

    def __init__(self, *words, drop=None, numbers=False, names=None, endless=0):
        self.words = words
        self.drop = re.compile(drop) if drop else None
        self.numbers = numbers  # what counts is where the numbers stand, not which they are
        self.names = names  # of lines "name = value" or "name : value" only these names count
        self.endless = endless

    @property
    def name(self):
        return self.words[0]

    def __str__(self):
        return " ".join(self.words)


C = Command

# What tools and dashboards look for. Gantry has no thread pools with queues, and its configuration has other keys.
STATUS = frozenset(
    "brokerVersionDesc brokerVersion brokerActive bootTimestamp runtime msgPutTotalYesterdayMorning msgPutTotalTodayMorning "
    "msgPutTotalTodayNow msgGetTotalYesterdayMorning msgGetTotalTodayMorning msgGetTotalTodayNow putTps getTotalTps "
    "getFoundTps getMissTps getTransferredTps putMessageEntireTimeMax putMessageTimesTotal putMessageFailedTimes "
    "putMessageSizeTotal putMessageAverageSize putMessageDistributeTime "
    "getMessageEntireTimeMax dispatchMaxBuffer dispatchBehindBytes pageCacheLockTimeMills earliestMessageTimeStamp "
    "startAcceptSendRequestTimeStamp commitLogDirCapacity commitLogDiskRatio consumeQueueDiskRatio commitLogMinOffset "
    "commitLogMaxOffset sendThreadPoolQueueSize sendThreadPoolQueueCapacity sendThreadPoolQueueHeadWaitTimeMills "
    "pullThreadPoolQueueSize pullThreadPoolQueueCapacity pullThreadPoolQueueHeadWaitTimeMills EndTransactionQueueSize "
    "queryThreadPoolQueueSize timerReadBehind timerOffsetBehind timerCongestNum timerEnqueueTps timerDequeueTps "
    "remainTransientStoreBufferNumbs remainHowManyDataToFlush".split())
CONFIG = frozenset(
    "brokerName brokerClusterName brokerId listenPort flushDiskType autoCreateTopicEnable autoCreateSubscriptionGroup "
    "brokerPermission defaultTopicQueueNums maxMessageSize messageDelayLevel brokerRole storePathRootDir".split())

COMMANDS = [
    # ---- topics ----
    C("updateTopic", "-c", "{cluster}", "-t", "T-new", "-r", "4", "-w", "6", "-p", "6"),
    C("updateTopic", "-b", "{broker}", "-t", "T-attributes", "-a", "+message.type=FIFO"),
    C("updateTopic", "-c", "{cluster}", "-t", "bad/name"),
    C("updateTopicList", "-c", "{cluster}", "-f", "{files}/topics.json"),
    C("updateTopicPerm", "-t", "T-new", "-c", "{cluster}", "-p", "4"),
    C("updateTopicPerm", "-t", "T-new", "-b", "{broker}", "-p", "6"),
    C("topicRoute", "-t", "T-new"),
    C("topicRoute", "-t", "T-list-2", "-l"),
    C("topicRoute", "-t", "T-unknown"),
    C("topicStatus", "-t", TOPIC),
    C("topicStatus", "-t", "T-unknown"),
    C("topicClusterList", "-t", TOPIC),
    C("topicList"),
    C("topicList", "-c"),
    C("updateOrderConf", "-t", ORDERED, "-v", "broker-a:4", "-m", "put"),
    C("updateOrderConf", "-t", ORDERED, "-m", "get"),
    C("updateOrderConf", "-t", ORDERED, "-m", "delete"),
    C("allocateMQ", "-t", TOPIC, "-i", "10.0.0.1,10.0.0.2,10.0.0.3"),
    C("updateStaticTopic", "-t", "T-static", "-qn", "4", "-c", "{cluster}"),
    C("topicRoute", "-t", "T-static"),
    C("remappingStaticTopic", "-t", "T-static", "-c", "{cluster}"),
    # ---- groups ----
    C("updateSubGroup", "-c", "{cluster}", "-g", "G-new", "-r", "7", "-q", "2"),
    C("updateSubGroup", "-b", "{broker}", "-g", "G-new", "-s", "false", "-d", "false", "-r", "5"),
    C("updateSubGroupList", "-c", "{cluster}", "-f", "{files}/groups.json"),
    C("getConsumerConfig", "-g", "G-new"),
    C("getConsumerConfig", "-g", "G-list-1"),
    C("setConsumeMode", "-c", "{cluster}", "-t", TOPIC, "-g", ONLINE, "-m", "PULL"),
    C("consumerConnection", "-g", ONLINE),
    C("consumerConnection", "-g", "G-unknown"),
    C("producerConnection", "-g", PRODUCER, "-t", TOPIC),
    C("producer", "-b", "{broker}"),
    C("consumerProgress", "-g", ONLINE),
    C("consumerProgress", "-g", OFFLINE),
    C("consumerProgress", "-g", ONLINE, "-s", "true"),
    C("consumerProgress"),
    C("consumerStatus", "-g", ONLINE),
    C("consumerStatus", "-g", ONLINE, "-i", "{client}", "-s",
      drop=r"TID: |Lambda|\.java:|java\.|@[0-9a-f]{6,}|instanceName|Native Method|^\S+\s*$|rebalance|\d+\.\d+"),
    # ---- offsets ----
    C("cloneGroupOffset", "-s", OFFLINE, "-d", "G-list-1", "-t", TOPIC, "-o", "true"),
    C("consumerProgress", "-g", "G-list-1"),
    C("resetOffsetByTime", "-g", OFFLINE, "-t", TOPIC, "-s", "0"),
    C("resetOffsetByTime", "-g", ONLINE, "-t", TOPIC, "-s", "now"),
    C("resetOffsetByTime", "-g", ONLINE, "-t", TOPIC, "-s", "-1", "-b", "{broker}", "-q", "1", "-o", "3"),
    C("consumerProgress", "-g", OFFLINE),
    C("skipAccumulatedMessage", "-g", ONLINE, "-t", TOPIC),
    C("skipAccumulatedMessage", "-g", OFFLINE, "-t", TOPIC),
    C("consumerProgress", "-g", OFFLINE),
    # ---- messages ----
    C("sendMessage", "-t", TOPIC, "-p", "from-mqadmin", "-k", "key-admin", "-c", "TagA", "-b", "broker-a", "-i", "2"),
    C("queryMsgById", "-t", TOPIC, "-i", "{id}"),
    C("queryMsgById", "-t", TOPIC, "-i", "7F00000100002A9F00000000FFFFFFFF"),
    C("queryMsgByKey", "-t", TOPIC, "-k", "{key}"),
    C("queryMsgByUniqueKey", "-t", TOPIC, "-i", "{unique}"),
    C("queryMsgByUniqueKey", "-t", TOPIC, "-i", "{unique}", "-g", ONLINE, "-d", "{client}"),
    C("queryMsgByOffset", "-t", TOPIC, "-b", "broker-a", "-i", "0", "-o", "0"),
    C("queryMsgByOffset", "-t", TOPIC, "-b", "broker-a", "-i", "0", "-o", "99999"),
    C("queryMsgTraceById", "-i", "{unique}"),
    C("printMsg", "-t", TOPIC, "-d", "true"),
    C("printMsgByQueue", "-t", TOPIC, "-a", "broker-a", "-i", "1", "-p", "true", "-d", "true"),
    C("consumeMessage", "-t", TOPIC, "-b", "broker-a", "-i", "1", "-o", "2", "-c", "2"),
    C("queryCq", "-t", TOPIC, "-q", "1", "-i", "0", "-c", "3", "-b", "{broker}"),
    C("queryCq", "-t", TOPIC, "-q", "1", "-i", "0", "-c", "3", "-b", "{broker}", "-g", ONLINE),
    C("sendMsgStatus", "-b", "broker-a", "-s", "64", "-c", "3"),
    C("checkMsgSendRT", "-t", TOPIC, "-a", "4", "-s", "64"),
    C("clusterRT", "-a", "2", "-s", "16", "-c", "{cluster}", "-i", "1", endless=8, drop=r"\bbroker-a\b"),
    C("dumpCompactionLog", "-f", "{files}/none"),
    # ---- brokers and cluster ----
    C("clusterList"),
    C("clusterList", "-m", numbers=True),
    C("brokerStatus", "-b", "{broker}", names=STATUS),
    C("getBrokerConfig", "-b", "{broker}", names=CONFIG),
    C("updateBrokerConfig", "-b", "{broker}", "-k", "brokerPermission", "-v", "4"),
    C("updateBrokerConfig", "-b", "{broker}", "-k", "brokerPermission", "-v", "6"),
    C("brokerConsumeStats", "-b", "{broker}"),
    C("statsAll", numbers=True),
    C("statsAll", "-a", "-t", TOPIC, numbers=True),
    C("cleanExpiredCQ", "-b", "{broker}"),
    C("deleteExpiredCommitLog", "-b", "{broker}"),
    C("cleanUnusedTopic", "-b", "{broker}"),
    C("resetMasterFlushOffset", "-b", "{broker}", "-o", "0"),
    C("haStatus", "-b", "{broker}", numbers=True),
    C("getColdDataFlowCtrInfo", "-b", "{broker}"),
    C("updateColdDataFlowCtrGroupConfig", "-b", "{broker}", "-g", ONLINE, "-v", "1000"),
    C("removeColdDataFlowCtrGroupConfig", "-b", "{broker}", "-g", ONLINE),
    C("setCommitLogReadAheadMode", "-b", "{broker}", "-m", "0"),
    C("startMonitoring", endless=8),
    C("exportMetadata", "-c", "{cluster}", "-f", "{files}/export"),
    C("exportConfigs", "-c", "{cluster}", "-f", "{files}/export"),
    C("exportMetrics", "-c", "{cluster}", "-f", "{files}/export"),
    # ---- name server ----
    C("updateKvConfig", "-s", "space", "-k", "key", "-v", "value"),
    C("deleteKvConfig", "-s", "space", "-k", "key"),
    C("wipeWritePerm", "-b", "broker-a"),
    C("addWritePerm", "-b", "broker-a"),
    C("getNamesrvConfig", names=("listenPort",)),
    C("updateNamesrvConfig", "-k", "enableTopicList", "-v", "true"),
    # ---- what takes away ----
    C("deleteSubGroup", "-c", "{cluster}", "-g", "G-new", "-r", "true"),
    C("deleteSubGroup", "-c", "{cluster}", "-g", "G-unknown"),
    C("deleteTopic", "-c", "{cluster}", "-t", "T-new"),
    C("deleteTopic", "-c", "{cluster}", "-t", "T-unknown"),
    C("topicList"),
]

# Commands of mqadmin 5.3.3 that a broker without the part they are about cannot serve.
NOT_APPLICABLE = {
    "Gantry has no broker container": ["addBroker", "removeBroker"],
    "part of RocketMQ's controller": ["getSyncStateSet", "getBrokerEpoch", "getControllerMetaData", "getControllerConfig",
                                      "updateControllerConfig", "electMaster", "cleanBrokerMetadata"],
    "about stores kept in RocksDB": ["checkRocksdbCqWriteProgress", "exportMetadataInRocksDB", "rocksDBConfigToJson",
                                     "exportPopRecord"],
    "needs ACLs": ["createUser", "updateUser", "deleteUser", "getUser", "listUser", "copyUser", "createAcl", "updateAcl",
                   "deleteAcl", "getAcl", "listAcl", "copyAcl"],
}


class Site:
    """One broker with its name server, in the state that all commands expect."""

    def __init__(self, name, folder, java):
        self.name = name
        self.folder = folder
        self._java = java
        self._closing = []
        if name == "apache":
            namesrv = apache.NameServer(folder / "namesrv")
            self._closing.append(namesrv.stop)
            broker = apache.Broker(folder / "broker", namesrv.address)
            self._closing.append(broker.kill)
            self.namesrv, self.broker = namesrv.address, broker.address
        else:
            gantry = Gantry(folder)
            self._closing.append(gantry.stop)
            self.namesrv, self.broker = gantry.namesrv, gantry.address
        deadline = time.monotonic() + 40
        while wire.route(self.namesrv, "TBW102") is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not register within 40 s")
            time.sleep(0.2)
        self.world = World(self.namesrv, folder)
        self.admin = MqAdmin(folder, self.namesrv)
        self._closing.append(self.admin.__exit__)
        self.values = {}

    def prepare(self):
        files = self.folder / "files"
        files.mkdir()
        (files / "topics.json").write_text(json.dumps([
            {"topicName": f"T-list-{i}", "readQueueNums": 2 + i, "writeQueueNums": 2 + i, "perm": 6} for i in (1, 2)]))
        (files / "groups.json").write_text(json.dumps([{"groupName": f"G-list-{i}", "retryMaxTimes": i} for i in (1, 2)]))
        for topic in (TOPIC, ORDERED, PARKED):
            self.world.create_topic(topic, 4)
        world, java = self.world, self._java
        for queue in range(4):  # so that every message has its place
            world.produce(java, 10, topic=TOPIC, group="P-first", mode="sync", tags="TagA,TagB", props=True, queue=queue,
                          first=10 * queue)
        consume = {"topic": TOPIC, "count": 40, "tags": "TagA,TagB", "props": True}
        world.consume(java, group=OFFLINE, **consume)
        world.start(java, "consume", group=ONLINE, linger=3_600_000, timeout=3600, **consume)
        self._until_consumed(ONLINE)
        world.start(java, "produce", topic=PARKED, group=PRODUCER, count=3000, interval=1000, mode="sync", timeout=3600)
        self._closing.insert(0, world.clean)
        self.values = {"broker": self.broker, "name": "broker-a", "cluster": "DefaultCluster", "files": str(files),
                       "now": str(int(time.time() * 1000))}
        shown = self.admin.run("queryMsgByOffset", "-t", TOPIC, "-b", "broker-a", "-i", 0, "-o", 1)
        self.values["id"] = _find(r"OffsetID:\s+(\w+)", shown)
        self.values["key"] = _find(r"Keys:\s+(\S+)", shown).split()[0]
        self.values["unique"] = _find(r"UNIQ_KEY=(\w+)", shown)
        self.values["client"] = _find(r"(\S+@\S+)", self.admin.run("consumerConnection", "-g", ONLINE))

    def _until_consumed(self, group):
        deadline = time.monotonic() + 90
        while True:
            shown = self.admin.run("consumerProgress", "-g", group)
            if re.search(r"Consume Diff Total: 0\b|Diff Total: 0\b", shown):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: {group} did not consume within 90 s: {shown}")
            time.sleep(1)

    def run(self, command):
        words = [word.format(**self.values) for word in command.words]
        if not command.endless:
            return self.admin.run(*words)
        return self.admin.run_for(command.endless, *words)

    def close(self):
        for close in self._closing[:1] + self._closing[:0:-1]:
            try:
                close()
            except Exception as error:  # the other ones are closed all the same
                print(f"closing {self.name}: {error}", file=sys.stderr)

    def tidy(self, command, text):
        """The lines that must be the same on both sides."""
        for mine, common in ((self.broker, "BROKER"), (self.namesrv, "NAMESRV"), (self.values["client"], "CLIENT"),
                             (str(self.folder), "FOLDER"), (self.values["unique"], "UNIQUE"), (self.values["id"], "OFFSETID")):
            text = text.replace(mine, common)
        lines = []
        for line in text.splitlines():
            if NOISE.search(line) or (command.drop and command.drop.search(line)):
                continue
            for pattern, common in SAME:
                line = pattern.sub(common, line)
            if command.names is not None:
                line = re.split(r"\s*[:=]", line, maxsplit=1)[0].strip()
                if line not in command.names:
                    continue
            if command.numbers:
                line = re.sub(r"\b\d+\b", "N", line)
            lines.append(re.sub(r"\s+", " ", line).strip())
        return [line for line in lines if line]


def _find(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"no {pattern} in: {text[:2000]}")
    return found.group(1)


# Log lines, stacks and paths of the tool itself.
NOISE = re.compile(r"\|-(INFO|WARN|ERROR) in |RocketMQLog|^\s+at |^\s*\.\.\. \d+ more|^For more information|^See http|SLF4J|"
                   r"^WARNING: |Message Body Path", re.IGNORECASE)
SAME = [(re.compile(pattern), common) for pattern, common in (
    (r"\b[0-9A-F]{56}\b", "UNIQ"),
    (r"\b[0-9A-F]{32}\b", "ID"),
    (r"\S+@\d+#\d+", "CLIENT"),
    (r"\b20\d\d-\d\d-\d\d[ #T]\d\d:\d\d:\d\d([,.]\d+)?", "TIME"),
    (r"\b20\d{12,15}\b", "TIME"),
    (r"\b1[78]\d{11}\b", "MILLIS"),
    (r"127\.0\.0\.1:\d+", "PEER"),
    (r"commitLogOffset=\d+", "commitLogOffset=N"),
    (r"\b\d+\.\d+(ms|s)?\b", "NUMBER"),
    (r"\bRT=\d+|\bcost \d+|cost: \d+|\b\d+ ?ms\b", "DURATION"),
    (r"CODE: (\d+)  DESC: .*", r"CODE: \1"),
    (r"CODE:(\d+) DESC:.*?\](?=\]|$)", r"CODE:\1"),
    (r"\bOK, \d+", "OK, N"),
    (r"(broker-a\s+\d+\s+(?:true|false))\s+\d+\s*$", r"\1 DURATION"),
)]


def compare(expected, found):
    """Lines that only one side has; the order counts only within equal lines, because tables come out of hash maps."""
    missing = collections.Counter(expected) - collections.Counter(found)
    extra = collections.Counter(found) - collections.Counter(expected)
    return list(missing.elements()), list(extra.elements())


# Lines that only one side says, and why that is right. (command, line, reason)
DIFFERENT = [(re.compile(command), re.compile(line), reason) for command, line, reason in (
    (".*", r"consumerGroup=T-admin\b|^DefaultCluster T-admin T-admin$|^T-admin T-admin ",
     "Apache counts the tool's own reads as a group that is named like the topic"),
    ("consumerProgress|queryMsg|topicList", r"%RETRY%G-|G-new 0 OFFLINE|G-list-\d|SubCommandException: ConsumerProgress|CODE: 17|"
     r"^#Topic|^Consume (TPS|Diff|Inflight)|^T-admin broker-a \d \d+ \d+ 0 0",
     "a group's retry topic exists from the beginning, so that its first retry is not late: tools find the group at once"),
    ("queryCq", r"ConsumeQueueData\{.*eval=(true|false)", "Apache says eval=false of everything when the subscription is by tags"),
    ("topicList|statsAll", r"^T-static", "static topics are not there yet"),
    ("topicList|statsAll", r"rmq_sys_gantry_|TRANS_CHECK_MAX_TIME_TOPIC|RMQ_SYS_TRANS_(OP_)?HALF_TOPIC",
     "topics and progress of the plugins for delays and transactions are there from the beginning"),
    ("consumerProgress", r"^T-admin broker-a \d \d+ \d+ \d+ \d+ N/A|Inflight Total",
     "what was pulled and not acknowledged is not counted"),
)]


def on_purpose(command, lines):
    """The lines that nothing in DIFFERENT explains."""
    return [line for line in lines
            if not any(name.match(command.name) and pattern.search(line) for name, pattern, _ in DIFFERENT)]


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the logs of the servers")
    parser.add_argument("--save", type=pathlib.Path, help="a folder for what both sides said, one file for each command")
    return parser.parse_args(argv)


def main(argv):
    options = parse(argv)
    java = clients.Java("5.3.3")
    try:
        apache.fetch()
        java.prepare()
    except (apache.Unavailable, clients.Unavailable) as reason:
        print(f"SKIPPED mqadmin {apache.VERSION}: {reason}")
        return NOTHING_RAN
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-mqadmin-"))
    sites = []
    failed = collections.Counter()
    try:
        for name in ("apache", "gantry"):
            (folder / name).mkdir()
            site = Site(name, folder / name, java)
            sites.append(site)
            site.prepare()
        chosen = [c for c in COMMANDS if not options.only or any(word in c.name for word in options.only)]
        for number, command in enumerate(chosen, 1):
            said = [site.run(command) for site in sites]
            theirs, ours = (site.tidy(command, text) for site, text in zip(sites, said))
            missing, extra = compare(theirs, ours)
            missing, extra = on_purpose(command, missing), on_purpose(command, extra)
            verdict = "differs" if missing or extra else "same"
            failed[command.name] += bool(missing or extra)
            print(f"[{number:3}/{len(chosen)}] {verdict:8} {command}", flush=True)
            for mark, lines in (("-", missing), ("+", extra)):
                for line in lines[:12]:
                    print(f"        {mark} {line}")
            if options.show:
                for site, text in zip(sites, said):
                    print(f"    ---- {site.name}\n{text}")
            if options.save:
                options.save.mkdir(parents=True, exist_ok=True)
                for site, text in zip(sites, said):
                    (options.save / f"{number:03}-{command.name}.{site.name}").write_text(text)
    finally:
        for site in reversed(sites):
            site.close()
        if options.keep:
            print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    bad = [name for name, count in failed.items() if count]
    print(f"{len(failed) - len(bad)} commands say the same, {len(bad)} differ: {' '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
