'use strict';

// Runs one scenario of the official Node client; the contract is in tests/interop/README.md.
// The client is resolved from NODE_PATH, because nothing is installed inside the source tree.

const readline = require('readline');
const { Consumer, Producer, Message } = require('ali-ons');
const { Payload, Tally } = require('./payload');

const ASYNC_IN_FLIGHT = 64;

function parse(argv) {
  const args = {};
  for (let i = 0; i < argv.length; i++) {
    if (!argv[i].startsWith('--')) throw new Error(`expected an option, found '${argv[i]}'`);
    const has_value = i + 1 < argv.length && !argv[i + 1].startsWith('--');
    args[argv[i].slice(2)] = has_value ? argv[++i] : 'true';
  }
  return args;
}

function event(name, fields) {
  process.stdout.write(JSON.stringify({ event: name, ...fields }) + '\n');
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

const quiet = { debug() {}, info() {}, warn() {}, error(...words) { console.error(...words); } };

// `httpclient` would look the name server up at a cloud address; with nameSrv given it is never called.
const client_options = args => ({ httpclient: () => {}, nameSrv: args.namesrv, logger: quiet });

async function produce(args) {
  const options = { ...client_options(args), producerGroup: args.group };
  if ('max-size' in args) options.maxMessageSize = Number(args['max-size']);
  const producer = new Producer(options);
  await producer.ready();
  event('ready');
  const payload = new Payload(args);
  const first = Number(args.first || 0);
  const end = first + Number(args.count || 1);
  const result = { sent: 0, errors: {}, first_error: null, queues: {}, ids: [] };

  const send = async i => {
    const message = payload.message(Message, args.topic, i);
    // The client picks the queue by the hash of the sharding key.
    if ('shards' in args) message.shardingKey = String(i % Number(args.shards));
    if ('queue' in args) message.shardingKey = String(args.queue);
    if ('delay-level' in args) message.delayTimeLevel = Number(args['delay-level']);
    try {
      const answer = await producer.send(message);
      if (answer.sendStatus !== 'SEND_OK') {
        result.errors[answer.sendStatus] = (result.errors[answer.sendStatus] || 0) + 1;
        return;
      }
      result.sent++;
      const queue = answer.messageQueue.queueId;
      result.queues[queue] = (result.queues[queue] || 0) + 1;
      if (result.ids.length < 3) result.ids.push(answer.msgId);
    } catch (error) {
      const code = String(error.code || 'client');
      result.errors[code] = (result.errors[code] || 0) + 1;
      if (!result.first_error) result.first_error = String(error);
    }
  };

  const start = Date.now();
  if (args.mode === 'async') {
    let next = first;
    const worker = async () => {
      while (next < end) await send(next++);
    };
    await Promise.all(Array.from({ length: ASYNC_IN_FLIGHT }, worker));
  } else {
    for (let i = first; i < end; i++) {
      await send(i);
      if (args.interval) await sleep(Number(args.interval));
    }
  }
  event('done', { ...result, ms: Date.now() - start });
  await producer.close();
  return Object.keys(result.errors).length === 0;
}

const START = {
  first: 'CONSUME_FROM_FIRST_OFFSET', last: 'CONSUME_FROM_LAST_OFFSET', timestamp: 'CONSUME_FROM_TIMESTAMP',
};

function human_time(ms) {
  const pad = n => String(n).padStart(2, '0');
  const t = new Date(ms);
  return `${t.getFullYear()}${pad(t.getMonth() + 1)}${pad(t.getDate())}` +
    `${pad(t.getHours())}${pad(t.getMinutes())}${pad(t.getSeconds())}`;
}

async function consume(args) {
  const tally = new Tally(args, event);
  const options = {
    ...client_options(args),
    consumerGroup: args.group,
    isBroadcast: 'broadcast' in args,
    consumeFromWhere: START[args.from || 'first'],
  };
  if (args.time) options.consumeTimestamp = human_time(Number(args.time));
  const start = Date.now();
  const consumer = new Consumer(options);
  consumer.on('error', error => console.error(error));
  const refused = new Set();
  consumer.subscribe(args.topic, args.expr || '*', async (message, queue) => {
    const key = message.body.toString('latin1');
    if (message.reconsumeTimes === 0 && refused.size < Number(args['fail-first'] || 0) && !refused.has(key)) {
      refused.add(key);
      event('refused', { at: Date.now() });
      return Consumer.ACTION_RETRY;
    }
    tally.add(message, queue);
    return undefined;
  });
  await consumer.ready();
  event('ready');
  let stopped = false;
  readline.createInterface({ input: process.stdin }).on('line', line => {
    if (line.trim() === 'stop') stopped = true;
  });
  const count = Number(args.count || 0);
  const deadline = start + 1000 * Number(args.timeout || 60);
  const complete = () => count > 0 && tally.seen.size >= count;
  while (!complete() && !stopped && Date.now() < deadline) await sleep(20);
  const elapsed = Date.now() - start;
  // Messages that come after the last expected one are duplicates or strangers; give them a moment to show up.
  if (complete()) await sleep(Number(args.linger || 1000));
  await consumer.close();
  tally.report(elapsed);
  return complete() || stopped || count === 0;
}

async function main() {
  const scenarios = { produce, consume };
  const [ scenario, ...rest ] = process.argv.slice(2);
  if (!scenarios[scenario]) throw new Error(`unknown scenario '${scenario}'`);
  return scenarios[scenario](parse(rest));
}

main().then(
  ok => process.exit(ok ? 0 : 1),
  error => {
    event('error', { text: String(error && error.stack || error) });
    process.exit(1);
  });
