package main

import (
	"context"
	"runtime/pprof"
	"sync"
	"time"
)

var forever = make(chan int)

//go:noinline
func parked(depth int, started *sync.WaitGroup) {
	if depth > 0 {
		parked(depth-1, started)
		return
	}
	started.Done()
	<-forever
}

func park() {
	var started sync.WaitGroup
	for i := 0; i < 6; i++ {
		started.Add(3)
		labels := pprof.Labels("worker", string(rune('a'+i%2)), "kind", "parked")
		pprof.Do(context.Background(), labels, func(context.Context) {
			go parked(i*20, &started)
		})
		go parked(i%2, &started)
		go func() {
			started.Done()
			select {}
		}()
	}
	started.Wait()
	time.Sleep(10 * pause)
}
