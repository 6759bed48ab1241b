"""Scripts as the official clients meet them: subscriptions that name a script's filter, expressions that call a
function of one, and what clients hear when either is wrong. Brokers of their own, because scripts are configuration."""

import contextlib
import time

import wire
from gantry import Gantry
from harness import Skipped, check, equal, exactly
from scenarios import scenario

FILTERS = """
gantry.hook{name = "at_least", on = "filter", run = function(msg, least, tag)
  return tonumber(msg.properties.seq) >= least and (tag == nil or msg.tags == tag)
end}
gantry.hook{name = "odd", on = "function", run = function(seq) return tonumber(seq) % 2 == 1 end}
"""
COUNT = 60


@contextlib.contextmanager
def _broker(world, extra=""):
    """The address of the name server of a broker with the scripts above, and a topic of it."""
    if not isinstance(world.own, Gantry):
        raise Skipped("needs a broker with scripts of its own")
    server = Gantry(world.folder / world.fresh("scripts"), world.command, scripts={"filters": FILTERS}, extra=extra)
    try:
        topic = world.fresh("IT")
        equal(wire.create_topic(server.namesrv, topic, 4), 0, "response code of creating the topic")
        deadline = time.monotonic() + 10
        while wire.route(server.namesrv, topic) is None:
            check(time.monotonic() < deadline, "a route of the topic within 10 s of its creation", "none")
            time.sleep(0.05)
        yield server, {"topic": topic, "namesrv": server.namesrv, "tags": "A,B,C", "props": True}
    finally:
        server.stop()


def _refusal(world, client, sql, shape):
    refused = world.start(client, "consume", sql=sql, count=1, timeout=20, **shape)
    text = refused.wait_event("error", 60)["text"]
    check("CODE: 23" in text, f"code 23 for \"{sql}\"", text)
    return text


@scenario(needs=["sql"], timeout=240)
def subscriptions_name_filters_of_scripts(world, client):
    with _broker(world) as (_, shape):
        world.produce(client, COUNT, **shape)
        selecting = world.start(client, "select", **shape)
        for sql, chooses in [("lua:at_least(40)", lambda i: i >= 40),
                             ("lua: at_least ( 10 , 'B' ) ", lambda i: i >= 10 and i % 3 == 1),
                             ("lua:at_least(-1.5, nil)", lambda i: True),
                             ("lua:at_least(1000)", lambda i: False)]:
            selecting.send(sql)
            answer = selecting.wait_event("selected", 60)
            equal(answer["error"], None, f"error of \"{sql}\"")
            equal(answer["found"], [i for i in range(COUNT) if chooses(i)], f"messages selected by \"{sql}\"")
        # A push consumer sends the expression with its heartbeat instead.
        chosen = COUNT - 40
        done = world.run(client, "consume", sql="lua:at_least(40)", count=chosen, linger=2000, **shape)
        exactly(done, chosen, client.name)


@scenario(needs=["sql"], timeout=180)
def wrong_names_of_scripts_reach_the_client_with_the_reason(world, client):
    with _broker(world) as (_, shape):
        world.produce(client, 1, **shape)
        text = _refusal(world, client, "lua:at_most(5)", shape)
        check("lua:at_most: expected the name of a script's filter, found none of that name; there are: at_least"
              in text, "what was expected, found, and what there is", text)
        text = _refusal(world, client, "lua:at_least(5", shape)
        check("lua:at_least(5: expected \",\" or \")\" at position 15, found the end" in text,
              "position, expected and found", text)


@scenario(needs=["sql"], timeout=180)
def sql_mistakes_reach_the_client_with_position_expected_and_found(world, client):
    with _broker(world) as (_, shape):
        world.produce(client, 1, **shape)
        for sql, place, expected, found in [
                ("seq >", "line 1, column 6", "expected a property, a literal", "found the end"),
                ("seq BETWEEN 5 AND 'x'", "line 1, column 19", "expected a property or a number", "found the text 'x'"),
                ("seq = 1\n AND TAGS IN (5)", "line 2, column 15", "expected a text in single quotes", "found '5'")]:
            text = _refusal(world, client, sql, shape)
            for part in ("SQL92, ", place, expected, found):
                check(part in text, f"\"{part}\" for \"{sql}\"", text)
        # In parentheses, because RocketMQ ignores what stands behind a whole expression, and so do we.
        option = "the option \"extended\" of the plugin filter-sql92"
        for sql, what in [("(seq LIKE '1%')", "LIKE needs "), ("(odd(seq) = TRUE)", "function calls need "),
                          ("(seq + 1 > 3)", "arithmetic needs ")]:
            text = _refusal(world, client, sql, shape)
            check(what + option in text, f"\"{what + option}\" for \"{sql}\"", text)


@scenario(needs=["sql"], timeout=240)
def expressions_call_functions_of_scripts(world, client):
    with _broker(world, "\n[plugins.filter-sql92]\nextended = true\n") as (_, shape):
        world.produce(client, COUNT, **shape)
        selecting = world.start(client, "select", **shape)
        selecting.send("odd(seq) = TRUE AND seq < 20")
        answer = selecting.wait_event("selected", 60)
        equal(answer["error"], None, "error of the expression")
        equal(answer["found"], list(range(1, 20, 2)), "messages selected by a function of a script")
        text = _refusal(world, client, "even(seq) = TRUE", shape)
        check("no script exports a function 'even'" in text and "there are: odd" in text, "what there is", text)
