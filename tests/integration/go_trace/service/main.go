// service: an HTTP server under load of its own: each request waits for another goroutine, takes a
// lock and makes garbage. It prints its address, then every 100 ms how many requests it has served.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	served atomic.Int64
	mu     sync.Mutex
	seen   = map[string]int{}
)

func handle(w http.ResponseWriter, r *http.Request) {
	c := make(chan string)
	go func() { c <- strings.Repeat(r.URL.Path, 100) }()
	text := <-c
	mu.Lock()
	seen[r.URL.Path]++
	mu.Unlock()
	fmt.Fprintln(w, len(text))
	served.Add(1)
}

func client(url string) {
	for {
		r, err := http.Get(url)
		if err != nil {
			fmt.Fprintln(os.Stderr, "failed:", err)
			os.Exit(1)
		}
		r.Body.Close()
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/", handle)
	go http.Serve(l, nil)
	fmt.Println(l.Addr())
	for i := 0; i < 4; i++ {
		go client("http://" + l.Addr().String() + "/x")
	}
	for {
		time.Sleep(100 * time.Millisecond)
		fmt.Println(served.Load())
	}
}
