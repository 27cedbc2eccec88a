// burns computes in functions with known shares, with labels.  For each line that it reads it profiles
// itself for three seconds, into the file of that name.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"time"
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

func profile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	pprof.StopCPUProfile()
	return nil
}

func main() {
	ctx := context.Background()
	pprof.Do(ctx, pprof.Labels("who", "alice"), func(context.Context) { go work(1) })
	pprof.Do(ctx, pprof.Labels("who", "bob", "also", "this"), func(context.Context) { go work(2) })
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := profile(lines.Text()); err != nil {
			panic(err)
		}
		fmt.Println("written")
	}
}
