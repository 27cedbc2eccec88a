// schedule: goroutines that wait for each other, by a schedule that is known.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

var mu sync.Mutex

func chanSender(c chan int) {
	for {
		time.Sleep(50 * time.Millisecond)
		c <- 1
	}
}

func chanWaiter(c chan int) {
	for range c {
	}
}

func holder(go1 chan int) {
	for {
		mu.Lock()
		go1 <- 1
		time.Sleep(30 * time.Millisecond)
		mu.Unlock()
		time.Sleep(30 * time.Millisecond)
	}
}

func locker(go1 chan int) {
	for range go1 {
		mu.Lock()
		mu.Unlock()
	}
}

func sleeper() {
	for {
		time.Sleep(20 * time.Millisecond)
	}
}

func pipeReader(fd int) {
	var b [1]byte
	for {
		syscall.Read(fd, b[:])
	}
}

func pipeWriter(fd int) {
	for {
		time.Sleep(40 * time.Millisecond)
		syscall.Write(fd, []byte("x"))
	}
}

func netServer(c net.Conn) {
	var b [1]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
	}
}

func netClient(a string) {
	c, err := net.Dial("tcp", a)
	if err != nil {
		panic(err)
	}
	for {
		time.Sleep(35 * time.Millisecond)
		c.Write([]byte("x"))
	}
}

func shortLived() { time.Sleep(time.Millisecond) }

func spawner() {
	for {
		time.Sleep(60 * time.Millisecond)
		go shortLived()
	}
}

func collector() {
	for {
		time.Sleep(100 * time.Millisecond)
		runtime.GC()
	}
}

func main() {
	c, g := make(chan int), make(chan int)
	go chanSender(c)
	go chanWaiter(c)
	go holder(g)
	go locker(g)
	go sleeper()
	var p [2]int
	syscall.Pipe(p[:])
	go pipeReader(p[0])
	go pipeWriter(p[1])
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go netServer(conn)
		}
	}()
	go netClient(l.Addr().String())
	go spawner()
	go collector()
	fmt.Println("ready")
	os.Stdout.Sync()
	select {}
}
