// Service is a server with something in each of its profiles: work under labels, memory
// that is kept and freed, contended locks, goroutines that wait.  It prints its address.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
	"strings"
	"sync"
)

type cache struct {
	mu    sync.Mutex
	items map[string][]byte
}

func (c *cache) put(key string, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items[key] = append(make([]byte, 0, size), key...)
	for i := 0; i < 2000; i++ { // long enough to be waited for
		c.items[key] = append(c.items[key][:len(key)], byte(i))
	}
}

func digest(text string, n int) (sum [32]byte) {
	for i := 0; i < n; i++ {
		sum = sha256.Sum256(append(sum[:], text...))
	}
	return sum
}

func order(n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = strings.Repeat(fmt.Sprint(i*7919%n), 2)
	}
	sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
	return words
}

func work(ctx context.Context, c *cache, worker int) {
	for n := 0; ; n++ {
		kind := []string{"digest", "order", "put"}[n%3]
		labels := pprof.Labels("kind", kind, "worker", fmt.Sprint(worker))
		pprof.Do(ctx, labels, func(context.Context) {
			switch kind {
			case "digest":
				digest(kind, 2000)
			case "order":
				order(500)
			default:
				c.put(fmt.Sprint(worker, n%100), 1<<10+n%100*64)
			}
		})
	}
}

func descend(depth int, ready chan<- bool, end <-chan bool) {
	if depth > 0 {
		descend(depth-1, ready, end)
		return
	}
	ready <- true
	<-end
}

func main() {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(10000)
	runtime.MemProfileRate = 4096
	c := &cache{items: map[string][]byte{}}
	ready, end := make(chan bool), make(chan bool)
	for i := 0; i < 5; i++ {
		go descend(i, ready, end)
		<-ready
	}
	for i := 0; i < 2; i++ {
		go work(context.Background(), c, i)
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(at.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(at, nil))
}
