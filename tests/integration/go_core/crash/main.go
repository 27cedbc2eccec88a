// crash: five goroutines sleep, one runs, memory is kept.  "nil" as an argument: the one that
// runs follows a nil pointer then.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

type node struct {
	next  *node
	value int
}

var kept [][]byte

//go:noinline
func keep() {
	for i := 0; i < 1000; i++ {
		kept = append(kept, make([]byte, 10000))
	}
}

func add(n *node) int {
	sum := 0
	for i := 0; i < 1000000; i++ {
		sum += n.value
		n = n.next
	}
	return sum
}

//go:noinline
func handle(requests chan *node) {
	first := &node{}
	first.next = first
	for {
		select {
		case n := <-requests:
			fmt.Println(add(n))
		default:
			add(first)
		}
	}
}

// contend has one wait for a lock: a record of block and one of mutex.
//
//go:noinline
func contend() {
	var lock sync.Mutex
	var done sync.WaitGroup
	lock.Lock()
	done.Add(1)
	go func() {
		lock.Lock()
		lock.Unlock()
		done.Done()
	}()
	time.Sleep(20 * time.Millisecond)
	lock.Unlock()
	done.Wait()
}

func sleepLong() {
	time.Sleep(time.Hour)
}

func main() {
	runtime.MemProfileRate = 1
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	contend()
	keep()
	runtime.GC()
	runtime.GC()
	requests := make(chan *node)
	go handle(requests)
	for i := 0; i < 5; i++ {
		go sleepLong()
	}
	time.Sleep(200 * time.Millisecond)
	fmt.Println("ready")
	if len(os.Args) > 1 {
		requests <- &node{}
	}
	time.Sleep(time.Hour)
	// Whoever reads it makes the linker keep the heap profile.
	runtime.MemProfile(nil, true)
}
