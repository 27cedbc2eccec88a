// Some goroutines that wait; lives until its standard input ends.
package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

var mutex sync.Mutex

func main() {
	c := make(chan int)
	mutex.Lock()
	for i := 0; i < 20; i++ {
		go func() { <-c }()
		go func() { mutex.Lock() }()
	}
	fmt.Println("ready")
	io.ReadAll(os.Stdin)
}
