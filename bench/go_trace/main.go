// go_trace: two goroutines on one processor that hand a number to and fro. It prints every 100 ms how
// often they have.
package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

func main() {
	runtime.GOMAXPROCS(1)
	var n int64
	there, back := make(chan int), make(chan int)
	go func() {
		for x := range there {
			back <- x
		}
	}()
	go func() {
		for {
			there <- 1
			<-back
			atomic.AddInt64(&n, 1)
		}
	}()
	fmt.Println("ready")
	for {
		time.Sleep(100 * time.Millisecond)
		fmt.Println(atomic.LoadInt64(&n))
	}
}
