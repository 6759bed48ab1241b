'use strict';

const UNICODE_PROPERTY = '\u503c \u00e9 \u{1F600}';
const SYMBOL_PROPERTY = 'a=b;c,d{}[]"\'\\/%';
const UNICODE_UNIT = Buffer.from('\u4f60\u597d\u00e9\u{1F600}');

// What message number i must look like, in every language alike: body `PREFIX-i|` filled up to `size` bytes, tag
// number i of the list, and with --props two keys and three user properties.
class Payload {
  constructor(args) {
    this.prefix = args.prefix || 'm';
    this.size = Number(args.size || 0);
    this.kind = args.body || 'text';
    this.tags = args.tags ? args.tags.split(',') : [];
    this.props = 'props' in args;
  }

  body(i) {
    const head = Buffer.from(`${this.prefix}-${i}|`);
    const fill = Math.max(0, this.size - head.length);
    const rest = Buffer.alloc(fill);
    let state = i + 1;
    for (let k = 0; k < fill; k++) {
      switch (this.kind) {
        case 'binary':
          rest[k] = (i * 31 + k * 7) & 0xff;
          break;
        case 'random':
          state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
          rest[k] = (state >> 16) & 0xff;
          break;
        case 'unicode':
          if (k + UNICODE_UNIT.length > fill) return Buffer.concat([ head, rest.subarray(0, k) ]);
          UNICODE_UNIT.copy(rest, k);
          k += UNICODE_UNIT.length - 1;
          break;
        default:
          rest[k] = 97 + (i + k) % 26;
      }
    }
    return Buffer.concat([ head, rest ]);
  }

  message(Message, topic, i) {
    const tag = this.tags.length ? this.tags[i % this.tags.length] : '';
    const message = new Message(topic, tag, this.body(i));
    if (this.props) {
      message.keys = [ `key-${i}`, 'all' ];
      message.properties.seq = String(i);
      message.properties.uni = UNICODE_PROPERTY;
      message.properties.sym = SYMBOL_PROPERTY;
    }
    return message;
  }

  // The i of a body made by body(), or -1 when it is not exactly that body.
  index_of(body) {
    const bar = body.indexOf('|');
    const head = body.subarray(0, Math.max(0, bar)).toString();
    if (bar < 0 || !head.startsWith(this.prefix + '-')) return -1;
    const i = Number(head.slice(this.prefix.length + 1));
    return Number.isInteger(i) && body.equals(this.body(i)) ? i : -1;
  }

  properties_match(message, i) {
    if (this.tags.length && message.tags !== this.tags[i % this.tags.length]) return false;
    return !this.props || (message.keys === `key-${i} all` && message.properties.seq === String(i) &&
      message.properties.uni === UNICODE_PROPERTY && message.properties.sym === SYMBOL_PROPERTY);
  }
}

// Counts what a consumer received and compares each message with what was sent.
class Tally {
  constructor(args, event) {
    this.payload = new Payload(args);
    this.print = 'print' in args;
    this.event = event;
    this.seen = new Set();
    this.last = {};
    this.counts = { total: 0, corrupt: 0, bad_properties: 0, out_of_order: 0, retried: 0 };
    this.tags = {};
    this.queues = {};
  }

  add(message, queue) {
    const i = this.payload.index_of(message.body);
    this.counts.total++;
    if (message.reconsumeTimes > 0) this.counts.retried++;
    if (i < 0) {
      this.counts.corrupt++;
    } else {
      this.seen.add(i);
      if (!this.payload.properties_match(message, i)) this.counts.bad_properties++;
      const key = `${queue.brokerName}:${message.queueId}`;
      if (key in this.last && this.last[key] >= i) this.counts.out_of_order++;
      this.last[key] = i;
      this.queues[message.queueId] = (this.queues[message.queueId] || 0) + 1;
      this.tags[message.tags] = (this.tags[message.tags] || 0) + 1;
    }
    if (this.print) {
      this.event('message', {
        i, topic: message.topic, queue: message.queueId, offset: Number(message.queueOffset), tag: message.tags,
        keys: message.keys, reconsume: message.reconsumeTimes, msg_id: message.msgId, size: message.body.length,
        born: Number(message.bornTimestamp), stored: Number(message.storeTimestamp), at: Date.now(),
      });
    }
  }

  report(elapsed) {
    const distinct = this.seen.size;
    this.event('done', {
      distinct, duplicates: this.counts.total - this.counts.corrupt - distinct, ...this.counts, tags: this.tags,
      queues: this.queues, ms: elapsed,
    });
  }
}

module.exports = { Payload, Tally };
