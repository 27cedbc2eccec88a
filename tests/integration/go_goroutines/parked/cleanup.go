//go:build go1.24

package main

import "runtime"

// A cleanup that does not end: its goroutine is no longer one of the runtime's own.
func cleanup() {
	runtime.AddCleanup(new(big), func(n int) { <-never }, 5)
}
