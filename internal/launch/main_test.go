//go:build unix

package launch

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// modeVariable makes the test binary play a program that is run, or lanner itself.
const modeVariable = "LAUNCH_TEST_MODE"

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeVariable); mode != "" {
		os.Exit(modes[mode]())
	}
	goleak.VerifyTestMain(m)
}

var modes = map[string]func() int{
	"print": func() int {
		dir, _ := os.Getwd()
		fmt.Printf("args=%q\ndir=%s\n", os.Args[1:], dir)
		for _, kv := range os.Environ() {
			if strings.HasPrefix(kv, "LANNER_") || strings.HasPrefix(kv, "SHOP_") {
				fmt.Println(kv)
			}
		}
		return 3
	},
	"graceful": graceful,
	"stubborn": func() int {
		signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Minute)
		return 0
	},
	"suicide": func() int {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
		return 0
	},
	// parent leaves a child behind and tells its id.
	"parent": func() int {
		child := exec.Command("sleep", "60")
		if err := child.Start(); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println(child.Process.Pid)
		return 0
	},
	// lanner runs the program in its first argument, with signals as the command does it.
	"lanner": func() int {
		signals := make(chan os.Signal, 4)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		os.Setenv(modeVariable, os.Args[1])
		code, err := Run(Options{Target: os.Args[0], NoProfile: true, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			Signals: signals, Tell: tellStopping(os.Args[1])})
		if err != nil {
			fmt.Println(err)
			return 99
		}
		return code
	},
	// reader copies a line from the terminal before it waits for signals.
	"reader": func() int {
		var line string
		fmt.Scanln(&line)
		fmt.Println("read", line)
		return graceful()
	},
}

// graceful ends with 7 on the first signal, and tells a second one that comes within a moment.
func graceful() int {
	got := make(chan os.Signal, 8)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	fmt.Println("ready")
	fmt.Println("got", <-got)
	select {
	case second := <-got:
		fmt.Println("and", second)
	case <-time.After(300 * time.Millisecond):
	}
	return 7
}

// tellStopping makes lanner say when it has got the first signal, where the program says nothing.
func tellStopping(mode string) func(Event) {
	return func(e Event) {
		if e.Name == EventStopping && mode == "stubborn" {
			fmt.Println("stopping")
		}
	}
}
