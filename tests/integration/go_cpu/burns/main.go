// burns PORT: computes in functions with known shares, with labels; its own profiles are on PORT.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"runtime/pprof"
)

var sinks [8]float64

//go:noinline
func hot70(n int) float64 {
	x := 1.0
	for i := 0; i < n; i++ {
		x = x*1.0000001 + 1e-9
	}
	return x
}

//go:noinline
func hot20(n int) float64 {
	x := 1.0
	for i := 0; i < n; i++ {
		x = x*1.0000002 + 1e-9
	}
	return x
}

// inlined is made part of its caller.
func inlined(n int) float64 {
	x := 1.0
	for i := 0; i < n; i++ {
		x = x*1.0000003 + 1e-9
	}
	return x
}

//go:noinline
func hot10(n int) float64 { return inlined(n) + 1 }

type doer interface{ do(n int) float64 }

type value struct{ weight int }

func (v value) do(n int) float64 { return hot10(n * v.weight) }

//go:noinline
func through(d doer, n int) float64 { return d.do(n) }

func work(id int) {
	r := uint32(id)
	for {
		r = r*1664525 + 1013904223
		n := 2000 + int((r>>16)%10000)
		sinks[id] = hot70(n*7) + hot20(n*2) + through(&value{1}, n)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	pprof.Do(ctx, pprof.Labels("who", "alice"), func(context.Context) { go work(1) })
	pprof.Do(ctx, pprof.Labels("who", "bob", "also", "this"), func(context.Context) { go work(2) })
	fmt.Println("ready", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, nil)
}
