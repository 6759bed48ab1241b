#!/usr/bin/env python3
"""Regenerates tests/golden/wire: what official clients and the Apache broker really put on the wire.

Usage: python3 tests/interop/record.py [--out DIR]      (fetches what it needs; about four minutes)
"""

import argparse
import json
import pathlib
import shutil
import tempfile
import time

import apache
import clients
import wire
from paths import ROOT, free_port
from process import Process
from record_proxy import RecordingProxy

# What a client reaches; the servers themselves listen on 127.0.0.1 (see record_proxy.py).
FRONT = "127.0.0.2"
VARIANTS_MAX = 3
FRAME_BYTES_MAX = 24 * 1024

NAMES = {
    10: "send_message", 11: "pull_message", 12: "query_message", 14: "query_consumer_offset",
    15: "update_consumer_offset", 17: "update_and_create_topic", 25: "update_broker_config", 26: "get_broker_config",
    28: "get_broker_runtime_info", 29: "search_offset_by_timestamp", 30: "get_max_offset", 31: "get_min_offset",
    32: "get_earliest_msg_storetime", 33: "view_message_by_id", 34: "heart_beat", 35: "unregister_client",
    36: "consumer_send_msg_back", 37: "end_transaction", 38: "get_consumer_list_by_group",
    39: "check_transaction_state", 40: "notify_consumer_ids_changed", 41: "lock_batch_mq", 42: "unlock_batch_mq",
    46: "check_client_config", 103: "register_broker", 104: "unregister_broker", 105: "get_routeinfo_by_topic",
    106: "get_broker_cluster_info", 200: "update_and_create_subscriptiongroup",
    201: "get_all_subscriptiongroup_config", 202: "get_topic_stats_info", 203: "get_consumer_connection_list",
    204: "get_producer_connection_list", 206: "get_all_topic_list_from_nameserver", 208: "get_consume_stats",
    215: "delete_topic_in_broker", 216: "delete_topic_in_namesrv", 220: "reset_consumer_client_offset",
    221: "get_consumer_status_from_client", 224: "get_topics_by_cluster", 300: "query_topic_consume_by_who",
    307: "get_consumer_running_info", 309: "consume_message_directly", 310: "send_message_v2",
    320: "send_batch_message", 322: "query_data_version", 324: "send_reply_message", 325: "send_reply_message_v2",
    326: "push_reply_message_to_client", 351: "get_topic_config", 361: "lite_pull_message",
    901: "get_broker_member_group", 904: "broker_heartbeat",
}


class Archive:
    """Chooses which recorded frames are worth keeping and writes them with their index."""

    def __init__(self, folder):
        self._folder = folder
        self._index = []
        self._seen = {}

    def add(self, label, version, exchanges, server):
        """`server` names the peer behind the proxy: who sends what does not come from the client."""
        asked = {}
        for exchange in exchanges:
            frame = exchange.frame
            sender = label if exchange.upstream else server
            if not frame.is_response:
                asked[(exchange.connection, exchange.upstream, frame.opaque)] = frame.code
                self._keep(label, version, frame.code, "request", sender, frame)
            else:
                code = asked.get((exchange.connection, not exchange.upstream, frame.opaque))
                if code is not None:
                    self._keep(label, version, code, "response", sender, frame)

    def _keep(self, label, version, code, kind, sender, frame):
        if len(frame.raw) > FRAME_BYTES_MAX:
            return
        # Two frames are variants worth keeping when they differ in what a decoder has to handle. Heartbeats of
        # producers and of consumers differ in their bodies only.
        shape = (frame.type, frame.code, tuple(sorted(frame.ext)), frame.remark is None, not frame.body,
                 code == 34 and b'"consumerDataSet":[]' in frame.body)
        shapes = self._seen.setdefault((label, code, kind), [])
        if shape in shapes or len(shapes) >= VARIANTS_MAX:
            return
        shapes.append(shape)
        suffix = f"-{len(shapes)}" if len(shapes) > 1 else ""
        path = self._folder / label / f"{code}-{NAMES.get(code, 'code')}-{kind}{suffix}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(frame.raw)
        self._index.append({
            "file": str(path.relative_to(self._folder)), "client": label, "client_version": version, "kind": kind,
            "sender": sender, "request_code": code, "encoding": "JSON" if frame.type == 0 else "ROCKETMQ",
            "code": frame.code, "language": frame.language, "version": frame.version, "opaque": frame.opaque,
            "flag": frame.flag, "remark": frame.remark, "extFields": frame.ext, "body_bytes": len(frame.body),
            "frame_bytes": len(frame.raw), "header_json": frame.json_text,
        })

    def close(self):
        self._index.sort(key=lambda entry: entry["file"])
        text = json.dumps({"made_by": "tests/interop/record.py", "server": f"Apache RocketMQ {apache.VERSION}",
                           "frames": self._index}, indent=1, ensure_ascii=False)
        (self._folder / "index.json").write_text(text + "\n")
        return self._index


class Stage:
    """Apache name server and broker behind recording proxies; one per broker configuration."""

    def __init__(self, folder, settings=None, jvm=()):
        self.folder = folder
        self._namesrv = apache.NameServer(folder / "namesrv")
        self.namesrv_direct = self._namesrv.address
        target = ("127.0.0.1", self._namesrv.port)
        self.for_broker = RecordingProxy((FRONT, 0), target)
        self.for_clients = RecordingProxy((FRONT, 0), target)
        port = free_port(below=2)
        self.broker = apache.Broker(
            folder / "broker", self.for_broker.address, port=port, advertised=FRONT, jvm=jvm,
            settings={"transactionTimeOut": 1000, "transactionCheckInterval": 2000, **(settings or {})})
        self.to_broker = RecordingProxy((FRONT, port), ("127.0.0.1", port))
        self.direct = f"127.0.0.1:{port}"

    def wait_registered(self):
        deadline = time.monotonic() + 30
        while wire.route(self.namesrv_direct, "TBW102") is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the broker did not register within 30 s")
            time.sleep(0.2)

    def wait_register_attempt(self):
        """Apache 5.3.3's name server cannot read its own broker's compressed body; the attempt is what we want."""
        deadline = time.monotonic() + 30
        while not self.for_broker.saw(103):
            if time.monotonic() > deadline:
                raise TimeoutError("the broker did not try to register within 30 s")
            time.sleep(0.2)

    def take(self):
        return self.for_clients.take(), self.to_broker.take()

    def close(self):
        self.broker.stop()
        self._namesrv.stop()
        for proxy in (self.for_broker, self.for_clients, self.to_broker):
            proxy.close()


class Session:
    """One client's conversation with a stage."""

    def __init__(self, stage, client, label, runtime=()):
        self._stage = stage
        self._client = client
        self._runtime = list(runtime)
        self._label = label
        self._step = 0
        self.topic = f"Golden-{label}"

    def start(self, scenario, runtime=(), **options):
        self._step += 1
        options = {"namesrv": self._stage.for_clients.address, "topic": self.topic,
                   "group": f"GID-{self._label}", **options}
        command = self._client.command(scenario, options, [*self._runtime, *runtime])
        log = self._stage.folder / f"{self._label}-{self._step}-{scenario}.log"
        return Process(command, log, env=self._client.environment())

    def run(self, scenario, runtime=(), **options):
        process = self.start(scenario, runtime, **options)
        event = {}
        try:
            event = process.wait_event("done", 60)
            process.wait(30)
        except (RuntimeError, TimeoutError) as error:
            print(f"   {self._label}: {scenario} {options}: {error}", flush=True)
        finally:
            process.kill()
        return event

    def all_scenarios(self):
        can = self._client.can
        if "auto-create" not in can:
            wire.create_topic(self._stage.namesrv_direct, self.topic, broker=self._stage.direct)
        sent = self.run("produce", count=3, props=True, tags="A,B", broker="broker-a")
        self.run("produce", count=4, first=3, mode="async")
        self.run("produce", count=3, first=7, shards=2)
        self.run("produce", count=1, first=10, size=6000)
        if "oneway" in can:
            self.run("produce", count=1, first=11, mode="oneway")
        if "batch" in can:
            self.run("produce", count=3, first=12, batch=3, tags="A")
        self.consume_in_company()
        self.run("consume", count=1, timeout=5, linger=0, expr="A || B", group=f"GID-{self._label}-tags")
        self.run("consume", count=1, timeout=5, linger=0, broadcast=True, group=f"GID-{self._label}-all")
        now_ms = int(time.time() * 1000)
        self.run("consume", count=1, timeout=3, linger=0, group=f"GID-{self._label}-time", **{"from": "timestamp"},
                 time=now_ms - 3600_000)
        self.run("consume", count=4, timeout=8, linger=0, group=f"GID-{self._label}-back", fail_first=1)
        if "orderly" in can:
            self.run("consume", count=2, timeout=8, linger=0, group=f"GID-{self._label}-order", orderly=True)
        if "pull" in can:
            self.run("pull", count=1, timeout=5, group=f"GID-{self._label}-pull")
        if "lite-pull" in can:
            self.run("lite-pull", count=1, timeout=5, group=f"GID-{self._label}-lite")
        if "offsets" in can:
            self.run("offsets", time=now_ms)
        if "create-topic" in can:
            self.run("create-topic", topic=self.topic + "-made", broker_addr=self._stage.broker.address)
        if "query" in can:
            self.run("query", key="key-1")
            if sent.get("ids"):
                self.run("query", id=sent["ids"][1])
        if "transaction" in can:
            self.run("transaction", topic=self.topic + "-tx", count=3, timeout=12)
        if "request" in can:
            wire.create_topic(self._stage.namesrv_direct, self.topic + "-ask", broker=self._stage.direct)
            self.run("request", topic=self.topic + "-ask", count=1)

    def consume_in_company(self):
        """Two members of one group, so that the broker sends notices; then the broker's questions to a member."""
        first = self.start("consume", timeout=60)
        try:
            first.wait_event("ready", 30)
            second = self.start("consume", timeout=60)
            second.wait_event("ready", 30)
            time.sleep(3)
            group = f"GID-{self._label}"
            with wire.Connection(self._stage.direct, timeout=15) as connection:
                answer = connection.call(203, {"consumerGroup": group})
                members = json.loads(answer.body)["connectionSet"] if answer.code == 0 else []
                # A client that cannot be questioned leaves the broker's relay waiting.
                for member in members[:1] if "relays" in self._client.can else []:
                    connection.call(307, {"consumerGroup": group, "clientId": member["clientId"],
                                          "jstackEnable": "false"})
                connection.call(222, {"topic": self.topic, "group": group,
                                      "timestamp": int(time.time() * 1000) - 60_000, "isForce": "true"})
                if "relays" in self._client.can:
                    connection.call(223, {"topic": self.topic, "group": group})
            time.sleep(1)
            second.send("stop")
            second.wait(20)
            second.kill()
            first.send("stop")
            first.wait(20)
        except Exception as error:  # One missing conversation must not cost the others.
            print(f"   {self._label}: consume in company: {error!r}", flush=True)
        finally:
            first.kill()


ADMIN_COMMANDS = [
    ["clusterList"], ["topicList", "-c"], ["updateTopic", "-c", "DefaultCluster", "-t", "GoldenAdmin"],
    ["topicRoute", "-t", "GoldenAdmin"], ["topicStatus", "-t", "GoldenAdmin"],
    ["updateSubGroup", "-c", "DefaultCluster", "-g", "GID-golden"], ["brokerStatus", "-b", "{broker}"],
    ["consumerProgress", "-g", "GID-java5"], ["deleteTopic", "-c", "DefaultCluster", "-t", "GoldenAdmin"],
]


def run_admin(stage):
    for words in ADMIN_COMMANDS:
        words = [word.format(broker=stage.broker.address) for word in words]
        process = Process(
            ["java", "-XX:TieredStopAtLevel=1", f"-Duser.home={stage.folder}", f"-Drocketmq.home.dir={stage.folder}",
             f"-Drocketmq.namesrv.addr={stage.for_clients.address}", "-cp", apache.fetch(),
             "org.apache.rocketmq.tools.command.MQAdminStartup", *words],
            stage.folder / f"mqadmin-{words[0]}.log")
        try:
            process.wait(60)
        finally:
            process.kill()


def record(out, scratch):
    archive = Archive(out)
    ready = []
    for client in clients.all_clients():
        try:
            client.prepare()
            ready.append(client)
        except clients.Unavailable as reason:
            print(f"SKIPPED {client.name} {client.version}: {reason}")

    def file_away(stage, label, version):
        to_namesrv, to_broker = stage.take()
        archive.add(label, version, to_namesrv, "apache-namesrv")
        archive.add(label, version, to_broker, "apache-broker")

    stage = Stage(scratch / "json")
    stage.wait_registered()
    for client in ready:
        print(f"-- {client.name} {client.version}, JSON", flush=True)
        session = Session(stage, client, client.name)
        session.all_scenarios()
        if client.name.startswith("java"):
            session.run("produce", ["-Dorg.apache.rocketmq.client.sendSmartMsg=false"], count=1, tags="A", props=True)
        file_away(stage, client.name, client.version)
    print("-- mqadmin", flush=True)
    run_admin(stage)
    file_away(stage, "mqadmin5", apache.VERSION)
    stage.close()
    archive.add("broker5", apache.VERSION, stage.for_broker.take(), "apache-namesrv")

    print("-- broker with compressed registration", flush=True)
    stage = Stage(scratch / "compressed", {"compressedRegister": "true"})
    stage.wait_register_attempt()
    stage.close()
    archive.add("broker5-compressed", apache.VERSION, stage.for_broker.take(), "apache-namesrv")

    binary = ["-Drocketmq.serialize.type=ROCKETMQ"]
    stage = Stage(scratch / "binary", jvm=binary)
    stage.wait_registered()
    for client in ready:
        if client.name.startswith("java"):
            print(f"-- {client.name} {client.version}, binary", flush=True)
            Session(stage, client, client.name + "-binary", binary).all_scenarios()
            file_away(stage, client.name + "-binary", client.version)
    stage.close()
    archive.add("broker5-binary", apache.VERSION, stage.for_broker.take(), "apache-namesrv")
    return archive.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests" / "golden" / "wire")
    parser.add_argument("--keep", action="store_true", help="keep the servers' and clients' logs")
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="gantry-record-"))
    fresh = scratch / "wire"
    fresh.mkdir()
    index = record(fresh, scratch)
    for old in options.out.glob("*/*.bin"):
        old.unlink()
    shutil.copytree(fresh, options.out, dirs_exist_ok=True)
    total = sum(entry["frame_bytes"] for entry in index)
    print(f"{len(index)} frames, {total} bytes, in {options.out}; logs in {scratch}" if options.keep
          else f"{len(index)} frames, {total} bytes, in {options.out}")
    if not options.keep:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
