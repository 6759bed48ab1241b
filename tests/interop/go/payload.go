package main

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

const (
	unicodeProperty = "\u503c \u00e9 \U0001F600"
	symbolProperty  = `a=b;c,d{}[]"'\/%`
	unicodeUnit     = "\u4f60\u597d\u00e9\U0001F600"
)

// payload says what message number i must look like, in every language alike: body `PREFIX-i|` filled up to `size`
// bytes, tag number i of the list, and with --props two keys and three user properties.
type payload struct {
	prefix, kind string
	size         int
	tags         []string
	props        bool
}

func newPayload(args arguments) payload {
	p := payload{prefix: args.text("prefix", "m"), kind: args.text("body", "text"), size: args.number("size", 0),
		props: args.has("props")}
	if args.has("tags") {
		p.tags = strings.Split(args["tags"], ",")
	}
	return p
}

func (p payload) body(i int) []byte {
	out := []byte(p.prefix + "-" + strconv.Itoa(i) + "|")
	fill := p.size - len(out)
	state := int32(i + 1)
	for k := 0; k < fill; k++ {
		switch p.kind {
		case "binary":
			out = append(out, byte(i*31+k*7))
		case "random":
			state = int32((uint32(state)*1103515245 + 12345) & 0x7fffffff)
			out = append(out, byte(state>>16))
		case "unicode":
			if k+len(unicodeUnit) > fill {
				return out
			}
			out = append(out, unicodeUnit...)
			k += len(unicodeUnit) - 1
		default:
			out = append(out, byte('a'+(i+k)%26))
		}
	}
	return out
}

func (p payload) message(topic string, i int) *primitive.Message {
	message := primitive.NewMessage(topic, p.body(i))
	if len(p.tags) > 0 {
		message.WithTag(p.tags[i%len(p.tags)])
	}
	if p.props {
		message.WithKeys([]string{"key-" + strconv.Itoa(i), "all"})
		message.WithProperty("seq", strconv.Itoa(i))
		message.WithProperty("uni", unicodeProperty)
		message.WithProperty("sym", symbolProperty)
	}
	return message
}

// indexOf returns the i of a body made by body(), or -1 when it is not exactly that body.
func (p payload) indexOf(body []byte) int {
	bar := bytes.IndexByte(body, '|')
	if bar < 0 || !bytes.HasPrefix(body, []byte(p.prefix+"-")) {
		return -1
	}
	i, err := strconv.Atoi(string(body[len(p.prefix)+1 : bar]))
	if err != nil || !bytes.Equal(body, p.body(i)) {
		return -1
	}
	return i
}

func (p payload) propertiesMatch(message *primitive.MessageExt, i int) bool {
	if len(p.tags) > 0 && message.GetTags() != p.tags[i%len(p.tags)] {
		return false
	}
	return !p.props || strings.TrimSpace(message.GetKeys()) == "key-"+strconv.Itoa(i)+" all" &&
		message.GetProperty("seq") == strconv.Itoa(i) && message.GetProperty("uni") == unicodeProperty &&
		message.GetProperty("sym") == symbolProperty
}

// tally counts what a consumer received and compares each message with what was sent.
type tally struct {
	lock                                               sync.Mutex
	payload                                            payload
	print                                              bool
	seen                                               map[int]bool
	last                                               map[string]int
	tags, queues                                       map[string]int
	total, corrupt, badProperties, outOfOrder, retried int
}

func newTally(args arguments) *tally {
	return &tally{payload: newPayload(args), print: args.has("print"), seen: map[int]bool{}, last: map[string]int{},
		tags: map[string]int{}, queues: map[string]int{}}
}

func (t *tally) add(message *primitive.MessageExt) {
	t.lock.Lock()
	defer t.lock.Unlock()
	i := t.payload.indexOf(message.Body)
	t.total++
	if message.ReconsumeTimes > 0 {
		t.retried++
	}
	queue, broker := 0, ""
	if message.Queue != nil {
		queue, broker = message.Queue.QueueId, message.Queue.BrokerName
	}
	if i < 0 {
		t.corrupt++
	} else {
		t.seen[i] = true
		if !t.payload.propertiesMatch(message, i) {
			t.badProperties++
		}
		key := broker + ":" + strconv.Itoa(queue)
		if previous, found := t.last[key]; found && previous >= i {
			t.outOfOrder++
		}
		t.last[key] = i
		t.queues[strconv.Itoa(queue)]++
		t.tags[message.GetTags()]++
	}
	if t.print {
		event("message", map[string]interface{}{"i": i, "topic": message.Topic, "queue": queue,
			"offset": message.QueueOffset, "tag": message.GetTags(), "keys": message.GetKeys(),
			"reconsume": message.ReconsumeTimes, "msg_id": message.MsgId, "size": len(message.Body),
			"born": message.BornTimestamp, "stored": message.StoreTimestamp, "at": time.Now().UnixMilli()})
	}
}

func (t *tally) distinct() int {
	t.lock.Lock()
	defer t.lock.Unlock()
	return len(t.seen)
}

func (t *tally) report(elapsed time.Duration) {
	t.lock.Lock()
	defer t.lock.Unlock()
	event("done", map[string]interface{}{"distinct": len(t.seen), "total": t.total,
		"duplicates": t.total - t.corrupt - len(t.seen), "corrupt": t.corrupt, "bad_properties": t.badProperties,
		"out_of_order": t.outOfOrder, "retried": t.retried, "tags": t.tags, "queues": t.queues,
		"ms": elapsed.Milliseconds()})
}
