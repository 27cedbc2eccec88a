// live: the Go program that bench_live.py reads from outside: GOROUTINES parked ones, BUCKETS
// places that allocate, a spinning thread that tells how long it was ever stopped, and work to
// be timed.  Prints the address of its own /debug/pprof/, then waits.
package main

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

var kept [][]byte

func number(name string) int {
	n, _ := strconv.Atoi(os.Getenv(name))
	return n
}

//go:noinline
func left(depth, path int) {
	walk(depth-1, path>>1)
}

//go:noinline
func right(depth, path int) {
	walk(depth-1, path>>1)
}

// walk comes to one allocation over as many stacks as there are paths.
//
//go:noinline
func walk(depth, path int) {
	if depth == 0 {
		kept = append(kept, make([]byte, 64))
		return
	}
	if path&1 == 0 {
		left(depth, path)
	} else {
		right(depth, path)
	}
}

//go:noinline
func park(depth int, c chan int) int {
	if depth == 0 {
		return <-c
	}
	return park(depth-1, c) + 1
}

var longest int64

// spin looks at the clock all the time: what it misses, it was stopped.
func spin() {
	runtime.LockOSThread()
	last := time.Now()
	for {
		now := time.Now()
		if gap := int64(now.Sub(last)); gap > atomic.LoadInt64(&longest) {
			atomic.StoreInt64(&longest, gap)
		}
		last = now
	}
}

// work is the same each time; the answer is how long it took.
func work(w http.ResponseWriter, _ *http.Request) {
	start := time.Now()
	sum := sha256.Sum256(nil)
	for i := 0; i < 1500000; i++ {
		sum = sha256.Sum256(sum[:])
	}
	fmt.Fprintf(w, "%d\n", time.Since(start).Nanoseconds())
}

func main() {
	if number("BUCKETS") > 0 {
		runtime.MemProfileRate = 1
		for i := 0; i < number("BUCKETS"); i++ {
			walk(16, i)
		}
		runtime.GC()
		runtime.GC()
	}
	c := make(chan int)
	for i := 0; i < number("GOROUTINES"); i++ {
		go park(8+i%4, c)
	}
	if number("SPIN") > 0 {
		go spin()
	}
	http.HandleFunc("/work", work)
	http.HandleFunc("/longest", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d\n", atomic.SwapInt64(&longest, 0))
	})
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		panic(err)
	}
	time.Sleep(100 * time.Millisecond)
	fmt.Println(l.Addr())
	panic(http.Serve(l, nil))
}
