// Package shape is another package, with files of its own.
package shape

// A Shape is big enough to be sampled.
type Shape struct {
	Points [200]float64
	Name   []byte
}

// New calls back.
func New(n int, name func() []byte) *Shape {
	return &Shape{Name: name(), Points: [200]float64{float64(n)}}
}
