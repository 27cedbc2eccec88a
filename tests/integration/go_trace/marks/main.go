// marks: a program that marks what it does.
//
// Over and over a task "request", with a message of a known number, a region "prepare" of 4 ms with
// a region "parse" of 2 ms within it, a subtask "query" that ends in a goroutine of its own, in
// which a region "fetch" of that task takes 3 ms; and regions "grow" in goroutines whose stacks
// have to grow for them.  A region "begun" was begun before anything is printed, and is ended
// 0.3 s after a line is read.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/trace"
	"strings"
	"sync"
	"time"
)

const sleep = time.Millisecond

// In memory that nothing else is in, and that is not of the executable.
var long = strings.Repeat("é", 200)

func parse() {
	time.Sleep(2 * sleep)
}

func prepare(ctx context.Context) {
	time.Sleep(sleep)
	trace.WithRegion(ctx, "parse", parse)
	time.Sleep(sleep)
}

func fetch() {
	time.Sleep(3 * sleep)
}

func query(ctx context.Context, done *sync.WaitGroup) {
	ctx, task := trace.NewTask(ctx, "query")
	go func() {
		trace.WithRegion(ctx, "fetch", fetch)
		task.End()
		done.Done()
	}()
}

//go:noinline
func deep(n int, what func()) byte {
	var room [64]byte
	room[n%64] = byte(n)
	if n == 0 {
		what()
	} else {
		room[0] += deep(n-1, what)
	}
	return room[n%64]
}

func grow(i int, done *sync.WaitGroup) {
	deep(i%60, func() { trace.WithRegion(context.Background(), "grow", func() {}) })
	done.Done()
}

func request(i int) {
	ctx, task := trace.NewTask(context.Background(), "request")
	trace.Log(ctx, "number", fmt.Sprint("request ", i))
	trace.WithRegion(ctx, "prepare", func() { prepare(ctx) })
	var done sync.WaitGroup
	done.Add(2)
	query(ctx, &done)
	go grow(i, &done)
	done.Wait()
	if i%10 == 0 {
		trace.Log(ctx, "", long)
	}
	task.End()
}

func begun() {
	trace.WithRegion(context.Background(), "begun", func() {
		fmt.Println("go")
		bufio.NewReader(os.Stdin).ReadString('\n')
		time.Sleep(300 * sleep)
	})
	select {}
}

func main() {
	if len(os.Args) > 1 { // traces itself, to there
		file, err := os.Create(os.Args[1])
		if err != nil {
			panic(err)
		}
		trace.Start(file)
		for i := 0; i < 20; i++ {
			request(i)
		}
		trace.Stop()
		return
	}
	go begun()
	for i := 0; ; i++ {
		request(i)
	}
}
