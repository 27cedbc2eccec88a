// A program in a container, with something for every profile.
package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var mu sync.Mutex
var keep [][]byte

//go:noinline
func burns() (x int) {
	for i := 0; i < 20000000; i++ {
		x += i * x
	}
	return x
}

//go:noinline
func locks() {
	mu.Lock()
	time.Sleep(2 * time.Millisecond)
	mu.Unlock()
}

//go:noinline
func grows() {
	keep = append(keep, make([]byte, 1000000))
	if len(keep) > 20 {
		keep = nil
	}
}

func main() {
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	labels := pprof.Labels("does", "burns")
	go pprof.Do(context.Background(), labels, func(context.Context) {
		for {
			burns()
		}
	})
	for i := 0; i < 3; i++ {
		go func() {
			for {
				locks()
			}
		}()
	}
	go func() {
		for {
			grows()
			time.Sleep(5 * time.Millisecond)
		}
	}()
	fmt.Println("ready")
	select {}
}
