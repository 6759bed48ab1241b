package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func consumerOptions(args arguments) ([]consumer.Option, error) {
	options := []consumer.Option{
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{args["namesrv"]})),
		consumer.WithGroupName(args["group"]),
	}
	switch args.text("from", "first") {
	case "first":
		options = append(options, consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	case "last":
		options = append(options, consumer.WithConsumeFromWhere(consumer.ConsumeFromLastOffset))
	case "timestamp":
		ms, err := strconv.ParseInt(args["time"], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("--time: %w", err)
		}
		options = append(options, consumer.WithConsumeFromWhere(consumer.ConsumeFromTimestamp),
			consumer.WithConsumeTimestamp(time.UnixMilli(ms).Format("20060102150405")))
	}
	if args.has("broadcast") {
		options = append(options, consumer.WithConsumerModel(consumer.BroadCasting))
	}
	if args.has("orderly") {
		options = append(options, consumer.WithConsumerOrder(true))
	}
	return options, nil
}

func selector(args arguments) consumer.MessageSelector {
	return consumer.MessageSelector{Type: consumer.TAG, Expression: args.text("expr", "*")}
}

// consume runs a push consumer until --count different messages came, "stop" is typed, or --timeout passed.
func consume(args arguments) (bool, error) {
	options, err := consumerOptions(args)
	if err != nil {
		return false, err
	}
	client, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return false, err
	}
	t := newTally(args)
	var refused sync.Map
	refusals := 0
	var refusalLock sync.Mutex
	err = client.Subscribe(args["topic"], selector(args),
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, message := range messages {
				if args.has("fail-first") && message.ReconsumeTimes == 0 {
					refusalLock.Lock()
					_, before := refused.LoadOrStore(string(message.Body), true)
					refuse := !before && refusals < args.number("fail-first", 0)
					if refuse {
						refusals++
					}
					refusalLock.Unlock()
					if refuse {
						event("refused", map[string]interface{}{"at": time.Now().UnixMilli()})
						return consumer.ConsumeRetryLater, nil
					}
				}
				t.add(message)
			}
			return consumer.ConsumeSuccess, nil
		})
	if err != nil {
		return false, err
	}
	start := time.Now()
	if err := client.Start(); err != nil {
		return false, err
	}
	event("ready", nil)
	stop := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			if strings.TrimSpace(lines.Text()) == "stop" {
				close(stop)
				return
			}
		}
	}()
	count := args.number("count", 0)
	deadline := start.Add(time.Duration(args.number("timeout", 60)) * time.Second)
	complete, stopped := false, false
	for !complete && !stopped && time.Now().Before(deadline) {
		select {
		case <-stop:
			stopped = true
		case <-time.After(20 * time.Millisecond):
			complete = count > 0 && t.distinct() >= count
		}
	}
	elapsed := time.Since(start)
	if complete {
		// Messages that come after the last expected one are duplicates or strangers; give them a moment to show up.
		time.Sleep(time.Duration(args.number("linger", 1000)) * time.Millisecond)
	}
	err = client.Shutdown()
	t.report(elapsed)
	return complete || stopped || count == 0, err
}

// pull polls a pull consumer until --count different messages came.
func pull(args arguments) (bool, error) {
	options, err := consumerOptions(args)
	if err != nil {
		return false, err
	}
	client, err := rocketmq.NewPullConsumer(options...)
	if err != nil {
		return false, err
	}
	if err := client.Subscribe(args["topic"], selector(args)); err != nil {
		return false, err
	}
	if err := client.Start(); err != nil {
		return false, err
	}
	t := newTally(args)
	start := time.Now()
	deadline := start.Add(time.Duration(args.number("timeout", 60)) * time.Second)
	for t.distinct() < args.number("count", 1) && time.Now().Before(deadline) {
		request, err := client.Poll(context.Background(), 500*time.Millisecond)
		if err != nil {
			if consumer.IsNoNewMsgError(err) {
				continue
			}
			return false, err
		}
		for _, message := range request.GetMsgList() {
			t.add(message)
		}
		client.ACK(context.Background(), request, consumer.ConsumeSuccess)
	}
	t.report(time.Since(start))
	return t.distinct() >= args.number("count", 1), client.Shutdown()
}
