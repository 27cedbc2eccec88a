package main

import (
	"sync"
	"time"
)

type guarded struct {
	sync.Mutex
	n int
}

// Inlined; the lock is let go of by a deferred call.
func (g *guarded) add(n int) {
	g.Lock()
	defer g.Unlock()
	g.n += n
	time.Sleep(pause / 3)
}

//go:noinline
func (g *guarded) direct() {
	g.Lock()
	time.Sleep(pause / 3)
	g.Unlock()
}

func locked[L sync.Locker](l L) {
	l.Lock()
	time.Sleep(pause / 3)
	l.Unlock()
}

func contend() {
	var g guarded
	var rw sync.RWMutex
	var group sync.WaitGroup
	start := func(f func()) {
		group.Add(1)
		go func() { defer group.Done(); f() }()
	}
	for i := 0; i < 10; i++ {
		start(func() { g.add(1) })
		start(g.direct)
		start(func() { locked(&g) })
		start(func() { locked(&rw) })
		start(func() { locked(rw.RLocker()) })
		start(func() {
			rw.RLock()
			time.Sleep(pause / 3)
			rw.RUnlock()
		})
	}
	group.Wait()
}
