//go:build cgo

package main

// typedef void (*call)(void);
// extern void allocateFromC(void);
// static void callBack(void) { allocateFromC(); }
import "C"

//export allocateFromC
func allocateFromC() {
	keep(direct(6000))
}

func foreign() {
	for i := 0; i < 50; i++ {
		C.callBack()
	}
}
