// Burn makes the profiles in this folder: a CPU profile with labels and inlined
// calls, and a heap profile.
//
//	go build -trimpath -o burn . && ./burn
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
	"strings"
	"time"
)

type tree struct {
	left, right *tree
	text        string
}

func mix(x uint64) uint64 {
	x ^= x >> 31
	return x * 0x9e3779b97f4a7c15
}

//go:noinline
func burnHot(until time.Time) uint64 {
	x := uint64(1)
	for time.Now().Before(until) {
		for i := 0; i < 10000; i++ {
			x = mix(x) + mix(x+1)
		}
	}
	return x
}

func (t *tree) insert(s string) *tree {
	if t == nil {
		return &tree{text: strings.Repeat(s, 3)}
	}
	if s < t.text {
		t.left = t.left.insert(s)
	} else {
		t.right = t.right.insert(s)
	}
	return t
}

//go:noinline
func burnSort(until time.Time) (n int) {
	for time.Now().Before(until) {
		words := []string{}
		for i := 0; i < 2000; i++ {
			words = append(words, string(rune('a'+mix(uint64(i))%26))+strings.Repeat("x", i%7))
		}
		sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
		n += len(words)
	}
	return n
}

var kept *tree

func main() {
	runtime.MemProfileRate = 4096
	cpu, _ := os.Create("cpu.pb.gz")
	pprof.StartCPUProfile(cpu)
	ctx := context.Background()
	pprof.Do(ctx, pprof.Labels("phase", "hot", "kind", "loop"), func(context.Context) {
		burnHot(time.Now().Add(600 * time.Millisecond))
	})
	pprof.Do(ctx, pprof.Labels("phase", "sort"), func(context.Context) {
		burnSort(time.Now().Add(400 * time.Millisecond))
	})
	pprof.StopCPUProfile()
	cpu.Close()
	for i := 0; i < 5000; i++ {
		kept = kept.insert(strings.Repeat("w", i%13) + string(rune('a'+i%26)))
	}
	heap, _ := os.Create("heap.pb.gz")
	runtime.GC()
	pprof.Lookup("heap").WriteTo(heap, 0)
	heap.Close()
}
