package main

import (
	"sync"
	"time"
)

const pause = 3 * time.Millisecond

//go:noinline
func receive(c chan int) int {
	return <-c
}

// Inlined into a goroutine's function.
func send(c chan int) {
	c <- 1
}

func choose(a, b chan int) int {
	select {
	case n := <-a:
		return n
	case n := <-b:
		return n
	}
}

func each[T any](c chan T) (n int) {
	for range c {
		n++
	}
	return n
}

func wait() {
	a, b := make(chan int), make(chan int)
	for i := 0; i < 5; i++ {
		go func() { time.Sleep(pause); a <- 1 }()
		receive(a)
		go func() { send(a) }()
		time.Sleep(pause)
		<-a
		go func() { time.Sleep(pause); b <- 1 }()
		choose(a, b)

		s := make(chan string)
		go func() { time.Sleep(pause); s <- ""; close(s) }()
		each(s)

		var group sync.WaitGroup
		group.Add(2)
		go func() { defer group.Done(); time.Sleep(pause) }()
		go func() { time.Sleep(pause); group.Done() }()
		group.Wait()

		var mutex sync.Mutex
		cond := sync.NewCond(&mutex)
		go func() { time.Sleep(pause); cond.Broadcast() }()
		mutex.Lock()
		cond.Wait()
		mutex.Unlock()

		var once sync.Once
		for k := 0; k < 2; k++ {
			group.Add(1)
			go func() { once.Do(func() { time.Sleep(pause) }); group.Done() }()
		}
		group.Wait()
	}
}
