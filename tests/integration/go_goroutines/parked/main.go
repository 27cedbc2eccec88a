// A program whose goroutines stand still in all the ways that there are. It obeys lines on
// its standard input: "dump FOLDER" writes its own profiles there, "spin" begins a goroutine
// that runs.  Its argument is how many there are of most.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Nothing is ever received from the one, or sent to the other.
var sends, never = make(chan int), make(chan int)

//go:noinline
func leaf(c chan int, n int) int { return n + <-c }

// Two levels that are inlined, below one that is not.
func inlined1(c chan int, n int) int { return leaf(c, n+1) + 1 }
func inlined2(c chan int, n int) int { return inlined1(c, n*2) + 2 }

//go:noinline
func caller(c chan int) int { return inlined2(c, 5) }

// The innermost frame is inlined itself.
func waitHere(c chan int) int { return <-c }

//go:noinline
func waitsInlined(c chan int) int { return waitHere(c) + 1 }

//go:noinline
func deep(n int, c chan int) int {
	if n == 0 {
		return <-c
	}
	return deep(n-1, c) + 1
}

type inner struct{ c chan int }

//go:noinline
func (i inner) wait(n int) int { return n + <-i.c }

type outer struct {
	pad [2]int
	*inner
}

type waiter interface{ wait(n int) int }

//go:noinline
func callWaiter(w waiter) int { return w.wait(7) }

type number interface{ ~int | ~int32 | ~string }

//go:noinline
func generic[T number](c chan int, v T) (T, int) { return v, <-c }

type list[T any] struct{ items []T }

//go:noinline
func (l *list[T]) hold(c chan int, v T) int { l.items = append(l.items, v); return <-c }

type big struct {
	a, b, c int
	s       string
	d       [4]int
	e       struct{ x, y int8 }
}

//go:noinline
func arguments(a int8, b uint64, s string, f []byte, v big, i interface{}, more ...int) int {
	n := <-never
	runtime.KeepAlive(v)
	return n + int(a) + int(b) + len(s) + len(f) + len(more)
}

//go:noinline
func unused(a, b, c int, s string, c2 chan int) int { return <-c2 }

//go:noinline
func sorts(c chan int) {
	x := []int{3, 2, 1}
	sort.Slice(x, func(i, j int) bool { <-c; return x[i] < x[j] })
}

//go:noinline
func recovers(c chan int) {
	defer func() {
		recover()
		<-c
	}()
	var p *big
	p.a = 1
}

//go:noinline
func panics(c chan int) {
	defer func() { <-c }()
	panic("on purpose")
}

//go:noinline
func spin() {
	for i := 0; ; i++ {
		if i < 0 {
			panic("unreached")
		}
	}
}

func main() {
	debug.SetGCPercent(-1) // a collection would write down since when all wait
	var mu sync.Mutex
	var rw sync.RWMutex
	var group sync.WaitGroup
	cond := sync.NewCond(&sync.Mutex{})
	n := 1
	if len(os.Args) > 1 {
		n, _ = strconv.Atoi(os.Args[1])
	}
	mu.Lock()
	rw.Lock()
	group.Add(1)
	for i := 0; i < n; i++ {
		go caller(never)
		go waitsInlined(never)
		go func() { sends <- 1 }()
		go func() {
			select {
			case <-never:
			case sends <- 2:
			}
		}()
		go func() { select {} }()
		go func() { var c chan int; <-c }()
		go mu.Lock()
		go rw.RLock()
		go group.Wait()
		go func() { cond.L.Lock(); cond.Wait() }()
		go time.Sleep(time.Hour)
		go deep(20, never)
		go deep(99, never)
		go deep(130, never)
		go deep(5000, never)
		go callWaiter(&outer{inner: &inner{never}})
		go callWaiter(outer{inner: &inner{never}})
		f := (&outer{inner: &inner{never}}).wait
		go func() { f(3) }()
		go generic(never, 5)
		go generic(never, "five")
		go (&list[float64]{}).hold(never, 2.5)
		go (&list[big]{}).hold(never, big{})
		go arguments(-3, 1<<40, "text", []byte("bytes"), big{a: 1, e: struct{ x, y int8 }{1, 2}}, 5, 1, 2)
		go unused(1, 2, 3, "x", never)
		go sorts(never)
		go recovers(never)
		go panics(never)
		go func() {
			runtime.LockOSThread()
			<-never
		}()
	}
	for i := 0; i < 3; i++ {
		labels := pprof.Labels("request", strconv.Itoa(i%2), "handler", "/a \"b\"\n"+"é")
		go pprof.Do(context.Background(), labels, func(context.Context) { <-never })
	}
	many := []string{}
	for i := 0; i < 20; i++ {
		many = append(many, fmt.Sprintf("key%02d", i), strconv.Itoa(i))
	}
	go pprof.Do(context.Background(), pprof.Labels(many...), func(context.Context) { <-never })
	// Network: waits in the poller.  A pipe's end by system calls: in a syscall.
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		go l.Accept()
	}
	var fds [2]int
	if syscall.Pipe(fds[:]) == nil {
		go syscall.Read(fds[0], make([]byte, 1))
	}
	// A finalizer that does not end.
	runtime.SetFinalizer(new(big), func(*big) { <-never })
	cleanup()
	begin()
	runtime.GC()
	time.Sleep(200 * time.Millisecond)
	fmt.Println("ready", os.Getpid(), bubbles)
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		var folder string
		if k, _ := fmt.Sscanf(input.Text(), "dump %s", &folder); k == 1 {
			for _, name := range []string{"goroutine", "threadcreate"} {
				for level := 0; level < 3; level++ {
					w, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s.%d", name, level)))
					if err == nil {
						err = pprof.Lookup(name).WriteTo(w, level)
						w.Close()
					}
					if err != nil {
						fmt.Println(err)
					}
				}
			}
		}
		if input.Text() == "spin" {
			go pprof.Do(context.Background(), pprof.Labels("does", "spin"), func(context.Context) { spin() })
		}
		fmt.Println("ok")
	}
}
