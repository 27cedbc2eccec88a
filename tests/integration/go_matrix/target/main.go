// A program with something in each of Go's profiles, which then does nothing: it is read by
// its own server and from outside.  "ready ADDRESS" is its only output; it ends with its
// standard input.  The server is none of net/http, which takes long to build.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"
)

// number is an environment variable's value.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

var ticking sync.Mutex

// tick keeps the runtime awake, so that it looks whether a collection is due, and does what
// each profile counts.
func tick() {
	for i := 0; ; i++ {
		<-time.After(time.Millisecond)
		ticking.Lock()
		kept[i%100] = direct(100000)
		time.Sleep(time.Millisecond)
		ticking.Unlock()
	}
}

// serve writes the profile that each connection names, "KIND DEBUG"; nothing if there is none.
func serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go answer(connection)
	}
}

func answer(connection net.Conn) {
	defer connection.Close()
	var kind string
	var level int
	fmt.Fscanln(connection, &kind, &level)
	if profile := pprof.Lookup(kind); profile != nil {
		profile.WriteTo(connection, level)
	}
}

func main() {
	runtime.MemProfileRate = number("RATE", 4096)
	runtime.SetBlockProfileRate(number("BLOCK", 1))
	runtime.SetMutexProfileFraction(number("MUTEX", 2))
	allocate()
	wait()
	contend()
	park()
	foreign()
	runtime.GC()
	runtime.GC()
	// From here on nothing is counted: what is read changes no profile.
	runtime.SetBlockProfileRate(0)
	if number("BUSY", 0) == 0 {
		debug.SetGCPercent(-1)
	} else {
		go tick()
		go tick()
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go serve(listener)
	fmt.Println("ready", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}
