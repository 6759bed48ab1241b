package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// createTopic creates --topic on the broker at --broker-addr, as this client's admin wants it.
func createTopic(args arguments) (bool, error) {
	client, err := admin.NewAdmin(
		admin.WithResolver(primitive.NewPassthroughResolver([]string{args["namesrv"]})))
	if err != nil {
		return false, err
	}
	defer client.Close()
	queues := args.number("queues", 4)
	background := context.Background()
	err = client.CreateTopic(background, admin.WithTopicCreate(args["topic"]),
		admin.WithBrokerAddrCreate(args["broker-addr"]), admin.WithReadQueueNums(queues),
		admin.WithWriteQueueNums(queues))
	if err != nil {
		return false, err
	}
	list, err := client.FetchAllTopicList(background)
	if err != nil {
		return false, err
	}
	for _, topic := range list.TopicList {
		if topic == args["topic"] {
			event("done", map[string]interface{}{"queues": queues})
			return true, nil
		}
	}
	return false, fmt.Errorf("topic %s was created but is not among the %d topics listed", args["topic"],
		len(list.TopicList))
}

// decisions commits every first, rolls back every second and leaves every third transaction, or with undecided all of
// them, to the broker's question. That is answered "commit", with oddRollsBack only for even messages, and with silent
// that nothing is known.
type decisions struct {
	undecided, silent, oddRollsBack bool

	lock   sync.Mutex
	count  int
	checks map[string]int
}

func (d *decisions) ExecuteLocalTransaction(*primitive.Message) primitive.LocalTransactionState {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.count++
	if d.undecided {
		return primitive.UnknowState
	}
	switch (d.count - 1) % 3 {
	case 0:
		return primitive.CommitMessageState
	case 1:
		return primitive.RollbackMessageState
	}
	return primitive.UnknowState
}

func (d *decisions) CheckLocalTransaction(message *primitive.MessageExt) primitive.LocalTransactionState {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.silent {
		return primitive.UnknowState
	}
	d.checks[message.TransactionId]++
	head, _, _ := bytes.Cut(message.Body, []byte("|"))
	_, digits, _ := bytes.Cut(head, []byte("-"))
	number, _ := strconv.Atoi(string(digits))
	if d.oddRollsBack && number%2 == 1 {
		return primitive.RollbackMessageState
	}
	return primitive.CommitMessageState
}

func (d *decisions) checked() int {
	d.lock.Lock()
	defer d.lock.Unlock()
	return len(d.checks)
}

func transact(args arguments) (bool, error) {
	listener := &decisions{undecided: args.has("undecided"), silent: args.has("silent"),
		oddRollsBack: args.has("odd-rolls-back"), checks: map[string]int{}}
	client, err := rocketmq.NewTransactionProducer(listener,
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{args["namesrv"]})),
		producer.WithGroupName(args["group"]))
	if err != nil {
		return false, err
	}
	if err := client.Start(); err != nil {
		return false, err
	}
	p, count := newPayload(args), args.number("count", 3)
	expected := args.number("checks", count/3)
	for i := 0; i < count; i++ {
		if _, err := client.SendMessageInTransaction(context.Background(), p.message(args["topic"], i)); err != nil {
			return false, err
		}
	}
	event("sent", map[string]interface{}{"count": count})
	deadline := time.Now().Add(time.Duration(args.number("timeout", 60)) * time.Second)
	for listener.checked() < expected && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
	event("done", map[string]interface{}{"sent": count, "checked": listener.checked()})
	return listener.checked() >= expected, client.Shutdown()
}

// ask exchanges requests and replies between a producer and a consumer of this process.
func ask(args arguments) (bool, error) {
	resolver := primitive.NewPassthroughResolver([]string{args["namesrv"]})
	replier, err := rocketmq.NewProducer(producer.WithNsResolver(resolver), producer.WithInstanceName("replier"),
		producer.WithGroupName(args["group"]+"-replier"))
	if err != nil {
		return false, err
	}
	if err := replier.Start(); err != nil {
		return false, err
	}
	listener, err := rocketmq.NewPushConsumer(consumer.WithNsResolver(resolver), consumer.WithInstance("listener"),
		consumer.WithGroupName(args["group"]))
	if err != nil {
		return false, err
	}
	err = listener.Subscribe(args["topic"], selector(args),
		func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, message := range messages {
				if !bytes.HasPrefix(message.Body, []byte("ask-")) {
					continue
				}
				body := append([]byte("re:"), message.Body...)
				reply, err := consumer.CreateReplyMessage(message, body)
				if err != nil {
					return consumer.ConsumeRetryLater, err
				}
				// The client's helper leaves the body out.
				reply.Body = body
				if _, err := replier.SendSync(ctx, reply); err != nil {
					return consumer.ConsumeRetryLater, err
				}
			}
			return consumer.ConsumeSuccess, nil
		})
	if err != nil {
		return false, err
	}
	if err := listener.Start(); err != nil {
		return false, err
	}
	asker, err := rocketmq.NewProducer(producer.WithNsResolver(resolver), producer.WithInstanceName("asker"),
		producer.WithGroupName(args["group"]+"-asker"))
	if err != nil {
		return false, err
	}
	if err := asker.Start(); err != nil {
		return false, err
	}
	// This client's first heartbeat leaves a second after its start, the next one half a minute later, and only to
	// brokers it has a route to. A broker that does not know the asker yet cannot push replies to it: send at once.
	if _, err := asker.SendSync(context.Background(), primitive.NewMessage(args["topic"], []byte("hello"))); err != nil {
		return false, err
	}
	time.Sleep(2 * time.Second)
	answered := 0
	for i := 0; i < args.number("count", 1); i++ {
		body := fmt.Sprintf("ask-%d", i)
		reply, err := asker.Request(context.Background(), 10*time.Second,
			primitive.NewMessage(args["topic"], []byte(body)))
		if err != nil {
			event("note", map[string]interface{}{"text": err.Error()})
		} else if string(reply.Body) == "re:"+body {
			answered++
		}
	}
	event("done", map[string]interface{}{"answered": answered})
	return answered == args.number("count", 1), asker.Shutdown()
}
