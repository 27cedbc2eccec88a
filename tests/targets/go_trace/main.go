// go_trace writes an execution trace of a program that does a little of everything the
// scheduler knows, or very much of the most frequent (for the speed of readers).
//
//	go_trace FILE          some hundred ms of everything
//	go_trace FILE MBYTES   channels and locks until the file has so many MB
package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// counted passes on what is written and counts it.
type counted struct {
	w io.Writer
	n atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.w.Write(p)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_trace:", err)
		os.Exit(1)
	}
}

var sink []byte

// garbage makes the collector run, with assists.
func garbage(n int) {
	var keep [64][]byte
	for i := 0; i < n; i++ {
		keep[i%len(keep)] = make([]byte, 16<<10)
		sink = keep[i%len(keep)]
	}
}

func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// pingPong hands a token back and forth, so many times or until stop is closed.
func pingPong(wg *sync.WaitGroup, times int, stop <-chan struct{}) {
	there, back := make(chan int), make(chan int)
	wg.Add(2)
	go func() {
		defer wg.Done()
		for v := range there {
			back <- v + 1
		}
		close(back)
	}()
	go func() {
		defer wg.Done()
		defer close(there)
		for v := 0; v < times; v++ {
			select {
			case <-stop:
				return
			default:
			}
			there <- v
			<-back
		}
	}()
}

// contend has goroutines wait for one another at a mutex.
func contend(wg *sync.WaitGroup, times int, stop <-chan struct{}) {
	var mu sync.Mutex
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; n < times; n++ {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				if n%16 == 0 {
					runtime.Gosched()
				}
				mu.Unlock()
			}
		}()
	}
}

// tasks opens tasks in tasks, with regions and logs, over several goroutines.
func tasks(wg *sync.WaitGroup) {
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			ctx, outer := trace.NewTask(context.Background(), "request")
			defer outer.End()
			trace.Logf(ctx, "kind", "number %d \"quoted\"\n\u00e4", i)
			var inner sync.WaitGroup
			for k := 0; k < 3; k++ {
				inner.Add(1)
				go func() {
					defer inner.Done()
					ctx, task := trace.NewTask(ctx, "step")
					defer task.End()
					trace.WithRegion(ctx, "compute", func() { spin(200 * time.Microsecond) })
					trace.WithRegion(ctx, "wait", func() { time.Sleep(time.Millisecond) })
				}()
			}
			inner.Wait()
		}(i)
	}
}

// network has a server and clients talk over TCP.
func network(wg *sync.WaitGroup) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	wg.Add(2)
	go func() {
		defer wg.Done()
		c, err := l.Accept()
		fatal(err)
		io.Copy(c, c)
		c.Close()
		l.Close()
	}()
	go func() {
		defer wg.Done()
		c, err := net.Dial("tcp", l.Addr().String())
		fatal(err)
		buf := make([]byte, 32)
		for i := 0; i < 50; i++ {
			c.Write(buf)
			io.ReadFull(c, buf)
		}
		c.Close()
	}()
}

func everything() {
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := 0; i < 2; i++ {
		pingPong(&wg, 500, stop)
	}
	contend(&wg, 5000, stop)
	tasks(&wg)
	network(&wg)
	timer := time.NewTicker(2 * time.Millisecond)
	for i := 0; i < 10; i++ {
		<-timer.C
		os.ReadFile("/proc/self/stat")
		garbage(400)
	}
	timer.Stop()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	spin(20 * time.Millisecond)
	close(stop)
	wg.Wait()
}

// much works in rounds, with pauses in which what was traced is written.
func much(out *counted, bytes int64) {
	for out.n.Load() < bytes {
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for i := 0; i < 64; i++ {
			pingPong(&wg, math.MaxInt, stop)
		}
		contend(&wg, math.MaxInt, stop)
		tasks(&wg)
		wg.Add(8)
		for i := 0; i < 8; i++ {
			go func() {
				defer wg.Done()
				garbage(10)
				time.Sleep(time.Millisecond)
			}()
		}
		time.Sleep(100 * time.Millisecond)
		close(stop)
		wg.Wait()
		for n := int64(-1); n != out.n.Load(); time.Sleep(5 * time.Millisecond) {
			n = out.n.Load()
		}
	}
}

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: go_trace FILE [MBYTES]")
		os.Exit(2)
	}
	f, err := os.Create(os.Args[1])
	fatal(err)
	out := &counted{w: f}
	if runtime.GOMAXPROCS(0) < 8 {
		runtime.GOMAXPROCS(8)
	}
	if len(os.Args) == 2 {
		debug.SetGCPercent(20)
		pprof.StartCPUProfile(io.Discard) // so that samples are in the trace
		fatal(trace.Start(out))
		everything()
		trace.Stop()
		pprof.StopCPUProfile()
	} else {
		megabytes, err := strconv.ParseInt(os.Args[2], 10, 32)
		fatal(err)
		fatal(trace.Start(out))
		much(out, megabytes<<20)
		trace.Stop()
	}
	fatal(f.Close())
}
