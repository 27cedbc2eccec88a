//go:build go1.25 || goexperiment.synctest

// Bubbles refuse to run without.
//
//go:debug asynctimerchan=0
package main

import (
	"context"
	"runtime/pprof"
	"sync"
	"testing/synctest"
	"time"
)

// So many goroutines sleep in a bubble.
const bubbles = 1

// What a bubble's goroutines wait for: what only the bubble can end, and (never) what is of
// outside, so that the bubble's time stands still.
func inBubble() {
	own := make(chan int)
	cond := sync.NewCond(&sync.Mutex{})
	var group sync.WaitGroup
	group.Add(1)
	go func() { <-own }()
	go func() { own2 := make(chan int); own2 <- 1 }()
	go func() {
		select {
		case <-own:
		case <-time.After(time.Hour):
		}
	}()
	go func() { select {} }()
	go func() { var c chan int; <-c }()
	go func() { var c chan int; c <- 1 }()
	go group.Wait()
	go func() { cond.L.Lock(); cond.Wait() }()
	go time.Sleep(time.Hour)
	go func() { <-never }()
	go pprof.Do(context.Background(), pprof.Labels("in", "a bubble"), func(context.Context) { <-never })
	synctest.Wait()
}
