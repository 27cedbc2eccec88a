// A program with leaked goroutines, all but one for good: that one it reaches through a weak
// pointer, and wakes it when a line comes.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
	"weak"
)

type door struct{ knock chan int }

//go:noinline
func waits(d *door, answer chan int) {
	n := <-d.knock
	runtime.KeepAlive(d)
	answer <- n + 1
}

//go:noinline
func begin(answer chan int) weak.Pointer[door] {
	d := &door{make(chan int)}
	go waits(d, answer)
	return weak.Make(d)
}

//go:noinline
func leak(n int) {
	for i := 0; i < n; i++ {
		go func() { <-make(chan int) }()
	}
}

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	answer := make(chan int)
	pointer := begin(answer)
	leak(n)
	runtime.GC()
	go func() { // one that does nothing looks for what to collect once a minute only
		for {
			time.Sleep(5 * time.Millisecond)
		}
	}()
	fmt.Println("ready", os.Getpid(), 0)
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		pointer.Value().knock <- 41
		if <-answer == 42 {
			fmt.Println("ok")
		}
		pointer = begin(answer)
	}
}
