// Command interop-go runs one scenario of the official Go client; the contract is in tests/interop/README.md.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

// arguments of the command line: `--name value` pairs and bare `--switches`.
type arguments map[string]string

func parse(argv []string) (arguments, error) {
	args := arguments{}
	for i := 0; i < len(argv); i++ {
		if !strings.HasPrefix(argv[i], "--") {
			return nil, fmt.Errorf("expected an option, found '%s'", argv[i])
		}
		name := argv[i][2:]
		if i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "--") {
			i++
			args[name] = argv[i]
		} else {
			args[name] = "true"
		}
	}
	return args, nil
}

func (a arguments) has(name string) bool { _, found := a[name]; return found }

func (a arguments) text(name, otherwise string) string {
	if value, found := a[name]; found {
		return value
	}
	return otherwise
}

func (a arguments) number(name string, otherwise int) int {
	if value, found := a[name]; found {
		if number, err := strconv.Atoi(value); err == nil {
			return number
		}
	}
	return otherwise
}

var outLock sync.Mutex

// event prints one JSON object on a line: all that the driver reads.
func event(name string, fields map[string]interface{}) {
	line := map[string]interface{}{"event": name}
	for key, value := range fields {
		line[key] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		text = []byte(`{"event":"error","text":"a result cannot be written as JSON"}`)
	}
	outLock.Lock()
	defer outLock.Unlock()
	fmt.Println(string(text))
}

func main() {
	rlog.SetLogLevel("error")
	scenarios := map[string]func(arguments) (bool, error){
		"produce": produce, "consume": consume, "pull": pull, "create-topic": createTopic,
		"transaction": transact, "request": ask,
	}
	status := 1
	if len(os.Args) < 2 || scenarios[os.Args[1]] == nil {
		event("error", map[string]interface{}{"text": "unknown scenario"})
	} else if args, err := parse(os.Args[2:]); err != nil {
		event("error", map[string]interface{}{"text": err.Error()})
	} else if ok, err := scenarios[os.Args[1]](args); err != nil {
		event("error", map[string]interface{}{"text": err.Error()})
	} else if ok {
		status = 0
	}
	os.Exit(status)
}
