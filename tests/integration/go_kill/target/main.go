// A service under load: it answers "ping" lines, allocates, waits, contends, and tells on
// request for how long it has once not run at all.  It imports no profiler.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

var (
	mutex   sync.Mutex
	counter int
	kept    [1000][]byte
	longest time.Duration
	stop    sync.Mutex
)

func work(c chan int) {
	for i := 0; ; i++ {
		mutex.Lock()
		counter++
		kept[counter%len(kept)] = make([]byte, 1000+counter%5000)
		mutex.Unlock()
		c <- i
		<-c
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// ticks has a thread of its own, so that the load does not hold it up.
func ticks() {
	runtime.LockOSThread()
	last := time.Now()
	for {
		time.Sleep(time.Millisecond)
		now := time.Now()
		stop.Lock()
		if pause := now.Sub(last); pause > longest {
			longest = pause
		}
		stop.Unlock()
		last = now
	}
}

func main() {
	for i := 0; i < 3; i++ {
		c := make(chan int)
		go work(c)
		go func() {
			for {
				n := <-c
				c <- n
			}
		}()
	}
	for i := 0; i < 2000; i++ {
		go func() { select {} }()
	}
	go ticks()
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "exec" {
			syscall.Exec("/bin/sleep", []string{"sleep", "60"}, nil)
		}
		mutex.Lock()
		n := counter
		mutex.Unlock()
		stop.Lock()
		fmt.Println(n, longest.Milliseconds())
		longest = 0
		stop.Unlock()
	}
}
