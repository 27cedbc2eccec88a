// off: goroutines whose threads are off their processors while they run, and such as work for the
// collector.
//
//	off spin      one runs without a stop, on a thread of its own, whose number is printed; one
//	              sleeps 5 ms in the kernel, which the scheduler does not know of, every 50 ms
//	off assist    some allocate; every 100 ms, for how many seconds there was work for the
//	              collector: by those, by workers, and by workers in place of idling
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
	"unsafe"
)

var x uint64

func spinner() {
	runtime.LockOSThread()
	fmt.Println(syscall.Gettid())
	for {
		x++
	}
}

func rawSleeper() {
	for {
		time.Sleep(45 * time.Millisecond)
		t := syscall.Timespec{Nsec: 5e6}
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
	}
}

type node struct {
	next *node
	pad  [6]uintptr
}

func allocator() {
	var keep [1 << 14]*node
	for i := 0; ; i++ {
		n := &node{}
		n.next = keep[(i*7919)%len(keep)]
		if n.next != nil {
			n.next.next = nil
		}
		keep[i%len(keep)] = n
	}
}

func main() {
	if os.Args[1] == "spin" {
		go rawSleeper()
		go spinner()
		select {}
	}
	debug.SetGCPercent(25)
	for i := 0; i < 4; i++ {
		go allocator()
	}
	samples := []metrics.Sample{}
	for _, what := range []string{"assist", "dedicated", "idle"} {
		samples = append(samples, metrics.Sample{Name: "/cpu/classes/gc/mark/" + what + ":cpu-seconds"})
	}
	for {
		time.Sleep(100 * time.Millisecond)
		metrics.Read(samples)
		for _, sample := range samples {
			if sample.Value.Kind() == metrics.KindFloat64 {
				fmt.Print(sample.Value.Float64(), " ")
			} else {
				fmt.Print("-1 ")
			}
		}
		fmt.Println()
	}
}
