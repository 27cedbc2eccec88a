package shape

// Fail allocates while it panics.
func Fail(n int) (made []byte) {
	defer func() {
		made = make([]byte, n)
		panic("again")
	}()
	var none []int
	return make([]byte, none[n])
}
