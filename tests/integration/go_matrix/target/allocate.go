package main

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"example.com/matrix/shape"
)

var kept []interface{}

func keep(x interface{}) {
	kept = append(kept, x)
}

//go:noinline
func direct(n int) []byte {
	return make([]byte, n)
}

// Inlined into the one that calls it, and that one again.
func inner(n int) []byte {
	return make([]byte, n)
}

func middle(n int) []byte {
	return append(inner(n), 1)
}

//go:noinline
func outer(n int) []byte {
	return middle(n)
}

// A generic function, for two shapes.
//
//go:noinline
func many[T any](n int) []T {
	return make([]T, n)
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func (p *pair[K, V]) grow(n int) []V {
	return make([]V, n)
}

//go:noinline
func deep(n int) []byte {
	if n > 0 {
		return deep(n - 1)
	}
	return make([]byte, 3000)
}

// A method by a value is called by an interface: a wrapper that the compiler made.
type holder struct {
	n [4]int
}

//go:noinline
func (h holder) Make(n int) []byte {
	return make([]byte, n+h.n[0])
}

type maker interface {
	Make(n int) []byte
}

type embedding struct {
	*holder
}

func allocate() {
	var m maker = holder{}
	var e maker = embedding{&holder{}}
	p := &pair[string, float64]{key: "a"}
	f := func(n int) []byte { return direct(n) }
	for i := 0; i < 300; i++ {
		keep(direct(5000))
		direct(7000)
		keep(outer(9000))
		keep(many[int64](600))
		keep(many[string](300))
		keep(p.grow(500))
		keep(deep(i % 150))
		keep(m.Make(2500))
		keep(e.Make(2600))
		keep(m.Make)
		keep(f(2222))
		keep(shape.New(i, func() []byte { return direct(1234) }))
		keep(make(map[int][64]byte, 100))
		keep(strings.Repeat("x", 4444))
		keep(fmt.Sprintf("%03000d", i))
		var b bytes.Buffer
		b.WriteString(strings.Repeat("y", 3333))
		sort.Slice(make([]int, 1000), func(i, j int) bool { return i < j })
		c := make(chan []byte, 1)
		go func() { c <- direct(3210) }()
		keep(<-c)
		func() {
			defer func() { recover() }()
			keep(shape.Fail(8000))
		}()
	}
}
