package main

import (
	"context"
	"regexp"
	"strconv"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const asyncInFlight = 128

var errorCode = regexp.MustCompile(`CODE: (\d+)`)

type sending struct {
	lock       sync.Mutex
	sent       int
	queues     map[string]int
	errors     map[string]int
	ids        []string
	firstError string
}

func (s *sending) record(result *primitive.SendResult, err error, count int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if err != nil {
		code := "client"
		if found := errorCode.FindStringSubmatch(err.Error()); found != nil {
			code = found[1]
		}
		s.errors[code]++
		if s.firstError == "" {
			s.firstError = err.Error()
		}
		return
	}
	if result != nil {
		if result.Status != primitive.SendOK {
			s.errors["status-"+strconv.Itoa(int(result.Status))] += count
			return
		}
		s.queues[strconv.Itoa(result.MessageQueue.QueueId)] += count
		if len(s.ids) < 3 {
			s.ids = append(s.ids, result.MsgID, result.OffsetMsgID)
		}
	}
	s.sent += count
}

// produce sends --count messages and reports what became of them.
func produce(args arguments) (bool, error) {
	options := []producer.Option{
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{args["namesrv"]})),
		producer.WithGroupName(args["group"]),
	}
	if args.has("queue") || args.has("shards") {
		options = append(options, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	}
	client, err := rocketmq.NewProducer(options...)
	if err != nil {
		return false, err
	}
	if err := client.Start(); err != nil {
		return false, err
	}
	event("ready", nil)
	s := &sending{queues: map[string]int{}, errors: map[string]int{}}
	start := time.Now()
	sendAll(client, args, s)
	elapsed := time.Since(start)
	s.lock.Lock()
	defer s.lock.Unlock()
	event("done", map[string]interface{}{"sent": s.sent, "errors": s.errors, "first_error": s.firstError,
		"queues": s.queues, "ids": s.ids, "ms": elapsed.Milliseconds()})
	return len(s.errors) == 0, client.Shutdown()
}

func sendAll(client rocketmq.Producer, args arguments, s *sending) {
	p := newPayload(args)
	topic, mode := args["topic"], args.text("mode", "sync")
	first, batch := args.number("first", 0), args.number("batch", 1)
	end := first + args.number("count", 1)
	background := context.Background()
	inFlight := make(chan struct{}, asyncInFlight)
	var callbacks sync.WaitGroup

	for i := first; i < end; i++ {
		message := p.message(topic, i)
		// The client picks the queue by the hash of the sharding key.
		if args.has("shards") {
			message.WithShardingKey(strconv.Itoa(i % args.number("shards", 1)))
		} else if args.has("queue") {
			message.WithShardingKey(args["queue"])
		}
		if args.has("delay-level") {
			message.WithDelayTimeLevel(args.number("delay-level", 0))
		}
		switch {
		case batch > 1:
			messages := []*primitive.Message{message}
			for k := i + 1; k < end && k < i+batch; k++ {
				messages = append(messages, p.message(topic, k))
			}
			result, err := client.SendSync(background, messages...)
			s.record(result, err, len(messages))
			i += len(messages) - 1
		case mode == "oneway":
			s.record(nil, client.SendOneWay(background, message), 1)
		case mode == "async":
			inFlight <- struct{}{}
			callbacks.Add(1)
			err := client.SendAsync(background, func(_ context.Context, result *primitive.SendResult, err error) {
				s.record(result, err, 1)
				<-inFlight
				callbacks.Done()
			}, message)
			if err != nil {
				s.record(nil, err, 1)
				<-inFlight
				callbacks.Done()
			}
		default:
			result, err := client.SendSync(background, message)
			s.record(result, err, 1)
		}
		if args.has("interval") {
			time.Sleep(time.Duration(args.number("interval", 0)) * time.Millisecond)
		}
	}
	callbacks.Wait()
	if mode == "oneway" {
		// Nothing tells when one-way requests have left; shutting down at once would drop those still queued.
		time.Sleep(time.Second)
	}
}
