// service: a Go program as many are: it imports no pprof, and is built without symbols
// (go build -ldflags '-s -w').  Workers hash what they are sent; the results are kept in a
// map that nobody empties; and some goroutines wait for a reply that never comes.
//
//	sonde pprof -top pid:service/goroutine
//	sonde record -e cpu,block,mutex -p service --enable --seconds 5 -o profiles
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

type results struct {
	mutex sync.Mutex
	sums  map[uint64][]byte
}

func (r *results) keep(job uint64, sum []byte) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.sums[job] = append(make([]byte, 0, 4096), sum...)
	if len(r.sums) > 50000 {
		r.sums = map[uint64][]byte{}
	}
}

func hash(job uint64) []byte {
	var block [4096]byte
	binary.LittleEndian.PutUint64(block[:], job)
	sum := sha256.Sum256(block[:])
	for i := 0; i < 20; i++ {
		sum = sha256.Sum256(append(block[:], sum[:]...))
	}
	return sum[:]
}

func work(jobs chan uint64, r *results) {
	for job := range jobs {
		r.keep(job, hash(job))
	}
}

func waitForReply(reply chan string) {
	fmt.Println(<-reply)
}

func main() {
	seconds := 10
	if len(os.Args) > 1 {
		seconds, _ = strconv.Atoi(os.Args[1])
	}
	jobs := make(chan uint64)
	r := &results{sums: map[uint64][]byte{}}
	for i := 0; i < 4; i++ {
		go work(jobs, r)
	}
	for i := 0; i < 25; i++ {
		go waitForReply(make(chan string))
	}
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for job := uint64(0); time.Now().Before(end); job++ {
		jobs <- job
		if job%64 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
